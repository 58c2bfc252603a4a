/*
 * stress.h: a race on real threads: its tasks do what they do again and again, all at once, with or
 * without noise at points (rt/noise.h), until a round is over; then the power is cut at moments of that
 * round, and each crash is judged by the hunter's own judge.
 *
 * (T1) A round ends, for the count, at its first violation: fsyncs that had not returned by then are
 *      not counted. So hits over fsyncs is a rate, and hits are independent of each other.
 * (T2) Nothing of it can be run again: the seed decides the noise, what the tasks draw and where
 *      the power is cut, the operating system decides the rest. No hit proves nothing.
 * (T3) What a judge would allow under the controlled scheduler it allows here: same model, same rules.
 *
 * Called by cmd/race_stress.c, the score and tests.
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
	uint32_t cuts;         /* moments of a round at which the power is cut, at most; 0: STRESS_CUTS */
	/* Called for each hit, while its history and its record are there; may be NULL. */
	void (*hit)(const struct stress *s, struct hunt *h, const struct violation *v, void *arg);
	void *arg;
	/* out: */
	uint64_t run;          /* rounds */
	uint64_t calls, fsyncs; /* fsync and fdatasync that returned 0, by T1 */
	uint64_t images;       /* judged */
	uint64_t hits;
	double took;           /* seconds, judging included */
};
#define STRESS_CUTS 64u

/*
 * Rounds until the bounds, or stop. 0; -EDEADLK when no task of a round has come on for
 * STRESS_STUCK_NS: its threads cannot be ended, so the caller can only say so and end the program.
 */
int stress_run(struct hunt *h, struct stress *s);
#define STRESS_STUCK_NS 30000000000ull

/* The interval in which the mean of a Poisson count lies at 95 %, when it was seen `n` times (Garwood, 1936). */
void stress_interval(uint64_t n, double *low, double *high);

/* stress_hit.c: writes down a hit: what broke, where the power was cut, and every call and device event up to
 * then. 0, or -errno with one line in err (200 bytes). */
int stress_write_hit(const char *path, const struct stress *s, struct hunt *h, const struct violation *v, char *err);

#endif
