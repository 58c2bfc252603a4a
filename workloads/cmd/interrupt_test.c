/*
 * interrupt_test.c: Ctrl-C and a kill at any moment: afterwards there is no file, no mount, no loop device, no
 * process and no half of a results folder. (While a trial runs: target/real_test.c, results_test.c.)
 *
 * Nothing here waits for a while to pass: each test looks for a sign that the moment has come (a file, a
 * child, so many bytes written) until DEADLINE. What needs root, loop devices or fio is skipped without them.
 * All mounts are in a name space of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "rt/rt.h"
#include "rt/sanitize.h"
#include "kit/spawn_test.h"

#define DEADLINE 60000000000ull

static const char forever[] = "[a]\nrw=randwrite\nsize=1m\nfsync=1\ntime_based\nruntime=1h\n";
static const int signals[] = { SIGINT, SIGTERM };
static char engine[PATH_MAX]; /* "" when it was not built */
static bool loops;            /* mounts and loop devices can be made */

/* ---- a program that runs ---- */

static pid_t running;

/* In a process group of its own; what it says goes to the file `said`. */
static void start_program(const char *program, const char *args)
{
	running = fork();
	if (!running) {
		int fd = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		setpgid(0, 0);
		spawn_exec(program, args);
	}
}

static void start(const char *args)
{
	start_program(spawn_program, args);
}

static bool has_ended(void)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)running, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

static void show_what_it_said(void)
{
	char text[4096];
	int fd = open("said", O_RDONLY);

	spawn_slurp(fd, text, sizeof(text));
	print_error("it said: %s\n", text);
}

/* Until the sign is there. */
static void wait_for(bool (*sign)(const void *), const void *arg)
{
	uint64_t begin = rt_now();

	while (!sign(arg)) {
		if (has_ended() || rt_now() - begin > DEADLINE) {
			show_what_it_said();
			kill(running, SIGKILL);
			fail_msg("%s before the sign was there", has_ended() ? "it ended" : "the deadline came");
		}
		poll(NULL, 0, 1);
	}
}

/* Its exit status, or minus the signal that it died of. */
static int end_of(void)
{
	uint64_t begin = rt_now();
	int status;

	while (!has_ended()) {
		if (rt_now() - begin > DEADLINE) {
			show_what_it_said();
			kill(running, SIGKILL);
			fail_msg("it did not end");
		}
		poll(NULL, 0, 1);
	}
	waitpid(running, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void interrupt_with(int nr)
{
	kill(running, nr);
	int status = end_of();
	if (status != 128 + nr)
		show_what_it_said();
	assert_int_equal(status, 128 + nr);
}

/* ---- signs ---- */

static bool is_there(const void *pattern)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g))
		return false;
	globfree(&g);
	return true;
}

static bool has_said_something(const void *unused)
{
	struct stat st;

	return !stat("said", &st) && st.st_size > 0;
}

/* It has a file open that lies in the test's folder and has this many bytes: also one without a name. */
static bool has_written(const void *bytes)
{
	char path[64], to[PATH_MAX];
	bool found = false;
	struct stat st;
	glob_t g;

	snprintf(path, sizeof(path), "/proc/%d/fd/*", (int)running);
	if (glob(path, 0, NULL, &g))
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		ssize_t n = readlink(g.gl_pathv[i], to, sizeof(to) - 1);

		to[n < 0 ? 0 : n] = '\0';
		found = !strncmp(to, spawn_folder, strlen(spawn_folder)) && !strstr(to, "/said") &&
		        !stat(g.gl_pathv[i], &st) && S_ISREG(st.st_mode) && st.st_size >= *(const off_t *)bytes;
	}
	globfree(&g);
	return found;
}

