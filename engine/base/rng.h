/*
 * rng.h: the only source of chance. Everything random in the project comes from a struct rng whose
 * seed somebody can print, so that everything random can be repeated (scripts/check greps for rand()).
 * The generator is xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

#define RNG_GOLDEN_GAMMA 0x9e3779b97f4a7c15ull

struct rng {
	uint64_t s[4];
};

/* Equal seeds give equal sequences; 0 is a seed like any other. */
void rng_seed(struct rng *r, uint64_t seed);

/* What a controlled run calls at every step is inline. */

static inline uint64_t rng_rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* 64 random bits. */
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t result = rng_rotate_left(r->s[1] * 5, 7) * 9;
	uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rng_rotate_left(r->s[3], 45);
	return result;
}

/* A number in [0, n), n > 0: the high half of a product instead of a division. The bias is below 2^-32 for n < 2^32. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)rng_next(r) * n) >> 64);
}

/* A number in [0, 1). */
double rng_unit(struct rng *r);

/* splitmix64 of x: a well-mixed 64-bit function of one number (also good as a cheap hash). */
static inline uint64_t rng_mix(uint64_t x)
{
	x += RNG_GOLDEN_GAMMA;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

#endif
