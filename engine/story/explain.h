/*
 * explain.h: what it takes to fail, in a few steps of the source: where tasks were preempted, and the pair of
 * neighbouring steps whose order decides.
 *
 * Called by cmd/race_show.c and tests, after hunt_minimise() or a replay.
 */
#ifndef STORY_EXPLAIN_H
#define STORY_EXPLAIN_H

#include "hunt/hunt.h"
#include "rt/site.h"

#define EXPLAIN_MAX 8u

struct explained_step {
	uint32_t step;         /* decision of the schedule */
	char task[24];
	char does[96];         /* what it is about to do */
	char then[200];        /* what came of it, of the trace; "" when nothing did */
	struct site site;      /* line 0: not known */
};

struct explained {
	uint32_t npreemptions; /* of these at most EXPLAIN_MAX are told */
	struct explained_step stopped[EXPLAIN_MAX], went_on[EXPLAIN_MAX];
	bool looked, flips;    /* a pair was looked for; `first` before `second` fails, the other way round holds */
	bool crashes;          /* the power fails in the run */
	struct explained_step first, second;
	uint32_t moved;        /* steps moved from v's run to reach the pair */
	uint32_t runs, held;   /* other orders that were run for it; those of them that hold */
	struct violation holds; /* when flips: no violation, but the run with the two steps the other way round */
};

/* False when v's schedule does not fit this program. explain_fini() in either case. */
bool explain(struct hunt *h, const struct violation *v, struct explained *x);
void explain_fini(struct explained *x);
void explain_print(const struct explained *x, FILE *out);

/*
 * v's schedule, replayed strictly, has diverged: says at which decision, what was expected and what was there: task,
 * object, source line. On several lines.
 */
void explain_divergence(struct hunt *h, const struct violation *v, char *buf, unsigned size);

#endif
