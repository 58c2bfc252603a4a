/*
 * sweep.h: one design through every race that it is due to hold, and through programs that nobody has written down:
 * what is looked for is not known. A hunt asks one race for long; a sweep asks all of them, a little in each round.
 *
 * A round has, in this order: some schedules of each race as it is; some of it with fine points; some of it with other
 * options and a fault (draw_options()), each round with the next row of their array; and programs that are drawn
 * (draw_program()), some schedules each. One crash image in eight is looked at as a whole (rules.14). The order pays:
 * most mistakes are seen within tens of schedules of some race, so the first round goes through all of them with
 * little.
 *
 * sweep.1: What a round runs follows from the design, the seed and the round's number, and from the rounds before it.
 *
 * Called by `race sweep` and by tests.
 */
#ifndef HUNTED_SWEEP_H
#define HUNTED_SWEEP_H

#include "hunt/hunt.h"

struct sweep {
	const struct design *design;
	uint64_t seed;
	uint64_t rounds;          /* at most; 0: no bound */
	double seconds;           /* at most; 0: no bound. The round that runs then is cut off */
	const char *rescue_path;  /* rescue.h */
	void (*progress)(const struct sweep *s, void *arg);
	void *arg;
	/* out: */
	uint64_t done;            /* whole rounds */
	uint64_t schedules, programs;
	uint32_t races;
	bool stopped;             /* asked to (base/stop.h) */
	double took;              /* seconds */
	const struct race *race;  /* in which *v of sweep_run() is; NULL: nothing was found */
	const char *way;          /* then: how it was run: "as it is" ... */
};

/* Until a violation, a bound, or stop (base/stop.h). 0, or -errno and why. s->race lives on. */
int sweep_run(struct sweep *s, struct violation *v, struct why *why);

#endif
