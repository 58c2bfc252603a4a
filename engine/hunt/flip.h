/*
 * flip.h: the nearest schedule that holds, and the one pair of neighbouring steps by whose order it differs
 * from one that fails. The idea is Hermit's: between a schedule that fails and one that holds lies a chain of
 * schedules, each with two neighbours changed; somewhere in it the verdict flips.
 *
 * (X1) Both schedules are run, and are the same up to the pair; then one has the two steps in this order
 *      and fails as the violation does, the other has them in the other order and holds. What comes after
 *      follows from that.
 *
 * Called after hunt_minimise(), by story/explain.c and tests.
 */
#ifndef HUNT_FLIP_H
#define HUNT_FLIP_H

#include "hunt/hunt.h"

struct flip {
	struct schedule fails, holds; /* turns as they ran, for pick_replay_turns */
	uint32_t at;                  /* turns `at` and `at` + 1: the pair */
	uint32_t moved;               /* steps of one task that were moved from v's run to `fails` */
	uint32_t runs, held;          /* runs that it took; those of them that hold */
};

void flip_init(struct flip *f);
void flip_fini(struct flip *f);
/* False when none was found: then *f has nothing but `runs` and `held`. */
bool hunt_flip(struct hunt *h, const struct violation *v, struct flip *f);
/* Runs one of the two (under h->watch, if set). */
void flip_run(struct hunt *h, const struct violation *v, const struct schedule *turns);

#endif
