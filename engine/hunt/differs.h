/*
 * differs.h: two runs of one schedule that should have been the same (hunt.2): where they part.
 *
 * Called by a search with check_determinism, which watches both runs.
 */
#ifndef HUNT_DIFFERS_H
#define HUNT_DIFFERS_H

#include "hunt/hunt.h"

/*
 * The first turn in which two watched runs of v's schedule differ: step, task and objects, in both. Runs the schedule
 * once more, for the names.
 */
void hunt_tell_difference(struct hunt *h, const struct violation *v, const struct watch *a, const struct watch *b,
                          char *buf, unsigned size);

#endif
