/*
 * compare_test.c: intervals hold what they promise: false alarms are rare, a true difference is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "bench/compare.h"

#define BLOCKS_MAX 10

/* Around 1, as trials are: the sum of four, so that it has a middle. */
static double noisy(struct rng *rng, double middle, double spread)
{
	double sum = 0;

	for (int i = 0; i < 4; i++)
		sum += rng_unit(rng) - 0.5;
	return middle * exp(spread * sum);
}

static unsigned differences(unsigned blocks, double factor, double spread, unsigned runs)
{
	double a[BLOCKS_MAX], b[BLOCKS_MAX];
	struct comparison c;
	unsigned found = 0;
	struct rng rng;

	rng_seed(&rng, 42);
	for (unsigned i = 0; i < runs; i++) {
		for (unsigned k = 0; k < blocks; k++) {
			a[k] = noisy(&rng, 100, spread);
			b[k] = noisy(&rng, 100 * factor, spread);
		}
		compare(a, b, blocks, i, &c);
		assert_true(c.valid);
		assert_true(c.low <= c.ratio && c.ratio <= c.high);
		found += c.different;
	}
	return found;
}

static void false_alarms_are_rare(void **state)
{
	static const unsigned blocks[] = { COMPARE_BLOCKS_MIN, 5, BLOCKS_MAX };

	for (unsigned i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		assert_in_range(differences(blocks[i], 1.0, 0.2, 400), 400 * 2 / 100, 400 * 9 / 100);
}

static void a_true_difference_is_seen(void **state)
{
	assert_in_range(differences(5, 1.5, 0.2, 100), 90, 100);
}

static void the_ratio_is_b_over_a(void **state)
{
	static const double a[] = { 10, 20, 40, 80 }, b[] = { 20, 40, 80, 160 };
	struct comparison c;

	compare(a, b, 4, 1, &c);
	assert_true(fabs(c.ratio - 2) < 1e-9);
	assert_true(c.valid && c.different);
	assert_int_equal(c.blocks, 4);
}

/* What analysis/stats.py says of the same trials: 1.0380 [1.0039, 1.0770] (its own chance: the last digit moves). */
static void it_agrees_with_the_report(void **state)
{
	static const double a[] = { 100, 103, 98, 101, 105, 99, 97, 102, 100, 104 };
	static const double b[] = { 104, 101, 103, 106, 104, 105, 99, 120, 101, 110 };
	struct comparison c;

	compare(a, b, 10, 1, &c);
	assert_true(fabs(c.ratio - 1.0380) < 1e-4);
	assert_true(fabs(c.low - 1.0039) < 0.006);
	assert_true(fabs(c.high - 1.0770) < 0.006);
}

static void few_blocks_tell_nothing(void **state)
{
	static const double a[] = { 10, 20, 30 }, b[] = { 20, 40, 0 };
	struct comparison c;

	compare(a, b, 2, 1, &c);
	assert_false(c.valid);
	compare(a, b, 0, 1, &c);
	assert_false(c.valid);
	compare(a, b, 3, 1, &c); /* nothing was measured in one */
	assert_false(c.valid);
}

static void the_same_seed_gives_the_same_interval(void **state)
{
	static const double a[] = { 10, 21, 40, 80 }, b[] = { 20, 40, 83, 160 };
	struct comparison c, again;

	compare(a, b, 4, 9, &c);
	compare(a, b, 4, 9, &again);
	assert_true(c.low == again.low && c.high == again.high);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(false_alarms_are_rare),
		cmocka_unit_test(a_true_difference_is_seen),
		cmocka_unit_test(the_ratio_is_b_over_a),
		cmocka_unit_test(it_agrees_with_the_report),
		cmocka_unit_test(few_blocks_tell_nothing),
		cmocka_unit_test(the_same_seed_gives_the_same_interval),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
