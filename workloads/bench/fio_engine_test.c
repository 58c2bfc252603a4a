/*
 * fio_engine_test.c: fio itself drives the designs, through build/fsyncstorm-fio.so. Skipped by name
 * where that was not built (make fio-engine), and under sanitizers: fio is not built with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "job/job.h"
#include "rt/rt.h"
#include "kit/spawn_test.h"

static char engine[PATH_MAX];
static char *said;

#define NEEDS_ENGINE()                                                                             \
	do {                                                                                       \
		if (!engine[0])                                                                    \
			skip();                                                                    \
	} while (0)

/* Runs fio with the engine and these arguments; what it said is in `said`. Its exit status. */
static int run_fio(const char *args)
{
	char command[8192];

	snprintf(command, sizeof(command), "fio --ioengine=external:%s %s > said.txt 2>&1 < /dev/null", engine, args);
	int status = system(command);
	FILE *in = fopen("said.txt", "r");
	size_t size = 0;

	free(said);
	said = NULL;
	assert_non_null(in);
	if (getdelim(&said, &size, '\0', in) < 0)
		said = strdup("");
	fclose(in);
	unlink("said.txt");
	return WEXITSTATUS(status);
}

/* A copy of a job file that ends after some writes instead of some time. */
static void shorten(const char *path, const char *to)
{
	FILE *in = fopen(path, "r"), *out = fopen(to, "w");
	char line[1024];

	assert_non_null(in);
	assert_non_null(out);
	while (fgets(line, sizeof(line), in)) {
		bool timed = !strncmp(line, "time_based", 10) || !strncmp(line, "runtime", 7) ||
		       !strncmp(line, "ramp_time", 9);
		if (!timed)
			fputs(line, out);
		if (line[0] == '[')
			fputs("number_ios=50\n", out);
	}
	fclose(in);
	fclose(out);
}

static json_int_t sum_of(json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
		sum += json_integer_value(value);
	return sum;
}

static json_int_t op_figure(json_t *report, const char *op, const char *figure)
{
	return json_integer_value(json_object_get(json_object_get(json_object_get(report, "ops"), op), figure));
}

/* fio's own count of syncs, over all jobs: its "total_ios" leaves out fdatasync and sync_file_range. */
static json_int_t fio_syncs(void)
{
	json_t *o = json_load_file("fio.json", 0, NULL), *jobs = json_object_get(o, "jobs"), *job;
	json_int_t n = 0;
	size_t i;

	assert_true(json_array_size(jobs) > 0);
	json_array_foreach(jobs, i, job)
		n += json_integer_value(json_object_get(json_object_get(json_object_get(job, "sync"), "lat_ns"), "N"));
	json_decref(o);
	return n;
}

/* Those that sync each write of many files must sync the file that was written (job.3). */
static bool syncs_what_it_wrote(const char *path)
{
	return strstr(path, "fsmark.fio") || strstr(path, "varmail.fio");
}

static void check_report(const char *path)
{
	json_t *r = json_load_file("report.json", 0, NULL);

	assert_non_null(r);
	json_int_t syncs = op_figure(r, "fsync", "n") + op_figure(r, "fdatasync", "n");
	json_int_t ns = op_figure(r, "fsync", "sum_ns") + op_figure(r, "fdatasync", "sum_ns");
	if (!fio_syncs() && syncs) /* sync=dsync: each write is one, which fio does not call a sync */
		assert_int_equal(syncs, op_figure(r, "write", "n"));
	else
		assert_int_equal(syncs + op_figure(r, "sync_file_range", "n"), fio_syncs());
	if (syncs_what_it_wrote(path)) {
		assert_true(syncs > 0);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "counters"), "fsync_skipped")),
		                 0);
	}
	if (rt_instrument)
		assert_int_equal(sum_of(json_object_get(r, "phases_ns")), ns);
	assert_true(json_array_size(json_object_get(r, "waits")) > 0);
	json_decref(r);
}

static void run_job(const char *path, void *arg)
{
	shorten(path, "short.fio");
	int ret = run_fio("--thread --design=prefix --device=ram:1g,subvols=2 --report=report.json "
	                  "--output-format=json --output=fio.json short.fio");
	if (ret)
		print_error("%s: %s\n", path, said);
	assert_int_equal(ret, 0);
	check_report(path);
	(*(unsigned *)arg)++;
	unlink("short.fio");
	unlink("fio.json");
	unlink("report.json");
}

static void each_job_file_runs_and_both_count_the_same_syncs(void **state)
{
	unsigned n = 0;

	NEEDS_ENGINE();
	assert_true(job_each(run_job, &n) > 0);
	assert_true(n > 0);
	assert_int_equal(spawn_left(), 0);
}

static const char tiny[] = "--thread --name=a --rw=randrw --size=256k --bs=4k --fsync=4 --number_ios=64 "
			   "--verify=crc32c "
                           "--verify_state_save=0";

