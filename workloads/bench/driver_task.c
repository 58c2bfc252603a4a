/*
 * driver_task.c: one task of a trial: the loop around the target. It is the harness's own cost, so an
 * operation pays two readings of the clock, one histogram entry and a few stores, and nothing is
 * shared with another task but the flag that ends the run.
 */
#include "bench/driver_task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/stop.h"
#include "machine/mem.h"

#define SECOND_NS    1000000000ull
#define SLACK        4096u
#define SLEEP_SLICE  20000000ull /* ctrl-C is heard this soon */

static bool line_opened(void *arg)
{
	unsigned *seen = ((void **)arg)[1];
	struct line *l = ((void **)arg)[0];

	return atomic_load(&l->gone) != *seen;
}

/* A task comes to the line and goes on when it opens. */
static void line_wait(struct line *l)
{
	unsigned seen = atomic_load(&l->gone);
	void *arg[2] = { l, &seen };

	atomic_fetch_add(&l->waiting, 1);
	wake_all(&l->came);
	wait_until(&l->go, line_opened, arg);
}

/* ---- the clock of an operation: the phase clock's own readings, so that driver.2 is exact ---- */

static uint64_t begin_op(bool phases)
{
	if (!phases)
		return rt_now();
	phase(PH_OTHER);
	return rt_self()->phase_since_ns;
}

static uint64_t end_op(bool phases)
{
	if (!phases)
		return rt_now();
	phase(PH_IDLE);
	return rt_self()->phase_since_ns;
}

/* ---- operations ---- */

/* So that no two writes are of the same bytes; the rest of the buffer stays as it was filled. */
static void stamp(struct worker *w, const struct op *op)
{
	uint64_t *at = (uint64_t *)w->buf;
	uint64_t mark = (uint64_t)w->clone->clone << 48 | (w->ops.writes & 0xffffffffffff);

	for (uint64_t done = 0; done + 2 * sizeof(*at) <= op->len; done += 4096, at += 4096 / sizeof(*at)) {
		at[0] = mark;
		at[1] = op->off + done;
	}
}

/* What O_SYNC and O_DSYNC mean, for a target that has no open flags. */
static int end_write(struct worker *w, void *file)
{
	switch (w->clone->job->sync) {
	case JOB_SYNC_SYNC:
		return w->target->files->fsync(file);
	case JOB_SYNC_DSYNC:
		return w->target->files->fdatasync(file);
	default:
		return 0;
	}
}

static int do_op(struct worker *w, const struct op *op)
{
	const struct target_files *files = w->target->files;
	void *file = w->file[op->file];
	int ret;

	switch (op->kind) {
	case OP_WRITE:
		ret = files->write(file, op->off, w->buf, op->len);
		return ret || w->target->kernel ? ret : end_write(w, file);
	case OP_RANGE:
		return files->sync_range(file, op->off, op->len, op->flags);
	case OP_FDATASYNC:
		return files->fdatasync(file);
	default:
		return files->fsync(file);
	}
}

static bool is_sync(enum op_kind kind)
{
	return kind == OP_FSYNC || kind == OP_FDATASYNC;
}

static void add_phases(struct worker *w, const uint64_t before[PH_NR])
{
	const uint64_t *now = rt_self()->phase_ns;

	for (int i = 0; i < PH_NR; i++)
		w->phase_ns[i] += now[i] - before[i];
}

/* A write and the syncs due after it are one request. */
static void add_response(struct worker *w, const struct op *op, uint64_t begin, uint64_t end)
{
	if (op->kind == OP_WRITE)
		w->started_ns = begin;
	if (w->ops.due)
		return;
	hist_add(&w->service, end > w->started_ns ? end - w->started_ns : 0);
	hist_add(&w->response, end > w->intended_ns ? end - w->intended_ns : 0);
}

/* Returns when it ended. */
static uint64_t timed_op(struct worker *w, const struct op *op)
{
	bool known = rt_instrument && !w->target->kernel; /* the kernel's phases are not */
	bool phases = known && w->measuring && is_sync(op->kind);
	uint64_t before[PH_NR], begin, end;
	int ret;

	if (phases && w->pmu)
		pmu_sync_begin(w->pmu);
	begin = begin_op(known);
	if (phases)
		memcpy(before, rt_self()->phase_ns, sizeof(before));
	ret = do_op(w, op);
	end = end_op(known);
	if (phases && w->pmu)
		pmu_sync_end();
	if (ret) {
		w->error = ret;
		w->error_op = op->kind;
		return end;
	}
	if (!w->measuring)
		return end;
	hist_add(&w->op[op->kind], end - begin);
	if (is_sync(op->kind))
		heat_add(&w->heat, end - w->begin_ns, end - begin);
	if (phases)
		add_phases(w, before);
	else if (is_sync(op->kind))
		w->phase_ns[PH_OTHER] += end - begin; /* driver.2 */
	if (op->kind == OP_WRITE)
		w->bytes += op->len;
	if (w->clone->job->rate_iops)
		add_response(w, op, begin, end);
	return end;
}

