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
static void stamp(struct worker *w, const struct op *op, unsigned char *buf)
{
	uint64_t *at = (uint64_t *)buf;
	uint64_t mark = (uint64_t)w->clone->clone << 48 | (w->ops.writes & 0xffffffffffff);

	for (uint64_t done = 0; done + 2 * sizeof(*at) <= op->len; done += 4096, at += 4096 / sizeof(*at)) {
		at[0] = mark;
		at[1] = op->off + done;
	}
}

/* What O_SYNC and O_DSYNC mean, for a target that has no open flags. */
static int end_write(struct worker *w, const struct op *op)
{
	const struct target_files *files = w->target->files;
	void *file = w->file[op->file];

	if (w->clone->job->sync == JOB_SYNC_NONE || w->target->kernel)
		return 0;
	if (files->sync_written)
		return files->sync_written(file, op->off, op->len);
	return w->clone->job->sync == JOB_SYNC_SYNC ? files->fsync(file) : files->fdatasync(file);
}

/* create_on_open: a file is made by its first call. */
static int open_file(struct worker *w, unsigned i)
{
	return w->file[i] ? 0 : w->target->files->open(w->instance, &w->want[i], &w->file[i]);
}

static int do_op(struct worker *w, const struct op *op)
{
	const struct target_files *files = w->target->files;
	int ret = open_file(w, op->file);
	void *file = w->file[op->file];

	if (ret)
		return ret;
	switch (op->kind) {
	case OP_WRITE:
		ret = files->write(file, op->off, w->buf, op->len);
		return ret ? ret : end_write(w, op);
	case OP_READ:
		return files->read(file, op->off, w->buf, op->len);
	case OP_RANGE:
		return op->len ? files->sync_range(file, op->off, op->len, op->flags) : 0;
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
	if (ops_due(&w->ops))
		return;
	hist_add(&w->service, end > w->started_ns ? end - w->started_ns : 0);
	hist_add(&w->response, end > w->intended_ns ? end - w->intended_ns : 0);
}

/* A part of a durable write. */
static void add_durable(struct worker *w, enum op_kind kind, uint64_t ns)
{
	if (kind == OP_READ)
		return;
	w->undurable_ns += ns;
	if (w->clone->job->sync ? kind != OP_WRITE : !is_sync(kind) || w->undurable_ns == ns)
		return;
	hist_add(&w->durable, w->undurable_ns);
	w->undurable_ns = 0;
}

/* A read or a write is done, or a sync. */
static void done_op(struct worker *w, const struct op *op, uint64_t begin, uint64_t end, int ret)
{
	if (ret) {
		w->error = ret;
		w->error_op = op->kind;
	}
	if (ret || !w->measuring)
		return;
	hist_add(&w->op[op->kind], end - begin);
	if (!w->queue)
		add_durable(w, op->kind, end - begin);
	if (op->kind == OP_WRITE)
		w->bytes += op->len;
	if (op->kind == OP_READ)
		w->read_bytes += op->len;
	if (w->rated)
		add_response(w, op, begin, end);
}

/* do_op(); of a sync its sleeps are kept, and when the write before it began. */
static int recorded_op(struct worker *w, const struct op *op)
{
	uint64_t begin = kwait_now();
	int ret = do_op(w, op);

	if (op->kind == OP_WRITE)
		w->wrote_ns[op->file] = begin;
	if (ret || !is_sync(op->kind))
		return ret;
	kwait_task_call(w->sleeps, w->wrote_ns[op->file], begin, kwait_now());
	w->wrote_ns[op->file] = 0;
	return 0;
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
	ret = w->sleeps && w->measuring ? recorded_op(w, op) : do_op(w, op);
	end = end_op(known);
	if (phases && w->pmu)
		pmu_sync_end();
	done_op(w, op, begin, end, ret);
	if (ret || !w->measuring || !is_sync(op->kind))
		return end;
	heat_add(&w->heat, end - w->begin_ns, end - begin);
	if (phases)
		add_phases(w, before);
	else
		w->phase_ns[PH_OTHER] += end - begin; /* driver.2 */
	return end;
}

/* ---- calls in flight together ---- */

/* Waits for one of them. Returns when it was found done. */
static uint64_t reap(struct worker *w)
{
	int ret;
	unsigned tag = w->target->files->queue_get(w->queue, &ret);
	struct inflight *f = &w->inflight[tag];
	uint64_t now;

	if (!ret && f->op.kind == OP_WRITE)
		ret = end_write(w, &f->op);
	now = rt_now();
	f->used = false;
	w->ninflight--;
	ops_completed(&w->ops);
	done_op(w, &f->op, f->begin_ns, now, ret);
	return now;
}

static void reap_all(struct worker *w)
{
	while (w->ninflight)
		reap(w);
}

/* Puts a read or a write into the queue, when there is room in it. Returns the time. */
static uint64_t put_op(struct worker *w, const struct op *op)
{
	unsigned tag = 0;
	unsigned char *buf;
	int ret;

	if (w->ninflight == w->depth)
		reap(w);
	while (w->inflight[tag].used)
		tag++;
	buf = w->buf + tag * w->buf_size;
	if (op->kind == OP_WRITE)
		stamp(w, op, buf);
	w->inflight[tag] = (struct inflight){ .op = *op, .begin_ns = rt_now(), .used = true };
	ret = open_file(w, op->file);
	if (!ret)
		ret = w->target->files->queue_put(w->queue, w->file[op->file], op->kind == OP_WRITE, op->off, buf,
		                                  (uint32_t)op->len, tag);
	if (ret) {
		w->inflight[tag].used = false;
		w->error = ret;
		w->error_op = op->kind;
	} else {
		w->ninflight++;
	}
	return rt_now();
}

/* Returns when it ended, or, of a call that stays in flight, when it began. */
static uint64_t make_op(struct worker *w, const struct op *op)
{
	bool io = op->kind == OP_WRITE || op->kind == OP_READ;

	if (io && w->queue)
		return put_op(w, op);
	if (op->closing)
		reap_all(w);
	if (op->kind == OP_WRITE)
		stamp(w, op, w->buf);
	return timed_op(w, op);
}

/* ---- pace ---- */

static void sleep_until(struct worker *w, uint64_t when)
{
	for (uint64_t now = rt_now(); now < when && !stop_asked() && now < w->end_ns; now = rt_now())
		rt->sleep(when - now < SLEEP_SLICE ? when - now : SLEEP_SLICE);
}

/* When the next call is meant to begin: evenly spaced, or each a random time after the one before. */
static uint64_t next_arrival(struct worker *w, bool write)
{
	const struct job *j = w->clone->job;
	double second = SECOND_NS;

	if (j->rate[write])
		return w->begin_ns + (uint64_t)((double)w->asked_bytes[write] * second / (double)j->rate[write]);
	if (j->arrivals == JOB_LINEAR)
		return w->begin_ns + w->asked[write] * SECOND_NS / j->rate_iops[write];
	return w->intended_ns + (uint64_t)(-log(1 - rng_unit(&w->arrivals)) * second / j->rate_iops[write]);
}

static void think(struct worker *w)
{
	const struct job *j = w->clone->job;
	uint64_t now = rt_now(), spin = j->thinktime_spin_ns < j->thinktime_ns ? j->thinktime_spin_ns : j->thinktime_ns;

	while (rt_now() < now + spin)
		;
	sleep_until(w, now + j->thinktime_ns);
}

/* Before a call: waits for its turn, which is by the schedule and not by when the last one ended. */
static void pace(struct worker *w, const struct op *op)
{
	const struct job *j = w->clone->job;
	bool write = op->kind == OP_WRITE;

	if (j->rate_iops[write] || j->rate[write]) {
		w->intended_ns = next_arrival(w, write);
		sleep_until(w, w->intended_ns);
	} else if (j->thinktime_ns && w->issued && w->issued % j->thinktime_blocks == 0) {
		think(w);
	}
	w->issued++;
	w->asked[write]++;
	w->asked_bytes[write] += op->len;
}

/* As fio: a task removes its files, though others may still have them open. */
static void remove_files(struct worker *w)
{
	for (unsigned i = 0; i < w->clone->job->nrfiles; i++) {
		if (w->file[i])
			w->target->files->close(w->file[i]);
		w->file[i] = NULL;
		w->target->files->unlink(w->instance, &w->want[i]); /* -ENOENT: it is shared, and gone */
	}
}

/*
 * A ramp lasts as long as it is to: where the job has done all of it, it begins again. With unlink_each_loop the first
 * call of a pass makes its file anew.
 */
static bool next_op(struct worker *w, struct op *op)
{
	unsigned pass = w->ops.passes;

	if (!ops_next(&w->ops, op)) {
		if (w->measuring)
			return false;
		ops_uncount(&w->ops);
		pass = 0;
		if (!ops_next(&w->ops, op))
			return false;
	}
	if (w->ops.passes != pass && w->clone->job->unlink_each_loop) {
		reap_all(w);
		remove_files(w);
	}
	return true;
}

static void interval(struct worker *w, uint64_t length_ns)
{
	bool paced = w->rated || w->clone->job->thinktime_ns;
	uint64_t now;
	struct op op;

	w->begin_ns = w->intended_ns = now = rt_now();
	w->end_ns = length_ns ? now + length_ns : UINT64_MAX;
	w->issued = w->asked[0] = w->asked[1] = w->asked_bytes[0] = w->asked_bytes[1] = 0;
	while (now < w->end_ns && !w->error && !stop_asked() && next_op(w, &op)) {
		if (paced && (op.kind == OP_WRITE || op.kind == OP_READ)) {
			pace(w, &op);
			if (rt_now() >= w->end_ns)
				break;
		}
		now = make_op(w, &op);
	}
	reap_all(w);
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
	size_t size = (job_max_bs(w->clone->job) + SLACK + 4095) / 4096 * 4096;
	const struct target_files *files = w->target->files;
	const struct job *j = w->clone->job;

	w->rated = j->rate_iops[0] || j->rate_iops[1] || j->rate[0] || j->rate[1];
	w->depth = job_depth(j);
	if (w->depth > 1 && files->queue_open)
		w->error = files->queue_open(w->depth, &w->queue);
	if (!w->queue)
		w->depth = 1;
	w->buf_size = size;
	w->buf = mem_alloc_pages(size * w->depth);
	w->inflight = mem_zalloc(sizeof(*w->inflight) * w->depth);
	rng_seed(&w->stamp, w->seed + w->clone->clone);
	for (size_t i = 0; i + 8 <= size * w->depth; i += 8) {
		uint64_t word = rng_next(&w->stamp);
		memcpy(w->buf + i, &word, sizeof(word));
	}
	for (int i = 0; i < OP_KINDS; i++)
		hist_init(&w->op[i]);
	hist_init(&w->service);
	hist_init(&w->response);
	hist_init(&w->durable);
	heat_init(&w->heat);
	rng_seed(&w->arrivals, rng_mix(w->seed) + w->clone->clone);
	ops_begin(&w->ops, w->clone, w->seed, w->unlimited);
	w->ops.queued = w->queue != NULL;
}

/* What was laid out of its files, into the page cache. */
static void read_before(struct worker *w)
{
	for (unsigned i = 0; i < w->clone->job->nrfiles && !w->error; i++) {
		uint64_t size = w->want[i].layout, len;

		for (uint64_t at = 0; w->file[i] && at < size && !w->error; at += len) {
			len = size - at < w->buf_size ? size - at : w->buf_size;
			w->error = w->target->files->read(w->file[i], at, w->buf, (uint32_t)len);
			w->error_op = OP_READ;
		}
	}
}

static bool others_ended(void *arg)
{
	struct worker *w = arg;

	return atomic_load(&w->line->ended) >= w->before || stop_asked();
}

/* stonewall, then startdelay. What is behind a wall has its ramp there. */
static void wait_for_turn(struct worker *w)
{
	const struct job *j = w->clone->job;

	while (w->before && !wait_until_timeout(&w->line->came, others_ended, w, SLEEP_SLICE))
		;
	w->end_ns = UINT64_MAX;
	if (j->start_ns)
		sleep_until(w, w->line->begin_ns + j->start_ns);
	if (j->ramp_ns && (w->before || j->start_ns)) {
		interval(w, j->ramp_ns);
		ops_uncount(&w->ops);
	}
}

void worker_run(void *arg)
{
	struct worker *w = arg;
	const struct job *j = w->clone->job;

	prepare(w);
	phase(PH_IDLE);
	if (j->pre_read)
		read_before(w);
	line_wait(w->line);
	if (j->ramp_ns && !w->before && !j->start_ns)
		interval(w, j->ramp_ns);
	ops_uncount(&w->ops);
	w->pmu = w->events ? pmu_open(w->events) : NULL;
	line_wait(w->line);
	wait_for_turn(w);
	w->measuring = true;
	w->cpu_ns = cpu_ns();
	if (w->kwaits)
		w->sleeps = kwait_task_open(0, NULL);
	w->wrote_ns = w->sleeps ? mem_zalloc(sizeof(*w->wrote_ns) * j->nrfiles) : NULL;
	if (w->pmu)
		pmu_start(w->pmu);
	if (!w->error)
		interval(w, w->limit_ns);
	if (w->sleeps)
		kwait_task_stop(w->sleeps);
	if (w->pmu)
		pmu_stop(w->pmu);
	w->cpu_ns = cpu_ns() - w->cpu_ns;
	if (j->unlink)
		remove_files(w);
	if (w->queue)
		w->target->files->queue_close(w->queue);
	ops_end(&w->ops);
	free(w->inflight);
	free(w->buf);
	free(w->wrote_ns);
	atomic_fetch_add(&w->line->ended, 1);
	wake_all(&w->line->came);
}
