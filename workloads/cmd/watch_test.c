/*
 * watch_test.c: a process is watched: what is told of it is what it did, whether it ends, is killed, or starts others;
 * what may not be watched is one line; and nothing is left. Where stacks or tracepoints are not allowed, most tests
 * skip themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kit/spawn_test.h"
#include "kwait/task.h"
#include "kwait/uring.h"
#include "rt/sanitize.h"

#define WRITES 60 /* of dd: so many synced ones take longer than a look for what is new */

static bool seen;

static void need_events(void)
{
	if (!seen)
		skip();
}

static int shell(const char *command)
{
	return system(command);
}

static json_t *watched(const char *args)
{
	json_error_t e;
	int status = spawn(args);
	json_t *o = json_loads(spawn_out, 0, &e);

	if (status || !o)
		fail_msg("`%s`: exit status %d: %s%s", args, status, spawn_err, spawn_out);
	return o;
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* The file whose path ends so, or NULL. */
static json_t *file_of(json_t *run, const char *end)
{
	json_t *file;
	size_t i;

	json_array_foreach(json_object_get(run, "files"), i, file) {
		const char *path = json_string_value(json_object_get(file, "path"));

		if (strlen(path) >= strlen(end) && !strcmp(path + strlen(path) - strlen(end), end))
			return file;
	}
	return NULL;
}

/* All time is in phases, and nearly all in those with names. */
static void check_phases(json_t *file)
{
	json_t *value;
	json_int_t sum = 0;
	const char *key;

	json_object_foreach(json_object_get(file, "phases_ns"), key, value)
		sum += json_integer_value(value);
	assert_int_equal(sum, number(file, "sync_ns"));
	if (number(json_object_get(file, "phases_ns"), "other") * 10 > sum) {
		json_dumpf(json_object_get(file, "sites"), stderr, JSON_COMPACT);
		fail_msg("more than a tenth has no name");
	}
}

/* The site of that function, or NULL. */
static json_t *site_of(const json_t *file, const char *function)
{
	json_t *site;
	size_t i;

	json_array_foreach(json_object_get(file, "sites"), i, site)
		if (!strcmp(json_string_value(json_object_get(site, "function")), function))
			return site;
	return NULL;
}

/* Of the journal's commit: its thread has ended most of that wait; and the device had something to do. */
static void check_what_is_beside(const json_t *run, const json_t *file)
{
	const json_t *site = site_of(file, "jbd2_log_wait_commit"), *value, *slow;
	json_int_t by_journal = 0;
	unsigned woken = 0;
	const char *name;
	size_t i;

	assert_non_null(site);
	json_object_foreach(json_object_get(site, "woken_by_ns"), name, value)
		if (!strncmp(name, "jbd2/loop", 9))
			by_journal += json_integer_value(value);
	assert_true(2 * by_journal > number(site, "ns") && by_journal <= number(site, "ns"));
	assert_true(number(file, "device_ns") > 0 && number(file, "device_ns") <= number(file, "device_sync_ns"));
	assert_true(number(file, "device_sync_ns") <= number(file, "sync_ns"));
	assert_true(number(site, "device_ns") > 0 && number(site, "device_ns") <= number(site, "ns"));
	json_array_foreach(json_object_get(run, "slowest"), i, slow) {
		woken += json_string_length(json_object_get(slow, "woken_by")) > 0;
		assert_true(number(slow, "device_ns") <= number(slow, "took_ns"));
	}
	assert_true(woken > 0); /* on a busy machine not each of them: records are dropped */
	assert_null(json_object_get(run, "no_wakers"));
}

static void each_call_is_counted(void **state)
{
	char args[256];
	json_t *run, *file;

	need_events();
	snprintf(args, sizeof(args), "watch -j - -c dd if=/dev/zero of=out bs=4k count=%d oflag=dsync conv=fsync "
	         "status=none", WRITES);
	run = watched(args);
	file = file_of(run, "/out");
	assert_non_null(file);
	assert_int_equal(number(json_object_get(file, "calls"), "write"), WRITES);
	assert_int_equal(number(json_object_get(file, "calls"), "fsync"), 1);
	assert_int_equal(number(file, "syncs"), WRITES + 1);
	assert_int_equal(number(file, "bytes"), WRITES * 4096);
	assert_int_equal(number(file, "failed"), 0);
	assert_true(number(file, "max_ns") >= number(file, "p50_ns") && number(file, "p50_ns") > 0);
	check_phases(file);
	assert_int_equal(json_array_size(json_object_get(run, "slowest")), 10);
	json_decref(run);
	unlink("out");
	assert_int_equal(spawn_left(), 0);
}

/* A process that does so until it is killed, or the test ends; each write is so far behind the one before. */
static pid_t write_and_sync(const char *path, off_t step)
{
	pid_t pid = fork();
	off_t at = 0;
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (pwrite(fd, "x", 1, at) == 1 && !fsync(fd))
		at += step;
	_exit(1);
}

/* On a file system that sends no flush, a sync cannot be kept: told, and the exit status says so. */
static void an_early_return_is_told(void **state)
{
	static const char *const options[] = { "barrier", "nobarrier" };
	char command[128];

	need_events();
	if (geteuid() || access("/dev/loop-control", R_OK | W_OK))
		skip();
	assert_int_equal(shell("truncate -s 64m img && mkfs.ext4 -q -F img && mkdir m"), 0);
	for (int off = 0; off < 2; off++) {
		json_t *run;
		int status;
		pid_t pid;

		snprintf(command, sizeof(command), "mount -o loop,%s img m", options[off]);
		assert_int_equal(shell(command), 0);
		pid = write_and_sync("m/out", 0);
		snprintf(command, sizeof(command), "watch -p %d -s 500ms -j -", (int)pid);
		status = spawn(command);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_int_equal(shell("umount m"), 0);
		run = json_loads(spawn_out, 0, NULL);
		assert_non_null(run);
		if (!number(run, "judged"))
			fail_msg("none was judged: %.2000s", spawn_out);
		assert_int_equal(number(run, "early"), off ? number(run, "judged") : 0);
		assert_int_equal(status, off);
		if (!off)
			check_what_is_beside(run, file_of(run, "m/out"));
		json_decref(run);
	}
	assert_int_equal(shell("rm -r img m"), 0);
}

/* Two threads that fsync one file, on a fresh mount: ext4 and xfs keep what both promise. Of btrfs it is told. */
static void an_fsync_beside_another_is_judged(void **state)
{
	static const char *const types[] = { "ext4", "xfs", "btrfs" };
	char command[2 * PATH_MAX + 128];

	need_events();
	if (geteuid() || access("/dev/loop-control", R_OK | W_OK))
		skip();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		unsigned early, fsyncs;
		int status;
		FILE *in;

		snprintf(command, sizeof(command), "FSYNCSTORM=%s %s/scripts/early-returns %s 12", spawn_program,
		         spawn_repository, types[i]);
		in = popen(command, "r");
		assert_non_null(in);
		if (fscanf(in, "%*s %u early returns of %u", &early, &fsyncs) != 2)
			fail_msg("`%s` has not said what it saw", command);
		while (fgetc(in) != EOF)
			; /* the rest of the line: who writes it must not meet a closed pipe */
		status = WEXITSTATUS(pclose(in));
		assert_int_equal(status, early > 0);
		assert_true(fsyncs >= 12);
		print_message("%s: %u of %u fsyncs returned early\n", types[i], early, fsyncs);
		if (strcmp(types[i], "btrfs"))
			assert_int_equal(early, 0);
	}
	assert_int_equal(spawn_left(), 0);
}

