/*
 * driver_test.c: a trial does each operation of its job once, on its own files, and its figures are
 * what happened: against a target that counts, parks, fails or stalls on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "bench/driver.h"
#include "machine/mem_node.h"
#include "machine/test_place.h"

#define MS 1000000ull

/* ---- a target that tells what was asked of it ---- */

static struct probe {
	_Atomic uint64_t files, made, unlinked, reads, read_bytes, synced_bytes, laid_out, writes, bytes, fsyncs;
	_Atomic uint64_t fdatasyncs, ranges, closed, settled;
	uint64_t fail_fsync_after; /* 0: never */
	uint64_t stall_at;         /* this write takes 30 ms; 0: none */
	uint64_t fsync_ns;         /* an fsync sleeps that long, in a phase of its own */
	uint64_t skip_after;       /* fsyncs after this one had nothing to do; 0: none */
	struct target_barriers *barriers;
	uint64_t begun[64];        /* when each write did */
	char names[64][32];
	bool direct[64];
	int sync[64];
} probe;

static int probe_open(const struct target_spec *spec, void **instance, struct why *why)
{
	*instance = &probe;
	return 0;
}

static int probe_file_open(void *instance, const struct target_file *want, void **file)
{
	uint64_t i = atomic_fetch_add(&probe.files, 1);

	strcpy(probe.names[i], want->name);
	probe.direct[i] = want->direct;
	probe.sync[i] = want->sync;
	*file = probe.names[i];
	return 0;
}

static int probe_make(void *instance, const struct target_file *want)
{
	atomic_fetch_add(&probe.made, 1);
	atomic_fetch_add(&probe.laid_out, want->layout);
	return 0;
}

static int probe_unlink(void *instance, const struct target_file *want)
{
	atomic_fetch_add(&probe.unlinked, 1);
	return 0;
}

static int probe_read(void *file, uint64_t off, void *buf, uint32_t len)
{
	atomic_fetch_add(&probe.reads, 1);
	atomic_fetch_add(&probe.read_bytes, len);
	return 0;
}

static int probe_settle(void *instance)
{
	atomic_fetch_add(&probe.settled, 1);
	return 0;
}

static int probe_write(void *file, uint64_t off, const void *buf, uint32_t len)
{
	uint64_t n = atomic_fetch_add(&probe.writes, 1) + 1;

	atomic_fetch_add(&probe.bytes, len);
	if (n <= 64)
		probe.begun[n - 1] = rt_now();
	if (n == probe.stall_at)
		rt->sleep(30 * MS);
	return 0;
}

static int probe_fsync(void *file)
{
	uint64_t n = atomic_fetch_add(&probe.fsyncs, 1) + 1;

	count(C_FSYNC);
	if (probe.skip_after && n > probe.skip_after)
		count(C_FSYNC_SKIPPED);
	if (probe.fsync_ns) {
		phase(PH_LOG_WRITE);
		rt->sleep(probe.fsync_ns);
		phase(PH_DEV_FLUSH);
		rt->sleep(probe.fsync_ns);
	}
	return probe.fail_fsync_after && n > probe.fail_fsync_after ? -EIO : 0;
}

static int probe_fdatasync(void *file)
{
	atomic_fetch_add(&probe.fdatasyncs, 1);
	return 0;
}

static int probe_sync_written(void *file, uint64_t off, uint64_t len)
{
	atomic_fetch_add(&probe.synced_bytes, len);
	return 0;
}

static int probe_sync_range(void *file, uint64_t off, uint64_t len, unsigned flags)
{
	atomic_fetch_add(&probe.ranges, 1);
	return 0;
}

static void probe_facts(void *instance, struct target_facts *out)
{
	*out = (struct target_facts){ .device = NULL, .barriers = probe.barriers };
	strcpy(out->notice, "a notice");
}

static void probe_file_close(void *file)
{
	atomic_fetch_add(&probe.closed, 1);
}

static int probe_close(void *instance)
{
	return 0;
}

static const struct target_files probe_files = {
	.make = probe_make,
	.open = probe_file_open,
	.unlink = probe_unlink,
	.read = probe_read,
	.write = probe_write,
	.fsync = probe_fsync,
	.fdatasync = probe_fdatasync,
	.sync_written = probe_sync_written,
	.sync_range = probe_sync_range,
	.close = probe_file_close,
};

