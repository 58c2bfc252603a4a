/* clock_test.c: the clock that is read for every phase goes as the kernel's does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/clock.h"

#define MS 1000000ull

struct moment {
	uint64_t ours, kernel;
};

/* Both at one moment: of many tries the one during which the least time passed. */
static struct moment now(void)
{
	struct moment best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t before = clock_library_ns(), ours = clock_now(), took = clock_library_ns() - before;

		if (took < least) {
			least = took;
			best = (struct moment){ ours, before + took / 2 };
		}
	}
	return best;
}

static void goes_at_the_rate_of_the_kernels(void **state)
{
	struct moment begin = now(), end;
	uint64_t ours, kernel;

	do
		end = now();
	while (end.kernel - begin.kernel < 20 * MS);
	ours = end.ours - begin.ours;
	kernel = end.kernel - begin.kernel;
	assert_in_range(ours, kernel - kernel / 1000, kernel + kernel / 1000);
}

static void never_goes_back(void **state)
{
	uint64_t last = clock_now();

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t next = clock_now();

		assert_true(next >= last);
		last = next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_at_the_rate_of_the_kernels),
		cmocka_unit_test(never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
