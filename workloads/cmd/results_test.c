/*
 * results_test.c: what a bench keeps can be read back: the folder, its recipe, the schema, figures that
 * agree with each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "rt/sanitize.h"
#include "kit/spawn_test.h"


static json_t *load(const char *path)
{
	json_error_t e;
	json_t *o = json_load_file(path, 0, &e);

	if (!o)
		fail_msg("%s: %s", path, e.text);
	return o;
}

static json_int_t number(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s: not a number", key);
	return json_integer_value(v);
}

static const char *text(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		fail_msg("%s: not a text", key);
	return json_string_value(v);
}

/* The bins hold as many operations as were counted. */
static void bins_agree(const json_t *hist)
{
	json_t *bins = json_object_get(hist, "bins"), *bin;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(bins, i, bin)
		n += json_integer_value(json_array_get(bin, 1));
	assert_int_equal(n, number(hist, "n"));
	assert_true(number(hist, "min_ns") <= number(hist, "p50_ns"));
	assert_true(number(hist, "p50_ns") <= number(hist, "p99_ns"));
	assert_true(number(hist, "p99_ns") <= number(hist, "max_ns"));
}

/* The phases of all syncs sum to their latency. */
static void phases_agree(const json_t *run)
{
	json_t *ops = json_object_get(run, "ops"), *phases = json_object_get(run, "phases_ns"), *v;
	json_t *fsync = json_object_get(ops, "fsync");
	const char *name;
	json_int_t sum = 0;

	json_object_foreach(phases, name, v)
		sum += json_integer_value(v);
	if (sum) /* the counters may be compiled out */
		assert_int_equal(sum, number(fsync, "sum_ns"));
}

/* Each sync is in one cell of latency over time. */
static void over_time_agrees(const json_t *run)
{
	json_t *over = json_object_get(run, "over_time"), *cells = json_object_get(over, "cells"), *cell;
	json_int_t n = 0, slices = json_array_size(json_object_get(over, "max_ns"));
	size_t i;

	json_array_foreach(cells, i, cell) {
		assert_in_range(json_integer_value(json_array_get(cell, 0)), 0, slices - 1);
		n += json_integer_value(json_array_get(cell, 2));
	}
	assert_int_equal(n, number(json_object_get(json_object_get(run, "ops"), "fsync"), "n"));
}

static void check_runs(const json_t *run_json, size_t expected, json_int_t writes)
{
	json_t *runs = json_object_get(run_json, "runs"), *run;
	size_t i;

	assert_int_equal(json_array_size(runs), expected);
	json_array_foreach(runs, i, run) {
		json_t *ops = json_object_get(run, "ops");
		bins_agree(json_object_get(ops, "write"));
		bins_agree(json_object_get(ops, "fsync"));
		assert_int_equal(number(json_object_get(ops, "write"), "n"), writes * number(run, "tasks_n"));
		phases_agree(run);
		over_time_agrees(run);
		assert_int_equal(json_array_size(json_object_get(run, "tasks")), number(run, "tasks_n"));
		assert_true(json_is_array(json_object_get(run, "waits")));
	}
}

static void a_run_keeps_its_folder(void **state)
{
	json_t *run, *env;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=100\nfsync=2\n");
	assert_int_equal(spawn("bench j.fio -t null -t null -n 3 -T 1,2 -o kept -j also.json"), 0);
	assert_string_equal(spawn_err, "");
	assert_int_equal(access("kept/cmd.txt", R_OK), 0);
	run = load("kept/run.json");
	env = load("kept/env.json");
	assert_string_equal(text(run, "schema"), "fsyncstorm-bench");
	assert_int_equal(number(run, "schema_version"), 1);
	assert_true(strlen(text(run, "commit")) > 0);
	assert_int_equal(strlen(text(run, "date")), strlen("20140101-000000"));
	assert_int_equal(json_array_size(json_object_get(run, "targets")), 2);
	assert_null(json_object_get(run, "comparisons")); /* what is measured, and nothing that is made of it */
	assert_non_null(json_object_get(json_object_get(run, "phases"), "log_write"));
	check_runs(run, 2 * 2 * 3, 100);
	assert_true(strlen(text(env, "kernel")) > 0);
	assert_true(strlen(text(env, "cpu")) > 0);
	assert_true(number(json_object_get(env, "topology"), "pus") >= 1);
	json_decref(run);
	run = load("also.json");
	assert_int_equal(number(run, "trials"), 3);
	json_decref(run);
	json_decref(env);
	unlink("j.fio");
	unlink("also.json");
	assert_int_equal(spawn_left(), 1); /* kept */
	assert_int_equal(system("rm -r kept"), 0);
}

