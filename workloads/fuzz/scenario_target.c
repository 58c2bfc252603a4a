/*
 * scenario_target.c: any bytes as a scenario's text (scene/scene.h). A text that is refused is refused in one line. One
 * that is taken has lines that lie inside of its tables, and its bare text makes the same threads.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz/targets.h"
#include "machine/mem.h"
#include "scene/scene.h"

static void check_thread(const struct scene *s, const struct scene_thread *t)
{
	CHECK(t->n <= SCENE_STEPS && memchr(t->name, 0, sizeof(t->name)));
	for (unsigned i = 0; i < t->n; i++) {
		const struct scene_step *step = &t->step[i];
		CHECK(step->op < SCENE_OPS && *scene_op_name(step->op));
		CHECK(step->file == SCENE_NONE || step->file < s->nnames);
		CHECK(step->to == SCENE_NONE || step->to < s->nnames);
		CHECK(step->mark == SCENE_NONE || step->mark < s->nmarks);
		CHECK(step->subvol < s->subvols && step->off <= SCENE_BYTES && step->off + step->len <= SCENE_BYTES);
	}
}

static void check_scene(const struct scene *s)
{
	CHECK(s->nthreads && s->nthreads <= SCENE_THREADS && s->nnames <= SCENE_NAMES);
	check_thread(s, &s->setup);
	for (unsigned i = 0; i < s->nthreads; i++)
		check_thread(s, &s->thread[i]);
}

static bool is_same(const struct scene_thread *a, const struct scene_thread *b)
{
	bool same = a->n == b->n && a->repeat == b->repeat && !strcmp(a->name, b->name);

	for (unsigned i = 0; i < a->n && same; i++)
		same = a->step[i].op == b->step[i].op && a->step[i].line == b->step[i].line &&
		       a->step[i].file == b->step[i].file && a->step[i].off == b->step[i].off &&
		       a->step[i].len == b->step[i].len && a->step[i].flags == b->step[i].flags;
	return same;
}

static void check_bare(const struct scene *s, const char *text)
{
	struct scene *again = NULL;
	struct why why = WHY_NONE;

	CHECK(!scene_parse("bare", text, &again, &why));
	CHECK(again->nthreads == s->nthreads && again->nnames == s->nnames && !again->nexpects);
	for (unsigned i = 0; i < s->nthreads; i++)
		CHECK(is_same(&again->thread[i], &s->thread[i]));
	scene_free(again);
}

/* Refused when it has a file or a thread of that name, or is full. */
static void check_beside(const struct scene *s, const char *text)
{
	struct scene *twin = NULL;
	struct why why = WHY_NONE;

	if (scene_parse("beside", text, &twin, &why)) {
		CHECK(why.text[0]);
		return;
	}
	CHECK(twin->nthreads == s->nthreads + 1);
	scene_free(twin);
}

void fuzz_scenario(const uint8_t *data, size_t n)
{
	char *text = mem_alloc(n + 1);
	struct scene *s = NULL;
	struct why why = WHY_NONE;

	memcpy(text, data, n);
	text[n] = 0;
	int ret = scene_parse("fuzz.scn", text, &s, &why);
	CHECK(!ret == !why.text[0] && ret <= 0 && !ret == !!s);
	if (!ret) {
		char *bare = scene_bare_text(text), *beside = scene_beside_text(text);
		check_scene(s);
		check_bare(s, bare);
		check_beside(s, beside);
		free(bare);
		free(beside);
		scene_free(s);
	}
	free(text);
}
