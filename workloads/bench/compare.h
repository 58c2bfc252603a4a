/*
 * compare.h: is B different from A? A ratio with a 95 % interval, from trials that took turns.
 *
 * (S1) A block is one trial of A and one of B run next to each other (A B, then B A): what drifts in
 *      the machine is in both.
 * (S2) The centre is the mean log ratio of the middle three fifths of the blocks (of all when they are
 *      fewer than 10): a stall of the machine falls on one trial and must not decide.
 * (S3) The interval is a bootstrap of that over blocks, widened for few blocks (Student's t against the
 *      normal), since a bootstrap of few is too sure of itself.
 *
 * analysis/stats.py does the same for the report, with a chance of its own: the two agree to the second digit.
 *
 * Called by the bench command.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#define COMPARE_BLOCKS_MIN 3

struct comparison {
	unsigned blocks;
	double ratio;         /* B / A */
	double low, high;     /* 95 % of it */
	bool valid;           /* enough blocks, and nothing was 0 */
	bool different;       /* 1 is outside the interval */
	double detectable;    /* a difference of this share would have been seen: 0.08 is 8 % */
};

/* a[i] and b[i] are of block i. The same seed gives the same interval. */
void compare(const double *a, const double *b, unsigned blocks, uint64_t seed, struct comparison *out);

#endif
