/* What figures of bench-self are made of: turns, medians, ratios, and whether a value holds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "figures/figures.h"
#include "figures/turns.h"

static char order[64];
static unsigned at;

static double note_turn(void *arg)
{
	order[at++] = *(char *)arg;
	return 1;
}

static void turns_go_forwards_then_backwards(void **state)
{
	struct turn turn[3] = { { note_turn, "a", NULL }, { note_turn, "b", NULL }, { note_turn, "c", NULL } };

	at = 0;
	turns_run(turn, 3, 3);
	order[at] = '\0';
	assert_string_equal(order, "abccbaabc");
	turns_free(turn, 3);
}

static void what_drifts_from_block_to_block_is_not_in_the_ratio(void **state)
{
	/* the machine is 10 and 100 times slower in later blocks, and stumbled over the last value */
	struct turn turn[2] = { { .value = (double[]){ 1, 10, 100 } }, { .value = (double[]){ 1.2, 12, 9000 } } };

	assert_true(fabs(turns_ratio(&turn[1], &turn[0], 3) - 1.2) < 1e-9);
	assert_true(median(turn[1].value, 3) / median(turn[0].value, 3) < 1.3);
}

static void a_median_is_the_middle(void **state)
{
	const double odd[] = { 9, 1, 5 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };

	assert_true(median(odd, 3) == 5);
	assert_true(median(even, 4) == 2.5);
	assert_true(median(one, 1) == 7);
	assert_true(odd[0] == 9); /* left as it was */
}

/* The ranks of 100 values are those of the tables: the 40th and the 61st; of 6 they are the first and the last. */
static void the_interval_of_a_median_is_by_rank(void **state)
{
	double x[100], low, high;

	for (unsigned i = 0; i < 100; i++)
		x[i] = 1 + i * 37 % 100;
	median_interval(x, 100, &low, &high);
	assert_true(low == 40);
	assert_true(high == 61);
	median_interval((double[]){ 3, 1, 6, 2, 5, 4 }, 6, &low, &high);
	assert_true(low == 1);
	assert_true(high == 6);
}

static void a_value_on_its_bound_holds_and_one_beyond_is_missed(void **state)
{
	assert_true(self_holds(1.25, AT_MOST, 1.25));
	assert_false(self_holds(1.2501, AT_MOST, 1.25));
	assert_true(self_holds(5000, AT_LEAST, 5000));
	assert_false(self_holds(4999, AT_LEAST, 5000));
	assert_true(self_holds(2.29, NEAR, 2));
	assert_true(self_holds(1.71, NEAR, 2));
	assert_false(self_holds(2.31, NEAR, 2));
	assert_false(self_holds(1.69, NEAR, 2));
}

static void what_is_not_a_number_never_holds(void **state)
{
	assert_false(self_holds(NAN, AT_MOST, 1));
	assert_false(self_holds(NAN, AT_LEAST, 1));
	assert_false(self_holds(NAN, NEAR, 1));
}

static void each_missed_figure_is_counted(void **state)
{
	struct self *s = calloc(1, sizeof(*s));

	self_figure(s, "within", 1, AT_MOST, 2, "x");
	assert_int_equal(s->missed, 0);
	self_figure(s, "beyond", 3, AT_MOST, 2, "x");
	assert_int_equal(s->missed, 1);
	self_missing(s, "unknown", "no reason");
	self_info(s, "no figure");
	assert_int_equal(s->missed, 2);
	assert_int_equal(s->nfigures, 3);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_go_forwards_then_backwards),
		cmocka_unit_test(what_drifts_from_block_to_block_is_not_in_the_ratio),
		cmocka_unit_test(a_median_is_the_middle),
		cmocka_unit_test(the_interval_of_a_median_is_by_rank),
		cmocka_unit_test(a_value_on_its_bound_holds_and_one_beyond_is_missed),
		cmocka_unit_test(what_is_not_a_number_never_holds),
		cmocka_unit_test(each_missed_figure_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
