/*
 * heat_test.c: latency over time: nothing is lost when slices are folded or tasks are added up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "bench/heat.h"

#define MS 1000000ull

static struct heat *fresh(void)
{
	struct heat *h = malloc(sizeof(*h));

	heat_init(h);
	return h;
}

static uint64_t in_slice(const struct heat *h, unsigned slice)
{
	uint64_t n = 0;

	for (unsigned row = 0; row < HEAT_ROWS; row++)
		n += h->n[slice][row];
	return n;
}

static uint64_t total(const struct heat *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HEAT_SLICES; i++)
		n += in_slice(h, i);
	return n;
}

static void a_long_trial_folds_its_slices(void **state)
{
	struct heat *h = fresh();

	for (unsigned ms = 0; ms < 1000; ms++)
		heat_add(h, ms * MS, ms == 777 ? 50 * MS : MS / 10);
	assert_int_equal(h->slice_ns, 20 * MS);
	assert_int_equal(total(h), 1000);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(in_slice(h, i), 20);
	assert_int_equal(in_slice(h, 50), 0);
	assert_int_equal(h->max_ns[777 / 20], 50 * MS);
	assert_int_equal(h->max_ns[0], MS / 10);
	assert_int_equal(h->max_ns[50], 0);
	free(h);
}

/* A sync that ended long after the last one: folded more than once. */
static void a_leap_in_time_folds_as_often_as_needed(void **state)
{
	struct heat *h = fresh();

	heat_add(h, 0, 1000);
	heat_add(h, 100000 * MS, 100000 * MS);
	assert_int_equal(total(h), 2);
	assert_int_equal(in_slice(h, 0), 1);
	assert_int_equal(in_slice(h, 100000 * MS / h->slice_ns), 1);
	free(h);
}

static void tasks_of_different_length_are_added_in_time(void **state)
{
	struct heat *brief = fresh(), *lasting = fresh(), *sum = fresh();

	for (unsigned ms = 0; ms < 100; ms++)
		heat_add(brief, ms * MS, MS);
	for (unsigned ms = 0; ms < 2000; ms++)
		heat_add(lasting, ms * MS, MS);
	heat_merge(sum, brief);
	heat_merge(sum, lasting);
	assert_int_equal(sum->slice_ns, 40 * MS);
	assert_int_equal(in_slice(sum, 0), 80);
	assert_int_equal(in_slice(sum, 2), 60);
	assert_int_equal(in_slice(sum, 3), 40);
	heat_merge(sum, brief); /* the finer into the coarser */
	assert_int_equal(in_slice(sum, 0), 120);
	assert_int_equal(total(sum), 2200);
	free(brief);
	free(lasting);
	free(sum);
}

static void a_row_holds_its_latencies(void **state)
{
	struct heat *h = fresh();
	unsigned row = hist_bucket_of(300000) >> HEAT_ROW_BITS;

	heat_add(h, 0, 300000);
	assert_int_equal(h->n[0][row], 1);
	assert_true(heat_row_ns(row) <= 300000 && 300000 < heat_row_ns(row + 1));
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_trial_folds_its_slices),
		cmocka_unit_test(a_leap_in_time_folds_as_often_as_needed),
		cmocka_unit_test(tasks_of_different_length_are_added_in_time),
		cmocka_unit_test(a_row_holds_its_latencies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
