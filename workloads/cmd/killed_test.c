/*
 * killed_test.c: what a run that is killed leaves behind, the next one names; and what stands somewhere already is
 * never lost: folders of runs, schedules and hits that the user has not named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static void shell(const char *command)
{
	if (system(command))
		fail_msg("`%s` failed", command);
}

static unsigned entries(const char *pattern)
{
	glob_t g;
	unsigned n = glob(pattern, GLOB_PERIOD, NULL, &g) ? 0 : (unsigned)g.gl_pathc;

	if (n)
		globfree(&g);
	return n;
}

/* Kills it at moments of all kinds: what it leaves by then is named by the next run, and by no run that is alive. */
static void what_is_left_behind_is_named(void **state)
{
	unsigned kills = getenv("FAST_TESTS") ? 10 : 100, left = 0;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nruntime=1h\ntime_based\nfsync=1\n");
	spawn_file("k.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	for (unsigned i = 0; i < kills; i++) {
		pid_t pid = spawn_start("bench j.fio -t path:. -t null -n 1");

		poll(NULL, 0, (int)(i * 7 % 150));
		while (i == kills - 1 && !entries("fsyncstorm-??????"))
			poll(NULL, 0, 1); /* once at least there is something to leave behind */
		kill(pid, SIGKILL);
		spawn_finish(pid);
	}
	left = entries("fsyncstorm-??????") + entries("results/.new-??????");
	assert_int_equal(entries("*") - 2, entries("fsyncstorm-??????") + 2 + entries("results")); /* less . and .. */
	assert_true(left > 0);
	poll(NULL, 0, 3000); /* what is younger may be about to be used */
	assert_int_equal(spawn("bench k.fio -t path:. -n 1"), 0);
	unsigned named = 0;
	for (const char *at = spawn_err; (at = strstr(at, "was left behind by a run that was killed")); at++)
		named++;
	assert_int_equal(named, left);
	/* as it says */
	for (char *line = strtok(spawn_err, "\n"); line; line = strtok(NULL, "\n"))
		shell(strstr(line, "rm -r "));
	assert_int_equal(spawn("bench k.fio -t path:. -n 1"), 0);
	assert_string_equal(spawn_err, "");
	shell("rm -rf results j.fio k.fio fsyncstorm-??????");
	assert_int_equal(spawn_left(), 0);
}

static void what_is_alive_is_not_called_left(void **state)
{
	pid_t pid;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nruntime=1h\ntime_based\nfsync=1\n");
	spawn_file("k.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	pid = fork();
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), 1);
		spawn_exec(spawn_program, "bench j.fio -t path:. -n 1");
	}
	for (unsigned i = 0; i < 1000 && (!entries("fsyncstorm-*/a*") || !entries("results/.new-??????")); i++)
		poll(NULL, 0, 10);
	poll(NULL, 0, 3000);
	assert_int_equal(entries("results/.new-??????"), 1);
	assert_int_equal(spawn("bench k.fio -t path:. -n 1"), 0);
	assert_string_equal(spawn_err, "");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	shell("rm -r results j.fio k.fio fsyncstorm-??????");
	assert_int_equal(spawn_left(), 0);
}

static void is(const char *path, const char *text)
{
	char has[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(has, 1, sizeof(has) - 1, f) > 0);
	fclose(f);
	assert_string_equal(has, text);
}

/* The same schedule goes to the same file; another one does not replace it. */
static void a_schedule_that_nobody_named_loses_none(void **state)
{
	if (RT_TSAN)
		skip();
	spawn_file("race-seed-prefix.schedule", "mine");
	spawn_file("race-seed_smallest-prefix.schedule", "mine");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(spawn("race hunt seed -d prefix -n 300"), 1);
		assert_non_null(strstr(spawn_out, "race replay race-seed-prefix-2.schedule"));
		assert_int_equal(entries("race-seed-prefix*.schedule"), 2 + entries("*.passing.schedule"));
	}
	shell("rm *.passing.schedule *.story.json");
	assert_int_equal(spawn("race prove seed_smallest -d prefix -k 2"), 1);
	assert_non_null(strstr(spawn_out, "race replay race-seed_smallest-prefix-2.schedule"));
	is("race-seed-prefix.schedule", "mine");
	is("race-seed_smallest-prefix.schedule", "mine");
	shell("rm *.schedule *.story.json");
	assert_int_equal(spawn_left(), 0);
}

/* Also what came to be while the run measured. */
static void a_folder_is_never_lost(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	shell("mkdir there && ln -s nowhere link && touch file");
	static const char *const names[] = { "there", "link", "file", "there/" };
	for (unsigned i = 0; i < 4; i++) {
		char args[128];
		snprintf(args, sizeof(args), "bench j.fio -t null -n 1 -o %s", names[i]);
		assert_int_equal(spawn(args), 2);
		assert_non_null(strstr(spawn_err, "File exists"));
	}
	spawn_file("k.fio", "[a]\nrw=write\nsize=1m\nruntime=1h\ntime_based\nfsync=1\n");
	pid_t pid = spawn_start("bench k.fio -t path:. -n 1 -o kept");
	for (unsigned i = 0; i < 1000 && !entries("fsyncstorm-*/a*"); i++)
		poll(NULL, 0, 10);
	spawn_file("kept", "mine");
	kill(pid, SIGINT);
	assert_int_equal(spawn_finish(pid), 128 + SIGINT);
	is("kept", "mine");
	assert_int_equal(access("kept-2/run.json", F_OK), 0);
	shell("rm -r there link file j.fio k.fio kept kept-2");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_behind_is_named),
		cmocka_unit_test(what_is_alive_is_not_called_left),
		cmocka_unit_test(a_schedule_that_nobody_named_loses_none),
		cmocka_unit_test(a_folder_is_never_lost),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
