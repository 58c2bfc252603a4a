/*
 * limits_test.c: a process that may not have enough memory, threads or stack: what it lacks is one line, exit status 2;
 * a stack that can be had is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

#define MIB (1u << 20)

/* Runs the program with a limit, which stays with the child. Its exit status. */
static int run_with(int which, rlim_t limit, const char *args)
{
	for (int i = 0; i < 2; i++)
		spawn_fd[i] = memfd_create("said", MFD_CLOEXEC);
	pid_t pid = fork();
	if (!pid) {
		dup2(spawn_fd[0], 1);
		dup2(spawn_fd[1], 2);
		setrlimit(which, &(struct rlimit){ limit, limit });
		spawn_exec(spawn_program, args);
	}
	return spawn_finish(pid);
}

static void is_one_line(const char *about, const char *or_about)
{
	char *end = strchr(spawn_err, '\n');

	if (!end || end[1] || strncmp(spawn_err, "fsyncstorm", 10) ||
	    (!strstr(spawn_err, about) && !strstr(spawn_err, or_about)))
		fail_msg("%s", spawn_err);
}

static void without_memory_it_says_so(void **state)
{
#if RT_ASAN || RT_TSAN
	skip(); /* they take terabytes of addresses */
#endif
	static const char bench[] = "bench dwsl -t postfix@ram:512m -n 1 -s 50ms --no-results";
	unsigned failed = 0;

	for (rlim_t mib = 60; mib <= 600; mib += 60) { /* each is met somewhere else */
		int status = run_with(RLIMIT_AS, mib * MIB, bench);

		if (status == 127) /* the loader's own */
			continue;
		failed += status == 2;
		if (status == 2)
			is_one_line("`ulimit", "no address space");
		else if (status)
			fail_msg("with %u MiB: status %d, %s", (unsigned)mib, status, spawn_err);
	}
	assert_true(failed > 0);
}

static void without_threads_it_says_so_before_anything_is_begun(void **state)
{
#if RT_ASAN || RT_TSAN
	skip();
#endif
	static const char bench[] = "bench dwsl -t postfix@file:d.img,size=64m -T 1024 -n 1";

	assert_int_equal(run_with(RLIMIT_AS, 900ull * MIB, bench), 2);
	is_one_line("1024 tasks cannot be started", "1024 tasks cannot be started");
	assert_int_equal(access("results", F_OK), -1);
	assert_int_equal(access("d.img", F_OK), -1);
}

static void a_small_stack_is_made_larger_or_told(void **state)
{
	int status = run_with(RLIMIT_STACK, 64 << 10, "bench dwsl -t postfix@ram:64m -n 1 -s 50ms --no-results");

	if (status == 2)
		is_one_line("`ulimit -s`", "`ulimit -s`"); /* not root */
	else
		assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_it_says_so),
		cmocka_unit_test(without_threads_it_says_so_before_anything_is_begun),
		cmocka_unit_test(a_small_stack_is_made_larger_or_told),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
