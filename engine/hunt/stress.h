/*
 * stress.h: a race on real threads. In a round its tasks run all at once, each again and again, with or without noise
 * at points (rt/noise.h). Then the power is cut at moments of that round, and each crash is judged as in a hunt
 * (judge.h): by the same model and the same rules.
 *
 * stress.1: What is counted of a round ends at its first violation: fsyncs that had not returned by then are not
 *           counted. So hits over fsyncs is a rate, and hits are independent of each other.
 *
 * No round can be run again: the seed decides the noise, what the tasks draw and where the power is cut, and the
 * operating system decides the rest. To find nothing proves nothing.
 *
 * Called by cmd/race_stress.c, by bench-race and by tests.
 */
#ifndef HUNT_STRESS_H
#define HUNT_STRESS_H

#include "hunt/hunt.h"
#include "rt/noise.h"

struct stress {
	enum noise noise;
	uint64_t seed;
	uint64_t rounds;       /* at most; 0: no bound */
	double seconds;        /* at most; 0: no bound */
	uint32_t cuts;         /* the most moments of a round at which the power is cut; 0: STRESS_CUTS */
	/* Called for each hit, while the history and the device's record of its round are there; may be NULL. */
	void (*hit)(const struct stress *s, struct hunt *h, const struct violation *v, void *arg);
	void *arg;
	/* out: */
	uint64_t run;          /* rounds */
	uint64_t calls, fsyncs; /* all calls, and fsync and fdatasync that returned 0 (stress.1) */
	uint64_t images;       /* judged */
	uint64_t hits;
	double took;           /* seconds, judging included */
};
#define STRESS_CUTS 64u

/*
 * Rounds until a bound is reached, or stop (base/stop.h). 0; -EDEADLK when no task of a round has made a call for
 * STRESS_STUCK_NS: threads cannot be ended from outside, so the caller can only say so and end the program.
 */
int stress_run(struct hunt *h, struct stress *s);
#define STRESS_STUCK_NS 30000000000ull

/* The 95 % confidence interval of the mean of a Poisson count that was seen to be n (Garwood, 1936). */
void stress_interval(uint64_t n, double *low, double *high);

/*
 * Writes down a hit: what broke, where the power was cut, and every call and device event up to then. 0, or -errno and
 * why. stress_hit.c
 */
int stress_write_hit(const char *path, const struct stress *s, struct hunt *h, const struct violation *v,
                     struct why *why);

#endif
