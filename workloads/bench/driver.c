/*
 * driver.c: one trial: opens the target, lays out its files, starts the tasks on one line, waits, and
 * adds up what they measured. The tasks themselves are driver_task.c.
 */
#include "bench/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/stop.h"
#include "bench/driver_task.h"
#include "job/files.h"
#include "kwait/flushes.h"
#include "kwait/wakers.h"
#include "machine/mem_node.h"
#include "machine/mem.h"
#include "recipe/load.h"

#define PROGRESS_NS 200000000ull


/* A trial while it runs. */
struct trial {
	const struct driver_config *cfg;
	const struct target *target;
	void *instance;
	struct worker *worker;   /* cfg->n */
	struct job_files files;
	struct line line;
	struct driver_result *r;
	uint64_t began_ns;       /* by the clock of kwait/task.h */
	struct flushes *flushes; /* of the device, while syncs are held against them; NULL */
	struct wakers *wakers;   /* who ends their sleeps; NULL */
};

/* ---- files ---- */

/* A file as clone c asks for it when it opens it. */
static struct target_file wanted(const struct trial *t, const struct job_made *f, const struct job *j)
{
	return (struct target_file){
		.name = f->name, .home = t->cfg->clones[f->first].clone, .layout = f->layout, .space = f->space,
		.fallocate = f->fallocate, .direct = j->direct, .mapped = j->mapped, .sync = j->sync,
	};
}

/* Laid out from the memory of the task that will use it (driver_plan.2). */
static int make_files(struct trial *t, const struct placement *plan, struct why *why)
{
	int ret = 0;

	for (unsigned i = 0; i < t->files.n && !ret; i++) {
		const struct job_made *f = &t->files.file[i];
		struct target_file want = wanted(t, f, t->cfg->clones[f->first].job);

		if (!f->before)
			continue;
		mem_use_placement(&plan[f->first]);
		ret = t->target->files->make(t->instance, &want);
		mem_use_node(-1);
		if (ret)
			why_set(why, ret, "cannot lay out file %s (%llu bytes): %s", f->name,
			        (unsigned long long)(f->layout > f->space ? f->layout : f->space), strerror(-ret));
	}
	return ret;
}

/* Each task has descriptors of its own, with the flags of its section. */
static int open_files_of(struct trial *t, unsigned i, struct why *why)
{
	const struct job *j = t->cfg->clones[i].job;
	struct worker *w = &t->worker[i];
	int ret;

	w->file = mem_zalloc(sizeof(void *) * j->nrfiles);
	w->want = mem_zalloc(sizeof(*w->want) * j->nrfiles);
	for (unsigned k = 0; k < j->nrfiles; k++) {
		w->want[k] = wanted(t, &t->files.file[t->files.of[i][k]], j);
		if (j->create_on_open)
			continue;
		ret = t->target->files->open(t->instance, &w->want[k], &w->file[k]);
		if (ret)
			return why_set(why, ret, "cannot open file %s: %s", w->want[k].name, strerror(-ret));
	}
	return 0;
}

static int open_files(struct trial *t, const struct placement *plan, struct why *why)
{
	const struct driver_config *cfg = t->cfg;
	int ret;

	job_files(cfg->clones, cfg->n, &t->files);
	ret = make_files(t, plan, why);
	for (unsigned i = 0; i < cfg->n && !ret; i++) {
		mem_use_placement(&plan[i]);
		ret = open_files_of(t, i, why);
		mem_use_node(-1);
	}
	if (ret)
		return ret;
	ret = t->target->settle(t->instance);
	if (ret)
		why_set(why, ret, "cannot sync the files laid out: %s", strerror(-ret));
	return ret;
}

static void close_files(struct trial *t)
{
	for (unsigned i = 0; i < t->cfg->n; i++) {
		struct worker *w = &t->worker[i];

		for (unsigned k = 0; w->file && k < t->cfg->clones[i].job->nrfiles; k++)
			if (w->file[k])
				t->target->files->close(w->file[k]);
		free(w->file);
		free(w->want);
	}
	job_files_free(&t->files);
}

/* A job may have more files than a process may open by default. */
static void allow_descriptors(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l)) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

/* ---- the line ---- */

static bool all_came(void *arg)
{
	struct line *l = arg;

	return atomic_load(&l->waiting) == l->n;
}

static bool all_ended(void *arg)
{
	struct line *l = arg;

	return atomic_load(&l->ended) == l->n;
}

