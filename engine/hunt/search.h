/*
 * search.h: a search: schedules of a hunt's race, one after the other, each made by a strategy and judged, until one
 * fails or a bound is reached. In one process, or in several.
 *
 * The search of one seed is the same again: the schedules that it runs depend on the seed, the strategy and the bounds
 * in schedules alone (hunt.2, strategy.1).
 *
 * Called by `race hunt`, the score, bench-race and tests.
 */
#ifndef HUNT_SEARCH_H
#define HUNT_SEARCH_H

#include "hunt/hunt.h"
#include "hunt/strategy.h"
#include "hunt/traces.h"

/* It runs schedules number shard + 1, shard + 1 + shards, shard + 1 + 2 * shards, ... of all those of its seed. */
struct search {
	struct strategy *strategy;
	uint64_t seed;
	uint32_t shard, shards;     /* shards 0 is 1 */
	uint64_t schedules;         /* the last number; 0: no bound */
	double seconds;             /* at most; 0: no bound */
	bool check_determinism;     /* run each schedule once more, from its recording */
	_Atomic uint64_t *best;     /* no number above it is run: it fails in another process (jobs.1); may be NULL */
	void (*progress)(const struct search *s, void *arg);
	void *arg;
	struct traces *traces;      /* kept for the caller; may be NULL */
	/* out: */
	uint64_t run;               /* schedules run */
	uint64_t found_at;          /* the number of the schedule that fails, from 1; 0: nothing was found */
	uint32_t found_by;          /* strategy->member[] */
	uint64_t distinct;          /* traces */
	enum counted counted;       /* how `distinct` is meant */
	double took;                /* seconds */
	uint64_t images_judged, images_mounted;
	bool stopped;               /* asked to (base/stop.h), before its end */
	bool through;               /* the strategy had no schedule left */
	bool nondeterministic;      /* two runs of schedule number `at` differed */
	uint64_t at;
	char differs[400];          /* then: the first step in which they do */
};

/* Runs schedules until a violation, a bound, or stop (base/stop.h). The violation is in *v when found_at. */
void hunt_search(struct hunt *h, struct search *s, struct violation *v);
/*
 * The same in `jobs` processes, each a slice. What is found is the failing schedule with the lowest number, whichever
 * process is faster. The strategy's counts are sums; `took` is the time of the whole. 0, or -errno and why.
 */
int hunt_search_jobs(struct hunt *h, struct search *s, uint32_t jobs, struct violation *v, struct why *why);

#endif
