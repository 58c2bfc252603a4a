/* stress.c: see stress.h: rounds on threads, and their crashes. */
#include "hunt/stress.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/stop.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "machine/mem.h"
#include "rt/lock.h"

/* A round is over when one of these is reached. Its record and its history can then be judged in milliseconds. */
#define ROUND_CALLS  256u
#define ROUND_EVENTS 1024u
#define ROUND_FILES  (MODEL_FILES / 2) /* the rest is room for the turns that are under way: each makes few files */
#define ROUND_TURNS  10000u
/*
 * A task pauses up to so long before each turn. Without pauses the count would measure nothing: a writer would make a
 * thousand writes for each fsync, and a task that only calls fsync would spin on a clean file.
 */
#define PAUSE_NS     50000u

/* ---- a round: the tasks ---- */

struct racer {
	struct round *round;
	struct race_run run;
	struct task *task;
};

struct round {
	struct hunt *h;
	uint32_t calls_before;
	uint32_t n;
	_Atomic uint32_t ended;
	_Atomic bool over;
	struct waitq to_main;
	struct racer racer[RACE_TASKS_MAX];
};

static bool all_ended(void *arg)
{
	struct round *r = arg;

	return atomic_load(&r->ended) == r->n;
}

static bool is_over(const struct round *r)
{
	const struct model *m = r->h->run.model;

	return model_nops(m) - r->calls_before >= ROUND_CALLS || model_nfiles(m) >= ROUND_FILES ||
	       powercut_position(r->h->dev) >= ROUND_EVENTS;
}

/* The first task to see that the round is over ends it for all: no task goes on alone. */
static void racer_main(void *arg)
{
	struct racer *me = arg;
	struct round *r = me->round;
	struct rng rng;

	rng_seed(&rng, rng_mix(me->run.seed) ^ me->run.me);
	for (uint32_t turn = 0; turn < ROUND_TURNS && !atomic_load(&r->over); turn++) {
		rt->sleep(1 + rng_below(&rng, PAUSE_NS));
		me->run.seed = rng_next(&rng);
		me->run.race->tasks[me->run.me].run(&me->run);
		if (is_over(r))
			atomic_store(&r->over, true);
	}
	atomic_store(&r->over, true);
	if (me->run.race->over)
		me->run.race->over(&me->run);
	atomic_fetch_add(&r->ended, 1);
	wake_all(&r->to_main);
}

static int wait_for_all(struct round *r)
{
	uint32_t before = 0, now;

	while (!wait_until_timeout(&r->to_main, all_ended, r, STRESS_STUCK_NS)) {
		now = model_nops(r->h->run.model) + powercut_position(r->h->dev);
		if (now == before)
			return -EDEADLK;
		before = now;
	}
	return 0;
}

static int race_once(struct round *r)
{
	struct hunt *h = r->h;

	CHECK(r->n <= RACE_TASKS_MAX);
	for (uint32_t i = 0; i < r->n; i++) {
		r->racer[i] = (struct racer){ .round = r, .run = h->run };
		r->racer[i].run.me = i;
	}
	for (uint32_t i = 0; i < r->n; i++)
		r->racer[i].task = rt_spawn(h->race->tasks[i].name, racer_main, &r->racer[i], NULL);
	int ret = wait_for_all(r);
	for (uint32_t i = 0; i < r->n && !ret; i++)
		rt_join(r->racer[i].task);
	return ret;
}

static int run_round(struct hunt *h, const struct stress *s, uint64_t seed)
{
	struct round r = { .h = h, .n = h->race->ntasks };

	waitq_init(&r.to_main, L_WORK);
	hunt_rewind(h, seed);
	r.calls_before = model_nops(h->run.model);
	noise_start(s->noise, seed);
	hunt_mount(h);
	int ret = race_once(&r);
	if (ret)
		return ret;
	hunt_abandon(h);
	noise_stop();
	return 0;
}

/* ---- the crashes of a round ---- */

struct moments {
	uint32_t *pos, n, cap;
};

static int note_moment(void *arg, const struct epoch *e)
{
	struct moments *m = arg;

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 256;
		m->pos = realloc(m->pos, m->cap * sizeof(*m->pos));
		CHECK(m->pos);
	}
	m->pos[m->n++] = e->pos;
	return 0;
}

/* Keeps n of them, drawn with equal chances, in their order. */
static void sample_moments(struct moments *m, uint32_t n, struct rng *rng)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n && kept < n; i++)
		if (rng_below(rng, m->n - i) < n - kept)
			m->pos[kept++] = m->pos[i];
	if (m->n > n)
		m->n = kept;
}