static void wait_for(struct trial *t, bool (*cond)(void *), uint64_t since)
{
	while (!wait_until_timeout(&t->line.came, cond, &t->line, PROGRESS_NS))
		if (t->cfg->progress)
			t->cfg->progress(t->cfg->arg, rt_now() - since);
}

static void open_line(struct line *l)
{
	atomic_store(&l->waiting, 0);
	atomic_fetch_add(&l->gone, 1);
	wake_all(&l->go);
}

/* ---- tasks ---- */

static void start_tasks(struct trial *t, const struct placement *plan)
{
	const struct driver_config *cfg = t->cfg;
	unsigned before = 0; /* tasks of the sections that a stonewall waits for */

	t->line.n = cfg->n;
	waitq_init(&t->line.go, L_TASK);
	waitq_init(&t->line.came, L_TASK);
	for (unsigned i = 0; i < cfg->n; i++) {
		struct worker *w = &t->worker[i];
		const struct job *j = cfg->clones[i].job;
		char name[TASK_NAME_MAX];

		w->clone = &cfg->clones[i];
		w->target = t->target;
		w->instance = t->instance;
		if (i && j->stonewall && j != cfg->clones[i - 1].job)
			before = i;
		w->before = before;
		w->line = &t->line;
		w->limit_ns = cfg->seconds_ns ? cfg->seconds_ns : j->runtime_ns;
		w->unlimited = cfg->seconds_ns || j->time_based;
		w->seed = cfg->seed;
		w->events = cfg->events;
		w->kwaits = cfg->kwaits && t->target->kernel;
		snprintf(name, sizeof(name), "%.12s.%u", j->name, cfg->clones[i].clone);
		w->task = rt_spawn(name, worker_run, w, &plan[i]);
	}
}

/* Everything from the line to the last task's end. */
static void run_tasks(struct trial *t)
{
	struct driver_result *r = t->r;
	uint64_t since = rt_now();
	struct load load;

	wait_for(t, all_came, since);
	open_line(&t->line); /* the ramp, of those that have one */
	wait_for(t, all_came, since);
	lock_stats_enable(true);
	rt_reset_totals();
	if (t->target->view.begin)
		t->target->view.begin(t->instance);
	load_begin(&load);
	t->line.begin_ns = rt_now();
	open_line(&t->line);
	wait_for(t, all_ended, since);
	r->others = load_of_others(&load);
	r->stolen = load_stolen(&load);
	r->mhz = load_mhz();
	rt_totals(r->counters);
	lock_totals(r->waits);
	lock_stats_enable(false);
	for (unsigned i = 0; i < t->cfg->n; i++) {
		r->task[i].bound = rt_bind_result(t->worker[i].task);
		rt_join(t->worker[i].task);
	}
}

/* ---- results ---- */

static void add_task(struct driver_result *r, const struct worker *w, struct driver_task *out)
{
	struct hist *sync = mem_alloc(sizeof(*sync));

	hist_init(sync);
	hist_merge(sync, &w->op[OP_FSYNC]);
	hist_merge(sync, &w->op[OP_FDATASYNC]);
	snprintf(out->name, sizeof(out->name), "%s.%u", w->clone->job->name, w->clone->clone);
	out->writes = w->op[OP_WRITE].n;
	out->syncs = sync->n;
	out->sync_p50_ns = hist_percentile(sync, 50);
	out->sync_p99_ns = hist_percentile(sync, 99);
	out->grouped = w->clone->job->group_reporting;
	hist_merge(&r->sync, sync);
	hist_merge(&r->service, &w->service);
	hist_merge(&r->response, &w->response);
	hist_merge(&r->durable, &w->durable);
	heat_merge(&r->heat, &w->heat);
	for (int i = 0; i < OP_KINDS; i++)
		hist_merge(&r->op[i], &w->op[i]);
	for (int i = 0; i < PH_NR; i++)
		r->phase_ns[i] += w->phase_ns[i];
	r->promised += sync->n;
	if (w->clone->job->sync && !w->clone->job->direct) /* a direct one may be a FUA write, without a flush */
		r->promised += out->writes;
	r->bytes += w->bytes;
	r->read_bytes += w->read_bytes;
	r->cpu_ns += w->cpu_ns;
	if (w->error && !r->error) {
		r->error = w->error;
		r->error_op = w->error_op;
	}
	free(sync);
}

