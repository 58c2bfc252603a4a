/*
 * score.h: how good the strategies are: after how many schedules each finds the first violation of each race under each
 * design, over many seeds, and whether what was found is what is due.
 *
 * All but the seconds follows from the seed (hunt.2, strategy.1). Where a race is to hold there is one search, of `cap`
 * schedules, and no median; the same goes for a strategy that does not draw.
 *
 * Called by cmd/race_score.c and by tests.
 */
#ifndef HUNTED_SCORE_H
#define HUNTED_SCORE_H

#include "hunt/race.h"
#include "rt/coop.h"

struct score {
	uint64_t seed;
	uint32_t seeds;     /* searches of a race that is to break */
	uint64_t cap;       /* the most schedules of a search */
	enum granularity granularity;
	/* room for `seeds` numbers: the results of a row's searches, ascending, until the next row; may be NULL */
	uint64_t *first;
};

struct score_row {
	const struct race *race;
	const struct design *design;
	char strategy[64];
	enum verdict due;
	uint32_t searches, found;
	/* Schedules up to and with the first that fails, by nearest rank; above `cap` when none was found by then. */
	uint64_t median, p95;
	/* 95 % interval of the median: between two of the searches' results, whatever their distribution is
	 * (score_rank_low()). 0: of five searches or fewer there is none. */
	uint64_t low, high;
	uint64_t schedules; /* of all searches */
	double seconds;     /* of processor time */
};

/* 0, or -errno and why. A row whose searches were interrupted has fewer of them. */
int score_run(const struct score *s, const struct race *race, const struct design *design, const char *strategy,
              struct score_row *out, struct why *why);

/*
 * Are n rows of one race and design, together, as is due? Where the race is to break, it is enough that one strategy
 * found it from one seed.
 */
bool score_as_due(const struct score_row *row, uint32_t n);

/*
 * Which of n results, ascending, counted from 1, are the ends of an interval that has the median with a chance of at
 * least 95 %: the l-th and the (n + 1 - l)-th. 0: n is too small.
 */
uint32_t score_rank_low(uint32_t n);

/*
 * The rows of one race and design, ranked: order[0] is the row that finds it soonest in the median, and so on; among
 * equals the one that took fewer schedules in all.
 */
void score_order(const struct score_row *row, uint32_t n, uint32_t *order);

#endif
