/*
 * sum_test.c: which trials and which look at the floor count, and what there are too few operations for: from figures
 * made up for it, as no device moves on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bench/bench.h"

#define TRIALS 3
#define US     1000ull

static struct driver_result *trial[TRIALS];
static struct bench b;

static int begin(void **state)
{
	b = (struct bench){ .opt = { .trials = TRIALS, .ntargets = 1 }, .label = { "A postfix" }, .nlevels = 1 };
	b.level[0].n[0] = 4;
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

/* A trial of n syncs, each of which took so long, in `seconds`. */
static struct driver_result *measured(unsigned i, unsigned n, uint64_t sync_us, unsigned seconds)
{
	struct driver_result *r = trial[i] = driver_new(1);

	for (unsigned k = 0; k < n; k++)
		hist_add(&r->sync, sync_us * US);
	r->elapsed_ns = seconds * 1000000000ull;
	return r;
}

static void the_lower_look_at_the_floor_counts(void **state)
{
	struct driver_result *r = measured(0, 1, 250, 1);

	assert_int_equal(bench_floor(r)->n, 0);
	hist_add(&r->floor_after, 150 * US);
	assert_ptr_equal(bench_floor(r), &r->floor_after); /* an interrupt ends the other look before its first write */
	hist_add(&r->floor, 4000 * US);
	assert_ptr_equal(bench_floor(r), &r->floor_after);
	hist_add(&r->floor_after, 8000 * US);
	hist_add(&r->floor_after, 8000 * US);
	assert_ptr_equal(bench_floor(r), &r->floor);
}

static void a_trial_cut_short_counts_only_where_it_is_all_there_is(void **state)
{
	struct driver_result *sum;

	measured(0, 100, 10, 1)->interrupted = true;
	sum = bench_sum(&b, &b.level[0], 0);
	assert_int_equal(sum->sync.n, 100);
	driver_free(sum);
	measured(1, 20, 30, 1);
	measured(2, 7, 30, 1)->error = -EIO;
	sum = bench_sum(&b, &b.level[0], 0);
	assert_int_equal(sum->sync.n, 20);
	assert_true(bench_rate(&b, &b.level[0], 0) == 20);
	driver_free(sum);
}

static void the_rate_is_the_mean_of_the_trials(void **state)
{
	measured(0, 100, 10, 1);
	measured(1, 100, 10, 2);
	assert_true(bench_rate(&b, &b.level[0], 0) == 75);
	measured(2, 0, 0, 1);
	assert_true(bench_rate(&b, &b.level[0], 0) == 0);
}

static void percentiles_take_operations(void **state)
{
	static const struct {
		unsigned n;
		enum bench_metric m;
		bool known;
	} of[] = { { 9, BENCH_P50, false }, { 10, BENCH_P50, true }, { 99, BENCH_P99, false }, { 100, BENCH_P99, true },
		   { 999, BENCH_P999, false }, { 1000, BENCH_P999, true } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		assert_int_equal(bench_value(measured(0, of[i].n, 100, 1), of[i].m) > 0, of[i].known);
		driver_free(trial[0]);
	}
	trial[0] = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_lower_look_at_the_floor_counts),
		TEST(a_trial_cut_short_counts_only_where_it_is_all_there_is),
		TEST(the_rate_is_the_mean_of_the_trials),
		TEST(percentiles_take_operations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