static void check_phases(const struct driver_result *r)
{
	uint64_t sum = 0;

	for (int i = 0; i < PH_NR; i++)
		sum += r->phase_ns[i];
	CHECK(!rt_instrument || sum == r->sync.sum); /* driver.2 */
}

static void note(struct driver_result *r, const char *what)
{
	size_t at = strlen(r->notice);

	if (what[0])
		snprintf(r->notice + at, sizeof(r->notice) - at, "%s%s", at ? "; " : "", what);
}

/* A sync that costs no flush made nothing durable: the figures of such a run would be of nothing. */
void driver_check_flushes(struct driver_result *r)
{
	uint64_t flushed = r->counters[C_DEV_FLUSH] * r->n + r->counters[C_FSYNC_SKIPPED];

	if (rt_instrument && r->has_device && flushed < r->sync.n)
		note(r, "fewer flushes than the fsyncs need: nothing was made durable by some of them");
}

/*
 * Each sync of each task needs a flush that began after it was called; tasks can share one. A design that has
 * nothing to do needs none, and only a build that counts can tell how often.
 */
static void check_barriers(struct driver_result *r)
{
	const struct target_barriers *b = &r->barriers;
	uint64_t promised = r->promised - r->counters[C_FSYNC_SKIPPED];
	bool known = !r->has_device || rt_instrument;
	char line[200];

	if (!promised)
		return;
	if (b->why[0] && !b->none_needed) {
		snprintf(line, sizeof(line), "whether the syncs reached a device cannot be checked: %.120s", b->why);
		note(r, line);
	} else if (!b->why[0] && known && b->flushes * r->n < promised) {
		r->too_few_flushes = true;
		snprintf(line, sizeof(line), "%llu flushes of %.32s for %llu syncs: some of them made nothing durable",
		         (unsigned long long)b->flushes, b->device, (unsigned long long)promised);
		note(r, line);
	}
}

/* Memory that was to be on a node, and is not, makes the figures those of another placement. */
static void check_memory(struct driver_result *r)
{
	bool asked = r->helper_nodes[0];

	for (unsigned i = 0; i < r->n; i++)
		asked |= r->task[i].where.memory != PLACE_LOCAL || r->task[i].where.node >= 0;
	if (asked && !place_init() && place_topology()->nodes > 1)
		note(r, mem_notice());
}

/* A section's tasks stand beside each other. */
static void add_section(struct driver_result *r, const struct worker *w, bool first)
{
	struct driver_section *s;

	if (first) {
		r->section = realloc(r->section, sizeof(*r->section) * (r->nsections + 1));
		CHECK(r->section);
		s = &r->section[r->nsections++];
		*s = (struct driver_section){ .begin_ns = UINT64_MAX };
		strcpy(s->name, w->clone->job->name);
		for (int i = 0; i < OP_KINDS; i++)
			hist_init(&s->op[i]);
	}
	s = &r->section[r->nsections - 1];
	s->tasks++;
	for (int i = 0; i < OP_KINDS; i++)
		hist_merge(&s->op[i], &w->op[i]);
	s->bytes += w->bytes;
	s->read_bytes += w->read_bytes;
	s->begin_ns = w->begin_ns < s->begin_ns ? w->begin_ns : s->begin_ns;
	s->end_ns = w->end_ns > s->end_ns ? w->end_ns : s->end_ns;
}

/* Begins to record what the device makes durable, where that can be seen and matters. */
static void record_flushes(struct trial *t)
{
	const char *because = "no block device is under it";
	struct target_facts facts;
	struct why why;

	if (!t->cfg->kwaits)
		return;
	t->r->kwaits = mem_zalloc(sizeof(*t->r->kwaits));
	t->target->view.facts(t->instance, &facts);
	if (facts.barriers && facts.barriers->why[0])
		because = facts.barriers->why;
	if (facts.barriers && facts.barriers->device[0]) {
		t->flushes = flushes_begin(facts.barriers->device, &why);
		if (!t->flushes)
			because = why.text;
	}
	if (!t->flushes || (facts.barriers && facts.barriers->none_needed)) /* else its flushes mean something */
		snprintf(t->r->kwaits->not_judged, sizeof(t->r->kwaits->not_judged), "%.150s", because);
	t->wakers = wakers_begin(&why);
	if (!t->wakers)
		snprintf(t->r->kwaits->no_wakers, sizeof(t->r->kwaits->no_wakers), "%.150s", why.text);
}

