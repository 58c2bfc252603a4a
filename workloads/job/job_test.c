/*
 * job_test.c: job files mean what fio means by them; what is wrong is told with file, line and key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"

static struct job_file jf;
static struct why why;

static void parse(const char *text)
{
	if (job_parse("t.fio", text, &jf, &why))
		fail_msg("%s", why.text);
}

static void every_key_is_read(void **state)
{
	const struct job *j;

	parse("[a]\nrw=randwrite\nbs=8k\nsize=64m\nfilesize=16m\nnrfiles=3\nnumjobs=4\nfsync=2\nfdatasync=3\n"
	      "sync_file_range=wait_before,write:8\nnumber_ios=100\nio_size=1m\nruntime=2m\ntime_based\n"
	      "ramp_time=500ms\nrate_iops=1000\nthinktime=50\nrandseed=7\ncpus_allowed=0\ngroup_reporting=1\n"
	      "description=what it does\n");
	j = &jf.job[0];
	assert_int_equal(jf.n, 1);
	assert_string_equal(j->name, "a");
	assert_int_equal(j->rw, JOB_RANDWRITE);
	assert_int_equal(j->nsplit, 1);
	assert_int_equal(j->split[0].bs, 8192);
	assert_int_equal(j->size, 64 << 20);
	assert_int_equal(j->filesize, 16 << 20);
	assert_int_equal(j->nrfiles, 3);
	assert_int_equal(j->numjobs, 4);
	assert_int_equal(j->fsync, 2);
	assert_int_equal(j->fdatasync, 3);
	assert_int_equal(j->range_every, 8);
	assert_int_equal(j->range_flags, JOB_RANGE_WAIT_BEFORE | JOB_RANGE_WRITE);
	assert_int_equal(j->number_ios, 100);
	assert_int_equal(j->io_size, 1 << 20);
	assert_int_equal(j->runtime_ns, 120000000000);
	assert_true(j->time_based);
	assert_int_equal(j->ramp_ns, 500000000);
	assert_int_equal(j->rate_iops, 1000);
	assert_int_equal(j->thinktime_ns, 50000);
	assert_int_equal(j->randseed, 7);
	assert_string_equal(j->cpus_allowed, "0");
	assert_true(j->group_reporting);
	assert_string_equal(j->description, "what it does");
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=0\ntime_based=0\n");
	assert_string_equal(jf.job[0].numa_cpu_nodes, "0");
	assert_false(jf.job[0].time_based);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nsync=dsync\ndirect=1\nioengine=psync\nfallocate=none\noverwrite=1\nnorandommap\n"
	      "thread\nrate_iops=10\nrate_process=poisson\n");
	assert_int_equal(jf.job[0].sync, JOB_SYNC_DSYNC);
	assert_true(jf.job[0].direct && !jf.job[0].mapped);
	assert_int_equal(jf.job[0].fallocate, JOB_FALLOCATE_NONE);
	assert_int_equal(jf.job[0].arrivals, JOB_POISSON);
	assert_int_equal(job_layout(&jf.job[0]), 1 << 20);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nnrfiles=2\nfsync=1\nfile_service_type=roundrobin:2\n"
	      "[b]\nrw=write\nsize=1m\nnrfiles=2\n"
	      "file_service_type=roundrobin\n");
	assert_int_equal(jf.job[0].file_service, 2);
	assert_int_equal(jf.job[1].file_service, 1);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nioengine=mmap\n[b]\nrw=write\nsize=1m\nfallocate=keep\n[c]\nrw=write\nsize=1m\n"
	      "fallocate=posix\n");
	assert_true(jf.job[0].mapped);
	assert_int_equal(job_layout(&jf.job[0]), 1 << 20);
	assert_int_equal(jf.job[1].fallocate, JOB_FALLOCATE_KEEP);
	assert_int_equal(jf.job[2].fallocate, JOB_FALLOCATE_SIZE);
	assert_int_equal(job_layout(&jf.job[2]), 0);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nsync=1\n");
	assert_int_equal(jf.job[0].sync, JOB_SYNC_SYNC);
	assert_int_equal(job_layout(&jf.job[0]), 0);
	job_free(&jf);
}

static void sections_inherit_from_the_globals_above(void **state)
{
	parse("# comment\n[global]\nrw=write\nsize=1m\nbs=4k ; at the end\n\n"
	      "[a]\n[b]\n  bs=8k\n[global]\nfsync=5\n[c]\n");
	assert_int_equal(jf.n, 3);
	assert_int_equal(jf.job[0].split[0].bs, 4096);
	assert_int_equal(jf.job[1].split[0].bs, 8192);
	assert_int_equal(jf.job[2].split[0].bs, 4096);
	assert_int_equal(jf.job[0].fsync, 0);
	assert_int_equal(jf.job[2].fsync, 5);
	assert_int_equal(jf.job[1].line, 8);
	job_free(&jf);
}

static void memory_policies_are_fios(void **state)
{
	parse("[global]\nrw=write\nsize=1m\nnuma_mem_policy=bind:0\n[a]\nnuma_mem_policy=default\n"
	      "[b]\nnuma_mem_policy=local\n[c]\n"
	      "[d]\nnuma_mem_policy=prefer:0\n[e]\nnuma_mem_policy=interleave:all\n");
	for (unsigned i = 0; i < 2; i++) { /* nothing is left of the global one */
		assert_int_equal(jf.job[i].numa_mem_policy, PLACE_LOCAL);
		assert_string_equal(jf.job[i].numa_mem_nodes, "");
	}
	assert_int_equal(jf.job[2].numa_mem_policy, PLACE_BIND);
	assert_string_equal(jf.job[2].numa_mem_nodes, "0");
	assert_int_equal(jf.job[3].numa_mem_policy, PLACE_PREFER);
	assert_int_equal(jf.job[4].numa_mem_policy, PLACE_INTERLEAVE);
	assert_string_equal(jf.job[4].numa_mem_nodes, "all");
	job_free(&jf);
}