/* Its calls to write() have moved this many bytes so far: all that goes to a device and is waited for. */
static bool has_moved(const void *bytes)
{
	unsigned long long moved = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)running);
	f = fopen(path, "r");
	if (f && fscanf(f, "rchar: %*u wchar: %llu", &moved) != 1)
		moved = 0;
	if (f)
		fclose(f);
	return (off_t)moved >= *(const off_t *)bytes;
}

/* It has a child that runs this program. */
static bool child_is(const void *name)
{
	char line[512], is[64];
	glob_t g;
	bool found = false;
	int parent;

	if (glob("/proc/[0-9]*/stat", 0, NULL, &g))
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		if (f && fgets(line, sizeof(line), f) && sscanf(line, "%*d (%63[^)]) %*c %d", is, &parent) == 2)
			found = parent == (int)running && !strcmp(is, name);
		if (f)
			fclose(f);
	}
	globfree(&g);
	return found;
}

/* fio's file is there: its job has begun. */
static bool fio_writes(const void *pattern)
{
	return child_is("fio") && is_there(pattern);
}

/* ---- what is left ---- */

/* Of the program's process group; not one that is dead and only waits to be looked at. */
static unsigned processes_left(void)
{
	char state, line[512];
	unsigned n = 0;
	int group;
	glob_t g;

	if (glob("/proc/[0-9]*/stat", 0, NULL, &g))
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		if (f && fgets(line, sizeof(line), f) && sscanf(line, "%*d (%*[^)]) %c %*d %d", &state, &group) == 2)
			n += group == (int)running && state != 'Z' && state != 'X';
		if (f)
			fclose(f);
	}
	globfree(&g);
	return n;
}

/* Of a parent that was killed the children are, too, in a moment. */
static void no_process_is_left(void)
{
	uint64_t begin = rt_now();

	while (processes_left() && rt_now() - begin < DEADLINE)
		poll(NULL, 0, 1);
	assert_int_equal(processes_left(), 0);
}

static unsigned mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Only the files that were there before, `said` aside. */
static void nothing_is_left(unsigned files)
{
	unlink("said");
	if (spawn_left() != files)
		assert_int_equal(system("ls -la"), 0);
	assert_int_equal(spawn_left(), files);
	assert_int_equal(spawn_loops_left(), 0);
}

/* ---- the moments ---- */

static void while_fio_takes_its_turn(void **state)
{
	if (system("fio --version > /dev/null 2>&1"))
		skip();
	spawn_file("j.fio", forever);
	for (size_t i = 0; i < 2; i++) {
		start("bench j.fio -t path:. --with-fio -n 1 -s 500ms -o kept");
		wait_for(fio_writes, "fsyncstorm-*/a.0.0");
		interrupt_with(signals[i]);
		no_process_is_left();
		/* ours had its turn: that is kept, whole */
		assert_int_equal(access("kept/run.json", R_OK), 0);
		assert_int_equal(system("rm -r kept"), 0);
		nothing_is_left(1);
	}
	unlink("j.fio");
}

/* Even a kill takes fio along; what it wrote to is lost with it. */
static void fio_does_not_outlive_us(void **state)
{
	if (system("fio --version > /dev/null 2>&1"))
		skip();
	spawn_file("j.fio", forever);
	start("bench j.fio -t path:. --with-fio -n 1 -s 500ms --no-results");
	wait_for(fio_writes, "fsyncstorm-*/a.0.0");
	kill(running, SIGKILL);
	assert_int_equal(end_of(), -SIGKILL);
	no_process_is_left();
	assert_int_equal(system("rm -r j.fio said fsyncstorm-*"), 0);
	nothing_is_left(0);
}

static void while_an_image_is_filled(void **state)
{
	static const char *const images[] = { "fs:ext4,size=8g", "fs:ext4:img,size=8g" };
	off_t some = 4 << 20;
	char args[128];

	if (!loops)
		skip();
	spawn_file("j.fio", forever);
	for (size_t i = 0; i < 4; i++) {
		snprintf(args, sizeof(args), "bench j.fio -t %s -n 1 -o kept", images[i / 2]);
		start(args);
		wait_for(has_written, &some);
		interrupt_with(signals[i % 2]);
		nothing_is_left(1);
	}
	unlink("j.fio");
}