static void sqlite_is_watched(void **state)
{
	json_t *run, *file;
	FILE *f;

	need_events();
	if (shell("command -v sqlite3 > /dev/null"))
		skip();
	f = fopen("in.sql", "w");
	assert_non_null(f);
	fprintf(f, "pragma journal_mode=delete; pragma synchronous=full; create table t(x);\n");
	for (int i = 0; i < 40; i++)
		fprintf(f, "insert into t values(%d);\n", i);
	fclose(f);
	assert_int_equal(spawn("watch -j w.json -c sqlite3 -init in.sql a.db .quit"), 0);
	run = json_load_file("w.json", 0, NULL);
	assert_non_null(run);
	file = file_of(run, "/a.db");
	assert_non_null(file);
	assert_true(number(file, "syncs") >= 41); /* each transaction syncs the database once */
	assert_true(number(file, "writes") >= 41);
	check_phases(file);
	file = file_of(run, "/a.db-journal");
	assert_non_null(file);
	assert_true(number(file, "syncs") >= 35); /* and its journal; one that is gone already has lost its name */
	json_decref(run);
	assert_int_equal(shell("rm a.db in.sql w.json"), 0);
	assert_int_equal(spawn_left(), 0);
}

/* The report, the lines before it, and a job that bench and fio take. */
static void a_job_is_recorded(void **state)
{
	char args[256];

	need_events();
	snprintf(args, sizeof(args), "watch -i 50ms -R out.fio -c dd if=/dev/zero of=out bs=8k count=%d oflag=dsync "
	         "status=none", 2 * WRITES);
	assert_int_equal(spawn(args), 0);
	assert_non_null(strstr(spawn_out, "/out "));
	assert_non_null(strstr(spawn_out, "where the time of syncs went"));
	assert_non_null(strstr(spawn_out, "the slowest"));
	assert_non_null(strstr(spawn_out, "has ended"));
	assert_int_equal(shell("grep -q '^bs=8192$' out.fio && grep -q '^sync=dsync$' out.fio"), 0);
	assert_int_equal(spawn("bench out.fio --dry-run"), 0);
	assert_int_equal(shell("! command -v fio > /dev/null || fio --parse-only out.fio"), 0);
	assert_int_equal(spawn(args), 2); /* it is there already */
	assert_non_null(strstr(spawn_err, "out.fio is there already"));
	shell("rm -f out out.fio");
	assert_int_equal(spawn_left(), 0);
}