static const struct target target_probe = {
	.name = "probe", .what = "counts", .open = probe_open, .settle = probe_settle, .close = probe_close,
	.files = &probe_files, .view = { .facts = probe_facts },
};

/* ---- one trial ---- */

static struct job_file jf;
static struct job_clone *clones;
static struct driver_result *result;

static int try_run(const struct target *target, const char *job, uint64_t seconds_ns, struct why *why)
{
	struct target_spec spec = { .target = target, .subvols = 1 };
	struct driver_config cfg = { .spec = &spec, .seconds_ns = seconds_ns, .seed = 1 };

	if (job_parse("t.fio", job, &jf, why))
		fail_msg("%s", why->text);
	clones = job_clones(&jf, 0, &cfg.n);
	cfg.clones = clones;
	return driver_run(&cfg, &result, why);
}

static void run(const struct target *target, const char *job, uint64_t seconds_ns)
{
	struct why why;

	if (try_run(target, job, seconds_ns, &why))
		fail_msg("%s", why.text);
}

static int fresh(void **state)
{
	memset(&probe, 0, sizeof(probe));
	stop_clear();
	result = NULL;
	clones = NULL;
	return 0;
}

static int drop(void **state)
{
	driver_free(result);
	free(clones);
	job_free(&jf);
	return 0;
}

/* ---- what must hold ---- */

static void each_operation_is_done_and_counted_once(void **state)
{
	run(&target_probe,
	    "[a]\nrw=randwrite\nsize=1m\nnorandommap\nio_size=64m\nnumber_ios=1000\nnumjobs=3\nfsync=10\nfdatasync=4\n"
	    "sync_file_range=write:5\n", 0);
	assert_int_equal(probe.writes, 3000);
	assert_int_equal(probe.fsyncs, 297);
	assert_int_equal(probe.fdatasyncs, 600);
	assert_int_equal(probe.ranges, 300);
	assert_int_equal(result->op[OP_WRITE].n, 3000);
	assert_int_equal(result->op[OP_FSYNC].n, 297);
	assert_int_equal(result->op[OP_FDATASYNC].n, 600);
	assert_int_equal(result->op[OP_RANGE].n, 300);
	assert_int_equal(result->sync.n, 897);
	assert_int_equal(result->bytes, 3000 * 4096);
	assert_int_equal(result->task[1].writes, 1000);
	assert_int_equal(result->task[1].syncs, 299);
	assert_string_equal(result->notice, "a notice");
	assert_int_equal(result->error, 0);
}

static void a_sync_that_had_nothing_to_do_needs_no_flush(void **state)
{
	struct target_barriers b = { .device = "disk", .flushes = 10 };

	probe.barriers = &b;
	probe.skip_after = 10;
	run(&target_probe, "[a]\nrw=write\nsize=1m\nnumber_ios=20\nfsync=1\n", 0);
	assert_int_equal(result->too_few_flushes, !rt_instrument); /* who does not count cannot know */
	assert_int_equal(!strcmp(result->notice, "a notice"), rt_instrument);
}

static void one_flush_too_few_is_told(void **state)
{
	struct target_barriers b = { .device = "disk", .flushes = 9 };

	probe.barriers = &b;
	probe.skip_after = 10;
	run(&target_probe, "[a]\nrw=write\nsize=1m\nnumber_ios=20\nfsync=1\n", 0);
	assert_true(result->too_few_flushes);
	assert_non_null(strstr(result->notice, "9 flushes of disk"));
}

static void the_null_target_counts_exactly(void **state)
{
	run(&target_null, "[a]\nrw=write\nbs=4k\nsize=4m\nfsync=1\nnumjobs=2\n", 0);
	assert_int_equal(result->op[OP_WRITE].n, 2 * 1024);
	assert_int_equal(result->op[OP_FSYNC].n, 2 * 1023);
}

static void files_are_laid_out_for_random_writers_alone(void **state)
{
	run(&target_probe,
	    "[global]\nsize=1m\nnumber_ios=1\n[r]\nrw=randwrite\noverwrite=1\nnumjobs=2\n[w]\nrw=write\n", 0);
	assert_int_equal(probe.files, 3);
	assert_int_equal(probe.laid_out, 2 << 20);
	assert_int_equal(probe.settled, 1);
	assert_int_equal(probe.closed, 3);
}

