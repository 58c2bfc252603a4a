/*
 * clock.h: real time, read in the cheapest way that this CPU has. Called through rt_now(), and by spins that must not
 * use a controlled run's clock.
 */
#ifndef RT_CLOCK_H
#define RT_CLOCK_H

#include <stdint.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* The time stamp counter as a clock: set before main(), read only afterwards (clock.c). */
struct tsc_clock {
	uint64_t base_tsc, base_ns;
	uint64_t ns_per_tick; /* 32.32 fixed point; 0: the counter is not used */
};
extern struct tsc_clock tsc_clock;

/* CLOCK_MONOTONIC, for a CPU without a usable counter. */
uint64_t clock_library_ns(void);

/* Nanoseconds, monotonic, from an arbitrary start. Inline: the phase clock reads it a dozen times an fsync. */
static inline uint64_t clock_now(void)
{
#if defined(__x86_64__)
	const struct tsc_clock *c = &tsc_clock;

	if (__builtin_expect(c->ns_per_tick != 0, 1))
		return c->base_ns + (uint64_t)(((unsigned __int128)(__rdtsc() - c->base_tsc) * c->ns_per_tick) >> 32);
#endif
	return clock_library_ns();
}

/* "tsc" or "clock_gettime". */
const char *clock_name(void);
/* Processor time of the whole process, in nanoseconds. */
uint64_t clock_cpu_ns(void);

#endif
