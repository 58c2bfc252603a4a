/*
 * rescue.h: a CHECK of the engine that fails in the middle of a run, or a crash of it (a wild pointer, a division by
 * zero, an abort of a library), ends the program. Before that, the run's schedule is written to a file, and a line says
 * how to replay it. The replay ends in the same way.
 *
 * Called by `race hunt`, `race sweep` and `race replay`.
 */
#ifndef HUNT_RESCUE_H
#define HUNT_RESCUE_H

#include "hunt/hunt.h"

/*
 * From now on a CHECK that fails, or a crash, names h's run, and leaves its schedule in `path` (NULL: nowhere), which
 * must live as long. One hunt at a time; h NULL: none any more, and a crash is told without one.
 */
void hunt_rescue(struct hunt *h, const char *path);

#endif
