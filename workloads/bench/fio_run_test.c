/*
 * fio_run_test.c: fio beside us: it gets the same job, its figures come back as ours, and every job
 * file of ours runs under it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sys/stat.h>

#include "bench/fio_run.h"
#include "kit/spawn_test.h"

static void need_fio(void)
{
	if (system("command -v fio > /dev/null"))
		skip();
}

static void fio_gets_what_the_bench_says(void **state)
{
	struct fio_request q = { .numjobs = 3, .seconds_ns = 250000000, .beside = true };
	char *text;
	struct why why;
	struct job_file jf;

	spawn_file("j.fio", "[global]\nrw=randwrite\nsize=1m\n[a]\nnumjobs=2\n[b]\nrw=write");
	assert_int_equal(job_load("j.fio", &jf, &why), 0);
	q.job = &jf;
	text = fio_job_text(&q, NULL, "/where");
	assert_string_equal(text,
	                    "[global]\nioengine=psync\nthread=1\n"
	                    "group_reporting=1\nverify_state_save=0\n[global]\nrw=randwrite\nsize=1m\n"
	                    "[a]\nnumjobs=2\nnumjobs=3\n"
	                    "time_based=1\nruntime=250ms\nnew_group=1\ngroup_reporting=1\ndirectory=/where\n"
	                    "[b]\nrw=write\nnumjobs=3\ntime_based=1\n"
	                    "runtime=250ms\nnew_group=1\ngroup_reporting=1\ndirectory=/where\n");
	free(text);
	job_free(&jf);
	unlink("j.fio");
}

static const char *last_of(const char *text, const char *key)
{
	const char *last = NULL;

	for (const char *at = strstr(text, key); at; at = strstr(at + 1, key))
		last = at + strlen(key);
	return last ? last : "";
}

/* fio counts a sync among the calls after which the next file comes (job.3). */
static void fio_syncs_the_file_that_it_wrote(void **state)
{
	static const struct {
		const char *keys, *service;
	} jobs[] = {
		{ "nrfiles=3\nfsync=1\n", "roundrobin:2\n" },      { "nrfiles=3\nfdatasync=4\n", "roundrobin:5\n" },
		{ "filename=x:y\nfsync=1\n", "roundrobin:2\n" },
		{ "nrfiles=3\nsync_file_range=write:2\n", "roundrobin:3\n" },
		{ "nrfiles=1\nfsync=1\n", "" },                     { "nrfiles=3\n", "" },
	};

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		char job[128], *text;
		struct why why;
		struct job_file jf;
		struct fio_request q = { .job = &jf, .beside = true };

		snprintf(job, sizeof(job), "[a]\nrw=write\nsize=1m\n%s", jobs[i].keys);
		spawn_file("j.fio", job);
		assert_int_equal(job_load("j.fio", &jf, &why), 0);
		text = fio_job_text(&q, NULL, "/where");
		assert_true(!strncmp(last_of(text, "file_service_type="), jobs[i].service, strlen(jobs[i].service)));
		assert_true(*jobs[i].service || !strstr(text, "file_service_type"));
		free(text);
		job_free(&jf);
	}
	unlink("j.fio");
}