/* One after the other, or not: by the offsets of the calls. */
static void the_order_of_writes_is_recorded(void **state)
{
	char args[128];

	need_events();
	for (off_t step = 0; step < 2; step++) {
		pid_t pid = write_and_sync("out", step);
		int status;

		snprintf(args, sizeof(args), "watch -p %d -s 300ms -R out.fio", (int)pid);
		status = spawn(args);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_int_equal(status, 0);
		assert_int_equal(shell(step ? "grep -q ^rw=write$ out.fio" : "grep -q ^rw=randwrite$ out.fio"), 0);
		assert_int_equal(shell("rm out out.fio"), 0);
	}
}

/* A descriptor that was open before, and is closed right after it is used: when we look, it is gone. */
static void what_is_open_already_is_known(void **state)
{
	json_t *run, *file;
	int fd;

	need_events();
	fd = open("out", O_WRONLY | O_CREAT | O_DSYNC, 0600); /* for the command */
	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, 27), 27);
	spawn_file("one.py", "import os, time\nos.write(27, b'x')\nos.close(27)\ntime.sleep(0.1)\n");
	run = watched("watch -j - -c /usr/bin/python3 one.py");
	close(27);
	close(fd);
	file = file_of(run, "/out");
	assert_non_null(file);
	assert_int_equal(number(json_object_get(file, "calls"), "write"), 1);
	json_decref(run);
	shell("rm -f out one.py");
	assert_int_equal(spawn_left(), 0);
}

static bool ten_children_are_told(void)
{
	json_t *run = watched("watch -j - -c sh ten.sh");
	unsigned told = 0;
	char name[16];

	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "/out%u", i);
		told += file_of(run, name) != NULL;
	}
	json_decref(run);
	assert_true(told > 0);
	return told == 10;
}

