/* score_test.c: the score is the same again, its ranks are those of single searches, and a wrong verdict is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hunted/score.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static void run(const struct score *s, const struct race *race, const char *design, const char *strategy,
                struct score_row *row)
{
	struct why why = WHY_NONE;

	if (score_run(s, race, fs_design_find(design), strategy, row, &why))
		fail_msg("%s", why.text);
}

static void the_score_follows_from_the_seed(void **state)
{
	static const char *const strategy[] = { "portfolio", "random", "surw", "pos" };
	if (RT_TSAN)
		skip(); /* fibers */
	struct score s = { .seed = 7, .seeds = 5, .cap = 500 };
	struct score_row a, b;

	for (unsigned i = 0; i < sizeof(strategy) / sizeof(strategy[0]); i++) {
		run(&s, race_named("seed"), "prefix", strategy[i], &a);
		run(&s, race_named("seed"), "prefix", strategy[i], &b);
		assert_int_equal(a.searches, 5);
		assert_int_equal(a.found, b.found);
		assert_int_equal(a.median, b.median);
		assert_int_equal(a.p95, b.p95);
		assert_int_equal(a.schedules, b.schedules);
	}
}

/* One search each, by hand: the third and the fifth of five. */
static void the_ranks_are_those_of_the_searches(void **state)
{
	if (RT_TSAN)
		skip();
	struct score s = { .seed = 3, .seeds = 5, .cap = 300 };
	struct score_row row, one;
	uint64_t at[5], sum = 0;

	run(&s, &race_protocol, "prefix", "random", &row);
	for (uint32_t n = 1; n <= 5; n++) {
		s.seeds = n;
		run(&s, &race_protocol, "prefix", "random", &one);
		at[n - 1] = one.schedules - sum;
		sum = one.schedules;
	}
	for (int i = 0; i < 5; i++)
		for (int k = i + 1; k < 5; k++)
			if (at[k] < at[i]) {
				uint64_t t = at[i];
				at[i] = at[k];
				at[k] = t;
			}
	assert_int_equal(row.found, 5);
	assert_int_equal(row.median, at[2]);
	assert_int_equal(row.p95, at[4]);
}

static void a_verdict_that_is_not_due_is_seen(void **state)
{
	if (RT_TSAN)
		skip();
	struct score s = { .seed = 1, .seeds = 2, .cap = 500 };
	struct race lying = *race_named("seed");
	struct score_row row[2];

	run(&s, race_named("seed"), "prefix", "random", &row[0]);
	run(&s, race_named("seed"), "prefix", "portfolio", &row[1]);
	assert_true(score_as_due(row, 2));
	run(&s, race_named("seed"), "postfix", "random", &row[0]);
	assert_int_equal(row[0].searches, 1);
	assert_int_equal(row[0].schedules, s.cap);
	assert_true(score_as_due(row, 1));

	for (unsigned i = 0; lying.expect[i].design; i++)
		lying.expect[i].verdict = lying.expect[i].verdict == VERDICT_HOLDS ? VERDICT_BREAKS : VERDICT_HOLDS;
	run(&s, &lying, "prefix", "random", &row[0]);
	assert_false(score_as_due(row, 1));
	run(&s, &lying, "postfix", "random", &row[0]);
	assert_int_equal(row[0].median, s.cap + 1);
	assert_false(score_as_due(row, 1));
}

/* To break, one strategy is enough. */
static void one_strategy_may_be_blind(void **state)
{
	struct score_row row[2] = { { .due = VERDICT_BREAKS, .searches = 3 },
	                            { .due = VERDICT_BREAKS, .searches = 3, .found = 1 } };

	assert_true(score_as_due(row, 2));
	assert_false(score_as_due(row, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_score_follows_from_the_seed),
		cmocka_unit_test(the_ranks_are_those_of_the_searches),
		cmocka_unit_test(a_verdict_that_is_not_due_is_seen),
		cmocka_unit_test(one_strategy_may_be_blind),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
