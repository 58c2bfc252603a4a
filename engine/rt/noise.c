/* noise.c: see noise.h. */
#include "rt/noise.h"

#include <sched.h>

#include "base/check.h"
#include "base/rng.h"
#include "rt/rt.h"

#define YIELD_LENGTHS ((uint64_t)__builtin_ctz(NOISE_YIELDS_MAX) + 1) /* 1, 2, 4, ... */

const char *const noise_name[NOISE_KINDS] = { [NOISE_NONE] = "none", [NOISE_YIELD] = "yield", [NOISE_SLEEP] = "sleep" };

/* Written while no other task runs, read by all. */
static enum noise kind;
static uint64_t seed;
static uint32_t started; /* how often noise was started: a thread that lives on is seeded anew */

static __thread struct rng rng;
static __thread uint32_t seeded_for;

void noise_start(enum noise k, uint64_t s)
{
	CHECK(!rt_points);
	kind = k;
	seed = s;
	started++;
	rt_points = k != NOISE_NONE;
}

void noise_stop(void)
{
	CHECK(!rt_controlled);
	kind = NOISE_NONE;
	rt_points = false;
}

void noise_point(void)
{
	if (seeded_for != started) {
		rng_seed(&rng, rng_mix(seed) ^ rt_self()->id);
		seeded_for = started;
	}
	if (rng_below(&rng, NOISE_ONE_IN))
		return;
	if (kind == NOISE_SLEEP) {
		rt->sleep(1 + rng_below(&rng, NOISE_SLEEP_NS));
		return;
	}
	for (uint64_t n = 1ull << rng_below(&rng, YIELD_LENGTHS); n; n--)
		sched_yield();
}