/* What survives of the writes that are not durable: none, all, or each with one chance in two. */
static void draw_crash(struct hunt *h, uint32_t pos, struct rng *rng, struct crash *c)
{
	uint64_t how = rng_below(rng, 3);
	struct epoch e;

	powercut_epoch_at(h->dev, pos, &e);
	*c = (struct crash){ .pos = pos, .npending = e.npending };
	for (uint32_t i = 0; i < e.npending && c->nkept < CRASH_KEPT_MAX && how; i++)
		if (how == 1 || rng_below(rng, 2))
			c->kept[c->nkept++] = e.pending[i];
}

static enum violation_kind judge_moments(struct hunt *h, struct stress *s, const struct moments *m, struct rng *rng,
                                         struct violation *v)
{
	enum violation_kind kind = VIOLATION_NONE;

	for (uint32_t i = 0; i < m->n && !kind; i++) {
		struct crash c;
		draw_crash(h, m->pos[i], rng, &c);
		s->images++;
		kind = hunt_judge_crash(h, &c, v);
	}
	return kind;
}

static enum violation_kind judge_round(struct hunt *h, struct stress *s, struct violation *v)
{
	struct moments m = { 0 };
	struct rng rng;

	h->result = (struct coop_result){ .end = COOP_FINISHED };
	enum violation_kind kind = hunt_judge_calls(h, v);
	if (kind)
		return kind;
	rng_seed(&rng, rng_mix(h->run.seed));
	powercut_epochs(h->dev, note_moment, &m);
	sample_moments(&m, s->cuts ? s->cuts : STRESS_CUTS, &rng);
	kind = judge_moments(h, s, &m, &rng, v);
	free(m.pos);
	return kind;
}

/* Calls that ended by device position `until`: that of the crash, when there was one (stress.1). */
static void count_calls(const struct hunt *h, struct stress *s, uint32_t from, uint32_t until)
{
	const struct model *m = h->run.model;

	for (uint32_t i = from; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->pe > until)
			continue;
		s->calls++;
		s->fsyncs += !o->ret && (o->kind == OP_FSYNC || o->kind == OP_FDATASYNC) && o->pe > o->pb;
	}
}

/* ---- rounds ---- */

static bool over(const struct stress *s, uint64_t since)
{
	if (stop_asked())
		return true;
	if (s->rounds && s->run >= s->rounds)
		return true;
	return s->seconds > 0 && (double)(rt_now() - since) / 1e9 >= s->seconds;
}

static int stress_round(struct hunt *h, struct stress *s, uint32_t setup_calls)
{
	struct violation v;

	int ret = run_round(h, s, hunt_seed(s->seed, s->run));
	if (ret)
		return ret;
	violation_init(&v);
	enum violation_kind kind = judge_round(h, s, &v);
	count_calls(h, s, setup_calls, kind == VIOLATION_PROMISE ? v.crash.pos : UINT32_MAX - 1);
	if (kind) {
		s->hits++;
		if (s->hit)
			s->hit(s, h, &v, s->arg);
	}
	violation_fini(&v);
	return 0;
}

int stress_run(struct hunt *h, struct stress *s)
{
	uint64_t since = rt_now();
	int ret = 0;

	s->run = s->calls = s->fsyncs = s->images = s->hits = 0;
	hunt_rewind(h, 0);
	uint32_t setup_calls = model_nops(h->run.model);
	while (!ret && !over(s, since)) {
		s->run++;
		ret = stress_round(h, s, setup_calls);
	}
	s->took = (double)(rt_now() - since) / 1e9;
	return ret;
}

/* ---- the interval of a rate ---- */

/* The chance that a Poisson count with this mean is at most n. */
static double poisson_below(uint64_t n, double mean)
{
	double sum = 0;

	for (uint64_t i = 0; i <= n; i++)
		sum += exp((double)i * log(mean) - mean - lgamma((double)i + 1));
	return sum;
}

/* The mean at which poisson_below() is `chance`, by bisection: it falls as the mean grows. */
static double poisson_mean(uint64_t n, double chance)
{
	double low = 1e-9, high = 2 * (double)n + 20;

	for (int i = 0; i < 100; i++) {
		double mid = (low + high) / 2;
		if (poisson_below(n, mid) > chance)
			low = mid;
		else
			high = mid;
	}
	return low;
}

void stress_interval(uint64_t n, double *low, double *high)
{
	*low = n ? poisson_mean(n - 1, 0.975) : 0;
	*high = poisson_mean(n, 0.025);
}
