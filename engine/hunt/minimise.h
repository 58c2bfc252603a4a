/*
 * minimise.h: makes a violation small: what a reader needs to see of it, and no more. Fewer tasks and calls, fewer
 * preemptions, fewer decisions, fewer writes that survive the crash; the kind of failure stays.
 *
 * minimise.1: The result of each stage is a recorded run: it replays strictly.
 * minimise.2: Everything is bounded by numbers of runs and decisions, never by time: the same violation gives the same
 *             result.
 *
 * Called by the commands that find violations, and by tests.
 */
#ifndef HUNT_MINIMISE_H
#define HUNT_MINIMISE_H

#include "hunt/hunt.h"

struct minimised {
	uint32_t steps_from, preemptions_from, steps, preemptions, replays;
	uint32_t tasks_from, tasks, calls_from, calls;
	bool minimal;          /* proved: no schedule of these tasks with fewer preemptions fails in this way */
	uint64_t tried;        /* schedules that were tried for the proof */
	uint32_t tried_below;  /* all schedules with fewer preemptions than this were tried */
};

/* Makes v's tasks, its schedule, then its crash, as small as it can. */
void hunt_minimise(struct hunt *h, struct violation *v, struct minimised *m);

#endif
