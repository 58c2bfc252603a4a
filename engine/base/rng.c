/*
 * rng.c: xoshiro256** 1.0 and splitmix64, from the algorithms' published descriptions (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", 2018).
 *
 * (G1) The state is never all zeros: splitmix64 is a bijection of distinct inputs, so of its four
 *      outputs at most one is zero.
 */
#include "base/rng.h"

#define GOLDEN_GAMMA 0x9e3779b97f4a7c15ull

uint64_t rng_mix(uint64_t x)
{
	x += GOLDEN_GAMMA;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_mix(seed + (uint64_t)i * GOLDEN_GAMMA); /* G1 */
}

static uint64_t rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t result = rotate_left(r->s[1] * 5, 7) * 9;
	uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotate_left(r->s[3], 45);
	return result;
}

/* The high half of a product instead of a division: this is on the path of every random pick. */
uint64_t rng_below(struct rng *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)rng_next(r) * n) >> 64);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}