/* With the flags of its section each, whatever section stands first. */
static void a_shared_file_is_made_once_and_opened_by_each_task(void **state)
{
	static const char *const jobs[] = { "[a]\nnumjobs=2\n[b]\ndirect=1\nsync=dsync\n",
		                            "[b]\ndirect=1\nsync=dsync\n[a]\nnumjobs=2\n" };

	for (unsigned i = 0; i < 2; i++) {
		char text[200];
		unsigned direct = 0, dsync = 0;

		fresh(NULL);
		snprintf(text, sizeof(text),
		         "[global]\nrw=randwrite\nsize=1m\nfilename=x:y\nnumber_ios=4\n%s[c]\nrw=write\n"
		         "overwrite=1\nsize=512k\n",
		         jobs[i]);
		run(&target_probe, text, 0);
		assert_int_equal(probe.made, 2);
		assert_int_equal(probe.laid_out, 512 << 10); /* (files.1) */
		assert_int_equal(probe.files, 8);
		assert_int_equal(probe.closed, 8);
		assert_int_equal(probe.writes, 16);
		for (unsigned k = 0; k < 8; k++) {
			direct += probe.direct[k];
			dsync += probe.sync[k] == JOB_SYNC_DSYNC;
			assert_int_equal(probe.direct[k], probe.sync[k] == JOB_SYNC_DSYNC);
		}
		assert_int_equal(direct, 2);
		assert_int_equal(dsync, 2);
		if (!i)
			drop(NULL);
	}
}

/* What else is dirty in the file stays. */
static void a_dsync_write_syncs_its_range_alone(void **state)
{
	run(&target_probe,
	    "[table]\nfilename=f\nrw=write\nsize=4m\n[log]\nfilename=f\nrw=write\nsize=64k\nsync=dsync\n", 0);
	assert_int_equal(probe.synced_bytes, 64 << 10);
	assert_int_equal(probe.fsyncs + probe.fdatasyncs, 0);
	assert_int_equal(result->promised, 16);
}

static void files_are_made_and_removed_as_the_job_says(void **state)
{
	run(&target_probe,
	    "[a]\nrw=write\nfilesize=8k\nnrfiles=5\ncreate_on_open=1\nunlink=1\nfsync_on_close=1\nnumjobs=2\n", 0);
	assert_int_equal(probe.made, 0);
	assert_int_equal(probe.files, 10);
	assert_int_equal(probe.unlinked, 10);
	assert_int_equal(probe.closed, 10);
	assert_int_equal(probe.writes, 20);
	assert_int_equal(probe.fsyncs, 10);
}

static void a_pass_may_make_its_files_anew(void **state)
{
	run(&target_probe, "[a]\nrw=write\nfilesize=8k\nnrfiles=2\nunlink_each_loop=1\nloops=3\nfallocate=none\n", 0);
	assert_int_equal(probe.made, 2);
	assert_int_equal(probe.unlinked, 4); /* the last ones stay */
	assert_int_equal(probe.files, 6);
	assert_int_equal(probe.closed, 6);
	assert_int_equal(probe.writes, 12);
}

static void what_is_laid_out_may_be_read_before(void **state)
{
	run(&target_probe, "[a]\nrw=randwrite\nsize=64k\nbs=16k\noverwrite=1\npre_read=1\n"
	    "[b]\nrw=write\nsize=64k\npre_read=1\n", 0);
	assert_true(probe.reads > 0);
	assert_int_equal(probe.read_bytes, 64 << 10);
	assert_int_equal(result->op[OP_READ].n, 0);
}

