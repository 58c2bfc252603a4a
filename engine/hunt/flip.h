/*
 * flip.h: for a schedule that fails, the nearest one that holds, and the pair of neighbouring steps by whose order the
 * two differ. The idea is Hermit's: from a schedule that fails to one that holds leads a chain of schedules, each of
 * which swaps two neighbouring steps of the one before; somewhere in it the verdict flips.
 *
 * flip.1: Both schedules were run, and are the same up to the pair. One has the two steps in this order and fails as
 *         the violation does, the other has them in the other order and holds. What comes after follows from that.
 *
 * Called after hunt_minimise(), by story/explain.c and tests.
 */
#ifndef HUNT_FLIP_H
#define HUNT_FLIP_H

#include "hunt/hunt.h"

struct flip {
	struct schedule fails, holds; /* turns as they ran, for pick_replay_turns */
	uint32_t at;                  /* the pair is turns `at` and `at` + 1 */
	uint32_t moved;               /* steps of one task that were moved to get from v's run to `fails` */
	uint32_t runs, held;          /* runs that it took; those of them that hold */
};

void flip_init(struct flip *f);
void flip_fini(struct flip *f);
/* False when no such pair was found: then only `runs` and `held` of *f are set. */
bool hunt_flip(struct hunt *h, const struct violation *v, struct flip *f);
/* Runs one of the two schedules of v's flip (under h->watch, if set). */
void flip_run(struct hunt *h, const struct violation *v, const struct schedule *turns);

#endif
