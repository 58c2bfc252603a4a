/*
 * hunt_bound.h: a picker that tries every schedule of a race with at most so many preemptions, each state once:
 * how a small number of preemptions is proved minimal, and how a design is proved to hold.
 *
 * Called by hunt_minimise_proof.c and prove.c.
 */
#ifndef HUNT_BOUND_H
#define HUNT_BOUND_H

#include "hunt.h"

struct bound;

#define BOUND_NONE UINT32_MAX /* as many preemptions as there can be */

/* `states`: so many are remembered, at 32 bytes each; further ones may be run twice. data: data choices are tried as well. */
struct bound *bound_new(struct hunt *h, uint32_t preemptions, uint64_t states, bool data);
void bound_free(struct bound *b);
/* Has a state been forgotten? */
bool bound_is_full(const struct bound *b);

/* The schedules whose first decisions (a few) are those of part `part` of `parts`: all parts together are all schedules. Before
 * the first run. */
void bound_take_part(struct bound *b, uint32_t part, uint32_t parts);
/* Where the search stands, as one line of text, between two runs; and back: 0, or -EINVAL when it is none. The states that were
 * seen are not kept: some are run again. */
void bound_save(const struct bound *b, FILE *out);
int bound_load(struct bound *b, FILE *in);

/* Its state is a struct bound. `more` says whether a schedule is left; asked after a run. */
extern const struct picker pick_bound;

#endif