static void trials_take_turns(void **state)
{
	static const unsigned turns[] = { 0, 1, 3, 2, 4, 5 }; /* A B, B A, A B: entries of runs, as they began */
	json_int_t before = -1;
	json_t *run, *runs;
	json_error_t e;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(spawn("bench j.fio -t null -t null -n 3 --no-results -j -"), 0);
	run = json_loads(spawn_out, 0, &e);
	assert_non_null(run);
	runs = json_object_get(run, "runs");
	assert_int_equal(json_array_size(runs), 6);
	for (unsigned i = 0; i < 6; i++) {
		json_t *r = json_array_get(runs, turns[i]);
		assert_int_equal(number(r, "target"), turns[i] % 2);
		assert_true(number(r, "begin_ns") > before);
		before = number(r, "begin_ns");
	}
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* Of all trials together: 100 is the maximum, more is never less, and what is too far out is not known. */
static void percentiles_are_those_that_were_asked_for(void **state)
{
	json_int_t most = 0;
	double us[4];
	char *row;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=50\n");
	assert_int_equal(spawn("bench j.fio -t null -n 2 -o kept --percentile-list 50,90:99.999,100"), 0);
	row = strstr(spawn_out, "  A null  write ");
	assert_non_null(strstr(spawn_out, "\nthreads  target  operation "));
	assert_non_null(strstr(spawn_out, "  p99.999 "));
	assert_non_null(strstr(spawn_out, " p100\n"));
	assert_non_null(row);
	assert_int_equal(sscanf(row, "  A null write %lf %lf %*[-] %lf", &us[0], &us[1], &us[3]), 3);
	json_t *run = load("kept/run.json"), *runs = json_object_get(run, "runs");
	for (unsigned i = 0; i < 2; i++) {
		json_t *h = json_object_get(json_object_get(json_array_get(runs, i), "ops"), "write");
		most = number(h, "max_ns") > most ? number(h, "max_ns") : most;
	}
	assert_true(us[3] >= (double)most / 1e3 - 0.051 && us[3] <= (double)most / 1e3 + 0.051);
	assert_true(us[0] >= 0 && us[0] <= us[1] && us[1] <= us[3]);
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(system("rm -r kept"), 0);
}

static void the_engine_is_measured_with_its_recipe(void **state)
{
	json_t *run, *env, *first, *waits;

	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=40\nfsync=1\n");
	if (spawn("bench j.fio -v -t prefix@file:d.img,size=128m -t postfix@file:d.img,size=128m -n 1 -T 2 -o kept"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "where the time of a fsync goes"));
	assert_non_null(strstr(spawn_out, "top waits"));
	assert_non_null(strstr(spawn_out, "ratio of B"));
	run = load("kept/run.json");
	env = load("kept/env.json");
	check_runs(run, 2, 40);
	first = json_array_get(json_object_get(run, "runs"), 0);
	waits = json_object_get(first, "waits");
	if (json_array_size(waits)) {
		assert_true(number(json_object_get(first, "counters"), "fsyncs") == 78);
		assert_true(number(json_object_get(first, "phases_ns"), "log_write") > 0);
		assert_true(json_real_value(json_object_get(first, "flushes_per_sync")) > 0.2);
	}
	assert_true(strlen(text(json_array_get(json_object_get(env, "backing"), 0), "filesystem")) > 0);
	assert_true(strlen(text(json_array_get(json_object_get(env, "backing"), 0), "fs_options")) > 0);
	assert_int_equal(number(json_array_get(json_object_get(env, "backing"), 1), "target"), 1);
	assert_string_equal(text(json_array_get(json_object_get(run, "targets"), 1), "metadata"), "dup");
	json_decref(run);
	json_decref(env);
	unlink("j.fio");
	assert_int_equal(access("d.img", F_OK), -1); /* it was made for the run */
	assert_int_equal(system("rm -r kept"), 0);
	assert_int_equal(spawn_left(), 0);
}

/* Without notices and doubts, of which a busy machine has more, and without what is unlike. */
static unsigned lines_of(const char *text)
{
	bool told = false;
	unsigned n = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		told = !strncmp(line, "notice:", 7) || !strncmp(line, "doubt:", 6) ||
		       !strncmp(line, "Why they may differ:", 20) || (told && *line == ' ');
		n += !told;
	}
	return n;
}