/* On a busy machine one may have ended before its turn to be looked at comes: then it is tried again. */
static void children_are_followed(void **state)
{
	bool all = false;

	need_events();
	spawn_file("ten.sh", "for i in 0 1 2 3 4 5 6 7 8 9; do\n"
	           "dd if=/dev/zero of=out$i bs=4k count=10 oflag=dsync status=none; done\n"); /* 2 ms on a fast disk */
	for (unsigned i = 0; i < 8 && !all; i++)
		all = ten_children_are_told();
	assert_true(all);
	shell("rm -f out? ten.sh");
}

static void a_process_that_becomes_another_is_followed(void **state)
{
	json_t *run, *file;

	need_events();
	spawn_file("exec.sh", "exec dd if=/dev/zero of=out bs=4k count=60 oflag=dsync status=none\n");
	run = watched("watch -j - -c sh exec.sh");
	file = file_of(run, "/out");
	assert_non_null(file);
	assert_int_equal(number(json_object_get(file, "calls"), "write"), 60);
	json_decref(run);
	shell("rm out exec.sh");
}

/* Waits until the watcher has said that, or has ended. */
static void wait_for(pid_t watcher, const char *text)
{
	char said[4096];
	int status;

	do {
		ssize_t n = pread(spawn_fd[0], said, sizeof(said) - 1, 0);

		said[n > 0 ? n : 0] = '\0';
	} while (!strstr(said, text) && !waitpid(watcher, &status, WNOHANG));
}

#define THREADS 100

static int go[2]; /* closed when the threads may begin */
static int many;

static void *wait_and_sync(void *arg)
{
	char c;

	if (read(go[0], &c, 1) || pwrite(many, "x", 1, (off_t)(intptr_t)arg) != 1 || fsync(many) || fdatasync(many))
		_exit(1);
	return NULL;
}

static pid_t start_threads(void)
{
	pthread_t thread[THREADS];
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	many = open("many", O_WRONLY | O_CREAT, 0600);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, wait_and_sync, (void *)i))
			_exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

static unsigned threads_of(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	glob_t found;

	snprintf(path, sizeof(path), "/proc/%d/task/*", (int)pid);
	if (!glob(path, 0, NULL, &found))
		n = (unsigned)found.gl_pathc;
	globfree(&found);
	return n;
}

/* More than a limit of 256 descriptors allows: it is raised to what may be had. */
static void a_hundred_threads_are_watched(void **state)
{
	struct rlimit limit, few;
	pid_t pid, watcher;
	json_t *run, *file;
	char args[128];

	need_events();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){ 256, limit.rlim_max };
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = start_threads();
	close(go[0]);
	while (threads_of(pid) < THREADS + 1 && !waitpid(pid, NULL, WNOHANG))
		;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	snprintf(args, sizeof(args), "watch -p %d -i 1000 -j w.json", (int)pid);
	watcher = spawn_start(args);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	snprintf(args, sizeof(args), "%u threads;", threads_of(pid)); /* a sanitizer may have one of its own */
	wait_for(watcher, args);
	close(go[1]);
	waitpid(pid, NULL, 0);
	if (spawn_finish(watcher))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "has ended"));
	assert_null(strstr(spawn_out, "dropped"));
	run = json_load_file("w.json", 0, NULL);
	file = file_of(run, "/many");
	assert_non_null(file);
	assert_int_equal(number(json_object_get(file, "calls"), "fsync"), THREADS);
	assert_int_equal(number(json_object_get(file, "calls"), "fdatasync"), THREADS);
	assert_int_equal(number(file, "writes"), THREADS);
	assert_int_equal(number(file, "failed"), 0);
	check_phases(file);
	json_decref(run);
	shell("rm many w.json");
	assert_int_equal(spawn_left(), 0);
}

/* A way to fsync through io_uring. */
struct ring_way {
	unsigned setup, request;
	bool registered, before; /* the ring is there before it is watched */
	const char *file;
};