/* fio_run.2 */
static void fio_gets_a_processor_for_each_task(void **state)
{
	static const struct placement plan[] = { { .pu = 4 }, { .pu = 1 }, { .pu = 7 } };
	struct fio_request q = { 0 };
	char *text;
	struct why why;
	struct job_file jf;

	spawn_file("j.fio", "# two\n[global]\nrw=write\nsize=1m\n[a]\nnumjobs=2\n[b]\ncpus_allowed=0");
	assert_int_equal(job_load("j.fio", &jf, &why), 0);
	q.job = &jf;
	text = fio_job_text(&q, plan, "/where");
	assert_non_null(strstr(text, "[global]\nrw=write\nsize=1m\n"
	                       "[a]\nnumjobs=2\nnew_group=1\ngroup_reporting=1\ndirectory=/where\n"
	                       "numjobs=1\nfilename_format=$jobname.0.$filenum\ncpus_allowed=4\nnew_group=1\n"
	                       "[a]\nnumjobs=2\nnew_group=1\ngroup_reporting=1\ndirectory=/where\n"
	                       "numjobs=1\nfilename_format=$jobname.1.$filenum\ncpus_allowed=1\nnew_group=0\n"
	                       "[b]\ncpus_allowed=0\nnew_group=1\ngroup_reporting=1\ndirectory=/where\n"
	                       "numjobs=1\nfilename_format=$jobname.0.$filenum\ncpus_allowed=7\nnew_group=1\n"));
	free(text);
	job_free(&jf);
	unlink("j.fio");
}

/* What fio is to read it finds, though it runs elsewhere. */
static void fio_finds_what_it_reads(void **state)
{
	struct fio_request q = { 0 };
	char *text, want[PATH_MAX + 64];
	struct why why;
	struct job_file jf;

	spawn_file("x.so", "");
	spawn_file("calls", "fio version 2 iolog\nf add\nf write 0 4096\nf sync 0 0\n");
	spawn_file("j.fio", "[a]\nrw=write\nsize=4k\nioengine = external:./x.so\n[b]\nread_iolog=calls\n"
	           "[c]\nrw=write\nsize=4k\nioengine=libaio\n[d]\nrw=write\nsize=4k\nioengine=./nosuch.so\n");
	char *job = job_read("j.fio"), *here = realpath(".", NULL);
	assert_int_equal(job_parse_any("j.fio", job, NULL, &jf, &why), 0);
	assert_int_equal(jf.job[1].fsync, 1); /* what it syncs by is in its rows */
	assert_int_equal(jf.job[1].size, 4096);
	q.job = &jf;
	text = fio_job_text(&q, NULL, "/where");
	snprintf(want, sizeof(want), "size=4k\nioengine=external:%s/x.so\nnew_group=1\n", here);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "[b]\nread_iolog=%s/calls\n", here);
	assert_non_null(strstr(text, want));
	assert_null(strstr(strstr(text, want), "directory=/where\n[c]")); /* fio would crash */
	assert_non_null(strstr(text, "\nioengine=libaio\n"));
	assert_non_null(strstr(text, "\nioengine=./nosuch.so\n"));
	free(text);
	free(job);
	free(here);
	job_free(&jf);
	unlink("j.fio");
	unlink("x.so");
	unlink("calls");
}

static json_int_t count_of(json_t *run, const char *op)
{
	return json_integer_value(json_object_get(json_object_get(json_object_get(run, "ops"), op), "n"));
}

/* fio_run.3 */
static void fios_files_lie_in_the_folder(void **state)
{
	static const struct target_spec design = { .text = "postfix@ram:64m,subvols=2", .design = "postfix" };
	struct fio_request q = { .spec = &design };
	char *text;
	struct why why;
	struct job_file jf;

	spawn_file("j.fio", "[a]\ndirectory=/elsewhere\nfilename = sub/f:g\nrw=write\nsize=1m\nverify=md5\n"
	           "write_bw_log=/etc/log\nwrite_barrier=2\n");
	char *job = job_read("j.fio");
	assert_int_equal(job_parse_any("j.fio", job, NULL, &jf, &why), 0);
	q.job = &jf;
	text = fio_job_text(&q, NULL, "/where");
	assert_non_null(strstr(text, "[a]\nfilename = sub%f:g\nrw=write\nsize=1m\nverify=md5\nwrite_barrier=2\n"
	                       "new_group=1\ngroup_reporting=1\ndirectory=/where\n"));
	free(text);
	text = fio_job_text(&q, NULL, NULL);
	assert_null(strstr(text, "directory"));
	free(text);
	free(job);
	job_free(&jf);
	unlink("j.fio");
}