static unsigned widest(const char *text)
{
	unsigned most = 0, at = 0;

	for (; *text; text++) {
		at = *text == '\n' ? 0 : at + 1;
		most = at > most ? at : most;
	}
	return most;
}

/* The simplest question has an answer of one screen; nothing in it is wider than that, and -v has the rest. */
static void the_first_screen_is_one_screen(void **state)
{
	static const char question[] =
		"bench j.fio -t path:. -t postfix@file:d.img,size=128m -n 3 -s 50ms --no-results";
	static const char *const columns[] = { "120", "80", "60" };
	static const unsigned most[] = { 22, 24, 33 }; /* what makes one doubt comes on top */
	char all[128];

	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nfsync=1\nruntime=1\ntime_based=1\n");
	snprintf(all, sizeof(all), "%s -v", question);
	for (unsigned i = 0; i < 3; i++) {
		setenv("COLUMNS", columns[i], 1);
		setenv("LC_ALL", "C", 1);
		assert_int_equal(spawn(question), 0);
		if (widest(spawn_out) > (unsigned)atoi(columns[i]) || lines_of(spawn_out) > most[i])
			fail_msg("%u wide, %u lines: %s", widest(spawn_out), lines_of(spawn_out), spawn_out);
		assert_null(strstr(spawn_out, "what the words mean"));
		assert_non_null(strstr(spawn_out, "p50"));
		for (const char *p = spawn_out; *p; p++)
			assert_true((unsigned char)*p < 0x80);
		assert_int_equal(spawn(all), 0);
		if (widest(spawn_out) > (unsigned)atoi(columns[i]))
			fail_msg("%u wide: %s", widest(spawn_out), spawn_out);
		assert_non_null(strstr(spawn_out, "what the words mean"));
	}
	unsetenv("COLUMNS");
	unsetenv("LC_ALL");
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* The number of calls in the row of a section and a kind of call; 0: there is no such row. */
static unsigned calls_in_row(const char *section, const char *call, unsigned tasks)
{
	for (const char *line = spawn_out; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char of[64], kind[64];
		unsigned many, n;

		if (sscanf(line, "A null %63s %63s %u %u", of, kind, &many, &n) == 4 && !strcmp(of, section) &&
		    !strcmp(kind, call) && many == tasks)
			return n;
	}
	return 0;
}

/* Two sections, and more than a write and its sync: each kind of call of each has a row, and both have a total. */
static void sections_have_rows_of_their_own(void **state)
{
	static const char two[] = "[log]\nrw=write\nsize=64k\nfsync=1\n[table]\nrw=read\nsize=128k\ninvalidate=1\n";

	spawn_file("j.fio", two);
	assert_int_equal(spawn("bench j.fio -t null -n 1 --no-results"), 0);
	assert_non_null(strstr(spawn_out, "sections, each kind of call apart"));
	assert_int_equal(calls_in_row("log", "write", 1), 16);
	assert_int_equal(calls_in_row("log", "fsync", 1), 15);
	assert_int_equal(calls_in_row("table", "read", 1), 32);
	assert_int_equal(calls_in_row("(total)", "write", 2), 16);
	assert_int_equal(calls_in_row("(total)", "read", 2), 32);
	assert_non_null(strstr(spawn_out, "keys that change nothing here (--dry-run says why): invalidate\n"));
	spawn_file("j.fio", "[log]\nrw=write\nsize=64k\nfsync=1\n");
	assert_int_equal(spawn("bench j.fio -t null -n 1 --no-results"), 0);
	assert_null(strstr(spawn_out, "sections, each kind"));
	unlink("j.fio");
}

/* What a job would do, without a target; and what it cannot do, with exit status 2. */
static void a_dry_run_says_what_a_job_would_do(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nbs=2300\nsize=64k\nfdatasync=1\nend_fsync=1\nnumjobs=2\n");
	assert_int_equal(spawn("bench --dry-run j.fio"), 0);
	assert_non_null(strstr(spawn_out, "[a] 2 tasks\n  calls   56 writes, 56 fdatasyncs\n  written 128800 bytes\n"));
	assert_non_null(strstr(spawn_out, "space: 128 KiB in 2 files\n"));
	assert_non_null(strstr(spawn_out, "line 5: fdatasync=1: fdatasync after every N writes"));
	assert_int_equal(spawn("bench --dry-run -- --name=a --rw=write --size=64k --fsync=1"), 0);
	assert_non_null(strstr(spawn_out, "16 writes, 15 fsyncs"));
	spawn_file("j.fio", "[a]\nrw=write\nsize=64k\nverify=md5\nfill_device=1\n");
	assert_int_equal(spawn("bench --dry-run --driver own j.fio"), 2);
	assert_non_null(strstr(spawn_out, "cannot be done here:\n  line 4: verify=md5: reads back"));
	assert_non_null(
		strstr(spawn_err, "j.fio:4: verify: cannot be done here (reads back what was written); line 5: fill"));
	if (!system("command -v fio > /dev/null")) {
		assert_int_equal(spawn("bench --dry-run j.fio"), 0);
		assert_non_null(strstr(spawn_out, "done by fio, which drives:\n  line 4: verify=md5: reads back"));
	}
	spawn_file("j.fio", "[a]\nrw=write\nsize=64k\nverify=md5\nfilename=/dev/sdx\n");
	assert_int_equal(spawn("bench --dry-run j.fio"), 2);
	assert_non_null(strstr(spawn_out, "cannot be done in a target:\n  line 5: filename=/dev/sdx: a device is no"));
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* Nobody counts in a real file system, or in none: that is not a count of 0. */
static void what_is_not_known_is_absent(void **state)
{
	static const char *const target[] = { "path:.", "null" };
	static const char *const design_key[] = { "device", "subvols", "metadata" };
	char line[128];
	json_t *run, *first;
	json_error_t e;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	for (size_t i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "bench j.fio -t %s -n 1 --no-results -j -", target[i]);
		assert_int_equal(spawn(line), 0);
		run = json_loads(spawn_out, 0, &e);
		first = json_array_get(json_object_get(run, "runs"), 0);
		assert_int_equal(number(json_object_get(json_object_get(first, "ops"), "fsync"), "n"), 3);
		assert_null(json_object_get(first, "counters"));
		assert_null(json_object_get(first, "phases_ns"));
		assert_null(json_object_get(first, "device"));
		first = json_array_get(json_object_get(run, "targets"), 0);
		for (size_t k = 0; k < 3; k++) /* a design's */
			assert_null(json_object_get(first, design_key[k]));
		json_decref(run);
	}
	unlink("j.fio");
}

/* Counting takes a part of each sync: of a real file system it has to be asked for, and that is said. */
static void events_are_counted_or_it_says_why(void **state)
{
	json_t *run, *events;
	json_error_t e;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	assert_int_equal(spawn("bench j.fio -v -t path:. -n 1 --no-results"), 0);
	assert_non_null(strstr(spawn_out, "A path: not counted: on a real file system with --events only"));
	assert_int_equal(spawn("bench j.fio -t path:. -t null -n 1 --no-results -j -"), 0);
	run = json_loads(spawn_out, 0, &e);
	for (size_t i = 0; i < 2; i++) {
		events = json_object_get(json_array_get(json_object_get(run, "runs"), i), "events");
		assert_int_equal(!!json_object_get(events, "not_counted"), i == 0);
		assert_int_equal(!!json_object_get(events, "syncs_by_phase"), i == 1);
		assert_int_equal(!!json_object_get(events, "context-switches"), i == 1);
	}
	json_decref(run);
	assert_int_equal(spawn("bench j.fio -t path:. -e context-switches -n 1 --no-results"), 0);
	assert_null(strstr(spawn_out, "not counted"));
	unlink("j.fio");
}

static void a_file_kept_can_be_used_again(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=4\nfsync=1\n");
	assert_int_equal(spawn("bench j.fio -t postfix@file:d.img,size=64m -n 1 --keep --no-results"), 0);
	assert_int_equal(access("d.img", F_OK), 0);
	assert_int_equal(spawn("bench j.fio -t postfix@file:d.img -n 1 --no-results"), 0);
	assert_int_equal(access("d.img", F_OK), 0);
	unlink("d.img");
	unlink("j.fio");
}

static void list_and_topo_as_json(void **state)
{
	static const char *const asks[] = { "list --json", "topo --json -T 2" };
	json_error_t e;
	json_t *o;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(spawn(asks[i]), 0);
		o = json_loads(spawn_out, 0, &e);
		if (!o)
			fail_msg("%s: %s", asks[i], e.text);
		assert_int_equal(number(o, "schema_version"), 1);
		json_decref(o);
	}
}

