/*
 * rng.c: xoshiro256** 1.0 and splitmix64, from the algorithms' published descriptions (Blackman and Vigna, "Scrambled
 * linear pseudorandom number generators", 2018).
 */
#include "base/rng.h"

void rng_seed(struct rng *r, uint64_t seed)
{
	/*
	 * never all zeros, from which xoshiro does not get away: splitmix64 is a bijection, so at most one of the
	 * four is 0
	 */
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_mix(seed + (uint64_t)i * RNG_GOLDEN_GAMMA);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}
