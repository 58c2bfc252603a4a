/*
 * rng.c: xoshiro256** 1.0 and splitmix64, from the algorithms' published descriptions (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", 2018).
 *
 * (G1) The state is never all zeros: splitmix64 is a bijection of distinct inputs, so of its four
 *      outputs at most one is zero.
 */
#include "base/rng.h"

void rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_mix(seed + (uint64_t)i * RNG_GOLDEN_GAMMA); /* G1 */
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}
