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
#include <unistd.h>

#include "job/files.h"
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
	assert_int_equal(j->writes.n, 1);
	assert_int_equal(j->writes.split[0].bs, 8192);
	assert_int_equal(j->size, 48 << 20); /* no more than there is in the files */
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
	assert_int_equal(j->rate_iops[1], 1000);
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
	assert_int_equal(jf.job[0].fallocate, JOB_FALLOC_NONE);
	assert_int_equal(jf.job[0].arrivals, JOB_POISSON);
	assert_true(job_layout(&jf.job[0]));
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nnrfiles=2\nfsync=1\nfile_service_type=roundrobin:2\n"
	      "[b]\nrw=write\nsize=1m\nnrfiles=2\n"
	      "file_service_type=roundrobin\n");
	assert_int_equal(jf.job[0].service_calls, 2);
	assert_int_equal(jf.job[1].service_calls, 1);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nioengine=mmap\n[b]\nrw=write\nsize=1m\nfallocate=keep\n[c]\nrw=write\nsize=1m\n"
	      "fallocate=posix\n");
	assert_true(jf.job[0].mapped);
	assert_true(job_layout(&jf.job[0]));
	assert_int_equal(jf.job[1].fallocate, JOB_FALLOC_KEEP);
	assert_int_equal(jf.job[2].fallocate, JOB_FALLOC_NATIVE);
	assert_false(job_layout(&jf.job[2]));
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nsync=1\n");
	assert_int_equal(jf.job[0].sync, JOB_SYNC_SYNC);
	assert_false(job_layout(&jf.job[0]));
	assert_true(job_preallocates(&jf.job[0]));
	job_free(&jf);
}

static void sections_inherit_from_the_globals_above(void **state)
{
	parse("# comment\n[global]\nrw=write\nsize=1m\nbs=4k ; at the end\n\n"
	      "[a]\n[b]\n  bs=8k\n[global]\nfsync=5\n[c]\n");
	assert_int_equal(jf.n, 3);
	assert_int_equal(jf.job[0].writes.split[0].bs, 4096);
	assert_int_equal(jf.job[1].writes.split[0].bs, 8192);
	assert_int_equal(jf.job[2].writes.split[0].bs, 4096);
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
	assert_int_equal(jf.job[1].writes.split[0].bs, 8192);
	job_free(&jf);
}

static void writes_take_the_middle_of_a_list(void **state)
{
	parse("[a]\nrw=write\nsize=1m\nbs=4k,8k,16k\nrate_iops=1,2\n");
	assert_int_equal(jf.job[0].writes.split[0].bs, 8192);
	assert_int_equal(jf.job[0].reads.split[0].bs, 4096);
	assert_int_equal(jf.job[0].rate_iops[0], 1);
	assert_int_equal(jf.job[0].rate_iops[1], 2);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nbs=,8k\n");
	assert_int_equal(jf.job[0].writes.split[0].bs, 8192);
	job_free(&jf);
}

