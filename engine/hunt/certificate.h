/*
 * certificate.h: what schedules of pct that found nothing are worth. One of them misses a bug of depth d, among n
 * tasks in at most k steps, with probability at most 1 - 1/(n k^(d-1)) (Burckhardt et al., ASPLOS 2010); N of them
 * miss it with that to the power of N.
 *
 * certificate.1: A run counts towards the depth that it drew, and only when its change points were drawn from at
 *                least as many steps as the longest run of pct has had: k is measured, and may have been too small.
 *                The first run counts for nothing: its length was not known beforehand.
 *
 * Called by strategy.c, which adds runs, and by reports and their merging.
 */
#ifndef HUNT_CERTIFICATE_H
#define HUNT_CERTIFICATE_H

#include <stdio.h>

#include "rt/coop.h"

#define CERTIFICATE_DEPTHS 33u /* pct draws depths below this; nothing is claimed of 0 and 1 */
#define CERTIFICATE_LINES  256u

struct certificate {
	uint32_t tasks;   /* n: the most that one run had */
	uint32_t longest; /* the most decisions that one run of pct had */
	uint32_t nlines;
	struct certificate_line {
		uint32_t d, steps; /* the depth that was drawn, and the steps that change points were drawn from */
		uint64_t runs;
	} line[CERTIFICATE_LINES];
};

/* Counts a run, if it was one of pct. */
void certificate_add(struct certificate *c, const struct picker *picker, const void *state,
                     const struct coop_result *run);
/* Adds the runs of another certificate of the same search. */
void certificate_merge(struct certificate *c, const struct certificate *other);

/* The runs that count for depth d; the probability that all of them miss a bug of that depth, 1 when none counts. */
uint64_t certificate_runs(const struct certificate *c, uint32_t d);
double certificate_miss(const struct certificate *c, uint32_t d);

/* k: the most steps that change points were drawn from, and at least `longest`. */
uint32_t certificate_steps(const struct certificate *c);

/* In words, with what lies outside of the claim. */
void certificate_print(const struct certificate *c, FILE *out);

#endif
