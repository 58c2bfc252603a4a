/*
 * timeline.h: a violation as a person reads it: what happened, in a sentence; then what each task did, a
 * column each, with the crash among it; then what each block of the broken file was and is.
 *
 * Called by cmd/race_show.c, after hunt_minimise() or a replay.
 */
#ifndef STORY_TIMELINE_H
#define STORY_TIMELINE_H

#include "hunt/hunt.h"

/*
 * Runs v's schedule again and prints it. `all`: every line of the trace; else lines that do not matter
 * to the broken block are folded. False when the schedule does not fit this program (then nothing is printed).
 */
bool timeline_print(struct hunt *h, const struct violation *v, bool all, FILE *out);

/* The name of the i-th rule by which a cause is found (cause.c), as the JSON has it; NULL: there are fewer. */
const char *timeline_rule(uint32_t i);

/* The sentence alone: who did what between which two steps of whom, and which promise broke. */
bool timeline_story(struct hunt *h, const struct violation *v, char *buf, unsigned size);

#endif
