/*
 * minimise.c: what a reader needs to see of a violation, and no more, in stages: tasks that are not
 * needed are left out; decisions that the failure does not depend on are dropped (the causal slice);
 * blocks of decisions are moved together (greedy); then all schedules with fewer preemptions are
 * tried, which finds a smaller one or proves that there is none; last the crash.
 *
 * (N1) The result of each stage is a recorded run: it replays strictly.
 * (N2) Everything is bounded by numbers of runs, never by time: the same violation gives the same result.
 */
#include "hunt/hunt.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define RESTARTS        200u /* random schedules from which one that fails is looked for */
#define STARTS          6u
#define PROOF_DECISIONS 3000000u /* a second or less */

bool violation_smaller(const struct violation *a, const struct violation *b)
{
	if (a->run.preemptions != b->run.preemptions)
		return a->run.preemptions < b->run.preemptions;
	if (a->run.switches != b->run.switches)
		return a->run.switches < b->run.switches;
	return a->run.steps < b->run.steps;
}

static void swap(struct violation *a, struct violation *b)
{
	struct violation was = *a;

	*a = *b;
	*b = was;
}

bool minimise_try(struct hunt *h, struct violation *best, struct violation *c)
{
	c->seed = best->seed;
	c->absent = best->absent;
	hunt_again(h, c, false);
	if (!hunt_judge(h, c) || !violation_same(c, best) || !violation_smaller(c, best))
		return false;
	swap(best, c);
	return true;
}

/* Does it still fail with more left out? Then that is the new one. */
static bool without(struct hunt *h, struct violation *v, uint32_t task, uint64_t calls)
{
	struct violation c;

	violation_init(&c);
	schedule_copy(&c.schedule, &v->schedule);
	c.seed = v->seed;
	c.absent = v->absent;
	c.absent.task[task] |= calls;
	hunt_again(h, &c, false);
	bool same = hunt_judge(h, &c) && violation_same(&c, v);
	if (same)
		swap(v, &c);
	violation_fini(&c);
	return same;
}

/* The calls of each task in the run that v is. */
static uint32_t count_calls(struct hunt *h, const struct violation *v, uint32_t *ncalls)
{
	uint32_t left = 0;

	hunt_again(h, v, true);
	for (uint32_t i = 0; i < h->race->ntasks; i++) {
		ncalls[i] = v->absent.task[i] & TASK_ABSENT ? 0 : model_calls(h->run.model, h->task_id[i]);
		left += ncalls[i] - (uint32_t)__builtin_popcountll(v->absent.task[i] & ((1ull << ncalls[i]) - 1));
	}
	return left;
}

/* Whole tasks first, then their calls, the last first: what it was for may be gone by then. */
uint32_t minimise_calls(struct hunt *h, struct violation *v)
{
	uint32_t ncalls[RACE_TASKS_MAX] = { 0 }, replays = 0;

	for (uint32_t i = 0; i < h->race->ntasks; i++, replays++)
		without(h, v, i, TASK_ABSENT);
	count_calls(h, v, ncalls);
	for (uint32_t i = 0; i < h->race->ntasks; i++)
		for (uint32_t k = ncalls[i]; k > 0; k--, replays++)
			without(h, v, i, 1ull << (k - 1));
	return replays + 1;
}

/* ---- other starts ---- */

/* Picks at random among the tasks of v's schedule: the tolerant replay skips those that cannot go on. */
static void random_schedule(struct schedule *s, const struct violation *v, struct rng *rng)
{
	schedule_clear(s);
	for (uint32_t i = 0; i < 2 * v->schedule.n; i++)
		schedule_add(s, v->schedule.d[rng_below(rng, v->schedule.n)]);
}

/* Looks for another schedule that fails as v does, with c->absent left out: it is in *c, made smaller. */
static bool fails_otherwise(struct hunt *h, const struct violation *v, struct violation *c, struct rng *rng, uint32_t *replays)
{
	struct absent absent = c->absent;

	for (uint32_t i = 0; i < RESTARTS && v->schedule.n; i++, ++*replays) {
		random_schedule(&c->schedule, v, rng);
		c->seed = v->seed;
		c->absent = absent;
		hunt_again(h, c, false);
		if (!hunt_judge(h, c) || !violation_same(c, v))
			continue;
		*replays += minimise_moves(h, c);
		return true;
	}
	return false;
}