static void sections_of_one_name_are_two_jobs(void **state)
{
	parse("[global]\nrw=write\nsize=1m\n[a]\nbs=4k\n[a]\nbs=8k\n");
	assert_int_equal(jf.n, 2);
	assert_int_equal(jf.job[1].split[0].bs, 8192);
	job_free(&jf);
}

static void writes_take_the_middle_of_a_list(void **state)
{
	parse("[a]\nrw=write\nsize=1m\nbs=4k,8k,16k\nrate_iops=1,2\n");
	assert_int_equal(jf.job[0].split[0].bs, 8192);
	assert_int_equal(jf.job[0].rate_iops, 2);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nbs=,8k\n");
	assert_int_equal(jf.job[0].split[0].bs, 8192);
	job_free(&jf);
}

static void a_split_shares_what_is_left(void **state)
{
	parse("[a]\nrw=write\nsize=1m\nbssplit=4k/50:8k:16k\n");
	assert_int_equal(jf.job[0].nsplit, 3);
	assert_int_equal(jf.job[0].split[0].percent, 50);
	assert_int_equal(jf.job[0].split[1].percent, 25);
	assert_int_equal(jf.job[0].split[2].bs, 16384);
	assert_int_equal(job_max_bs(&jf.job[0]), 16384);
	job_free(&jf);
}

static void sizes_are_derived_as_fio_does(void **state)
{
	parse("[a]\nrw=write\nsize=12m\nnrfiles=3\n[b]\nrw=write\nsize=8m\nfilename=x:y\n");
	assert_int_equal(jf.job[0].filesize, 4 << 20);
	assert_int_equal(jf.job[1].nrfiles, 2);
	assert_int_equal(jf.job[1].filesize, 4 << 20);
	job_free(&jf);
}

static void clones_have_files_of_their_own_unless_named(void **state)
{
	struct job_clone *c;
	char name[64];
	unsigned n;

	parse("[global]\nrw=write\nsize=1m\n[a]\nnumjobs=2\nnrfiles=2\n[b]\nfilename=x:shared\n");
	c = job_clones(&jf, 0, &n);
	assert_int_equal(n, 3);
	job_file_name(&c[1], 1, name, sizeof(name));
	assert_string_equal(name, "a.1.1");
	job_file_name(&c[2], 1, name, sizeof(name));
	assert_string_equal(name, "shared");
	free(c);
	c = job_clones(&jf, 4, &n);
	assert_int_equal(n, 8);
	assert_int_equal(c[7].clone, 7);
	assert_ptr_equal(c[7].job, &jf.job[1]);
	free(c);
	job_free(&jf);
}

