/*
 * smaller.h: makes the program of a finding smaller: fewer threads, fewer repetitions, fewer operations, as long as the
 * same class of promise still breaks. Other than a position or a mask, a program can only be tried by running it: each
 * candidate is recorded and its crashes are judged, as by `fsyncstorm cut`.
 *
 * A race does not break every time. So a candidate is run `tries` times before what it lacks is called needed. What was
 * found to break is kept as a finding, so the result has always been seen to break; that it is the smallest is likely.
 *
 * Called by cmd/cut_finding.c.
 */
#ifndef CUT_SMALLER_H
#define CUT_SMALLER_H

#include "cut/finding.h"
#include "cut/tally.h"

struct smaller {
	enum cut_class class; /* what is to break */
	double seconds;       /* then it ends with what is there */
	unsigned tries;
	uint64_t seed;
	/* what it came to */
	char best[FINDING_PATH]; /* the finding of the smallest; "": none was smaller */
	unsigned programs;       /* that were tried */
	uint64_t runs, states;
	unsigned lines_before, lines; /* of all threads */
	bool breaks_again;       /* the program as it was broke when it was run again */
	bool cut_short;          /* by time, or because it was stopped (base/stop.h) */
};

/*
 * Of a record with a program, in a folder that is there, and is the caller's to remove. 0, or -errno with why. Forks;
 * the program has one thread.
 */
int smaller_find(const struct evidence *e, const char *folder, struct smaller *s, struct why *why);

#endif