/* Whether the task was in a sync at that time. */
static bool syncs_at(const struct worker *w, uint64_t when)
{
	size_t low = 0, high;
	const struct kwait_call *c = kwait_task_calls(w->sleeps, &high);
	size_t n = high;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c[mid].end_ns <= when)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && c[low].begin_ns <= when;
}

static void note_early(struct trial *t, const struct worker *of, const struct kwait_call *c)
{
	struct kwait_sum *sum = t->r->kwaits;

	if (sum->early++ >= KWAIT_EARLY)
		return;
	struct kwait_early *e = &sum->first[sum->early - 1];
	*e = (struct kwait_early){ .at_ns = c->begin_ns - t->began_ns, .took_ns = c->end_ns - c->begin_ns,
	                           .wrote_ns = c->end_ns - c->wrote_ns };
	snprintf(e->task, sizeof(e->task), "%.20s.%u", of->clone->job->name, of->clone->clone);
	for (unsigned i = 0; i < t->cfg->n; i++)
		e->beside += &t->worker[i] != of && t->worker[i].sleeps && syncs_at(&t->worker[i], c->end_ns);
}

/* Holds each sync that follows a write against the flushes of the device (kwait/flushes.h). */
static void judge_syncs(struct trial *t)
{
	struct kwait_sum *sum = t->r->kwaits;
	size_t n;

	if (!t->flushes)
		return;
	flushes_end(t->flushes);
	if (flushes_lost(t->flushes))
		snprintf(sum->not_judged, sizeof(sum->not_judged), "%llu records of the device were dropped",
		         (unsigned long long)flushes_lost(t->flushes));
	for (unsigned i = 0; i < t->cfg->n && !sum->not_judged[0]; i++) {
		const struct kwait_call *c = t->worker[i].sleeps ? kwait_task_calls(t->worker[i].sleeps, &n) : NULL;

		for (size_t k = 0; c && k < n; k++) {
			if (!c[k].wrote_ns)
				continue;
			sum->judged++;
			if (!flushes_within(t->flushes, c[k].wrote_ns, c[k].end_ns))
				note_early(t, &t->worker[i], &c[k]);
		}
	}
}

static void add_up(struct trial *t)
{
	struct driver_result *r = t->r;
	struct kwait_beside beside = { .wakers = t->wakers };
	uint64_t begin = UINT64_MAX, end = 0;

	judge_syncs(t);
	if (t->flushes && !flushes_lost(t->flushes))
		beside.device = t->flushes;
	if (t->wakers)
		wakers_end(t->wakers);
	if (t->wakers && wakers_lost(t->wakers))
		snprintf(r->kwaits->no_wakers, sizeof(r->kwaits->no_wakers), "%llu records of the kernel were dropped",
		         (unsigned long long)wakers_lost(t->wakers));
	for (unsigned i = 0; i < t->cfg->n; i++) {
		const struct worker *w = &t->worker[i];
		add_task(r, w, &r->task[i]);
		add_section(r, w, !i || w->clone->job != t->worker[i - 1].clone->job);
		if (w->pmu)
			pmu_add(w->pmu, &r->events);
		pmu_close(w->pmu);
		if (w->sleeps)
			kwait_sum_task(r->kwaits, w->sleeps, &beside);
		kwait_task_close(w->sleeps);
		begin = w->begin_ns < begin ? w->begin_ns : begin;
		end = w->end_ns > end ? w->end_ns : end;
	}
	wakers_free(t->wakers);
	flushes_free(t->flushes);
	r->begin_ns = begin;
	r->elapsed_ns = end > begin ? end - begin : 0;
	r->interrupted = stop_asked();
	check_phases(r);
	check_memory(r);
	driver_facts(r, t->target, t->instance);
}

void driver_facts(struct driver_result *r, const struct target *target, void *instance)
{
	struct target_facts facts;

	target->view.facts(instance, &facts);
	note(r, facts.notice);
	r->drive = facts.drive;
	r->has_device = facts.device != NULL;
	if (facts.device)
		r->device = *facts.device;
	if (facts.floor)
		hist_merge(&r->floor, facts.floor);
	if (facts.made)
		snprintf(r->made, sizeof(r->made), "%s", facts.made);
	r->has_barriers = facts.barriers != NULL;
	if (facts.barriers)
		r->barriers = *facts.barriers;
	if (r->error)
		return;
	driver_check_flushes(r);
	if (r->has_barriers)
		check_barriers(r);
}