static json_t *section_ops(json_t *bench, unsigned run, unsigned section)
{
	json_t *r = json_array_get(json_object_get(bench, "runs"), run);

	return json_array_get(json_object_get(r, "sections"), section);
}

/* fio reads all back, and each section has its row. */
static void fio_drives_what_we_cannot(void **state)
{
	json_error_t e;
	json_t *o, *target;

	need_fio();
	spawn_file("j.fio", "[a]\nrw=write\nbs=4k\nsize=64k\nfsync=1\nverify=crc32c\n"
	           "[b]\nstonewall\nrw=write\nbs=4k\nsize=32k\n");
	if (spawn("bench j.fio -t path:. -n 1 --no-results -j -"))
		fail_msg("%s", spawn_err);
	o = json_loads(spawn_out, 0, &e);
	target = json_array_get(json_object_get(o, "targets"), 0);
	assert_string_equal(json_string_value(json_object_get(target, "driver")), "fio");
	assert_null(json_object_get(target, "fio_beside"));
	assert_string_equal(json_string_value(json_object_get(o, "why_fio")),
	                    "j.fio:6: verify: cannot be done here (reads back what was written)");
	assert_int_equal(count_of(section_ops(o, 0, 0), "write"), 16);
	assert_int_equal(count_of(section_ops(o, 0, 0), "read"), 16);
	assert_int_equal(count_of(section_ops(o, 0, 0), "fsync"), 15);
	assert_int_equal(count_of(section_ops(o, 0, 1), "write"), 8);
	assert_int_equal(json_integer_value(json_object_get(section_ops(o, 0, 1), "bytes")), 32 << 10);
	json_decref(o);
	assert_int_equal(spawn("bench j.fio -t path:. --driver own"), 2);
	assert_non_null(strstr(spawn_err, "j.fio:6: verify: cannot be done here"));
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

static void both_do_the_same_job(void **state)
{
	json_error_t e;
	json_t *o, *runs, *ours, *fios;

	need_fio();
	spawn_file("j.fio", "[a]\nrw=randwrite\nbs=4k\nsize=1m\nnumjobs=2\nnumber_ios=60\nfsync=2\n");
	if (spawn("bench j.fio -t path:. --with-fio -n 2 --no-results -j -"))
		fail_msg("%s", spawn_err);
	o = json_loads(spawn_out, 0, &e);
	runs = json_object_get(o, "runs");
	assert_int_equal(json_array_size(runs), 4);
	ours = json_array_get(runs, 0);
	fios = json_array_get(runs, 1);
	assert_int_equal(count_of(ours, "write"), 120);
	assert_int_equal(count_of(fios, "write"), 120);
	assert_int_equal(count_of(ours, "fsync"), 58); /* none after the last write of a task */
	assert_int_equal(count_of(fios, "fsync"), 58);
	assert_int_equal(json_integer_value(json_object_get(fios, "bytes")), 120 * 4096);
	assert_true(json_real_value(json_object_get(fios, "rate")) >= 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(o, "targets"), 1),
	                                                    "fio_beside")), 0);
	json_decref(o);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* One trial of ours, one of fio's, in a folder here; to be freed. */
static json_t *bench_with_fio(const char *job, const char *options)
{
	char args[256];
	json_error_t e;

	spawn_file("j.fio", job);
	snprintf(args, sizeof(args), "bench j.fio -t path:. --with-fio -n 1 --no-results -j - %s", options);
	if (spawn(args))
		fail_msg("%s", spawn_err);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
	return json_loads(spawn_out, 0, &e);
}

static json_t *fios(json_t *bench)
{
	return json_array_get(json_object_get(bench, "runs"), 1);
}

/* What must have reached the device: of `run` of a bench. */
static json_int_t promised(json_t *bench, unsigned run)
{
	json_t *r = json_array_get(json_object_get(bench, "runs"), run);

	return json_integer_value(json_object_get(json_object_get(r, "barriers"), "promised"));
}

