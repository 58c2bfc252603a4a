/* hist_test.c: a percentile is within 1 % of the exact one; merging is adding; the ends are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hist.h"
#include "base/order.h"
#include "base/rng.h"

#define N 20000

static uint64_t values[N];
static struct hist hist, other;

/* Log-uniform: every octave is hit about equally often. */
static uint64_t draw(struct rng *r)
{
	return rng_next(r) >> (22 + rng_below(r, 42));
}

static void check_percentiles(void)
{
	static const double ps[] = { 0, 0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100 };

	for (unsigned i = 0; i < sizeof(ps) / sizeof(ps[0]); i++) {
		double rank = ps[i] / 100 * N;
		uint64_t at = (uint64_t)rank + (rank > (double)(uint64_t)rank);
		uint64_t exact = values[at ? at - 1 : 0];
		uint64_t got = hist_percentile(&hist, ps[i]);
		double error = (double)(got > exact ? got - exact : exact - got);
		assert_true(error <= 0.01 * (double)exact);
	}
	assert_int_equal(hist_percentile(&hist, 100), values[N - 1]);
}

static void percentiles_are_within_one_percent(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (int round = 0; round < 20; round++) {
		hist_init(&hist);
		for (int i = 0; i < N; i++) {
			values[i] = draw(&r);
			hist_add(&hist, values[i]);
		}
		qsort(values, N, sizeof(values[0]), order_u64);
		check_percentiles();
	}
}

static void a_bucket_holds_its_own_middle(void **state)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		assert_int_equal(hist_bucket_of(hist_bucket_value(i)), i);
	assert_int_equal(hist_bucket_of(HIST_MAX), HIST_BUCKETS - 1);
	assert_int_equal(hist_bucket_of(UINT64_MAX), HIST_BUCKETS - 1);
}

static void merging_equals_adding_all_to_one(void **state)
{
	static struct hist all;
	struct rng r;

	rng_seed(&r, 2);
	hist_init(&all);
	hist_init(&hist);
	hist_init(&other);
	hist_merge(&hist, &other); /* nothing into nothing */
	assert_int_equal(hist.min, UINT64_MAX);
	for (int i = 0; i < N; i++) {
		uint64_t v = draw(&r);
		hist_add(&all, v);
		hist_add(i % 3 ? &hist : &other, v);
	}
	hist_merge(&hist, &other);
	assert_memory_equal(&hist, &all, sizeof(all));
}

static void an_empty_one_says_zero_and_a_huge_value_is_the_maximum(void **state)
{
	hist_init(&hist);
	assert_int_equal(hist_percentile(&hist, 50), 0);
	assert_true(hist_mean(&hist) == 0);
	hist_add(&hist, UINT64_MAX);
	assert_int_equal(hist_percentile(&hist, 50), HIST_MAX);
	hist_add(&hist, 0);
	assert_int_equal(hist.min, 0);
	assert_int_equal(hist_percentile(&hist, 50), 0);
}

static void what_too_few_values_say_is_not_told(void **state)
{
	static const struct {
		double p;
		unsigned least;
	} of[] = { { 50, 10 }, { 90, 10 }, { 99, 100 }, { 99.9, 1000 }, { 100, 1 } };

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct hist *h = calloc(1, sizeof(*h));

		hist_init(h);
		while (h->n + 1 < of[i].least)
			hist_add(h, 5);
		assert_int_equal(hist_told(h, of[i].p), 0);
		hist_add(h, 5);
		assert_int_equal(hist_told(h, of[i].p), 5);
		free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_within_one_percent),
		cmocka_unit_test(a_bucket_holds_its_own_middle),
		cmocka_unit_test(merging_equals_adding_all_to_one),
		cmocka_unit_test(an_empty_one_says_zero_and_a_huge_value_is_the_maximum),
		cmocka_unit_test(what_too_few_values_say_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