static void a_durable_write_ends_with_what_makes_it_durable(void **state)
{
	static const struct {
		const char *keys;
		uint64_t n;
		enum op_kind with;
	} jobs[] = {
		{ "fsync=2", 7, OP_FSYNC }, { "sync=dsync", 16, OP_KINDS }, { "sync=sync\nfdatasync=1", 16, OP_KINDS },
		{ "", 0, OP_KINDS }, { "sync_file_range=write:1\nfdatasync=4", 3, OP_FDATASYNC },
	};
	char text[200];

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		snprintf(text, sizeof(text), "[a]\nrw=write\nbs=4k\nsize=64k\n%s\n", jobs[i].keys);
		run(&target_probe, text, 0);
		assert_int_equal(result->durable.n, jobs[i].n);
		if (jobs[i].with != OP_KINDS)
			assert_true(result->durable.sum > result->op[jobs[i].with].sum);
		else
			assert_true(result->durable.sum <= result->op[OP_WRITE].sum + result->op[OP_FDATASYNC].sum);
		drop(state);
	}
	fresh(state);
}

static void reads_are_counted_apart(void **state)
{
	run(&target_probe, "[a]\nrw=randread\nsize=64k\nfsync=1\n[b]\nrw=write\nsize=32k\n", 0);
	assert_int_equal(probe.reads, 16);
	assert_int_equal(probe.laid_out, 64 << 10);
	assert_int_equal(result->op[OP_READ].n, 16);
	assert_int_equal(result->op[OP_WRITE].n, 8);
	assert_int_equal(result->bytes, 32 << 10);
	assert_int_equal(result->read_bytes, 64 << 10);
	assert_int_equal(result->nsections, 2);
	assert_string_equal(result->section[1].name, "b");
	assert_int_equal(result->section[0].op[OP_READ].n, 16);
	assert_int_equal(result->section[0].op[OP_WRITE].n, 0);
	assert_int_equal(result->section[1].op[OP_WRITE].n, 8);
	assert_int_equal(result->section[1].bytes, 32 << 10);
	assert_int_equal(result->sync.n, 0);
}

/* What stands behind a wall begins when all before it has ended; a delay counts from the start of all. */
static void sections_wait_as_the_job_says(void **state)
{
	uint64_t begin;

	run(&target_probe,
	    "[global]\nrw=write\nsize=1m\nnumber_ios=3\n[a]\nthinktime=10ms\nnumjobs=2\n[b]\nstonewall\n", 0);
	assert_int_equal(probe.writes, 9);
	for (unsigned i = 6; i < 9; i++)
		assert_true(probe.begun[i] >= probe.begun[5]);
	assert_true(probe.begun[6] - probe.begun[0] >= 20 * MS);
	drop(NULL);
	fresh(NULL);
	begin = rt_now();
	run(&target_probe, "[global]\nrw=write\nsize=1m\nnumber_ios=2\n[a]\n[b]\nstartdelay=40ms\n", 0);
	assert_int_equal(probe.writes, 4);
	assert_true(probe.begun[2] - begin >= 40 * MS);
}

static void phases_sum_to_the_latency(void **state)
{
	uint64_t sum = 0;

	if (!rt_instrument)
		skip();
	probe.fsync_ns = 200000;
	run(&target_probe, "[a]\nrw=randwrite\nsize=1m\nnumber_ios=20\nnumjobs=2\nfsync=1\n", 0);
	for (int i = 0; i < PH_NR; i++)
		sum += result->phase_ns[i];
	assert_int_equal(result->sync.n, 38);
	assert_int_equal(sum, result->sync.sum);
	assert_true(result->phase_ns[PH_LOG_WRITE] >= 38 * 200000);
	assert_true(result->phase_ns[PH_DEV_FLUSH] >= 38 * 200000);
	assert_int_equal(result->phase_ns[PH_IDLE], 0);
}

static void a_stall_is_paid_by_all_it_delayed(void **state)
{
	probe.stall_at = 20;
	run(&target_probe, "[a]\nrw=randwrite\nsize=1m\nnumber_ios=100\nrate_iops=1000\n", 0);
	assert_int_equal(result->response.n, 100);
	/* One write took 30 ms; those meant to begin meanwhile waited for it, and closed-loop latency hides it. */
	assert_true(hist_percentile(&result->op[OP_WRITE], 90) < 10 * MS);
	assert_true(hist_percentile(&result->response, 80) > 5 * MS);
	assert_true(result->elapsed_ns >= 99 * MS);
}

