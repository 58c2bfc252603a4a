/*
 * strategy.h: which picker makes which schedule of a search. A strategy is one picker, or several in turn: the
 * portfolio, which insures against the shapes of a race that one picker is blind to.
 *
 * strategy.1: What a strategy does depends on the schedules that it was given since it was opened, and on their seeds
 *             alone: the same search again runs the same schedules.
 *
 * Called by search.c, by bench-race and by tests.
 */
#ifndef HUNT_STRATEGY_H
#define HUNT_STRATEGY_H

#include "base/why.h"
#include "hunt/certificate.h"
#include "rt/coop.h"

#define STRATEGY_MAX   4u
#define STRATEGY_TURNS 20u

struct strategy_member {
	char text[32];            /* as a user would name it */
	const struct picker *picker;
	void *state;
	uint32_t share;           /* of STRATEGY_TURNS */
	uint64_t schedules, found;
	uint32_t longest;         /* most decisions of one of its schedules so far */
};

struct strategy {
	char text[64];
	uint32_t n;
	struct strategy_member member[STRATEGY_MAX];
	uint8_t turn[STRATEGY_TURNS]; /* turn[i % STRATEGY_TURNS] is the member that makes schedule i */
	uint64_t schedules;
	struct certificate certificate;
};

/* NAME, NAME:ARGS or portfolio. 0, or -EINVAL and why. */
int strategy_open(struct strategy *s, const char *text, struct why *why);
void strategy_close(struct strategy *s);

/*
 * Does it enumerate schedules in an order of its own? Then all of them have the search's own seed, which only tasks
 * that draw their calls make use of, and its searches cannot be divided.
 */
bool strategy_enumerates(const struct strategy *s);

/* Sets the picker, its state and the hint for the next schedule's run. NULL: there is no schedule left. */
struct strategy_member *strategy_next(struct strategy *s, struct coop_config *cfg);
/* Tells the strategy how that run went. */
void strategy_ran(struct strategy *s, struct strategy_member *m, const struct coop_result *run, bool found);

#endif
