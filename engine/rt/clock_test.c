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

/* Both at one moment: nobody came in between for long. */
static struct moment now(void)
{
	struct moment m;
	uint64_t after;

	do {
		m.kernel = clock_library_ns();
		m.ours = clock_now();
		after = clock_library_ns();
	} while (after - m.kernel > 2000);
	return m;
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