/* ---- pace ---- */

static void sleep_until(struct worker *w, uint64_t when)
{
	for (uint64_t now = rt_now(); now < when && !stop_asked() && now < w->end_ns; now = rt_now())
		rt->sleep(when - now < SLEEP_SLICE ? when - now : SLEEP_SLICE);
}

/* When the next write is meant to begin: evenly spaced, or each a random time after the one before. */
static uint64_t next_arrival(struct worker *w)
{
	const struct job *j = w->clone->job;

	if (j->arrivals == JOB_LINEAR)
		return w->begin_ns + w->issued * SECOND_NS / j->rate_iops;
	return w->intended_ns + (uint64_t)(-log(1 - rng_unit(&w->arrivals)) * (double)SECOND_NS / j->rate_iops);
}

/* Before a write: waits for its turn, which is by the schedule and not by when the last one ended. */
static void pace(struct worker *w)
{
	const struct job *j = w->clone->job;

	if (j->rate_iops) {
		w->intended_ns = next_arrival(w);
		sleep_until(w, w->intended_ns);
	} else if (j->thinktime_ns && w->issued) {
		sleep_until(w, rt_now() + j->thinktime_ns);
	}
	w->issued++;
}

/* A ramp lasts as long as it is to: where the job has done all of it, it begins again. */
static bool next_op(struct worker *w, struct op *op)
{
	if (ops_next(&w->ops, op))
		return true;
	if (w->measuring)
		return false;
	ops_uncount(&w->ops);
	return ops_next(&w->ops, op);
}

static void interval(struct worker *w, uint64_t length_ns)
{
	uint64_t now;
	struct op op;

	w->begin_ns = w->intended_ns = now = rt_now();
	w->end_ns = length_ns ? now + length_ns : UINT64_MAX;
	w->issued = 0;
	while (now < w->end_ns && !w->error && !stop_asked() && next_op(w, &op)) {
		if (op.kind == OP_WRITE) {
			if (w->clone->job->rate_iops || w->clone->job->thinktime_ns) {
				pace(w);
				if (rt_now() >= w->end_ns)
					break;
			}
			stamp(w, &op);
		}
		now = timed_op(w, &op);
	}
	w->end_ns = rt_now();
}

/* ---- life ---- */

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ull +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ull;
}

/* On the node that the task runs on, so that its memory is there. */
static void prepare(struct worker *w)
{
	uint32_t size = job_max_bs(w->clone->job) + SLACK;

	w->buf = mem_alloc_pages(size);
	rng_seed(&w->stamp, w->seed + w->clone->clone);
	for (uint32_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word = rng_next(&w->stamp);
		memcpy(w->buf + i, &word, sizeof(word));
	}
	for (int i = 0; i < OP_KINDS; i++)
		hist_init(&w->op[i]);
	hist_init(&w->service);
	hist_init(&w->response);
	heat_init(&w->heat);
	rng_seed(&w->arrivals, rng_mix(w->seed) + w->clone->clone);
	ops_begin(&w->ops, w->clone, w->seed, w->unlimited);
}

void worker_run(void *arg)
{
	struct worker *w = arg;
	uint64_t ramp_ns = w->clone->job->ramp_ns;

	prepare(w);
	phase(PH_IDLE);
	line_wait(w->line);
	if (ramp_ns)
		interval(w, ramp_ns);
	ops_uncount(&w->ops);
	w->pmu = w->events ? pmu_open(w->events) : NULL;
	line_wait(w->line);
	w->measuring = true;
	w->cpu_ns = cpu_ns();
	if (w->pmu)
		pmu_start(w->pmu);
	if (!w->error)
		interval(w, w->limit_ns);
	if (w->pmu)
		pmu_stop(w->pmu);
	w->cpu_ns = cpu_ns() - w->cpu_ns;
	free(w->buf);
	atomic_fetch_add(&w->line->ended, 1);
	wake_all(&w->line->came);
}
