/* order_test.c: numbers that a subtraction would get wrong are put in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/order.h"

static void large_numbers_are_in_order(void **state)
{
	uint64_t u64[] = { UINT64_MAX, 1, 0, UINT64_MAX - 1, 1ull << 32, 1 };
	uint32_t u32[] = { UINT32_MAX, 0, 1u << 31 };

	qsort(u64, 6, sizeof(*u64), order_u64);
	qsort(u32, 3, sizeof(*u32), order_u32);
	for (unsigned i = 0; i < 5; i++)
		assert_true(u64[i] <= u64[i + 1]);
	for (unsigned i = 0; i < 2; i++)
		assert_true(u32[i] < u32[i + 1]);
}

static void small_differences_are_in_order(void **state)
{
	double x[] = { 0.3, -1e300, 0.1, 0.2, 1e300 };

	qsort(x, 5, sizeof(*x), order_double);
	for (unsigned i = 0; i < 4; i++)
		assert_true(x[i] < x[i + 1]);
	assert_int_equal(ORDER(2, 2), 0);
	assert_int_equal(ORDER(1, 2), -1);
	assert_int_equal(ORDER(2, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_numbers_are_in_order),
		cmocka_unit_test(small_differences_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
