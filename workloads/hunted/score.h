/*
 * score.h: the score of the finders: each strategy on each race of each design: after how many schedules
 * it finds the first violation, over many seeds, and whether what was found is what is due.
 *
 * (K1) All but the seconds follows from the seed: hunts and strategies are the same search again (H1, S1).
 * (K2) Where a race is to hold there is one search, of `cap` schedules: nothing to take a median of. Nor is there of a
 *      strategy that does not draw.
 *
 * Called by cmd/race_score.c and by tests.
 */
#ifndef HUNTED_SCORE_H
#define HUNTED_SCORE_H

#include "hunt/hunt.h"

struct score {
	uint64_t seed;
	uint32_t seeds;     /* of a race that is to break */
	uint64_t cap;       /* schedules of a search at most */
	enum granularity granularity;
	uint64_t *first;    /* if not NULL: room for `seeds` results; a row's, ascending, until the next row */
};

struct score_row {
	const struct race *race;
	const struct design *design;
	char strategy[64];
	enum verdict due;
	uint32_t searches, found;
	/* Schedules to the first violation, that one counted, by nearest rank; over `cap` when not found by then. */
	uint64_t median, p95;
	uint64_t schedules; /* of all searches */
	double seconds;     /* of processor time */
};

/* 0, or -errno with one line in err (200 bytes). A row whose searches were interrupted has fewer of them. */
int score_run(const struct score *s, const struct race *race, const struct design *design, const char *strategy,
              struct score_row *out, char *err);

/* Rows of one race and design: do they, together, say what is due? To break is enough for one strategy on one seed. */
bool score_as_due(const struct score_row *row, uint32_t n);

#endif
