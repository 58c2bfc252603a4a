/*
 * minimise_stages.h: the stages that minimise.c runs, one a file. Each leaves in *v a run that was recorded, fails as
 * before, and is not larger (minimise.1, minimise.2). Only minimise.c includes it, and the files that it names.
 */
#ifndef HUNT_MINIMISE_STAGES_H
#define HUNT_MINIMISE_STAGES_H

#include "hunt/hunt.h"

/* Leaves out the decisions that the failure does not depend on. Number of replays. minimise_moves.c */
uint32_t minimise_slice(struct hunt *h, struct violation *v);
/* Moves and leaves out blocks of decisions, while that makes it smaller. Number of replays. minimise_moves.c */
uint32_t minimise_moves(struct hunt *h, struct violation *v);

/* What a proof may cost, and what it has cost so far. */
struct effort {
	uint64_t decisions_left, schedules;
};
/*
 * Tries every schedule with at most `preemptions` preemptions, one of each order of accesses, for one that fails as v
 * does. 1: it is in *v; 0: there is none; -E2BIG: the effort was not enough. minimise_proof.c
 */
int minimise_bounded(struct hunt *h, struct violation *v, uint32_t preemptions, struct effort *e);

/* Of the crashes that break the same kind of promise, one that keeps the fewest writes. minimise_crash.c */
void minimise_crash(struct hunt *h, struct violation *v);

#endif
