/*
 * images_test.c: which crash images the hunter looks at, and what it does not judge again: the images of
 * powercut_branches() hold everything that any subset of the pending writes holds, and two equal
 * images of which the history demands the same are judged alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/run.h"
#include "race/registry.h"
#include "oracle/rules.h"
#include "pick/pickers.h"
#include "rt/sanitize.h"

#define SUBSETS_UP_TO 8u
#define SET_MAX       4096u

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

/* ---- what an image holds, as a number ---- */

static uint64_t fold(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = rng_mix(h + p[i]);
	return h;
}

static uint64_t block_hash(uint64_t h, const struct recovered_block *b)
{
	h = fold(h, &b->err, sizeof(b->err));
	for (uint32_t i = 0; i < BLOCK_SECTORS && !b->err; i++) {
		struct seen s = recovered_sector(b, i);
		uint64_t what[4] = { s.kind, s.stamp.file, s.stamp.version, s.stamp.sector };
		h = fold(h, what, s.kind == SEEN_VERSION ? sizeof(what) : sizeof(what[0]));
	}
	return h;
}

static uint64_t content_hash(const struct recovered *r)
{
	uint64_t h = fold(0, r->why.text, strlen(r->why.text));

	h = fold(h, &r->list_err, sizeof(r->list_err));
	for (uint32_t i = 0; i < r->nfiles; i++) {
		const struct recovered_file *f = &r->file[i];
		h = fold(h, f->name, strlen(f->name));
		h = fold(h, &f->size, sizeof(f->size));
		for (uint32_t k = 0; k < f->nblocks; k++)
			h = block_hash(h, &f->block[k]);
	}
	return h;
}

struct set {
	uint64_t h[SET_MAX];
	uint32_t n;
};

static bool set_has(const struct set *s, uint64_t h)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->h[i] == h)
			return true;
	return false;
}

static void set_add(struct set *s, uint64_t h)
{
	if (set_has(s, h))
		return;
	assert_true(s->n < SET_MAX);
	s->h[s->n++] = h;
}

/* ---- branches and subsets ---- */

struct comparing {
	struct hunt *h;
	struct set subsets, branches;
	uint64_t images_of_subsets, images_of_branches, epochs;
};

static int note_subset(void *arg, const struct cut *c)
{
	struct comparing *x = arg;

	set_add(&x->subsets, content_hash(judge_look(x->h->judge, c, NULL)));
	x->images_of_subsets++;
	return 0;
}

static int note_branch(void *arg, const struct cut *c, const uint64_t **read)
{
	struct comparing *x = arg;

	set_add(&x->branches, content_hash(judge_look(x->h->judge, c, read)));
	x->images_of_branches++;
	return 0;
}

static int compare_epoch(void *arg, const struct epoch *e)
{
	const struct cut_budget all = { .all_up_to = SUBSETS_UP_TO };
	struct comparing *x = arg;

	if (e->npending > SUBSETS_UP_TO)
		return 0;
	x->subsets.n = x->branches.n = 0;
	assert_int_equal(powercut_cuts(x->h->dev, e, &all, note_subset, x), 0);
	assert_int_equal(powercut_branches(x->h->dev, e, 1024, note_branch, x), 0);
	assert_int_equal(x->subsets.n, x->branches.n);
	for (uint32_t i = 0; i < x->subsets.n; i++)
		assert_true(set_has(&x->branches, x->subsets.h[i]));
	x->epochs++;
	return 0;
}

static void run_schedules(const struct race *race, const char *design, uint32_t n,
                          void (*each)(struct hunt *h, void *arg), void *arg)
{
	struct why why = WHY_NONE;
	const char *none;
	struct hunt *h;
	void *picker = pick_random.create("", &none);

	if (hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	for (uint32_t i = 1; i <= n; i++) {
		hunt_run(h, &pick_random, picker, hunt_seed(11, i));
		assert_int_equal(h->result.end, COOP_FINISHED);
		each(h, arg);
	}
	hunt_close(h);
	pick_random.destroy(picker);
}

static void compare_run(struct hunt *h, void *arg)
{
	struct comparing *x = arg;

	x->h = h;
	powercut_epochs(h->dev, compare_epoch, x);
}

static void branches_hold_all_that_any_subset_holds(void **state)
{
	struct comparing *x = calloc(1, sizeof(*x));

	run_schedules(&race_mixed, "prefix", fast() ? 4 : 40, compare_run, x);
	run_schedules(&race_mixed, "postfix", fast() ? 4 : 40, compare_run, x);
	run_schedules(race_named("seed"), "prefix", fast() ? 40 : 400, compare_run, x);
	print_message("%lu epochs: %lu images instead of %lu\n", (unsigned long)x->epochs,
	              (unsigned long)x->images_of_branches, (unsigned long)x->images_of_subsets);
	assert_true(x->epochs > 100);
	assert_true(x->images_of_branches < x->images_of_subsets / 2);
	free(x);
}

/* ---- images judged once ---- */

#define VERDICTS (1u << 20)

struct verdict_of {
	uint64_t key;
	uint32_t broken;
};

struct remembering {
	struct hunt *h;
	struct verdict_of *of;
	uint64_t again, n;
};

static int judge_one(void *arg, const struct cut *c)
{
	struct remembering *x = arg;
	uint64_t key = rng_mix(rng_mix(c->hash) + rules_hash(x->h->run.model, c->pos)) | 1;
	uint32_t broken = judge_cut(x->h->judge, c, NULL), i = (uint32_t)(key >> 20) & (VERDICTS - 1);

	while (x->of[i].key && x->of[i].key != key)
		i = (i + 1) & (VERDICTS - 1);
	if (x->of[i].key) {
		assert_int_equal(x->of[i].broken, broken);
		x->again++;
	}
	x->of[i] = (struct verdict_of){ key, broken };
	assert_true(++x->n < VERDICTS / 2);
	return 0;
}

static int judge_all(void *arg, const struct epoch *e)
{
	const struct cut_budget some = { .all_up_to = 3, .sampled = 0 };
	struct remembering *x = arg;

	return powercut_cuts(x->h->dev, e, &some, judge_one, x);
}

static void judge_run(struct hunt *h, void *arg)
{
	struct remembering *x = arg;

	x->h = h;
	powercut_epochs(h->dev, judge_all, x);
}

static void equal_demands_give_equal_verdicts(void **state)
{
	struct remembering x = { .of = calloc(VERDICTS, sizeof(*x.of)) };

	run_schedules(race_named("seed"), "prefix", fast() ? 200 : 10000, judge_run, &x);
	assert_true(x.again > x.n / 2);
	run_schedules(&race_mixed, "prefix", fast() ? 10 : 300, judge_run, &x);
	free(x.of);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches_hold_all_that_any_subset_holds),
		cmocka_unit_test(equal_demands_give_equal_verdicts),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