/* No write begins before its arrival; the sum of 60 random times of 1 ms is never far below 60 ms. */
static void random_arrivals_are_kept_to(void **state)
{
	run(&target_probe, "[a]\nrw=randwrite\nsize=1m\nnumber_ios=60\nrate_iops=1000\nrate_process=poisson\nfsync=2\n",
	    0);
	assert_int_equal(result->service.n, 60);
	assert_int_equal(result->response.n, 60);
	assert_true(probe.begun[59] - result->begin_ns >= 20 * MS);
	for (double p = 10; p <= 100; p += 10)
		assert_true(hist_percentile(&result->response, p) >= hist_percentile(&result->service, p));
}

static void the_ramp_is_not_measured(void **state)
{
	uint64_t all;

	run(&target_probe,
	    "[a]\nrw=randwrite\nsize=1m\nramp_time=50ms\nruntime=50ms\ntime_based\nfsync=1\nthinktime=1ms\n", 0);
	all = probe.writes;
	assert_true(result->op[OP_WRITE].n < all);
	assert_true(result->op[OP_WRITE].n > 0);
	assert_in_range(result->elapsed_ns, 50 * MS, 95 * MS);
	if (rt_instrument)
		assert_int_equal(result->counters[C_FSYNC], result->op[OP_FSYNC].n);
}

/* Also of a job that would be through before that. */
static void a_ramp_lasts_as_long_as_it_is_to(void **state)
{
	uint64_t begin = rt_now();

	run(&target_probe, "[a]\nrw=write\nsize=64k\nnumber_ios=4\nramp_time=60ms\nfsync=1\n", 0);
	assert_true(rt_now() - begin >= 60 * MS);
	assert_int_equal(result->op[OP_WRITE].n, 4);
	assert_true(probe.writes > 8);
}

static void seconds_replace_the_limits_of_the_job(void **state)
{
	run(&target_null, "[a]\nrw=write\nsize=4k\nnumber_ios=1\n", 20 * MS);
	assert_true(result->op[OP_WRITE].n > 1000);
	assert_in_range(result->elapsed_ns, 20 * MS, 1000 * MS);
}

static void an_error_ends_the_task_and_is_told(void **state)
{
	probe.fail_fsync_after = 5;
	run(&target_probe, "[a]\nrw=write\nsize=1m\nfsync=1\n", 0);
	assert_int_equal(result->error, -EIO);
	assert_int_equal(result->error_op, OP_FSYNC);
	assert_int_equal(result->op[OP_FSYNC].n, 5);
	assert_int_equal(probe.writes, 6);
	assert_int_equal(probe.closed, 1);
}

static void a_stop_ends_the_trial_cleanly(void **state)
{
	stop_ask();
	run(&target_probe, "[a]\nrw=write\nsize=1g\ntime_based\nruntime=1h\nnumjobs=2\n", 0);
	assert_true(result->interrupted);
	assert_int_equal(probe.closed, 2);
}

/* ---- where tasks go, on machines that are not there ---- */

static struct job_clone placed[4];
static struct placement where[4];
static struct why plan_why;

/* The last task is of the job's second section, the others of the first. */
static int plan_on(const char *topology, const char *job, const char *placement, const char *device)
{
	struct target_spec spec = { .path = "" };
	struct driver_config cfg = { .clones = placed, .n = 4, .placement = placement, .spec = &spec };
	struct why why;

	place_fini();
	setenv("HWLOC_SYNTHETIC", topology, 1);
	job_free(&jf);
	assert_int_equal(job_parse("t.fio", job, &jf, &why), 0);
	for (unsigned i = 0; i < 4; i++)
		placed[i] = (struct job_clone){ &jf.job[i / 3], i, i % 3 };
	strcpy(spec.device, device);
	return driver_plan(&cfg, where, &plan_why);
}

static const char *helpers(void)
{
	static char nodes[64];
	struct driver_config cfg = { .clones = placed, .n = 4 };

	driver_plan_helpers(&cfg, where, nodes, sizeof(nodes));
	return nodes;
}

static void this_machine_again(void)
{
	unsetenv("HWLOC_SYNTHETIC");
	place_fini();
}

static const char two_sections[] = "[w]\nrw=write\nsize=1m\nnumjobs=3\n[s]\nrw=write\nsize=1m\nfsync=1\n";