/* Each is wrong in one place, and that place is named. */
static void errors_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "t.fio:1: no job" },
		{ "[global]\nrw=write\n", "t.fio:2: no job" },
		{ "rw=write\n", "t.fio:1: rw: stands before" },
		{ "[a]\nsize=1m\n", "t.fio:1: [a] rw: missing" },
		{ "[a]\nrw=write\n", "t.fio:1: [a] size: missing" },
		{ "[a]\nrw=read\nsize=1m\n", "t.fio:2: rw: expected write or randwrite" },
		{ "[a]\nrw=write\nsize=1m\nnumjob=2\n", "t.fio:4: numjob: not a known key; did you mean numjobs?" },
		{ "[a]\nrw=write\nsize=1m\nioengine=libaio\n", "t.fio:4: ioengine: expected sync, psync" },
		{ "[a]\nrw=write\nsize=1m\niodepth=4\n", "t.fio:4: iodepth: not a known key" },
		{ "[a]\nrw=write\nsize=big\n", "t.fio:3: size: expected a size" },
		{ "[a]\nrw=write\nsize=0\n", "t.fio:3: size: expected" },
		{ "[a]\nrw=write\nsize=10%\n", "t.fio:3: size: expected" },
		{ "[a]\nrw=write\nsize=1k\nbs=4k\n", "t.fio:1: [a] size: a file is smaller" },
		{ "[a]\nrw=write\nsize=1m\nbs=0\n", "t.fio:4: bs: expected" },
		{ "[a]\nrw=write\nsize=1m\nbs=17m\n", "t.fio:4: bs: expected" },
		{ "[a]\nrw=write\nsize=1m\nbssplit=4k/50:8k/60\n", "t.fio:4: bssplit: expected" },
		{ "[a]\nrw=write\nsize=1m\nbssplit=4k/50\n", "t.fio:4: bssplit: expected" },
		{ "[a]\nrw=write\nsize=1m\nnumjobs=0\n", "t.fio:4: numjobs: expected" },
		{ "[a]\nrw=write\nsize=1m\nnumjobs=2x\n", "t.fio:4: numjobs: expected" },
		{ "[a]\nrw=write\nsize=1m\nfsync=-1\n", "t.fio:4: fsync: expected" },
		{ "[a]\nrw=write\nsize=1m\nfsync\n", "t.fio:4: fsync: expected" },
		{ "[a]\nrw=write\nsize=1m\nsync_file_range=write\n", "t.fio:4: sync_file_range: expected" },
		{ "[a]\nrw=write\nsize=1m\nsync_file_range=flush:8\n", "t.fio:4: sync_file_range: expected" },
		{ "[a]\nrw=write\nsize=1m\nruntime=soon\n", "t.fio:4: runtime: expected a time" },
		{ "[a]\nrw=write\nsize=1m\ntime_based\n", "t.fio:1: [a] time_based: needs a runtime" },
		{ "[a]\nrw=write\nsize=1m\ntime_based=yes\nruntime=1\n", "t.fio:4: time_based: expected" },
		{ "[a]\nrw=write\nsize=1m\nfilename=a::b\n", "t.fio:4: filename: expected" },
		{ "[a]\nrw=write\nsize=1m\nfilename=/etc/passwd\n", "t.fio:4: filename: expected" },
		{ "[a]\nrw=write\nsize=1m\nnrfiles=65\n", "t.fio:4: nrfiles: expected" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=random\n",
		  "t.fio:4: file_service_type: expected roundrobin" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=roundrobin:0\n", "t.fio:4: file_service_type: expected" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=roundrobin2\n", "t.fio:4: file_service_type: expected" },
		{ "[a]\nrw=write\nsize=1m\nnrfiles=2\nfsync=1\nfile_service_type=roundrobin\n",
		  "t.fio:1: [a] file_service_type: expected roundrobin:2" },
		{ "[a]\nrw=write\nsize=1m\nfilename=x:y\nfile_service_type=roundrobin:2\n",
		  "t.fio:1: [a] file_service_type: expected roundrobin:1" },
		{ "[a]\nrw=write\nsize=1m\nnrfiles=2\nfsync=4\nfile_service_type=roundrobin:5\n",
		  "t.fio:1: [a] file_service_type: with several files" },
		{ "[a]\nrw=write\nsize=1m\nnrfiles=2\nfsync=1\nfdatasync=1\nfile_service_type=roundrobin:2\n",
		  "t.fio:1: [a] file_service_type: with several files" },
		{ "[a]\nrw=write\nsize=1m\nrate_iops=0\n", "t.fio:4: rate_iops: expected" },
		{ "[a]\nrw=write\nsize=1m\ncpus_allowed=0\nnuma_cpu_nodes=0\n",
		  "t.fio:1: [a] cpus_allowed: cannot go with" },
		{ "[a]\nrw=write\nsize=1m\ncpus_allowed=9999\n",
		  "t.fio:4: cpus_allowed: \"9999\": there is no CPU 9999, only 0" },
		{ "[global]\nrw=write\nnuma_cpu_nodes=0,999\n[a]\nsize=1m\n",
		  "t.fio:3: numa_cpu_nodes: \"0,999\": there is no NUMA node 999" },
		{ "[a]\nrw=write\nsize=1m\nnuma_mem_policy=bind\n", "t.fio:4: numa_mem_policy: expected" },
		{ "[a]\nrw=write\nsize=1m\nnuma_mem_policy=local:0\n", "t.fio:4: numa_mem_policy: expected" },
		{ "[a]\nrw=write\nsize=1m\nnuma_mem_policy=bind:999\n",
		  "t.fio:4: numa_mem_policy: \"999\": there is no NUMA node 999, only 0" },
		{ "[a]\nrw=write\nsize=1m\nnuma_mem_policy=prefer:0-0\n", "t.fio:4: numa_mem_policy: expected" },
		{ "[a]\nrw=write\nsize=1m\nnuma_mem_policy=prefer:all\n", "t.fio:4: numa_mem_policy: expected" },
		{ "[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=x\n",
		  "t.fio:4: numa_cpu_nodes: \"x\" is not a list of NUMA nodes" },
		{ "[a\nrw=write\n", "t.fio:1: [a: expected [SECTION]" },
		{ "[]\nrw=write\n", "t.fio:1: []" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(job_parse("t.fio", bad[i].text, &jf, &why), 0);
		if (strncmp(why.text, bad[i].says, strlen(bad[i].says)))
			fail_msg("case %zu: got \"%s\", expected \"%s...\"", i, why.text, bad[i].says);
		assert_null(strchr(why.text, '\n'));
		assert_null(jf.job);
	}
}