/* Does it still fail without this call, in whatever order? */
static void without_call_at_all(struct hunt *h, struct violation *v, uint32_t task, uint32_t call, struct rng *rng, uint32_t *replays)
{
	struct violation c;

	violation_init(&c);
	c.absent = v->absent;
	c.absent.task[task] |= 1ull << call;
	if (fails_otherwise(h, v, &c, rng, replays))
		swap(&c, v);
	violation_fini(&c);
}

static void another_start(struct hunt *h, struct violation *v, struct rng *rng, uint32_t *replays)
{
	struct violation c;

	violation_init(&c);
	c.absent = v->absent;
	if (fails_otherwise(h, v, &c, rng, replays) && violation_smaller(&c, v))
		swap(&c, v);
	violation_fini(&c);
}

/*
 * Greedy steps end where no single one helps. What is left of the race is small, so it often fails again under
 * random schedules, with a call less too, and from one of them the way may lead further down.
 */
static uint32_t minimise_restarts(struct hunt *h, struct violation *v)
{
	uint32_t ncalls[RACE_TASKS_MAX] = { 0 }, replays = 1;
	struct rng rng;

	rng_seed(&rng, v->seed);
	count_calls(h, v, ncalls);
	for (uint32_t i = 0; i < h->race->ntasks; i++)
		for (uint32_t k = ncalls[i]; k > 0; k--)
			if (!(v->absent.task[i] >> (k - 1) & 1))
				without_call_at_all(h, v, i, k - 1, &rng, &replays);
	for (uint32_t i = 0; i < STARTS; i++)
		another_start(h, v, &rng, &replays);
	return replays;
}

/* ---- the proof ---- */

/* From no preemption upwards, so that the first that fails is one with the fewest. 1 when that is smaller than v was. */
static int prove(struct hunt *h, struct violation *v, struct minimised *m, struct effort *e)
{
	uint64_t before = e->schedules;
	int ret = 0;

	for (m->tried_below = 0; m->tried_below < v->run.preemptions && !ret; m->tried_below += !ret)
		ret = minimise_bounded(h, v, m->tried_below, e);
	m->minimal = ret >= 0;
	m->tried = e->schedules - before;
	return ret > 0;
}

static uint32_t tasks_of(const struct hunt *h, const struct violation *v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->race->ntasks; i++)
		n += !(v->absent.task[i] & TASK_ABSENT);
	return n;
}

/* Of a file system's race that has ended: fewer calls are looked for. */
static bool has_calls(const struct hunt *h, const struct violation *v)
{
	return !h->bare && (v->kind == VIOLATION_PROMISE || v->kind == VIOLATION_ERROR);
}

/* A run that does not end leaves its memory behind: not tens of thousands of them. */
static bool can_prove(const struct hunt *h, const struct violation *v)
{
	return has_calls(h, v) || v->kind == VIOLATION_STATE;
}

/* Smaller by steps, until no schedule with fewer preemptions is. */
static void minimise_proved(struct hunt *h, struct violation *v, struct minimised *m)
{
	struct effort effort = { .decisions_left = PROOF_DECISIONS };

	do
		m->replays += (has_calls(h, v) ? minimise_calls(h, v) : 0) + minimise_moves(h, v);
	while (prove(h, v, m, &effort));
}

void hunt_minimise(struct hunt *h, struct violation *v, struct minimised *m)
{
	uint32_t ncalls[RACE_TASKS_MAX];
	char found[sizeof(v->found)];

	memcpy(found, v->found, sizeof(found));
	*m = (struct minimised){ .steps_from = v->run.steps, .preemptions_from = v->run.preemptions, .tasks_from = tasks_of(h, v) };
	if (has_calls(h, v)) {
		m->calls_from = count_calls(h, v, ncalls);
		m->replays += minimise_slice(h, v);
		m->replays += minimise_calls(h, v);
	}
	m->replays += minimise_moves(h, v);
	if (has_calls(h, v))
		m->replays += minimise_calls(h, v) + minimise_moves(h, v) + minimise_restarts(h, v);
	if (can_prove(h, v))
		minimise_proved(h, v, m);
	if (has_calls(h, v))
		m->calls = count_calls(h, v, ncalls);
	hunt_again(h, v, true);
	CHECK(h->result.end != COOP_DIVERGED); /* (N1) */
	if (v->kind == VIOLATION_PROMISE && h->dev)
		minimise_crash(h, v);
	m->steps = v->run.steps;
	m->preemptions = v->run.preemptions;
	m->tasks = tasks_of(h, v);
	memcpy(v->found, found, sizeof(found));
	h->absent = (struct absent){ 0 };
}