static void what_is_written_is_read_back(void **state)
{
	char args[512];

	NEEDS_ENGINE();
	snprintf(args, sizeof(args), "--device=ram:256m --report=none %s", tiny);
	assert_int_equal(run_fio(args), 0);
	assert_non_null(strstr(said, "err= 0"));
	assert_int_equal(spawn_left(), 0);
}

static void two_designs_run_in_one_fio(void **state)
{
	static const char job[] = "--thread --rw=randwrite --size=256k --fsync=1 --number_ios=20 --report=none "
				  "--device=ram:256m";
	char args[PATH_MAX + 1024];

	NEEDS_ENGINE();
	snprintf(args, sizeof(args), "%s --name=a --design=prefix --name=b --ioengine=external:%s %s --design=postfix",
	         job, engine, job);
	assert_int_equal(run_fio(args), 0);
	assert_non_null(strstr(said, "\na: "));
	assert_non_null(strstr(said, "\nb: "));
}

static void without_a_word_it_is_postfix_in_memory(void **state)
{
	NEEDS_ENGINE();
	assert_int_equal(run_fio("--thread --name=a --size=64k --rw=write --fsync=1 --report=/dev/stdout"), 0);
	assert_non_null(strstr(said, "\"target\":\"postfix@ram:1g\""));
}

static void mistakes_are_told_and_leave_nothing(void **state)
{
	static const struct {
		const char *args, *line;
	} wrong[] = {
		{ "--device=ram:256m --name=a --size=64k --rw=write", "jobs must be threads: add thread=1" },
		{ "--thread --design=postfx --device=ram:256m --name=a --size=64k --rw=write",
		  "did you mean postfix?" },
		{ "--thread --device=file:/nonexistent/x,size=1g --name=a --size=64k --rw=write", "/nonexistent/x" },
		{ "--thread --device=ram:64m --name=a --size=1g --rw=randwrite", "cannot be laid out" },
		{ "--thread --report=none --device=file:img,size=256m --name=a --size=64k --rw=write "
		  "--name=b --thread --design=prefix --device=file:img,size=256m --size=64k --rw=write",
		  "in use by another job's design" },
	};

	NEEDS_ENGINE();
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int ret = run_fio(wrong[i].args);
		if (!ret || !strstr(said, wrong[i].line))
			print_error("%s:\n%s\n", wrong[i].args, said);
		assert_int_not_equal(ret, 0);
		assert_non_null(strstr(said, wrong[i].line));
		assert_int_equal(spawn_left(), 0);
	}
}

static int begin(void **state)
{
	char *slash;

	if (spawn_begin(state))
		return -1;
	slash = strrchr(spawn_program, '/');
	snprintf(engine, sizeof(engine), "%.*s/fsyncstorm-fio.so", (int)(slash - spawn_program), spawn_program);
	if (access(engine, R_OK)) {
		print_message("%s is not there (make fio-engine): skipped\n", engine);
		engine[0] = '\0';
	}
	return 0;
}

static int end(void **state)
{
	free(said);
	return spawn_end(state);
}

static json_int_t count_of(json_t *run, const char *op)
{
	return json_integer_value(json_object_get(json_object_get(json_object_get(run, "ops"), op), "n"));
}

/* fio's own figures, and what the design counted. */
static void a_bench_lets_fio_drive_a_design(void **state)
{
	json_error_t e;
	json_t *o, *run;

	NEEDS_ENGINE();
	spawn_file("j.fio", "[a]\nrw=write\nbs=4k\nsize=128k\nfsync=1\nverify=crc32c\n");
	if (spawn("bench j.fio -t postfix@ram:64m -n 1 --no-results -j -"))
		fail_msg("%s", spawn_err);
	o = json_loads(spawn_out, 0, &e);
	run = json_array_get(json_object_get(o, "runs"), 0);
	assert_int_equal(count_of(run, "write"), 32);
	assert_int_equal(count_of(run, "read"), 32);
	assert_int_equal(count_of(run, "fsync"), 31);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(run, "counters"), "fsyncs")), 31);
	assert_true(json_integer_value(json_object_get(json_object_get(run, "phases_ns"), "log_write")) > 0);
	assert_true(json_array_size(json_object_get(run, "waits")) > 0);
	assert_true(json_integer_value(json_object_get(json_object_get(run, "counters"), "dev_flushes")) >= 31);
	assert_non_null(json_object_get(json_object_get(run, "device"), "write"));
	json_decref(o);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_file_runs_and_both_count_the_same_syncs),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(two_designs_run_in_one_fio),
		cmocka_unit_test(a_bench_lets_fio_drive_a_design),
		cmocka_unit_test(without_a_word_it_is_postfix_in_memory),
		cmocka_unit_test(mistakes_are_told_and_leave_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
