/*
 * clock.c: virtual time: the task with the lowest clock goes on. As rt_work() and sleeps move the clocks forward,
 * things happen in the order in which they would on a machine with as many processors as there are tasks. Among
 * equals the current task goes on, else the one with the lowest number: there is no chance.
 */
#include <stdlib.h>

#include "machine/mem.h"
#include "pick/pickers.h"

static void *clock_create(const char *args, const char **err)
{
	if (*args) {
		*err = "clock takes no arguments";
		return NULL;
	}
	return mem_zalloc(1);
}

static void clock_begin(void *state, uint64_t seed, uint32_t steps)
{
}

static uint32_t clock_pick(void *state, const struct coop_view *v)
{
	uint32_t best = (uint32_t)__builtin_ctzll(v->enabled);

	if (v->enabled & (1ull << v->current))
		best = v->current;
	for (uint64_t left = v->enabled; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (v->clock[id] < v->clock[best])
			best = id;
	}
	return best;
}

const struct picker pick_clock = {
	.name = "clock",
	.what = "virtual time: the task with the lowest clock",
	.create = clock_create,
	.destroy = free,
	.begin = clock_begin,
	.pick = clock_pick,
};