static void a_job_places_its_tasks_as_fio_does(void **state)
{
	assert_int_equal(plan_on("node:4 core:2 pu:2", "[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=0,2-3\nnumjobs=3\n"
	                         "[b]\nrw=write\nsize=1m\ncpus_allowed=5,7\n", NULL, ""), 0);
	for (unsigned i = 0; i < 3; i++) { /* all on any of them, not one on each */
		assert_string_equal(where[i].nodes, "0,2-3");
		assert_int_equal(where[i].node, -1);
		assert_int_equal(where[i].pu, -1);
		assert_int_equal(place_bind_self(&where[i]), PLACE_SYNTHETIC);
	}
	assert_string_equal(where[3].cpus, "5,7");
	assert_int_equal(plan_on("node:4 core:2 pu:2", "[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=3\nnumjobs=3\n"
	                         "[b]\nrw=write\nsize=1m\nnuma_cpu_nodes=all\n", NULL, ""), 0);
	assert_int_equal(where[0].node, 3);
	assert_string_equal(where[3].nodes, "all");
	assert_int_equal(place_bind_self(&where[3]), PLACE_SYNTHETIC);
	this_machine_again();
}

static void memory_comes_from_where_the_job_says(void **state)
{
	assert_int_equal(plan_on("node:2 core:4 pu:1",
	                         "[s]\nrw=write\nsize=1m\nfsync=1\nnumjobs=3\nnuma_mem_policy=bind:1\n"
	                         "[w]\nrw=write\nsize=1m\nnuma_mem_policy=interleave:all\n", "split", ""), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(where[i].node, 1);
		assert_int_equal(where[i].memory, PLACE_BIND);
		assert_string_equal(where[i].memory_nodes, "1");
	}
	assert_int_equal(where[3].node, 0); /* writes only */
	assert_int_equal(where[3].memory, PLACE_INTERLEAVE);
	assert_string_equal(where[3].memory_nodes, "all");
	assert_int_equal(place_bind_memory(plan_why.text, sizeof(plan_why.text), PLACE_INTERLEAVE, "all"), 0);
	this_machine_again();
}

static void a_plan_may_know_the_drives_node(void **state)
{
	static const char topology[] = "node:2 core:4 pu:1";

	assert_int_equal(plan_on(topology, two_sections, "far", "ram:1m,node=1"), 0);
	assert_int_equal(where[3].node, 0);
	assert_string_equal(helpers(), "0");
	assert_int_equal(plan_on(topology, two_sections, "near", "ram:1m,node=1"), 0);
	assert_int_equal(where[3].node, 1);
	assert_string_equal(helpers(), "1");
	assert_int_equal(plan_on(topology, two_sections, "near", "ram:1m"), -EINVAL);
	assert_non_null(strstr(plan_why.text, "is not known"));
	assert_int_equal(plan_on(topology, two_sections, "spread", ""), -EINVAL);
	this_machine_again();
}

static void the_engines_own_tasks_go_where_the_syncs_are(void **state)
{
	static const char topology[] = "node:4 core:2 pu:1";

	assert_int_equal(plan_on(topology, two_sections, NULL, ""), 0);
	assert_string_equal(helpers(), "");
	assert_int_equal(plan_on(topology, two_sections, "split", ""), 0); /* the writers are on node 0 */
	assert_string_equal(helpers(), "3");
	assert_int_equal(plan_on(topology, two_sections, "node:2", ""), 0);
	assert_string_equal(helpers(), "2");
	assert_int_equal(plan_on(topology,
	                         "[a]\nrw=write\nsize=1m\nfsync=1\nnumjobs=3\n[b]\nrw=write\nsize=1m\nfsync=1\n",
	                         "scatter", ""), 0);
	assert_string_equal(helpers(), "0-3");
	/* nobody syncs: where anybody is; a list of CPUs: their nodes; who may run anywhere: anywhere */
	assert_int_equal(plan_on(topology,
	                         "[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=1\nnumjobs=3\n[b]\nrw=write\nsize=1m\n"
	                         "cpus_allowed=4-5\n", NULL, ""), 0);
	assert_string_equal(helpers(), "1-2");
	assert_int_equal(plan_on(topology,
	                         "[a]\nrw=write\nsize=1m\nnuma_cpu_nodes=1\nnumjobs=3\n"
	                         "[b]\nrw=write\nsize=1m\nfsync=1\n", NULL, ""), 0);
	assert_string_equal(helpers(), "");
	this_machine_again();
}

