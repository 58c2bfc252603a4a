/*
 * rescue.h: a CHECK of the engine that fails in the middle of a run ends the program. Before that, the run's schedule
 * is written to a file, and a line says how to replay it.
 *
 * Called by `race hunt` and `race replay`.
 */
#ifndef HUNT_RESCUE_H
#define HUNT_RESCUE_H

#include "hunt/hunt.h"

/*
 * From now on a CHECK that fails names h's run, and leaves its schedule in `path` (NULL: nowhere), which must live as
 * long. One hunt at a time; h NULL: none any more.
 */
void hunt_rescue(struct hunt *h, const char *path);

#endif
