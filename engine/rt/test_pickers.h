/*
 * test_pickers.h: three pickers for the tests of this room, which cannot know the real ones (pick/).
 */
#ifndef RT_TEST_PICKERS_H
#define RT_TEST_PICKERS_H

#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "rt/picker.h"

static void *test_create(const char *args, const char **err)
{
	struct rng *rng = calloc(1, sizeof(*rng));

	CHECK(rng);
	return rng;
}

static void test_begin(void *state, uint64_t seed, uint32_t steps)
{
	rng_seed(state, seed);
}

static uint32_t pick_evenly(void *state, const struct coop_view *v)
{
	uint64_t left = v->enabled;

	for (uint64_t n = rng_below(state, (uint64_t)__builtin_popcountll(left)); n > 0; n--)
		left &= left - 1;
	return (uint32_t)__builtin_ctzll(left);
}

/* Seldom leaves the current task: long blocks of steps, as under a picker that bounds preemptions. */
static uint32_t pick_seldom(void *state, const struct coop_view *v)
{
	if ((v->enabled & ~v->timed & 1ull << v->current) && rng_below(state, 8))
		return v->current;
	return pick_evenly(state, v);
}

/* The task with the lowest clock; among equals the current one, then the lowest number. */
static uint32_t pick_lowest(void *state, const struct coop_view *v)
{
	uint32_t best = v->enabled & 1ull << v->current ? v->current : (uint32_t)__builtin_ctzll(v->enabled);

	for (uint64_t left = v->enabled; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (v->clock[id] < v->clock[best])
			best = id;
	}
	return best;
}

#define TEST_PICKER(n, p) { .name = n, .create = test_create, .destroy = free, .begin = test_begin, .pick = p }
static const struct picker test_even = TEST_PICKER("even", pick_evenly);
static const struct picker test_seldom = TEST_PICKER("seldom", pick_seldom);
static const struct picker test_clock = TEST_PICKER("clock", pick_lowest);

#endif
