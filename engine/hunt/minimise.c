/*
 * minimise.c: see minimise.h. The order of the stages: tasks and calls that are not needed are left out; decisions that
 * the failure does not depend on are dropped (the causal slice); blocks of decisions are moved together (greedy); then
 * all schedules with fewer preemptions are tried, which finds a smaller one or proves that there is none; last comes
 * the crash. Here are the order, and the stages that leave out tasks and calls.
 */
#include "hunt/minimise.h"

#include <string.h>

#include "base/check.h"
#include "hunt/judge.h"
#include "hunt/minimise_stages.h"
#include "hunt/run.h"

#define RESTARTS        200u /* random schedules from which one that fails is looked for */
#define STARTS          6u
#define PROOF_DECISIONS 3000000u /* a second or less */

/* ---- fewer tasks and calls ---- */

/* Leaves out more, if v still fails then: that run is the new *v. */
static void without(struct hunt *h, struct violation *v, uint32_t task, uint64_t calls)
{
	struct violation c;

	violation_init(&c);
	schedule_copy(&c.schedule, &v->schedule);
	c.seed = v->seed;
	c.absent = v->absent;
	c.absent.task[task] |= calls;
	hunt_again(h, &c, false);
	if (hunt_judge(h, &c) && violation_same(&c, v))
		violation_swap(v, &c);
	violation_fini(&c);
}

/* How many calls each task makes in v's run, and how many of all those are not left out. */
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

/*
 * Whole tasks first, then their calls, each task's last call first: a call may be there only for a later one, which is
 * gone by then. Number of replays.
 */
static uint32_t minimise_calls(struct hunt *h, struct violation *v)
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

/* ---- other schedules to start from ---- */

/* Looks for another schedule that fails as v does, with c->absent left out: it is in *c, made smaller. */
static bool fails_otherwise(struct hunt *h, const struct violation *v, struct violation *c, struct rng *rng,
                            uint32_t *replays)
{
	struct absent absent = c->absent;

	for (uint32_t i = 0; i < RESTARTS && v->schedule.n; i++, ++*replays) {
		/* decisions of v's in a random order: the tolerant replay skips those that do not fit */
		schedule_clear(&c->schedule);
		for (uint32_t k = 0; k < 2 * v->schedule.n; k++)
			schedule_add(&c->schedule, v->schedule.d[rng_below(rng, v->schedule.n)]);
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

/*
 * The greedy stage ends where no single move helps. What is left of the race is small, so it often fails again under
 * random schedules, also with one call less, and the way may lead further down from one of those. Number of replays.
 */
static uint32_t minimise_restarts(struct hunt *h, struct violation *v)
{
	uint32_t ncalls[RACE_TASKS_MAX] = { 0 }, replays = 1;
	struct violation c;
	struct rng rng;

	rng_seed(&rng, v->seed);
	count_calls(h, v, ncalls);
	violation_init(&c);
	for (uint32_t i = 0; i < h->race->ntasks; i++)
		for (uint32_t k = ncalls[i]; k > 0; k--) {
			if (v->absent.task[i] >> (k - 1) & 1)
				continue;
			c.absent = v->absent;
			c.absent.task[i] |= 1ull << (k - 1);
			if (fails_otherwise(h, v, &c, &rng, &replays))
				violation_swap(v, &c);
		}
	for (uint32_t i = 0; i < STARTS; i++) {
		c.absent = v->absent;
		if (fails_otherwise(h, v, &c, &rng, &replays) && violation_smaller(&c, v))
			violation_swap(v, &c);
	}
	violation_fini(&c);
	return replays;
}

/* ---- the proof ---- */

/*
 * From no preemption upwards: the first schedule that fails has the fewest. True when there was one: it is in *v, and
 * smaller than v was.
 */
static bool prove(struct hunt *h, struct violation *v, struct minimised *m, struct effort *e)
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

/* Is it the failure of a run that ended, of calls to a file system? Then fewer of them are looked for. */
static bool has_calls(const struct hunt *h, const struct violation *v)
{
	return !h->bare && (v->kind == VIOLATION_PROMISE || v->kind == VIOLATION_ERROR);
}

void hunt_minimise(struct hunt *h, struct violation *v, struct minimised *m)
{
	struct effort effort = { .decisions_left = PROOF_DECISIONS };
	uint32_t ncalls[RACE_TASKS_MAX];
	char found[sizeof(v->found)];
	bool smaller;

	memcpy(found, v->found, sizeof(found));
	*m = (struct minimised){ .steps_from = v->run.steps, .preemptions_from = v->run.preemptions,
		                 .tasks_from = tasks_of(h, v) };
	if (has_calls(h, v)) {
		m->calls_from = count_calls(h, v, ncalls);
		m->replays += minimise_slice(h, v);
		m->replays += minimise_calls(h, v);
	}
	m->replays += minimise_moves(h, v);
	if (has_calls(h, v))
		m->replays += minimise_calls(h, v) + minimise_moves(h, v) + minimise_restarts(h, v);
	/* A run that does not end leaves its memory behind, and a proof takes tens of thousands of runs. */
	smaller = has_calls(h, v) || v->kind == VIOLATION_STATE;
	while (smaller) {
		m->replays += (has_calls(h, v) ? minimise_calls(h, v) : 0) + minimise_moves(h, v);
		smaller = prove(h, v, m, &effort);
	}
	if (has_calls(h, v))
		m->calls = count_calls(h, v, ncalls);
	hunt_again(h, v, true);
	CHECK(h->result.end != COOP_DIVERGED); /* (minimise.1) */
	if (v->kind == VIOLATION_PROMISE && h->dev)
		minimise_crash(h, v);
	m->steps = v->run.steps;
	m->preemptions = v->run.preemptions;
	m->tasks = tasks_of(h, v);
	memcpy(v->found, found, sizeof(found));
	h->absent = (struct absent){ 0 };
}
