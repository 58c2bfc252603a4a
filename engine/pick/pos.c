/*
 * pos.c: partial order sampling (Yuan, Yang, Gu, "Partial order aware concurrency sampling", CAV
 * 2018): each pending operation has a random priority, the highest of the enabled ones runs, and those that
 * conflict with it draw again. So each of several racing operations comes first with equal chance, however
 * many other operations there are that race with none of them.
 *
 * Departures: two operations conflict when their points name the same object, unless both only read it. What an
 * operation does besides, such as a wake, does not count. A task that has not come to its first point conflicts with
 * no other.
 */
#include <stdlib.h>

#include "base/rng.h"
#include "machine/mem.h"
#include "pick/pickers.h"

struct pos {
	struct rng rng;
	uint64_t drawn; /* tasks whose pending operation has its priority */
	uint64_t priority[COOP_TASKS_MAX];
};

static void *pos_create(const char *args, const char **err)
{
	if (*args) {
		*err = "pos takes no arguments";
		return NULL;
	}
	return mem_zalloc(sizeof(struct pos));
}

static void pos_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct pos *p = state;

	rng_seed(&p->rng, seed);
	p->drawn = 0;
}

static bool only_reads(enum point_kind kind)
{
	return kind == POINT_READ || kind == POINT_SHARED || kind == POINT_WAIT;
}

static uint64_t conflicting(const struct coop_view *v, uint32_t id)
{
	uint64_t mask = 0;

	if (!v->obj[id])
		return 0;
	for (uint64_t left = v->enabled; left; left &= left - 1) {
		uint32_t other = (uint32_t)__builtin_ctzll(left);
		if (v->obj[other] == v->obj[id] && !(only_reads(v->kind[other]) && only_reads(v->kind[id])))
			mask |= 1ull << other;
	}
	return mask;
}

static uint32_t pos_pick(void *state, const struct coop_view *v)
{
	struct pos *p = state;
	uint32_t best = 0;

	for (uint64_t left = v->enabled & ~p->drawn; left; left &= left - 1)
		p->priority[__builtin_ctzll(left)] = rng_next(&p->rng) | 1;
	p->drawn |= v->enabled;
	for (uint64_t left = v->enabled, most = 0; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (p->priority[id] > most) {
			most = p->priority[id];
			best = id;
		}
	}
	p->drawn &= ~(conflicting(v, best) | 1ull << best);
	return best;
}

static uint32_t pos_choose(void *state, uint32_t n)
{
	struct pos *p = state;

	return (uint32_t)rng_below(&p->rng, n);
}

const struct picker pick_pos = {
	.name = "pos",
	.what = "a random priority for each operation, drawn again by what conflicts",
	.create = pos_create,
	.destroy = free,
	.begin = pos_begin,
	.pick = pos_pick,
	.choose = pos_choose,
	.every_turn = true,
};