/* One that takes an hour stands in for it, in this name space only. */
static void while_a_file_system_is_made(void **state)
{
	unsigned before = mounts();

	if (!loops || access("/usr/sbin/mkfs.ext4", X_OK))
		skip();
	spawn_file("j.fio", forever);
	spawn_file("mkfs", "#!/bin/sh\ntouch making\nexec sleep 3600\n");
	assert_int_equal(system("chmod +x mkfs && mount --bind mkfs /usr/sbin/mkfs.ext4"), 0);
	for (size_t i = 0; i < 2; i++) {
		start("bench j.fio -t fs:ext4,size=32m -n 1 -o kept");
		wait_for(is_there, "making");
		unlink("making");
		interrupt_with(signals[i]);
		no_process_is_left();
		nothing_is_left(2);
	}
	assert_int_equal(system("umount /usr/sbin/mkfs.ext4 && rm j.fio mkfs"), 0);
	assert_int_equal(mounts(), before);
}

static void while_a_device_is_filled(void **state)
{
	off_t some = 4 << 20;

	spawn_file("j.fio", forever);
	for (size_t i = 0; i < 2; i++) {
		start("bench j.fio -t postfix@file:img,size=8g -n 1 -o kept");
		wait_for(has_written, &some);
		interrupt_with(signals[i]);
		nothing_is_left(1);
	}
	unlink("j.fio");
}

/* On a busy machine it may measure before the signal is sent. What it has measured is kept then: it is run again. */
static void interrupt_in_time(const char *args, bool (*sign)(const void *), const void *arg, int nr)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		start(args);
		wait_for(sign, arg);
		interrupt_with(nr);
		if (access("kept/run.json", R_OK)) {
			nothing_is_left(1);
			return;
		}
		assert_int_equal(system("rm -r kept"), 0);
	}
	fail_msg("%s: the signal always came too late", args);
}

static void while_files_are_laid_out(void **state)
{
	off_t whole = 192 << 20;

	spawn_file("big.fio", "[a]\nrw=randwrite\noverwrite=1\nsize=128m\nfsync=1\ntime_based\nruntime=1h\n");
	for (size_t i = 0; i < 2; i++) {
		interrupt_in_time("bench big.fio -t path:. -n 1 -o kept", is_there, "fsyncstorm-*/a.0.0", signals[i]);
		interrupt_in_time("bench big.fio -t postfix@file:img,size=192m -n 1 -o kept", has_written, &whole,
		                  signals[i]);
	}
	unlink("big.fio");
}

/* That it was interrupted, and either its figures or that there are none. */
static void the_floor_says_so(void)
{
	char text[4096];

	spawn_slurp(open("said", O_RDONLY), text, sizeof(text));
	if (!strstr(text, "interrupted before anything was measured\n") &&
	    !(strstr(text, "4 KiB in one write, flush") &&
	      strstr(text, "notice: interrupted; this is what was measured until then\n")))
		fail_msg("it said: %s", text);
}

static void while_the_floor_is_looked_at(void **state)
{
	for (size_t i = 0; i < 6; i++) {
		off_t bytes = i / 2 ? 1 << 20 : 16 << 20; /* while it is filled, and all of it */

		start(i < 4 ? "floor . -s 1h -j floor.json" : "floor file:d.img,size=64m -s 1h -j floor.json");
		wait_for(has_written, &bytes);
		interrupt_with(signals[i % 2]);
		the_floor_says_so();
		unlink("floor.json"); /* with what was measured until then, or not there */
		nothing_is_left(0);
	}
}

/* ---- fio drives a design ---- */