/* Writes and fsyncs that often, and fsyncs a descriptor that is none once, when it may begin; then it ends. */
static void sync_through(const struct ring_way *way)
{
	struct io_uring_params params = { .flags = way->setup, .sq_thread_idle = 1000 };
	int fd = open("ringed", O_WRONLY | O_CREAT, 0600), ret = -1;
	struct io_uring_cqe *end;
	struct io_uring ring;
	char c;

	if (way->before)
		ret = io_uring_queue_init_params(8, &ring, &params);
	if (read(go[0], &c, 1))
		_exit(1);
	if (!way->before)
		ret = io_uring_queue_init_params(8, &ring, &params);
	if (ret || (way->registered && io_uring_register_files(&ring, &fd, 1)))
		_exit(1);
	for (int i = 0; i <= WRITES; i++) {
		struct io_uring_sqe *s = io_uring_get_sqe(&ring);

		if (pwrite(fd, "x", 1, i) != 1)
			_exit(1);
		io_uring_prep_fsync(s, i == WRITES ? 999 : way->registered ? 0 : fd, i % 2 ? IORING_FSYNC_DATASYNC : 0);
		s->flags |= way->request | (way->registered ? IOSQE_FIXED_FILE : 0);
		if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &end) || !!end->res != (i == WRITES))
			_exit(1);
		io_uring_cqe_seen(&ring, end);
	}
	_exit(0);
}

/* Each is counted, with its file and where its time went: done by a worker, at once or not, handed on by a thread of
 * the kernel, its end taken up by who submitted. */
static void syncs_through_io_uring_are_watched(void **state)
{
	static const struct ring_way way[] = {
		{ .file = "/ringed" },
		{ .file = "/ringed", .before = true },
		{ .file = "/ringed", .request = IOSQE_ASYNC },
		{ .file = "/ringed", .setup = IORING_SETUP_SQPOLL },
		{ .file = "/ringed", .setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
		{ .file = "(a file registered with io_uring: which, the kernel does not tell)", .registered = true },
	};
	struct io_uring ring;
	struct uring *u;
	struct why why;
	char args[64];

	need_events();
	u = uring_begin(&why);
	if (!u || io_uring_queue_init(8, &ring, 0)) {
		print_message("skipped: %s\n", u ? "io_uring is not allowed" : why.text);
		skip();
	}
	uring_end(u);
	io_uring_queue_exit(&ring);
	json_int_t in_workers = 0;
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		pid_t pid, watcher;
		json_t *run, *file;
		json_int_t unseen;
		int status;

		assert_int_equal(pipe2(go, O_CLOEXEC), 0);
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(go[1]);
			sync_through(&way[i]);
		}
		close(go[0]);
		snprintf(args, sizeof(args), "watch -p %d -i 1000 -j w.json", (int)pid);
		watcher = spawn_start(args);
		wait_for(watcher, "the report comes");
		close(go[1]);
		waitpid(pid, &status, 0);
		if (spawn_finish(watcher))
			fail_msg("%s", spawn_err);
		if (status) /* an old kernel has not all of them */
			print_message("not run: a ring with flags 0x%x\n", way[i].setup);
		run = json_load_file("w.json", 0, NULL);
		file = file_of(run, way[i].file);
		if (!status && !file)
			fail_msg("way %zu: %s is not told of: %s", i, way[i].file, spawn_out);
		for (; file; file = NULL) {
			/* the one of a descriptor that is none is of no file; of the registered ones it is one */
			assert_int_equal(number(json_object_get(file, "calls"), "io_uring_fsync"),
			                 WRITES + way[i].registered);
			assert_int_equal(number(file, "failed"), way[i].registered);
			assert_int_equal(number(file, "syncs"), WRITES);
			in_workers += number(json_object_get(file, "phases_ns"), "worker");
			unseen = number(site_of(file, "a worker of io_uring"), "ns"); /* the first of them, if any */
			assert_true((number(json_object_get(file, "phases_ns"), "other") - unseen) * 10 <=
			            number(file, "sync_ns"));
			assert_non_null(strstr(spawn_out, "notice: it uses io_uring: syncs through"));
			assert_true(json_is_true(json_object_get(run, "uses_io_uring")));
			assert_int_equal(number(run, "early"), 0);
		}
		json_decref(run);
		assert_int_equal(shell("rm ringed w.json"), 0);
	}
	assert_true(in_workers > 0);
	assert_int_equal(spawn_left(), 0);
}

