/*
 * outputs_test.c: every option that names a file to be written, of every command: a device node, a pipe and a symbolic
 * link are what they were afterwards, what cannot be written is one line and exit status 2, and no half of a file is
 * left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

/* Each writes to %s. */
static const struct {
	const char *args;
	int status; /* when it could */
} ways[] = {
	{ "bench j.fio -t null -n 1 --no-results -j %s", 0 },
	{ "floor ram:64m -s 10ms -j %s", 0 },
	{ "race hunt seed -d prefix -n 300 -o kept.schedule -j %s", 1 },
	{ "race hunt seed -d prefix -n 300 -o kept.schedule --traces %s", 1 },
	{ "race hunt seed -d prefix -n 300 -o %s", 1 },
	{ "race prove seed_smallest -d prefix -k 2 -o kept.schedule -j %s", 1 },
	{ "race prove seed_smallest -d postfix -k 0 --traces %s", 0 },
	{ "race prove seed_smallest -d prefix -k 2 -o %s", 1 },
	{ "race stress seed -d postfix -n 2 -j %s", 0 },
	{ "race score -r seed -d prefix -p random --seeds 1 -j %s", 0 },
	{ "race merge hunt.json -j %s", 1 },
	{ "race replay s.schedule --json %s", 1 },
	{ "race replay s.schedule --svg %s", 1 },
	{ "race replay s.schedule --html %s", 1 },
	{ "report run -o %s", 0 },
};
#define NWAYS (sizeof(ways) / sizeof(ways[0]))

static int begin(void **state)
{
	if (spawn_begin(state))
		return -1;
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	return spawn("race hunt seed -d prefix -n 300 -o s.schedule -j hunt.json") != 1 ||
	       spawn("bench j.fio -t null -n 1 -o run");
}

static int write_to(size_t way, const char *path)
{
	char args[256];

	snprintf(args, sizeof(args), ways[way].args, path);
	return spawn(args);
}

/* Never the machine's own nodes: what is tested here has replaced them. */
static bool make_nodes(void)
{
	if (geteuid() || mknod("full", S_IFCHR | 0666, makedev(1, 7)) || mknod("null", S_IFCHR | 0666, makedev(1, 3)))
		return false;
	int fd = open("full", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void is_node(const char *path, unsigned nr, const char *args)
{
	struct stat st;

	if (lstat(path, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, nr))
		fail_msg("`%s` has replaced %s", args, path);
}

static void a_device_node_is_never_replaced(void **state)
{
	if (!make_nodes()) {
		unlink("full");
		unlink("null");
		skip();
	}
	unsigned before = spawn_left();

	for (size_t i = 0; i < NWAYS; i++) {
		if (write_to(i, "full") != 2 || !strstr(spawn_err, "full"))
			fail_msg("`%s`: a full device is not told: %s", ways[i].args, spawn_err);
		is_node("full", 7, ways[i].args);
		if (write_to(i, "null") != ways[i].status)
			fail_msg("`%s`: /dev/null is refused: %s", ways[i].args, spawn_err);
		is_node("null", 3, ways[i].args);
		unlink("kept.schedule");
		unlink("kept.passing.schedule");
		unlink("kept.story.json");
		if (spawn_left() != before)
			fail_msg("`%s` has left something behind", ways[i].args);
	}
	unlink("full");
	unlink("null");
}

static void a_link_is_followed(void **state)
{
	struct stat st;

	assert_int_equal(mkdir("in", 0700), 0);
	for (size_t i = 0; i < NWAYS; i++) {
		assert_int_equal(symlink("in/real", "link"), 0);
		if (write_to(i, "link") != ways[i].status)
			fail_msg("`%s`: %s", ways[i].args, spawn_err);
		assert_true(!lstat("link", &st) && S_ISLNK(st.st_mode));
		assert_true(!lstat("in/real", &st) && S_ISREG(st.st_mode) && st.st_size > 0);
		unlink("link");
		unlink("in/real");
		unlink("kept.schedule");
		unlink("kept.passing.schedule");
		unlink("kept.story.json");
		unlink("link.passing.schedule");
		unlink("link.story.json");
	}
	assert_int_equal(rmdir("in"), 0);
}

/* Of all designs each has a file of its own; beside a device node there is none. */
static void no_file_is_made_beside_a_device(void **state)
{
	unsigned before = spawn_left();

	assert_int_equal(spawn("race hunt seed -n 3000 -o /dev/null"), 0);
	assert_int_equal(access("/dev/null-flush_twice_early", F_OK), -1);
	assert_int_equal(access("/dev/null.passing.schedule", F_OK), -1);
	assert_int_equal(access("/dev/null.story.json", F_OK), -1);
	assert_int_equal(spawn_left(), before);
}

static void stdout_by_its_path_is_stdout(void **state)
{
	assert_int_equal(spawn("bench j.fio -t null -n 1 --no-results -j /dev/stdout"), 0);
	assert_non_null(strstr(spawn_out, "\"schema\":\"fsyncstorm-bench\""));
	assert_non_null(strstr(spawn_out, "latency")); /* the tables are there as well */
	assert_int_equal(spawn("report run -o /dev/stdout"), 0);
	assert_non_null(strstr(spawn_out, "</html>"));
	assert_non_null(strstr(spawn_out, "report: file://"));
}

/* A limit on the size of files does not kill it with half a file there. */
static void a_limit_on_files_is_an_error_like_others(void **state)
{
	struct rlimit was, few;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	for (size_t i = 0; i < NWAYS; i++) {
		unsigned before = spawn_left();

		few = (struct rlimit){ 16, was.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
		char args[256];
		snprintf(args, sizeof(args), ways[i].args, "out");
		int fd[2];
		assert_int_equal(pipe(fd), 0);
		pid_t pid = fork();
		if (!pid) {
			dup2(fd[1], 1);
			dup2(fd[1], 2);
			spawn_exec(spawn_program, args);
		}
		close(fd[1]);
		spawn_slurp(fd[0], spawn_out, sizeof(spawn_out));
		int status;
		waitpid(pid, &status, 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
			fail_msg("`%s`: status %x: %s", args, status, spawn_out);
		if (spawn_left() != before)
			fail_msg("`%s` has left something behind", args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_node_is_never_replaced),
		cmocka_unit_test(a_link_is_followed),
		cmocka_unit_test(no_file_is_made_beside_a_device),
		cmocka_unit_test(stdout_by_its_path_is_stdout),
		cmocka_unit_test(a_limit_on_files_is_an_error_like_others),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP a hunt's fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