/* It has begun a trial: the job's task is there, beside the program's own. */
static bool has_begun(pid_t pid)
{
	struct dirent *e;
	unsigned tasks = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		tasks += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return tasks > 1 + RT_TSAN; /* which has a thread of its own */
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Ctrl-C while it measures: what was measured is kept, and the run says so. */
static void an_interrupted_run_keeps_what_it_has(void **state)
{
	char *argv[] = { spawn_program, "bench", "j.fio", "-t", "null", "-n", "1", "-o", "kept", "-j", "-", NULL };
	int fd[2], status;
	json_t *run;
	pid_t pid;

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nruntime=1h\ntime_based\n");
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		execv(spawn_program, argv);
		_exit(127);
	}
	close(fd[1]);
	while (!has_begun(pid) && !has_ended(pid))
		sched_yield();
	kill(pid, SIGINT);
	spawn_slurp(fd[0], spawn_out, sizeof(spawn_out));
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
	run = load("kept/run.json");
	assert_true(json_is_true(json_object_get(run, "interrupted")));
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(system("rm -r kept"), 0);
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_keeps_its_folder),
		cmocka_unit_test(trials_take_turns),
		cmocka_unit_test(percentiles_are_those_that_were_asked_for),
		cmocka_unit_test(the_engine_is_measured_with_its_recipe),
		cmocka_unit_test(the_first_screen_is_one_screen),
		cmocka_unit_test(sections_have_rows_of_their_own),
		cmocka_unit_test(a_dry_run_says_what_a_job_would_do),
		cmocka_unit_test(what_is_not_known_is_absent),
		cmocka_unit_test(events_are_counted_or_it_says_why),
		cmocka_unit_test(a_file_kept_can_be_used_again),
		cmocka_unit_test(list_and_topo_as_json),
		cmocka_unit_test(an_interrupted_run_keeps_what_it_has),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