/* By the job's own calls: what fio counts as syncs is neither all that promises something, nor only that. */
static void fio_promises_what_the_job_says(void **state)
{
	static const struct {
		const char *keys;
		json_int_t ours, least, most; /* fio's */
	} jobs[] = {
		{ "fsync=2\n", 58, 58, 58 },
		{ "sync_file_range=write:1\n", 0, 0, 0 },
		{ "sync=dsync\n", 120, 120, 120 },
		{ "fdatasync=3\nsync_file_range=write:1\n", 38, 34, 38 },
		{ "fsync=4\nfdatasync=6\n", 38, 34, 38 }, /* those due at once are one */
	};

	need_fio();
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		char job[128];

		snprintf(job, sizeof(job), "[a]\nrw=randwrite\nbs=4k\nsize=256k\nnumjobs=2\nnumber_ios=60\n%s",
		         jobs[i].keys);
		json_t *o = bench_with_fio(job, "");
		assert_int_equal(promised(o, 0), jobs[i].ours);
		assert_in_range(promised(o, 1), jobs[i].least, jobs[i].most);
		json_decref(o);
	}
}

static const char *notice_of(json_t *run)
{
	return json_string_value(json_object_get(run, "notice"));
}

static void fio_is_placed_as_we_are(void **state)
{
	need_fio();
	json_t *o = bench_with_fio("[global]\nrw=randwrite\nbs=4k\nsize=256k\nnumjobs=2\n[w]\nnumber_ios=40\n"
	                           "[s]\nnumber_ios=30\nfsync=1\n", "-P compact");
	json_t *ours = json_object_get(json_array_get(json_object_get(o, "runs"), 0), "tasks");
	json_t *theirs = json_object_get(fios(o), "tasks");
	assert_int_equal(json_array_size(theirs), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(theirs, i), "pu")),
		                 json_integer_value(json_object_get(json_array_get(ours, i), "pu")));
	assert_int_equal(count_of(fios(o), "write"), 140);
	assert_in_range(count_of(fios(o), "fsync"), 58, 60);
	json_decref(o);
}

static void where_it_cannot_be_it_says_so(void **state)
{
	need_fio();
	json_t *o = bench_with_fio("[s]\nrw=randwrite\nsize=256k\nnumber_ios=30\nfsync=1\nnuma_cpu_nodes=0\n",
	                           "-P compact");
	assert_non_null(strstr(notice_of(fios(o)), "numa_cpu_nodes"));
	json_decref(o);
}

/* fio's one histogram is of one kind in each section (fio_run.1). */
static void syncs_of_two_sections_are_told_apart(void **state)
{
	need_fio();
	json_t *o = bench_with_fio("[global]\nrw=randwrite\nbs=4k\nsize=256k\nnumjobs=2\n"
	                           "[w]\nnumber_ios=40\nsync_file_range=write:2\n"
	                           "[d]\nnumber_ios=60\nfdatasync=3\n[s]\nnumber_ios=30\nfsync=1\n", "");
	assert_int_equal(count_of(fios(o), "write"), 260);
	assert_in_range(count_of(fios(o), "sync_file_range"), 38, 40);
	assert_in_range(count_of(fios(o), "fdatasync"), 38, 40);
	assert_in_range(count_of(fios(o), "fsync"), 58, 60);
	json_decref(o);
}