static void run_engine(const char *job)
{
	char args[PATH_MAX + 512];

	snprintf(args, sizeof(args), "--ioengine=external:%s --thread --report=none --design=postfix %s", engine, job);
	start_program("fio", args);
}

static void while_fio_drives_a_design(void **state)
{
	off_t running_for_sure = 65 << 20; /* the device, and hundreds of super blocks */

	if (!engine[0])
		skip();
	for (size_t i = 0; i < 2; i++) {
		run_engine("--device=file:img,size=64m --name=a --rw=randwrite --size=1m --fsync=1 --time_based "
		           "--runtime=1h --eta=never");
		wait_for(has_moved, &running_for_sure); /* sooner, fio itself may miss it */
		kill(running, signals[i]);
		end_of(); /* fio has a status of its own for that */
		nothing_is_left(0);
	}
}

/* fio hears the signal and goes on until the device is made: then it stops. */
static void while_a_device_is_filled_for_fio(void **state)
{
	off_t some = 4 << 20;

	if (!engine[0])
		skip();
	for (size_t i = 0; i < 2; i++) {
		run_engine("--device=file:img,size=128m --name=a --rw=randwrite --size=1m --fsync=1 --time_based "
		           "--runtime=1h");
		wait_for(has_written, &some);
		kill(running, signals[i]);
		end_of();
		nothing_is_left(0);
	}
}

/* ---- searches: several processes ---- */

static void a_hunt_that_is_killed_takes_its_processes_along(void **state)
{
	if (RT_TSAN)
		skip(); /* which fibers are not run under */
	start("race hunt seed --design postfix --seconds 3600 --jobs 2");
	wait_for(child_is, "fsyncstorm");
	kill(running, SIGKILL);
	assert_int_equal(end_of(), -SIGKILL);
	no_process_is_left();
	nothing_is_left(0);
}

/* To one process of several, as `kill` and a batch system do it. Nothing was found until then: exit status 0. */
static void a_search_that_is_stopped_tells_what_it_has(void **state)
{
	static const struct {
		const char *args, *says;
	} search[] = {
		{ "race hunt seed --design postfix --schedules 100000000 --jobs 2", "grep -q STOPPED said" },
		{ "race prove seed --design postfix --jobs 2", "grep -q 'NOT COMPLETE: stopped' said" },
	};

	if (RT_TSAN)
		skip();
	for (size_t i = 0; i < 4; i++) {
		start(search[i / 2].args);
		wait_for(child_is, "fsyncstorm");
		kill(running, signals[i % 2]);
		assert_int_equal(end_of(), 0);
		assert_int_equal(system(search[i / 2].says), 0);
		no_process_is_left();
		nothing_is_left(0);
	}
}

static void a_score_and_a_stress_are_stopped_too(void **state)
{
	if (RT_TSAN)
		skip();
	for (size_t i = 0; i < 2; i++) {
		start("race score --seeds 50 --json score.json");
		wait_for(has_said_something, NULL);
		kill(running, signals[i]);
		assert_int_equal(end_of(), 0);
		assert_int_equal(system("grep -q '\"interrupted\": true' score.json && rm score.json"), 0);
		nothing_is_left(0);
		start("race stress seed --design prefix --seconds 3600 --out hit --json stress.json");
		wait_for(is_there, "hit");
		kill(running, signals[i]);
		assert_int_equal(end_of(), 1);
		assert_int_equal(system("grep -q hits stress.json && rm stress.json hit"), 0);
		nothing_is_left(0);
	}
}

/* ---- a reader that goes away ---- */

/* Its exit status when nobody reads stdout: the pipe is closed before it starts. */
static int spawn_unread(const char *args)
{
	int fd[2], status;

	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	running = fork();
	if (!running) {
		signal(SIGPIPE, SIG_DFL);
		dup2(fd[1], 1);
		spawn_exec(spawn_program, args);
	}
	close(fd[1]);
	status = end_of();
	return status < 0 ? 128 - status : status;
}