double driver_rate(const struct driver_result *r, const struct hist *h)
{
	return r->elapsed_ns ? h->n * 1e9 / r->elapsed_ns : 0;
}

/* ---- the whole ---- */

static int run_opened(struct trial *t, const struct placement *plan, struct why *why)
{
	int ret;

	allow_descriptors();
	ret = open_files(t, plan, why);

	if (ret)
		goto close_files;
	for (unsigned i = 0; i < t->cfg->n; i++)
		t->r->task[i].where = plan[i];
	record_flushes(t);
	t->began_ns = kwait_now();
	start_tasks(t, plan);
	run_tasks(t);
	add_up(t);

close_files:
	close_files(t);
	return ret;
}

/*
 * The tasks and the memory of a target that is not the kernel go where driver_plan.c says (driver_plan.1,
 * driver_plan.2).
 */
static int open_target(struct trial *t, const struct placement *plan, struct why *why)
{
	struct placement home = { .pu = -1, .node = -1 };
	char nodes[sizeof(t->r->helper_nodes)] = "";
	int ret;

	if (!t->target->kernel)
		driver_plan_helpers(t->cfg, plan, nodes, sizeof(nodes));
	rt_place_helpers(nodes);
	if (nodes[0] && place_topology()->real)
		strcpy(t->r->helper_nodes, nodes);
	if (nodes[0] && !nodes[strspn(nodes, "0123456789")])
		home.node = atoi(nodes);
	mem_use_placement(&home);
	ret = t->target->open(t->cfg->spec, &t->instance, why);
	mem_use_node(-1);
	return ret;
}

/* A floor that is one tick of a busy machine is told (load.1). */
static void check_floor(struct driver_result *r, const struct load *since)
{
	const struct hist *look[] = { &r->floor, &r->floor_after };
	uint64_t least = UINT64_MAX;
	char of_it[200], text[256];

	for (unsigned i = 0; i < 2; i++)
		if (look[i]->n && hist_percentile(look[i], 50) < least)
			least = hist_percentile(look[i], 50);
	if (!load_makes(least, load_tick_ns(), load_of_others(since)))
		return;
	load_say(load_tick_ns(), of_it, sizeof(of_it));
	snprintf(text, sizeof(text), "in a trial its floor was %s", of_it);
	note(r, text);
}

static int run_planned(struct trial *t, const struct placement *plan, struct why *why)
{
	struct load load;
	int ret, ret2;

	load_begin(&load);
	ret = open_target(t, plan, why);
	if (ret)
		return ret;
	ret = run_opened(t, plan, why);
	if (!ret && t->target->view.look)
		t->target->view.look(t->instance, &t->r->floor_after);
	if (!ret)
		check_floor(t->r, &load);
	ret2 = t->target->close(t->instance);
	if (!ret && ret2 && !t->r->error) {
		why_set(why, ret, "unmount: %s", strerror(-ret2));
		ret = ret2;
	}
	return ret;
}

int driver_run(const struct driver_config *cfg, struct driver_result **out, struct why *why)
{
	struct trial t = { .cfg = cfg, .target = cfg->spec->target, .r = driver_new(cfg->n) };
	struct placement *plan = mem_zalloc(sizeof(*plan) * cfg->n);
	int ret = driver_plan(cfg, plan, why);

	t.worker = mem_zalloc(sizeof(*t.worker) * cfg->n);
	if (!ret)
		ret = run_planned(&t, plan, why);
	rt_place_helpers(NULL);
	free(t.worker);
	free(plan);
	if (!ret)
		*out = t.r;
	else
		driver_free(t.r);
	return ret;
}

struct driver_result *driver_new(unsigned n)
{
	struct driver_result *r = mem_zalloc(sizeof(*r));

	r->n = n;
	r->task = mem_zalloc(sizeof(*r->task) * n);
	r->waits = mem_zalloc(sizeof(*r->waits) * L_NR);
	for (int i = 0; i < OP_KINDS; i++)
		hist_init(&r->op[i]);
	hist_init(&r->sync);
	hist_init(&r->service);
	hist_init(&r->response);
	hist_init(&r->durable);
	hist_init(&r->floor);
	hist_init(&r->floor_after);
	heat_init(&r->heat);
	return r;
}

void driver_free(struct driver_result *r)
{
	if (!r)
		return;
	free(r->section);
	free(r->task);
	free(r->waits);
	free(r->kwaits);
	free(r);
}
