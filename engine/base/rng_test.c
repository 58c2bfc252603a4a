/* rng_test.c: the published outputs, the range of rng_below, and that a seed repeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"

static void splitmix_gives_its_published_first_output(void **state)
{
	assert_true(rng_mix(0) == 0xe220a8397b1dcdafull);
}

/* xoshiro256** from the state 1, 2, 3, 4: the first output is rotl(2 * 5, 7) * 9. */
static void xoshiro_steps_as_published(void **state)
{
	struct rng r = { .s = { 1, 2, 3, 4 } };

	assert_int_equal(rng_next(&r), 11520);
	assert_int_equal(rng_next(&r), 0);
	assert_int_equal(rng_next(&r), 1509978240);
	assert_true(rng_next(&r) == 1215971899390074240ull);
}

static void below_stays_below_and_is_even(void **state)
{
	unsigned hits[7] = { 0 };
	struct rng r;

	rng_seed(&r, 6);
	for (int i = 0; i < 70000; i++) {
		uint64_t n = rng_below(&r, 7);
		assert_true(n < 7);
		hits[n]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9600, 10400);
	assert_int_equal(rng_below(&r, 1), 0);
}

static void a_seed_repeats_and_another_differs(void **state)
{
	struct rng a, b, c;

	rng_seed(&a, 1);
	rng_seed(&b, 1);
	rng_seed(&c, 2);
	for (int i = 0; i < 100; i++) {
		uint64_t x = rng_next(&a);
		assert_true(x == rng_next(&b));
		assert_true(x != rng_next(&c));
		double u = rng_unit(&a);
		assert_true(u >= 0 && u < 1);
		rng_unit(&b);
		rng_unit(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitmix_gives_its_published_first_output),
		cmocka_unit_test(xoshiro_steps_as_published),
		cmocka_unit_test(below_stays_below_and_is_even),
		cmocka_unit_test(a_seed_repeats_and_another_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
