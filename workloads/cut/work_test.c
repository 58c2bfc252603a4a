/* work_test.c: the text that is kept of what ran, as a scenario: read again, it has the same threads and steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cut/work.h"

static void same_steps(const char *name, const struct scene *a, const struct scene *b, const struct scene_thread *s,
                       const struct scene_thread *t)
{
	if (s->n != t->n || s->repeat != t->repeat)
		fail_msg("%s: thread %s has %u steps, %u times; then %u, %u times", name, s->name, s->n, s->repeat,
		         t->n, t->repeat);
	for (unsigned i = 0; i < s->n; i++) {
		const struct scene_step *x = &s->step[i], *y = &t->step[i];
		bool same = x->op == y->op && x->flags == y->flags && x->off == y->off && x->len == y->len &&
			    x->subvol == y->subvol && (x->file == SCENE_NONE) == (y->file == SCENE_NONE) &&
			    (x->mark == SCENE_NONE || !strcmp(a->mark[x->mark], b->mark[y->mark])) &&
			    (x->file == SCENE_NONE || !strcmp(a->name_of[x->file].name, b->name_of[y->file].name));
		if (!same)
			fail_msg("%s: thread %s: step %u is another", name, s->name, i);
	}
}

static void same_program(const struct work *w)
{
	char *text = work_program(w);
	struct scene *s;
	struct why why;

	assert_non_null(text);
	if (scene_parse(w->name, text, &s, &why))
		fail_msg("%s: %s\n%s", w->name, why.text, text);
	assert_int_equal(s->subvols, w->scene->subvols);
	assert_memory_equal(s->fault, w->scene->fault, sizeof(s->fault));
	same_steps(w->name, w->scene, s, &w->scene->setup, &s->setup);
	unsigned n = 0;
	for (unsigned t = 0; t < w->scene->nthreads; t++) {
		if (!w->scene->thread[t].n) /* it does nothing, and is left out */
			continue;
		assert_true(n < s->nthreads);
		assert_string_equal(s->thread[n].name, w->scene->thread[t].name);
		same_steps(w->name, w->scene, s, &w->scene->thread[t], &s->thread[n++]);
	}
	assert_int_equal(n, s->nthreads);
	scene_free(s);
	free(text);
}

static void try_work(const char *name)
{
	struct work w;
	struct why why;

	if (work_open(name, &w, &why))
		fail_msg("%s: %s", name, why.text);
	same_program(&w);
	work_vary(&w, 77);
	same_program(&w);
	work_one_syncer(&w);
	same_program(&w);
	work_close(&w);
}

static void a_scenario_keeps_its_program(void **state)
{
	for (const struct scene_text *s = scene_shipped; s->name; s++)
		try_work(s->name);
}

static void a_job_becomes_a_program(void **state)
{
	static const char *const jobs[] = { "shared", "mixed", "dwsl", "dwol" };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		struct work w;
		struct why why;
		if (work_open(jobs[i], &w, &why))
			continue;
		assert_non_null(w.job);
		work_close(&w);
		try_work(jobs[i]);
		n++;
	}
	assert_true(n >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scenario_keeps_its_program),
		cmocka_unit_test(a_job_becomes_a_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