static void how_it_ended_is_told(void **state)
{
	need_events();
	spawn_file("dies.sh", "kill -9 $$\n");
	assert_int_equal(spawn("watch -c sh dies.sh"), 0);
	assert_non_null(strstr(spawn_out, "was ended by signal 9"));
	assert_non_null(strstr(spawn_out, "no sync was seen"));
	spawn_file("dies.sh", "exit 3\n");
	assert_int_equal(spawn("watch -c sh dies.sh"), 0);
	assert_non_null(strstr(spawn_out, "ended with status 3"));
	unlink("dies.sh");
	spawn_file("stays.sh", "echo $$ > pid.new; mv pid.new pid; read x < go; touch over\n");
	assert_int_equal(shell("mkfifo go"), 0);
	assert_int_equal(spawn("watch -s 200ms -c sh stays.sh"), 0);
	assert_non_null(strstr(spawn_out, "goes on, and is watched no more"));
	assert_int_equal(shell("kill -0 $(cat pid) && echo > go && while ! test -e over; do :; done"), 0);
	assert_int_equal(shell("rm -f over go pid stays.sh"), 0);
}

/* A process that runs already: until it is killed, for a time, and until Ctrl-C. It goes on as before. */
static void a_running_process_is_watched(void **state)
{
	char args[128];
	pid_t pid, watcher;
	int status;

	need_events();
	pid = write_and_sync("out", 0);
	snprintf(args, sizeof(args), "watch -p %d -s 300ms", (int)pid);
	assert_int_equal(spawn(args), 0);
	assert_non_null(strstr(spawn_out, "fsync/s on "));
	assert_null(strstr(spawn_out, "has ended"));
	snprintf(args, sizeof(args), "watch -p %d -i 10ms", (int)pid);
	watcher = spawn_start(args);
	wait_for(watcher, "fsync/s");
	kill(watcher, SIGINT);
	assert_int_equal(spawn_finish(watcher), 128 + SIGINT);
	assert_non_null(strstr(spawn_out, "the slowest"));
	watcher = spawn_start(args);
	wait_for(watcher, "fsync/s");
	assert_int_equal(kill(pid, SIGKILL), 0);
	waitpid(pid, &status, 0);
	assert_int_equal(spawn_finish(watcher), 0);
	assert_non_null(strstr(spawn_out, "has ended"));
	unlink("out");
	assert_int_equal(spawn_left(), 0);
}