/* What was measured is kept whole; nothing else is there. */
static void a_run_that_nobody_reads_is_kept(void **state)
{
	static const char *const asks[] = { "bench j.fio -t path:. -t path:. -n 2",
		                            "bench j.fio -t postfix@file:img,size=64m -n 2",
		                            "bench j.fio -t null -n 2 -j -", "merge kept again" };

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\nfsync=1\n");
	assert_int_equal(spawn("bench j.fio -t null -n 2 -o again"), 0);
	for (size_t i = 0; i < 4; i++) {
		char args[256];

		snprintf(args, sizeof(args), "%s -o %s", asks[i], i < 3 ? "kept" : "merged");
		assert_int_equal(spawn_unread(args), 128 + SIGPIPE);
		assert_int_equal(access(i < 3 ? "kept/run.json" : "merged/run.json", R_OK), 0);
		assert_int_equal(spawn_left(), i < 3 ? 3 : 4); /* the job, `again`, and what is kept */
		if (i < 2)
			assert_int_equal(system("rm -r kept"), 0);
	}
	assert_int_equal(system("rm -r kept merged again j.fio"), 0);
	assert_int_equal(spawn_left(), 0);
}

static void what_only_prints_leaves_nothing(void **state)
{
	static const char *const asks[] = {
		"list",     "list --json",     "topo -T 4",
		"doctor .", "floor . -s 10ms", "floor . -s 10ms -j -",
		"help",     "race list",       "race hunt seed --design postfix --schedules 100"
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]) - RT_TSAN; i++) { /* the hunt is the last */
		int status = spawn_unread(asks[i]);

		if (status != 128 + SIGPIPE)
			fail_msg("`%s`: exit status %d", asks[i], status);
		assert_int_equal(spawn_left(), 0);
	}
}

static void a_full_disk_under_stdout_is_one_line(void **state)
{
	char command[PATH_MAX + 128];

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	snprintf(command, sizeof(command), "%s bench j.fio -t null -n 1 --no-results > /dev/full 2> said",
	         spawn_program);
	assert_int_equal(WEXITSTATUS(system(command)), 2);
	assert_int_equal(system("test $(wc -l < said) = 1 && grep -q 'fsyncstorm bench: stdout: No space left' said"),
	                 0);
	unlink("j.fio");
	nothing_is_left(0);
}

/* ---- the group ---- */

static int begin(void **state)
{
	char *slash;

	loops = !geteuid() && !access("/dev/loop-control", R_OK | W_OK) && !unshare(CLONE_NEWNS) &&
		!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (spawn_begin(state))
		return -1;
	slash = strrchr(spawn_program, '/');
	snprintf(engine, sizeof(engine), "%.*s/fsyncstorm-fio.so", (int)(slash - spawn_program), spawn_program);
	if (access(engine, R_OK))
		engine[0] = '\0';
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_fio_takes_its_turn),
		cmocka_unit_test(fio_does_not_outlive_us),
		cmocka_unit_test(while_an_image_is_filled),
		cmocka_unit_test(while_a_file_system_is_made),
		cmocka_unit_test(while_a_device_is_filled),
		cmocka_unit_test(while_files_are_laid_out),
		cmocka_unit_test(while_the_floor_is_looked_at),
		cmocka_unit_test(while_fio_drives_a_design),
		cmocka_unit_test(while_a_device_is_filled_for_fio),
		cmocka_unit_test(a_hunt_that_is_killed_takes_its_processes_along),
		cmocka_unit_test(a_search_that_is_stopped_tells_what_it_has),
		cmocka_unit_test(a_score_and_a_stress_are_stopped_too),
		cmocka_unit_test(a_run_that_nobody_reads_is_kept),
		cmocka_unit_test(what_only_prints_leaves_nothing),
		cmocka_unit_test(a_full_disk_under_stdout_is_one_line),
	};
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
