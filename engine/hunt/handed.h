/*
 * handed.h: a violation on its way from a process that found it to its parent, in memory that both share. Only the
 * recording crosses over: the parent runs it again to have the rest (hunt.3).
 *
 * Called by jobs.c and prove_jobs.c.
 */
#ifndef HUNT_HANDED_H
#define HUNT_HANDED_H

#include "hunt/hunt.h"

#define HANDED_MAX 65536u /* decisions: more than the longest run has */

struct handed {
	uint64_t seed;
	uint32_t n; /* 0: nothing was handed over */
	struct decision decision[HANDED_MAX];
};

/* In the process that found v. */
void violation_hand_over(struct handed *to, const struct violation *v);
/* In the parent: runs and judges it again, into *v. It must fail again. */
void violation_take(struct hunt *h, const struct handed *from, struct violation *v);

#endif
