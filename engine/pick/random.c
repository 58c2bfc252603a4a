/*
 * random.c: the random walk: at every decision each enabled task has the same chance. It is the baseline that a
 * cleverer picker must beat, and on short scenarios seldom does (Thomson, Donaldson, Betts: "Concurrency testing using
 * controlled schedulers: an empirical study", TOPC 2016, where it is called Rand).
 *
 * Departure: a task that is about to take a held lock, or whose wait is not over, is not enabled, so no turn is wasted.
 */
#include <stdlib.h>

#include "base/rng.h"
#include "machine/mem.h"
#include "pick/pickers.h"

static void *random_create(const char *args, const char **err)
{
	if (*args) {
		*err = "random takes no arguments";
		return NULL;
	}
	return mem_zalloc(sizeof(struct rng));
}

static void random_begin(void *state, uint64_t seed, uint32_t steps)
{
	rng_seed(state, seed);
}

static uint32_t random_pick(void *state, const struct coop_view *v)
{
	uint64_t left = v->enabled;

	for (uint64_t n = rng_below(state, (uint64_t)__builtin_popcountll(left)); n > 0; n--)
		left &= left - 1;
	return (uint32_t)__builtin_ctzll(left);
}

static uint32_t random_choose(void *state, uint32_t n)
{
	return (uint32_t)rng_below(state, n);
}

const struct picker pick_random = {
	.name = "random",
	.what = "each enabled task with equal chance",
	.create = random_create,
	.destroy = free,
	.begin = random_begin,
	.pick = random_pick,
	.choose = random_choose,
};