static void syncs_of_one_section_that_cannot_be_are_not_given(void **state)
{
	need_fio();
	json_t *o = bench_with_fio("[global]\nrw=randwrite\nbs=4k\nsize=256k\nnumber_ios=64\n"
	                           "[a]\nfsync=4\nfdatasync=2\nsync_file_range=write:1\n"
	                           "[b]\nfsync=1\n", "");
	assert_int_equal(count_of(fios(o), "write"), 128);
	assert_int_equal(count_of(fios(o), "fsync"), 0);
	assert_int_equal(count_of(fios(o), "fdatasync"), 0);
	assert_int_equal(count_of(fios(o), "sync_file_range"), 0);
	assert_true(json_real_value(json_object_get(fios(o), "rate")) == 0);
	assert_null(json_object_get(fios(o), "promised"));
	assert_non_null(strstr(notice_of(fios(o)), "fio has one histogram"));
	json_decref(o);
}

/* Its exit status: 0 when fio wrote. */
static int run_under_fio(const char *path)
{
	char args[PATH_MAX + 128];
	json_error_t e;
	json_t *o;

	snprintf(args, sizeof(args), "bench %s -t path:%s --with-fio -n 1 -s 100ms --no-results -j -", path,
	         access("/dev/shm", W_OK) ? "." : "/dev/shm");
	if (spawn(args)) {
		print_error("%s: %s", path, spawn_err);
		return 1;
	}
	o = json_loads(spawn_out, 0, &e);
	return count_of(json_array_get(json_object_get(o, "runs"), 1), "write") ? 0 : 1;
}

/* In a process and a folder of its own: fio takes its time to start and to end, so all of them do it at once. */
static void start_under_fio(const char *path, void *arg)
{
	char whole[PATH_MAX], folder[32];

	assert_non_null(realpath(path, whole));
	snprintf(folder, sizeof(folder), "%u", ++*(unsigned *)arg);
	if (!fork())
		_exit(mkdir(folder, 0700) || chdir(folder) ? 1 : run_under_fio(whole));
}

/* From the folder of the sources: that is where our jobs lie. */
static void every_job_of_ours_runs_under_fio(void **state)
{
	char path[PATH_MAX + 64];
	unsigned n = 0;
	int status;

	need_fio();
	snprintf(path, sizeof(path), "ln -s %s/workloads workloads", spawn_repository);
	assert_int_equal(system(path), 0);
	assert_true(job_each(start_under_fio, &n) >= 11);
	for (unsigned i = 0; i < n; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 1; i <= n; i++) {
		snprintf(path, sizeof(path), "%u", i);
		assert_int_equal(rmdir(path), 0);
	}
	unlink("workloads");
	assert_int_equal(spawn_left(), 0);
}

static void without_a_folder_it_is_refused(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(spawn("bench j.fio -t postfix@ram:64m --with-fio"), 2);
	assert_non_null(strstr(spawn_err, "--with-fio: needs a target path:DIR"));
	unlink("j.fio");
}

/* Before any target is opened: one of these cannot be. */
static void too_many_targets_are_told_first(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(spawn("bench j.fio -t path:nosuch -t path:. -t path:. -t path:. -t path:. --with-fio"), 2);
	assert_string_equal(spawn_err, "fsyncstorm bench: --with-fio: 8 targets at most, fio's own with them\n");
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fio_gets_what_the_bench_says),
		cmocka_unit_test(fio_syncs_the_file_that_it_wrote),
		cmocka_unit_test(fio_gets_a_processor_for_each_task),
		cmocka_unit_test(fios_files_lie_in_the_folder),
		cmocka_unit_test(fio_finds_what_it_reads),
		cmocka_unit_test(fio_drives_what_we_cannot),
		cmocka_unit_test(both_do_the_same_job),
		cmocka_unit_test(syncs_of_two_sections_are_told_apart),
		cmocka_unit_test(syncs_of_one_section_that_cannot_be_are_not_given),
		cmocka_unit_test(fio_promises_what_the_job_says),
		cmocka_unit_test(fio_is_placed_as_we_are),
		cmocka_unit_test(where_it_cannot_be_it_says_so),
		cmocka_unit_test(every_job_of_ours_runs_under_fio),
		cmocka_unit_test(without_a_folder_it_is_refused),
		cmocka_unit_test(too_many_targets_are_told_first),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
