/*
 * run.c: the order of trials, and the progress line.
 *
 * Targets take turns, A B then B A, so that what drifts in the machine meets both alike.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

#include "base/stop.h"
#include "bench/fio_run.h"
#include "machine/mem.h"

#define RECORDED_PART 4u
#define RECORDED_NS   250000000ull /* of a job that has its own end */

struct progress {
	const struct bench *b;
	unsigned done, total;
	uint64_t begin_ns, trial_ns; /* trial_ns: the running trial began */
	const char *label;
	unsigned tasks;
	bool shown;
};

/* What is left, by how long the trials so far took. */
static void show_progress(void *arg, uint64_t elapsed_ns)
{
	struct progress *p = arg;
	uint64_t now = rt_now(), each, left;

	if (!isatty(STDERR_FILENO))
		return;
	each = p->done ? (p->trial_ns - p->begin_ns) / p->done : p->b->opt.seconds_ns;
	left = each * (p->total - p->done);
	left = left > now - p->trial_ns ? left - (now - p->trial_ns) : 0;
	fprintf(stderr, "\rbench %s: trial %u of %u, %s with %u task%s, %llu s left \033[K", p->b->job[0].label,
	        p->done + 1, p->total, p->label, p->tasks, p->tasks == 1 ? "" : "s",
	        (unsigned long long)(left / 1000000000 + 1));
	p->shown = true;
}

/*
 * The kernel counts at each switch of a task, twice an fsync: 3 to 5 us. Of a real file system that would be
 * a tenth of the latency and more, and fio does not pay it: there only what was asked for is counted.
 */
const char *bench_no_events(const struct bench *b, unsigned target)
{
	if (b->spec[target].fio)
		return "fio drove it";
	if (b->spec[target].target->kernel && !b->opt.events)
		return "on a real file system with --events only: it takes some us of each sync";
	return NULL;
}

static int run_trial(struct bench *b, struct bench_level *l, unsigned target, unsigned trial, struct progress *p,
                     struct why *why)
{
	struct driver_config cfg = {
		.spec = &b->spec[target],
		.clones = l->clones[b->of[target]],
		.n = bench_tasks(b, l, target),
		.placement = b->opt.placement,
		.seconds_ns = b->opt.seconds_ns,
		.seed = b->opt.seed + trial,
		.events = bench_no_events(b, target) ? NULL : &b->events,
		.progress = show_progress,
		.arg = p,
	};
	struct fio_request fio = {
		.job = bench_job(b, target),
		.clones = l->clones[b->of[target]],
		.n = bench_tasks(b, l, target),
		.numjobs = l->threads,
		.placement = b->opt.placement,
		.seconds_ns = b->opt.seconds_ns,
		.spec = &b->spec[target],
		.beside = !b->by_fio,
	};
	struct driver_result *r;
	int ret;

	p->label = b->label[target];
	p->tasks = bench_tasks(b, l, target);
	p->trial_ns = rt_now();
	show_progress(p, 0);
	ret = b->spec[target].fio ? fio_run(&fio, &r, why) : driver_run(&cfg, &r, why);
	if (ret)
		return ret;
	r->by_durable = b->njobs > 1;
	p->done++;
	l->trial[target][trial] = r;
	if (!r->error)
		return 0;
	return why_set(why, r->error, "%s failed: %s", op_name[r->error_op], strerror(-r->error));
}

/*
 * Recording costs some us for each sleep. So where a kernel's syncs wait is looked at in trials of their own, shorter
 * ones, which take turns with those that are measured; of them nothing else is kept.
 */
static int run_recorded(struct bench *b, struct bench_level *l, unsigned target, unsigned trial, struct why *why)
{
	struct target_spec spec = b->spec[target];
	struct driver_config cfg = {
		.spec = &spec,
		.clones = l->clones[b->of[target]],
		.n = bench_tasks(b, l, target),
		.placement = b->opt.placement,
		.seconds_ns = b->opt.seconds_ns ? b->opt.seconds_ns / RECORDED_PART : RECORDED_NS,
		.seed = b->opt.seed + trial,
		.kwaits = true,
	};
	struct driver_result *r, *measured = l->trial[target][trial];
	int ret;

	if (!spec.target->kernel || spec.fio || b->no_kwaits[0] || !measured->sync.n || stop_asked())
		return 0;
	spec.floor_ns = 0;
	ret = driver_run(&cfg, &r, why);
	if (ret)
		return ret;
	measured->kwaits = r->kwaits;
	r->kwaits = NULL;
	driver_free(r);
	return 0;
}

static int run_level(struct bench *b, struct bench_level *l, struct progress *p, struct why *why)
{
	unsigned k = b->opt.ntargets;

	for (unsigned trial = 0; trial < b->opt.trials; trial++)
		for (unsigned i = 0; i < k && !stop_asked(); i++) {
			unsigned target = trial % 2 ? k - 1 - i : i;
			int ret = run_trial(b, l, target, trial, p, why);

			if (!ret)
				ret = run_recorded(b, l, target, trial, why);
			if (ret)
				return why_set(why, ret, "%s: %s", b->label[target], why->text);
		}
	return 0;
}

/* Whether a kernel's waits can be seen, where a target has one; and that they are wanted. */
static void look_at_kwaits(struct bench *b)
{
	struct why why;
	bool any = false;

	for (unsigned t = 0; t < b->opt.ntargets; t++)
		any |= b->spec[t].target->kernel && b->spec[t].target != &target_null && !b->spec[t].fio;
	if (!any || b->opt.no_kernel_waits)
		snprintf(b->no_kwaits, sizeof(b->no_kwaits), "not asked for");
	else if (kwait_allowed(&why))
		snprintf(b->no_kwaits, sizeof(b->no_kwaits), "%s", why.text);
}

int bench_run(struct bench *b, struct why *why)
{
	struct progress p = { .b = b, .begin_ns = rt_now(), .total = b->nlevels * b->opt.ntargets * b->opt.trials };
	int ret = 0;

	b->begin_ns = p.begin_ns;
	look_at_kwaits(b);
	for (unsigned i = 0; i < b->nlevels && !ret && !stop_asked(); i++)
		ret = run_level(b, &b->level[i], &p, why);
	b->interrupted = stop_asked();
	if (p.shown)
		fprintf(stderr, "\r\033[K");
	return ret;
}