static void a_line_too_long_is_refused(void **state)
{
	char text[400] = "[a]\nrw=write\nsize=1m\ndescription=";

	memset(text + strlen(text), 'x', 250);
	assert_int_not_equal(job_parse("t.fio", text, &jf, &why), 0);
	assert_non_null(strstr(why.text, "t.fio:4: "));
}

static void load_our_own(const char *path, void *arg)
{
	unsigned *n = arg;

	if (job_load(path, &jf, &why))
		fail_msg("%s", why.text);
	assert_true(jf.job[0].description[0] || jf.job[jf.n - 1].description[0]);
	job_free(&jf);
	(*n)++;
}

static void our_own_jobs_load(void **state)
{
	unsigned n = 0;

	assert_true(job_each(load_our_own, &n) >= 5);
	assert_true(n >= 5);
}

static void parse_by_fio(const char *path, void *arg)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "fio --parse-only '%s' >/dev/null 2>&1", path);
	if (system(command))
		fail_msg("fio refuses %s", path);
}

static void fio_takes_our_own_jobs(void **state)
{
	if (system("command -v fio >/dev/null"))
		skip();
	assert_true(job_each(parse_by_fio, NULL) >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(sections_inherit_from_the_globals_above),
		cmocka_unit_test(memory_policies_are_fios),
		cmocka_unit_test(sections_of_one_name_are_two_jobs),
		cmocka_unit_test(writes_take_the_middle_of_a_list),
		cmocka_unit_test(a_split_shares_what_is_left),
		cmocka_unit_test(sizes_are_derived_as_fio_does),
		cmocka_unit_test(clones_have_files_of_their_own_unless_named),
		cmocka_unit_test(errors_name_file_line_and_key),
		cmocka_unit_test(a_line_too_long_is_refused),
		cmocka_unit_test(our_own_jobs_load),
		cmocka_unit_test(fio_takes_our_own_jobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
