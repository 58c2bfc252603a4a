/* Which groups of figures a command measures: all but those apart, or those that are named; and names of scratch files
 * may be used as often as one likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "figures/figures.h"

static unsigned plain_runs, apart_runs;

static void plain(struct self *s)
{
	plain_runs++;
	self_figure(s, "plain", 1, AT_MOST, 1, "runs");
}

static void apart(struct self *s)
{
	apart_runs++;
	self_figure(s, "apart", 2, AT_MOST, 1, "runs");
}

static const struct self_suite suite = {
	.command = "bench-race",
	.doc = "\v",
	.group = { { "plain", "one of all", plain, false }, { "apart", "takes long", apart, true } },
};

static int run(const char *only)
{
	char *argv[] = { "bench-race", "--only", (char *)only, NULL };

	plain_runs = apart_runs = 0;
	return self_main(&suite, only ? 3 : 1, argv);
}

static void a_group_apart_is_run_when_it_is_named(void **state)
{
	assert_int_equal(run(NULL), 0);
	assert_int_equal(plain_runs, 1);
	assert_int_equal(apart_runs, 0);
	assert_int_equal(run("apart"), 1);
	assert_int_equal(plain_runs, 0);
	assert_int_equal(apart_runs, 1);
	assert_int_equal(run("plain"), 0);
	assert_int_equal(plain_runs, 1);
	assert_int_equal(apart_runs, 0);
}

static void a_scratch_file_is_named_once_for_each_trial(void **state)
{
	char first[4096], again[4096];

	self_scratch_in("/nowhere", "a", first, sizeof(first));
	for (unsigned i = 0; i < 100; i++) {
		self_scratch_in("/nowhere", "a", again, sizeof(again));
		assert_string_equal(first, again);
	}
	assert_string_equal(first, "/nowhere/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_apart_is_run_when_it_is_named),
		cmocka_unit_test(a_scratch_file_is_named_once_for_each_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
