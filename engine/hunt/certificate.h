/*
 * certificate.h: what schedules of pct that found nothing are worth: of a bug of depth d among n tasks in
 * at most k steps each of them misses with probability at most 1 - 1/(n k^(d-1)) (Burckhardt et al.,
 * ASPLOS 2010), so N of them with that to the power of N.
 *
 * (C1) A run counts towards the depth that it drew, and only when its change points were drawn from at
 *      least as many steps as the longest run of pct has had: k is measured, and may be too small. The first
 *      run counts for nothing: nobody knew how long it would be.
 *
 * Called by strategy.c, which adds runs, and by who reports.
 */
#ifndef HUNT_CERTIFICATE_H
#define HUNT_CERTIFICATE_H

#include <stdio.h>

#include "rt/coop.h"

#define CERTIFICATE_DEPTHS 33u /* of pct, and 0 and 1, which nobody asks for */
#define CERTIFICATE_LINES  256u

struct certificate {
	uint32_t tasks;   /* n: most that one run had */
	uint32_t longest; /* most decisions that one run of pct had */
	uint32_t nlines;
	struct certificate_line {
		uint32_t d, steps; /* drawn depth, and steps that change points were drawn from */
		uint64_t runs;
	} line[CERTIFICATE_LINES];
};

void certificate_add(struct certificate *c, const struct picker *picker, const void *state, const struct coop_result *run);
/* Adds another one's runs, of the same search. */
void certificate_merge(struct certificate *c, const struct certificate *other);

/* The runs that count for depth d, and the probability of missing, by all of them, a bug of that depth: 1 when none does. */
uint64_t certificate_runs(const struct certificate *c, uint32_t d);
double certificate_miss(const struct certificate *c, uint32_t d);

/* k: most steps that change points were drawn from, and at least `longest`. */
uint32_t certificate_steps(const struct certificate *c);

/* In words, with what lies outside. */
void certificate_print(const struct certificate *c, FILE *out);

#endif