static void fails_with(const char *args, const char *says)
{
	int status = spawn(args);

	if (status != 2 || !strstr(spawn_err, says) || strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
		fail_msg("`%s`: exit status %d, not \"%s\": %s%s", args, status, says, spawn_err, spawn_out);
}

static void wrong_options_are_one_line(void **state)
{
	spawn_file("there", "");
	fails_with("watch", "nothing to watch");
	fails_with("watch -p 0", "the number of a process");
	fails_with("watch -p x", "the number of a process");
	fails_with("watch -p 1 -c true", "one of the two");
	fails_with("watch -p 1 more", "a command stands after -c");
	fails_with("watch -p 1 -s never", "a time above 0");
	fails_with("watch -p 1 -i 0", "a time above 0");
	fails_with("watch -c no-such-program", "no such program");
	fails_with("watch -c there", "`there`: no such program, or it may not be run");
	fails_with("watch -c ./there", "no such program, or it may not be run");
	fails_with("watch -c /tmp", "no such program, or it may not be run");
	fails_with("watch -R there -c true", "there is there already");
	fails_with("watch -R - -c true", "a file that is not there yet");
	fails_with("watch -R no/such/file -c touch started", "--record: no/such/file: No such file or directory");
	assert_int_equal(access("started", F_OK), -1); /* said before anything is begun */
	fails_with("watch -j one -R one -c true", "both name one");
	fails_with("watch -j no/such/file -c true", "--json");
	if (seen) {
		fails_with("watch -p 4194304", "no process has the number");
		fails_with("watch -R job.fio -c true", "there is no job to write");
	}
	unlink("there");
	assert_int_equal(spawn_left(), 0);
}

/* Another user's process, for who has no rights: the line names the setting. */
static void what_is_not_allowed_is_one_line(void **state)
{
	char command[PATH_MAX + 256];

	if (geteuid())
		skip();
	snprintf(command, sizeof(command), "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "
	         "'%s' watch -p %d 2> said > /dev/null", spawn_program, (int)getpid());
	if (WEXITSTATUS(shell(command)) != 2) {
		unlink("said");
		skip(); /* the program is not to be reached by others */
	}
	spawn_slurp(open("said", O_RDONLY), spawn_err, sizeof(spawn_err));
	unlink("said");
	if (!strstr(spawn_err, "kernel.perf_event_paranoid") && !strstr(spawn_err, "kernel.kptr_restrict") &&
	    !strstr(spawn_err, "tracefs"))
		fail_msg("no setting is named: %s", spawn_err);
	assert_true(strchr(spawn_err, '\n') == spawn_err + strlen(spawn_err) - 1);
}

static void read_mounts(char *out, size_t size)
{
	spawn_slurp(open("/proc/self/mountinfo", O_RDONLY), out, size);
}

/* Root, but for one right: the line says which setting or right it is, and nothing is mounted. */
static void each_right_that_lacks_is_named(void **state)
{
	static const struct {
		const char *without, *says;
	} lacks[] = {
		{ "-sys_admin", "tracefs cannot be mounted" },
		{ "-syslog", "CAP_SYSLOG" },
		{ "-sys_admin,-perfmon", "kernel.perf_event_paranoid" },
	};
	static char before[1 << 16], after[1 << 16];

	need_events();
	if (geteuid() || !access("/sys/kernel/tracing/events", F_OK))
		skip(); /* it is mounted for all */
	read_mounts(before, sizeof(before));
	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		char command[PATH_MAX + 256];
		int status;

		snprintf(command, sizeof(command),
		         "setpriv --bounding-set %s --inh-caps %s '%s' watch -p %d 2> said > out", lacks[i].without,
		         lacks[i].without, spawn_program, (int)getpid());
		status = WEXITSTATUS(shell(command));
		spawn_slurp(open("said", O_RDONLY), spawn_err, sizeof(spawn_err));
		if (status != 2 || !strstr(spawn_err, lacks[i].says) ||
		    strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
			fail_msg("without %s: exit status %d: %s", lacks[i].without, status, spawn_err);
		assert_int_equal(shell("test ! -s out && rm said out"), 0);
	}
	read_mounts(after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(spawn_left(), 0);
}

static int begin(void **state)
{
	struct kwait_tracepoints points;
	struct why why;

	seen = !kwait_allowed(&why) && !kwait_tracepoints(&points, &why);
	if (!seen)
		print_message("not watched here: %s\n", why.text);
	return spawn_begin(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_counted),
		cmocka_unit_test(an_early_return_is_told),
		cmocka_unit_test(an_fsync_beside_another_is_judged),
		cmocka_unit_test(sqlite_is_watched),
		cmocka_unit_test(a_job_is_recorded),
		cmocka_unit_test(the_order_of_writes_is_recorded),
		cmocka_unit_test(what_is_open_already_is_known),
		cmocka_unit_test(children_are_followed),
		cmocka_unit_test(a_process_that_becomes_another_is_followed),
		cmocka_unit_test(a_hundred_threads_are_watched),
		cmocka_unit_test(syncs_through_io_uring_are_watched),
		cmocka_unit_test(how_it_ended_is_told),
		cmocka_unit_test(a_running_process_is_watched),
		cmocka_unit_test(wrong_options_are_one_line),
		cmocka_unit_test(what_is_not_allowed_is_one_line),
		cmocka_unit_test(each_right_that_lacks_is_named),
	};
	if (RT_TSAN) {
		puts("1..0 # SKIP it looks at processes in one thread, and ThreadSanitizer makes it too slow for that");
		return 0;
	}
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
