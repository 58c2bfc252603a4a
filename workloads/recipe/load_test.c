/*
 * load_test.c: who keeps a processor busy is counted when it is another process, and not when it is us; and only what
 * is one tick on a busy machine is said to be made of it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "recipe/load.h"
#include "rt/rt.h"

#define MS 1000000ull

static void spin(uint64_t ns)
{
	for (uint64_t end = rt_now() + ns; rt_now() < end;)
		;
}

/* What others did meanwhile is in both: of a pair of rounds the one with a child is above the one without. */
static void a_process_that_runs_is_counted_and_our_own_is_not(void **state)
{
	double alone = 1e9, beside = 0;
	struct load l;

	for (int i = 0; i < 3; i++) {
		load_begin(&l);
		spin(300 * MS);
		double others = load_of_others(&l);
		alone = others < alone ? others : alone;
	}
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				;
		load_begin(&l);
		rt->sleep(300 * MS);
		double others = load_of_others(&l);
		beside = others > beside ? others : beside;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	assert_true(beside >= 0.4);
	assert_true(beside > alone || alone > 0.8); /* else others have all processors, with or without the child */
}

/* As much as the kernel counts: a share of what was wanted, and none of it where nothing was. */
static void what_the_host_takes_is_a_share(void **state)
{
	struct load l, all = { .at_ns = 0 };

	load_begin(&l);
	assert_true(l.stolen_ns <= l.busy_ns);
	spin(100 * MS);
	assert_true(load_stolen(&l) >= 0 && load_stolen(&l) <= 1);
	/* Since the machine started: the kernel's own two numbers. */
	load_begin(&l);
	assert_true(load_stolen(&all) >= 0.99 * (double)l.stolen_ns / (double)l.busy_ns);
	assert_true(load_mhz() == 0 || (load_mhz() > 100 && load_mhz() < 10000));
}

static void a_tick_is_one_that_kernels_have(void **state)
{
	uint64_t tick = load_tick_ns();

	assert_true(tick >= MS - 1 && tick <= 10 * MS);
}

static void what_takes_one_tick_on_a_busy_machine_is_made_of_it(void **state)
{
	char text[200];

	assert_true(load_makes(3981000, 4 * MS, 1.9));
	assert_true(load_makes(4050000, 4 * MS, 0.9));
	assert_true(load_makes(1001000, MS, 2));
	assert_false(load_makes(3981000, 4 * MS, 0.1)); /* a slow device */
	assert_false(load_makes(195000, 4 * MS, 1.9));
	assert_false(load_makes(4200000, 4 * MS, 1.9));
	assert_false(load_makes(3700000, 4 * MS, 1.9));
	assert_false(load_makes(0, 0, 2));
	load_say(4 * MS, text, sizeof(text));
	assert_non_null(strstr(text, "one tick of this kernel's clock (4 ms)"));
	assert_non_null(strstr(text, "not of the device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_runs_is_counted_and_our_own_is_not),
		cmocka_unit_test(what_the_host_takes_is_a_share),
		cmocka_unit_test(a_tick_is_one_that_kernels_have),
		cmocka_unit_test(what_takes_one_tick_on_a_busy_machine_is_made_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
