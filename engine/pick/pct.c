/*
 * pct.c: probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte,
 * "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010).
 *
 * Tasks get random priorities; the enabled task of the highest one runs; at d-1 random decisions out
 * of k the task that is about to run falls to a low priority of its own. A bug of depth d among n
 * tasks is found with probability at least 1/(n k^(d-1)) per schedule.
 *
 * Departures: a decision is counted where at least two tasks are enabled, so k is smaller than the paper's. A task
 * whose timeout is taken falls below all others; else a task that polls would starve those that it polls for. Tasks
 * that begin again for each other's sake (a direct write, while a mapped store makes the page dirty again) may do so
 * for ever under strict priorities, which no kernel's scheduler keeps for ever. So a run that is many times as long as
 * was estimated goes on as a random walk, and ends unless no scheduler could end it (Musuvathi, Qadeer, "Fair
 * stateless model checking", PLDI 2008). "d=auto" draws d from 2 to 6 for each schedule.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "base/rng.h"
#include "machine/mem.h"
#include "pick/pct.h"
#include "pick/pickers.h"

#define D_DEFAULT 3
#define D_MAX     32
#define D_AUTO    0
#define FAIR_FROM 8u /* times the estimate: all change points are past by then */

struct pct {
	unsigned d;                        /* or D_AUTO */
	struct rng rng;
	uint32_t steps;                    /* of this schedule, as begin() was told */
	unsigned nchanges, changed;        /* change points of this schedule; how many are past */
	uint32_t change[D_MAX];            /* ascending decision numbers, from 1 */
	uint32_t decision;
	uint64_t seen;                     /* tasks that have a priority */
	int64_t priority[COOP_TASKS_MAX];  /* high: random; 1..d-1: fell at a change point; negative: timed out */
	int64_t floor;
};

static void *pct_create(const char *args, const char **err)
{
	unsigned d = D_DEFAULT;
	char rest;
	struct pct *p;

	if (!strcmp(args, "d=auto")) {
		d = D_AUTO;
	} else if (*args && (sscanf(args, "d=%u%c", &d, &rest) != 1 || d < 1 || d > D_MAX)) {
		*err = "pct takes d=N with N from 1 to 32, or d=auto";
		return NULL;
	}
	p = mem_zalloc(sizeof(*p));
	p->d = d;
	return p;
}

static void pct_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct pct *p = state;
	unsigned d;

	rng_seed(&p->rng, seed);
	d = p->d == D_AUTO ? PCT_D_AUTO_MIN + (unsigned)rng_below(&p->rng, PCT_D_AUTO_MAX - PCT_D_AUTO_MIN + 1) : p->d;
	p->steps = steps;
	p->nchanges = d - 1;
	p->changed = 0;
	p->decision = 0;
	p->seen = 0;
	p->floor = 0;
	for (unsigned i = 0; i < p->nchanges; i++)
		p->change[i] = 1 + (uint32_t)rng_below(&p->rng, steps);
	qsort(p->change, p->nchanges, sizeof(p->change[0]), order_u32);
}

static void greet_new_tasks(struct pct *p, uint64_t enabled)
{
	for (uint64_t new = enabled & ~p->seen; new; new &= new - 1)
		p->priority[__builtin_ctzll(new)] = (int64_t)((rng_next(&p->rng) >> 2) | (1ull << 40));
	p->seen |= enabled;
}

static uint32_t highest(const struct pct *p, uint64_t enabled)
{
	uint32_t best = (uint32_t)__builtin_ctzll(enabled);

	for (uint64_t left = enabled & (enabled - 1); left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (p->priority[id] > p->priority[best])
			best = id;
	}
	return best;
}

static uint32_t pct_pick(void *state, const struct coop_view *v)
{
	struct pct *p = state;
	uint32_t id;

	p->decision++;
	greet_new_tasks(p, v->enabled);
	if (p->decision / FAIR_FROM > p->steps)
		return pick_random.pick(&p->rng, v);
	id = highest(p, v->enabled);
	while (p->changed < p->nchanges && p->change[p->changed] == p->decision) {
		p->priority[id] = (int64_t)(p->nchanges - p->changed++);
		id = highest(p, v->enabled);
	}
	if (v->timed & (1ull << id))
		p->priority[id] = --p->floor;
	return id;
}

static uint32_t pct_choose(void *state, uint32_t n)
{
	struct pct *p = state;

	return (uint32_t)rng_below(&p->rng, n);
}

void pct_drawn(const void *state, struct pct_drawn *out)
{
	const struct pct *p = state;

	*out = (struct pct_drawn){ p->nchanges + 1, p->steps, (uint32_t)__builtin_popcountll(p->seen) };
}

const struct picker pick_pct = {
	.name = "pct",
	.what = "random priorities with d-1 change points (d=N, d=auto)",
	.create = pct_create,
	.destroy = free,
	.begin = pct_begin,
	.pick = pct_pick,
	.choose = pct_choose,
};
