/*
 * floor_test.c: which look at the floor counts, and when a reader is told that it cannot be
 * trusted: from figures made up for it, as no device moves on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

#define TRIALS 2
#define US     1000ull

static struct driver_result *trial[TRIALS];
static struct bench b;

/* Trial i: p50 of the looks and of a write with its sync; 0: no look. */
static void measured(unsigned i, uint64_t before_us, uint64_t after_us, uint64_t sync_us)
{
	struct driver_result *r = trial[i] = driver_new(1);

	if (before_us)
		hist_add(&r->floor, before_us * US);
	if (after_us)
		hist_add(&r->floor_after, after_us * US);
	hist_add(&r->op[OP_WRITE], 1);
	hist_add(&r->sync, sync_us * US);
	r->promised = 1;
}

static int begin(void **state)
{
	b = (struct bench){ .opt = { .trials = TRIALS, .ntargets = 1 }, .label = { "A postfix" }, .nlevels = 1 };
	b.level[0].n = 4;
	b.level[0].trial[0] = trial;
	return 0;
}

static int end(void **state)
{
	for (unsigned i = 0; i < TRIALS; i++)
		driver_free(trial[i]);
	memset(trial, 0, sizeof(trial));
	return 0;
}

/* What is printed; *ratio: of all trials. */
static const char *printed(double *ratio)
{
	static char text[4096];
	struct driver_result *sum = bench_sum(&b, &b.level[0], 0);
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	memset(text, 0, sizeof(text));
	bench_print_floor(&b, (const struct driver_result *const *)&sum, out);
	fclose(out);
	*ratio = bench_floor_ratio(sum);
	driver_free(sum);
	return text;
}

static void nothing_is_told_of_a_floor_that_stood(void **state)
{
	double ratio;

	measured(0, 100, 150, 300);
	measured(1, 190, 101, 300);
	assert_string_equal(printed(&ratio), "");
	assert_true(ratio > 2.9 && ratio < 3.1);
}

static void the_look_that_was_not_disturbed_counts(void **state)
{
	double ratio;

	measured(0, 4000, 100, 250);
	measured(1, 100, 4000, 250);
	assert_non_null(strstr(printed(&ratio), "A postfix, 4 tasks: the device's floor moved meanwhile"));
	assert_null(strstr(printed(&ratio), "below 1"));
	assert_true(ratio > 2.4 && ratio < 2.6);
}

static void a_floor_that_moved_between_trials_is_told(void **state)
{
	double ratio;

	measured(0, 8000, 8000, 9000);
	measured(1, 11, 11, 9000);
	assert_non_null(strstr(printed(&ratio), "11.0 to 8"));
}

static void a_ratio_below_1_is_told(void **state)
{
	double ratio;

	measured(0, 4000, 4000, 250);
	measured(1, 4000, 4000, 250);
	assert_non_null(strstr(printed(&ratio), "x floor is 0.06"));
	assert_null(strstr(printed(&ratio), "looks at it"));
}

static void without_a_floor_nothing_is_told(void **state)
{
	double ratio;

	measured(0, 0, 0, 250);
	measured(1, 0, 0, 250);
	assert_string_equal(printed(&ratio), "");
	assert_true(ratio == 0);
}

/* An interrupt ends the second look before its first write. */
static void one_look_is_enough(void **state)
{
	double ratio;

	measured(0, 100, 0, 300);
	measured(1, 0, 100, 300);
	assert_string_equal(printed(&ratio), "");
	assert_true(ratio > 2.9 && ratio < 3.1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_told_of_a_floor_that_stood),
		TEST(the_look_that_was_not_disturbed_counts),
		TEST(a_floor_that_moved_between_trials_is_told),
		TEST(a_ratio_below_1_is_told),
		TEST(without_a_floor_nothing_is_told),
		TEST(one_look_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