static void a_split_shares_what_is_left(void **state)
{
	parse("[a]\nrw=write\nsize=1m\nbssplit=4k/50:8k:16k\n");
	assert_int_equal(jf.job[0].writes.n, 3);
	assert_int_equal(jf.job[0].writes.split[0].percent, 50);
	assert_int_equal(jf.job[0].writes.split[1].percent, 25);
	assert_int_equal(jf.job[0].writes.split[2].bs, 16384);
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
		{ "[a]\nrw=write\n", "t.fio:1: [a] size: missing" },
		{ "[a]\nrw=backwards\nsize=1m\n", "t.fio:2: rw: expected read, write, rw" },
		{ "[a]\nrw=randtrim\nsize=1m\n", "t.fio:2: rw: cannot be done here" },
		{ "[a]\nrw=write\nsize=1m\nnumjob=2\n", "t.fio:4: numjob: not a known key; did you mean numjobs?" },
		{ "[a]\nrw=write\nsize=1m\nioengine=falloc\n", "t.fio:4: ioengine: cannot be done here" },
		{ "[a]\nrw=write\nsize=1m\niodepth=0\n", "t.fio:4: iodepth: expected a number from 1" },
		{ "[a]\nrw=write\nsize=1m\nverify=crc32c\nbogus=1\nfill_device=1\nqd=3\n",
		  "t.fio:5: bogus: not a known key; line 7: qd: not a known key; did you mean iodepth?; line 4: "
		  "verify: cannot be "
		  "done here (reads back what was written); line 6: fill_device: cannot be done here (writes until" },
		{ "[a]\nread_iolog=f\n",
		  "t.fio:2: read_iolog: cannot be done here (plays calls from a log); line 1: [a] read_iolog: f: No "
		  "such file" },
		{ "[a]\nread_iolog=\n", "t.fio:2: read_iolog: expected a file that fio's write_iolog made" },
		{ "[a]\nrw=write\nsize=1m\ninvalidate=maybe\n", "t.fio:4: invalidate: expected 0 or 1, not `maybe`" },
		{ "[a]\nrw=write\nsize=1m\nlog_avg_msec=x\n", "t.fio:4: log_avg_msec: expected a number" },
		{ "[a]\nrw=write\nsize=1m\nrwmixread=101\n", "t.fio:4: rwmixread: expected a number from 0" },
		{ "[a]\nrw=write\nsize=1m\nbsrange=8k-4k\n", "t.fio:4: bsrange: expected two block sizes" },
		{ "[a]\nrw=write\nsize=1m\nloops=0\n", "t.fio:4: loops: expected a number above 0" },
		{ "[a]\nrw=write\nsize=1m\nend_fsync=2\n", "t.fio:4: end_fsync: expected 0 or 1" },
		{ "[a]\nrw=write\nsize=1m\nfallocate=maybe\n", "t.fio:4: fallocate: expected none, native" },
		{ "[a]\nrw=write\nsize=1m\nopenfiles=0\n", "t.fio:4: openfiles: expected" },
		{ "[a]\nrw=write\nsize=1m\nrate=fast\n", "t.fio:4: rate: expected a size" },
		{ "[a]\nrw=write\nsize=1m\nstartdelay=soon\n", "t.fio:4: startdelay: expected a time" },
		{ "[a]\nrw=write\nsize=${NO_SUCH_NAME_1}\n",
		  "t.fio:3: ${NO_SUCH_NAME_1} is not set in the environment" },
		{ "[a]\ninclude nosuch.cfg\n", "t.fio:2: include: nosuch.cfg: No such file" },
		{ "[a]\ninclude t.fio\n", "t.fio:2: include: t.fio includes itself" },
		{ "[c/d]\nrw=write\nsize=16k\n", "t.fio:1: [c/d] a section's name is in the names of its files" },
		{ "[a]\nrw=write\nsize=big\n", "t.fio:3: size: expected a size" },
		{ "[a]\nrw=write\nsize=0\n", "t.fio:3: size: expected" },
		{ "[a]\nrw=write\nsize=10%\n", "t.fio:1: [a] size: a percentage is of filesize" },
		{ "[a]\nrw=write\nsize=1k\nbs=4k\n", "t.fio:1: [a] size: a file is smaller" },
		{ "[a]\nrw=write\nsize=1m\nbs=0\n", "t.fio:4: bs: expected" },
		{ "[a]\nrw=write\nsize=1m\nbs=65m\n", "t.fio:4: bs: cannot be done here" },
		{ "[a]\nrw=write\nsize=1m\nbssplit=4k/50:8k/60\n", "t.fio:4: bssplit: expected" },
		{ "[a]\nrw=write\nsize=1m\nbssplit=4k/50\n", "t.fio:4: bssplit: expected" },
		{ "[a]\nrw=write\nsize=1m\nnumjobs=0\n", "t.fio:4: numjobs: expected" },
		{ "[a]\nrw=write\nsize=1m\nnumjobs=2x\n", "t.fio:4: numjobs: expected" },
		{ "[a]\nrw=write\nsize=1m\nfsync=-1\n", "t.fio:4: fsync: expected" },
		{ "[a]\nrw=write\nsize=1m\nfsync\n", "t.fio:4: fsync: expected" },
		{ "[a]\nrw=write\nsize=1m\nsync_file_range=write\n", "t.fio:4: sync_file_range: expected" },
		{ "[a]\nrw=write\nsize=1m\nsync_file_range=flush:8\n", "t.fio:4: sync_file_range: expected" },
		{ "[a]\nrw=write\nsize=1m\nruntime=soon\n", "t.fio:4: runtime: expected a time" },
		{ "[a]\nrw=write\nsize=1m\ntime_based=yes\nruntime=1\n", "t.fio:4: time_based: expected" },
		{ "[a]\nrw=write\nsize=1m\nfilename=a::b\n", "t.fio:4: filename: expected" },
		{ "[a]\nrw=write\nsize=1m\nfilename=/dev/sda\n", "t.fio:4: filename: cannot be done here" },
		{ "[a]\nrw=write\nsize=1m\nnrfiles=100001\n", "t.fio:4: nrfiles: expected" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=zipf:1.2\n",
		  "t.fio:4: file_service_type: cannot be done here" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=roundrobin:0\n", "t.fio:4: file_service_type: expected" },
		{ "[a]\nrw=write\nsize=1m\nfile_service_type=roundrobin2\n", "t.fio:4: file_service_type: expected" },
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

/* The public files' second spellings, units, keys without effect, and zeros that are defaults. */
static void both_spellings_and_zeros_are_taken(void **state)
{
	parse("[a]\nreadwrite=write\nblocksize=4kb\nsize=1MB\nfsync=1\nnr_files=2\ntimeout=5\n");
	assert_int_equal(jf.job[0].rw, JOB_WRITE);
	assert_int_equal(jf.job[0].writes.split[0].bs, 4096);
	assert_int_equal(jf.job[0].size, 1 << 20);
	assert_int_equal(jf.job[0].nrfiles, 2);
	assert_int_equal(jf.job[0].runtime_ns, 5000000000);
	job_free(&jf);
	/* (job.4) */
	parse("[a]\nrw=write\nbs=4KiB\nsize=1MiB\n"
	      "[b]\nkb_base=1000\nrw=write\nbs=4KiB\nsize=1MB\nio_size=50%\n");
	assert_int_equal(jf.job[0].writes.split[0].bs, 4000);
	assert_int_equal(jf.job[0].size, 1000000);
	assert_int_equal(jf.job[1].writes.split[0].bs, 4096);
	assert_int_equal(jf.job[1].io_size, 500000);
	job_free(&jf);
	parse("[a]\nrw=write\nsize=1m\nfsync=1\nioengine=psync\niodepth=1\ninvalidate=1\nrandrepeat=0\noverwrite=0\n"
	      "norandommap=0\nthread=0\nbuffered=1\nverify=0\ndirectory=some/where\nwrite_lat_log=x\nexitall\n");
	assert_false(jf.job[0].direct);
	for (unsigned i = 0; i < jf.nsaid; i++)
		assert_true(jf.said[i].answer == JOB_DONE || jf.said[i].answer == JOB_NOTHING);
	job_free(&jf);
	parse("[a]\nrw=write\nbuffered=0\nfilesize=2*3*1k\nnrfiles=2\nbs=1k\nsize=50%\n");
	assert_true(jf.job[0].direct);
	assert_int_equal(jf.job[0].filesize, 3072);
	assert_int_equal(jf.job[0].size, 6144);
	job_free(&jf);
}

static void variables_and_includes_are_resolved(void **state)
{
	char folder[] = "job_test.XXXXXX", path[64], here[64];
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/inc.cfg", folder);
	snprintf(here, sizeof(here), "%s/t.fio", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("bs=8k\n# a comment\nsize=${JOB_TEST_SIZE}m\n", f);
	fclose(f);
	setenv("JOB_TEST_SIZE", "3", 1);
	assert_int_equal(job_parse(here, "[global]\ninclude inc.cfg\n[a]\nrw=write\n", &jf, &why), 0);
	assert_int_equal(jf.job[0].writes.split[0].bs, 8192);
	assert_int_equal(jf.job[0].size, 3 << 20);
	assert_string_equal(jf.text, "[global]\nbs=8k\nsize=3m\n[a]\nrw=write\n");
	assert_string_equal(jf.said[0].file, "inc.cfg");
	assert_int_equal(jf.said[1].line, 3);
	job_free(&jf);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("bs=8k\ninclude inc.cfg\n", f);
	fclose(f);
	assert_int_not_equal(job_parse(here, "[global]\ninclude inc.cfg\n[a]\nrw=write\n", &jf, &why), 0);
	assert_non_null(strstr(why.text, "inc.cfg:2: include: "));
	assert_non_null(strstr(why.text, "includes itself"));
	unlink(path);
	rmdir(folder);
}

/* Files of two sections, and the format's own words. A path is a name in the target's folder. */
static void names_of_files_are_fios(void **state)
{
	struct job_clone *c;
	char name[64];
	unsigned n;

	parse("[global]\nrw=write\nsize=1m\n[a]\n[b]\nnumjobs=2\n[c]\nfilename=dir/x\n[d]\nname=e\n"
	      "filename_format=$jobname/f.$jobnum.$filenum.end\n");
	c = job_clones(&jf, 0, &n);
	assert_int_equal(n, 5);
	job_file_name(&c[2], 0, name, sizeof(name));
	assert_string_equal(name, "b.1.0");
	job_file_name(&c[3], 0, name, sizeof(name));
	assert_string_equal(name, "dir%x");
	job_file_name(&c[4], 7, name, sizeof(name));
	assert_string_equal(name, "e%f.0.7.end");
	free(c);
	job_free(&jf);
}

/* What is laid out of a shared file is the most that any section asks for, in either order (files.1). */
static void a_shared_file_is_laid_out_for_all(void **state)
{
	static const char *const jobs[] = {
		"[append]\nfilename=f\nrw=write\nfallocate=none\nsize=1m\n[update]\nfilename=f\nrw="
		"randwrite\noverwrite=1\nsize=512k\n",
		"[update]\nfilename=f\nrw=randwrite\noverwrite=1\nsize=512k\n[append]\nfilename=f\nrw=write\nfallocate="
		"none\nsize=1m\n",
	};

	for (unsigned i = 0; i < 2; i++) {
		struct job_files files;
		struct job_clone *c;
		unsigned n;

		parse(jobs[i]);
		c = job_clones(&jf, 0, &n);
		job_files(c, n, &files);
		assert_int_equal(files.n, 1);
		assert_int_equal(files.file[0].layout, 512 << 10);
		assert_int_equal(files.file[0].size, 1 << 20);
		assert_int_equal(files.file[0].space, 0);
		assert_int_equal(files.bytes, 1 << 20);
		assert_int_equal(files.of[1][0], 0);
		job_files_free(&files);
		free(c);
		job_free(&jf);
	}
}

static void fios_options_are_a_job(void **state)
{
	static char *const args[] = { "--rw=write", "--fdatasync=1",     "--size",   "22m",    "--bs=2300",
		                      "--name=wal", "--group_reporting", "--name=b", "--bs=4k" };
	static char *const bad[] = { "--name=a", "size=1m" };
	char *text = job_from_options(9, args, &why);

	assert_non_null(text);
	assert_string_equal(text,
	                    "[global]\nrw=write\nfdatasync=1\nsize=22m\nbs=2300\n[wal]\ngroup_reporting\n[b]\nbs=4k\n");
	parse(text);
	assert_int_equal(jf.n, 2);
	assert_int_equal(jf.job[0].writes.split[0].bs, 2300);
	job_free(&jf);
	free(text);
	assert_null(job_from_options(2, bad, &why));
	assert_non_null(strstr(why.text, "size=1m: expected fio's options"));
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
		cmocka_unit_test(both_spellings_and_zeros_are_taken),
		cmocka_unit_test(variables_and_includes_are_resolved),
		cmocka_unit_test(names_of_files_are_fios),
		cmocka_unit_test(a_shared_file_is_laid_out_for_all),
		cmocka_unit_test(fios_options_are_a_job),
		cmocka_unit_test(our_own_jobs_load),
		cmocka_unit_test(fio_takes_our_own_jobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