static char allowed_at_open[64];

/* The processors of a task that the target starts without naming a place. */
static void look_at_cpus(void *arg)
{
	cpu_set_t set;

	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			snprintf(allowed_at_open + strlen(allowed_at_open),
			         sizeof(allowed_at_open) - strlen(allowed_at_open), "%d ", cpu);
}

static int open_with_a_helper(const struct target_spec *spec, void **instance, struct why *why)
{
	allowed_at_open[0] = '\0';
	rt_join(rt_spawn("helper", look_at_cpus, NULL, NULL));
	return target_probe.open(spec, instance, why);
}

/* A made-up topology that is said to be this machine's: each of two processors is a node. */
static void a_target_starts_its_tasks_where_they_belong(void **state)
{
	struct target target = target_probe;

	if (rt_cpus() < 2)
		skip();
	target.open = open_with_a_helper;
	place_fini();
	setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
	setenv("HWLOC_THISSYSTEM", "1", 1);
	run(&target, "[a]\nrw=write\nsize=64k\nnuma_cpu_nodes=1\n[b]\nrw=write\nsize=64k\nfsync=1\nnuma_cpu_nodes=0\n",
	    0);
	assert_string_equal(allowed_at_open, "0 ");
	assert_string_equal(result->helper_nodes, "0");
	unsetenv("HWLOC_THISSYSTEM");
	this_machine_again();
	open_with_a_helper(NULL, &(void *){ NULL }, &plan_why);
	assert_true(strlen(allowed_at_open) > 2); /* no longer */
}

static void assert_notice(const char *job, const char *says)
{
	run(&target_probe, job, 0);
	assert_string_equal(result->notice, says);
	drop(NULL);
	fresh(NULL);
}

/* The kernel is asked for a node that is not there; or nothing is, and it need not be told. */
static void memory_that_could_not_be_placed_is_told_beside_the_figures(void **state)
{
	static const char binds[] = "[a]\nrw=write\nsize=64k\nnuma_mem_policy=bind:0\n";
	char told[256];

	place_fini();
	if (place_init() || place_topology()->nodes > 1)
		skip(); /* here it can be */
	mem_init();
	assert_notice(binds, "a notice");
	place_fini();
	setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
	setenv("HWLOC_THISSYSTEM", "1", 1);
	assert_true(mem_init() < 0);
	snprintf(told, sizeof(told), "%s; a notice", mem_notice());
	assert_notice(binds, told);
	assert_notice("[a]\nrw=write\nsize=64k\n", "a notice");
	unsetenv("HWLOC_THISSYSTEM");
	this_machine_again();
	mem_init();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_operation_is_done_and_counted_once),
		TEST(a_sync_that_had_nothing_to_do_needs_no_flush),
		TEST(one_flush_too_few_is_told),
		TEST(the_null_target_counts_exactly),
		TEST(files_are_laid_out_for_random_writers_alone),
		TEST(a_shared_file_is_made_once_and_opened_by_each_task),
		TEST(a_dsync_write_syncs_its_range_alone),
		TEST(files_are_made_and_removed_as_the_job_says),
		TEST(a_durable_write_ends_with_what_makes_it_durable),
		TEST(a_pass_may_make_its_files_anew),
		TEST(what_is_laid_out_may_be_read_before),
		TEST(reads_are_counted_apart),
		TEST(sections_wait_as_the_job_says),
		TEST(phases_sum_to_the_latency),
		TEST(a_stall_is_paid_by_all_it_delayed),
		TEST(random_arrivals_are_kept_to),
		TEST(the_ramp_is_not_measured),
		TEST(a_ramp_lasts_as_long_as_it_is_to),
		TEST(seconds_replace_the_limits_of_the_job),
		TEST(an_error_ends_the_task_and_is_told),
		TEST(a_stop_ends_the_trial_cleanly),
		TEST(a_job_places_its_tasks_as_fio_does),
		TEST(memory_comes_from_where_the_job_says),
		TEST(a_plan_may_know_the_drives_node),
		TEST(the_engines_own_tasks_go_where_the_syncs_are),
		TEST(memory_that_could_not_be_placed_is_told_beside_the_figures),
		TEST(a_target_starts_its_tasks_where_they_belong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
