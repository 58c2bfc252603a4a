/* stop_test.c: the flag, and its being one for all processes once it is shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"

static void in_child(void (*run)(void))
{
	pid_t pid = fork();

	if (!pid) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_is_set_once_asked(void **state)
{
	stop_clear();
	assert_false(stop_asked());
	stop_ask();
	assert_true(stop_asked());
	stop_clear();
}

static void a_child_stops_its_parent_once_it_is_shared(void **state)
{
	stop_clear();
	in_child(stop_ask);
	assert_false(stop_asked());
	stop_share();
	assert_false(stop_asked());
	in_child(stop_ask);
	assert_true(stop_asked());
	stop_clear();
}

static void what_was_asked_before_it_was_shared_still_holds(void **state)
{
	stop_ask();
	stop_share();
	assert_true(stop_asked());
	stop_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_set_once_asked),
		cmocka_unit_test(a_child_stops_its_parent_once_it_is_shared),
		cmocka_unit_test(what_was_asked_before_it_was_shared_still_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
