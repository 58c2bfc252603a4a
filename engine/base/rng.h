/*
 * rng.h: the only source of chance. Everything random in the project comes from a struct rng whose
 * seed somebody can print, so that everything random can be repeated (scripts/check greps for rand()).
 * The generator is xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);

/* A number in [0, n), n > 0. The bias is below 2^-32 for n < 2^32. */
uint64_t rng_below(struct rng *r, uint64_t n);

/* A number in [0, 1). */
double rng_unit(struct rng *r);

/* splitmix64 of x: a well-mixed 64-bit function of one number (also good as a cheap hash). */
uint64_t rng_mix(uint64_t x);

#endif
