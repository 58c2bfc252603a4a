/* score_test.c: the score is the same again, its ranks are those of single searches, and a wrong verdict is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
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
	assert_int_equal(row.low, 0); /* of five there is no interval */
	s.seeds = 6;
	run(&s, &race_protocol, "prefix", "random", &row);
	assert_true(row.low >= 1 && row.low <= at[0] && row.high >= at[4]);
}

/* Ends of the interval, by published tables of the sign test: the 6th and the 15th of 20, the 40th and the 61st of
 * 100; of five there are none. And a median that is drawn lies in it as often as it must. */
static void the_interval_has_the_median_in_it(void **state)
{
	static const uint32_t known[][2] = { { 1, 0 }, { 5, 0 }, { 6, 1 }, { 8, 1 }, { 9, 2 }, { 20, 6 }, { 50, 18 },
		                             { 100, 40 } };
	struct rng rng;
	unsigned in = 0;

	rng_seed(&rng, 1);

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(score_rank_low(known[i][0]), known[i][1]);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned below = 0; /* of 20 draws, those below the median of what they are drawn from */
		for (unsigned k = 0; k < 20; k++)
			below += rng_below(&rng, 2);
		in += below >= score_rank_low(20) && 20 - below >= score_rank_low(20);
	}
	assert_true(in >= 19000 && in < 19400);
}

static void strategies_are_ranked_by_their_medians(void **state)
{
	struct score_row row[4] = { { .median = 30, .schedules = 5 }, { .median = 7, .schedules = 9 },
		                    { .median = 501, .schedules = 2 }, { .median = 7, .schedules = 8 } };
	uint32_t order[4];

	score_order(row, 4, order);
	assert_int_equal(order[0], 3);
	assert_int_equal(order[1], 1);
	assert_int_equal(order[2], 0);
	assert_int_equal(order[3], 2);
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
		cmocka_unit_test(the_interval_has_the_median_in_it),
		cmocka_unit_test(strategies_are_ranked_by_their_medians),
		cmocka_unit_test(a_verdict_that_is_not_due_is_seen),
		cmocka_unit_test(one_strategy_may_be_blind),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
