/*
 * urw.c: the uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, "Selectively uniform
 * concurrency testing", ASPLOS 2025, section 3): a task is picked with a chance proportional to the steps
 * that it still has to do. When tasks do not wait for each other, all interleavings are then equally likely. A plain
 * random walk almost never gives one in which a long task comes late.
 *
 * Departures: how many steps a task takes is learned: it is the mean over the runs that this picker was given so far.
 * In the first run, and once a task has done more than its mean, it counts as having one step left. A task is its
 * number: one that is spawned in the middle counts from then on, and its steps do not count as its parent's before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "machine/mem.h"
#include "pick/pickers.h"

#define ONE 16u /* weights count sixteenths of a step */

struct urw {
	struct rng rng;
	/* learned: */
	uint64_t total[COOP_TASKS_MAX];
	uint32_t runs;
	/* of this run: */
	uint32_t done[COOP_TASKS_MAX], mean[COOP_TASKS_MAX];
};

static void *urw_create(const char *args, const char **err)
{
	if (*args) {
		*err = "urw takes no arguments";
		return NULL;
	}
	return mem_zalloc(sizeof(struct urw));
}

static void urw_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct urw *u = state;

	rng_seed(&u->rng, seed);
	memset(u->done, 0, sizeof(u->done));
	for (uint32_t id = 0; id < COOP_TASKS_MAX && u->runs; id++)
		u->mean[id] = (uint32_t)(u->total[id] * ONE / u->runs);
}

static uint32_t weight(const struct urw *u, uint32_t id)
{
	uint32_t done = u->done[id] * ONE;

	return u->mean[id] > done + ONE ? u->mean[id] - done : ONE;
}

static uint32_t urw_pick(void *state, const struct coop_view *v)
{
	struct urw *u = state;
	uint64_t sum = 0, left;
	uint32_t id;

	for (left = v->enabled; left; left &= left - 1)
		sum += weight(u, (uint32_t)__builtin_ctzll(left));
	uint64_t at = rng_below(&u->rng, sum);
	for (left = v->enabled;; left &= left - 1) {
		id = (uint32_t)__builtin_ctzll(left);
		uint32_t w = weight(u, id);
		if (at < w)
			break;
		at -= w;
	}
	u->done[id]++;
	return id;
}

static uint32_t urw_choose(void *state, uint32_t n)
{
	struct urw *u = state;

	return (uint32_t)rng_below(&u->rng, n);
}

static void urw_end(void *state, enum coop_end end)
{
	struct urw *u = state;

	if (end != COOP_FINISHED)
		return;
	for (uint32_t id = 0; id < COOP_TASKS_MAX; id++)
		u->total[id] += u->done[id];
	u->runs++;
}

const struct picker pick_urw = {
	.name = "urw",
	.what = "each task with a chance proportional to the steps it still has to do",
	.create = urw_create,
	.destroy = free,
	.begin = urw_begin,
	.pick = urw_pick,
	.choose = urw_choose,
	.every_turn = true,
	.ear = &(const struct picker_ear){ .end = urw_end },
};
