/*
 * registry.h: every race there is, by name: the scenarios of workloads/scenarios, and what no such text can say, one
 * file each of this room; their rows stand in registry.c.
 *
 * Called by the commands, by bench-race and by tests; readers of a schedule's file are given it (hunt/schedule_file.h).
 */
#ifndef RACE_REGISTRY_H
#define RACE_REGISTRY_H

#include "hunt/race.h"

/* Those in C. */
extern const struct race race_mixed, race_protocol;

/* All; NULL-terminated. */
const struct race *const *race_all(void);
/* By its name, with or without "race_"; NULL when there is none. */
const struct race *race_find(const char *name);
/* The same of one that there is. */
const struct race *race_named(const char *name);
/* It is the race of a bug that Linux has had: its scenario cites it. */
bool race_is_of_a_bug(const struct race *race);
/* And that bug is a deadlock: a run that is stuck is what is looked for. Where it is not, it is a fault of the race. */
bool race_is_of_a_deadlock(const struct race *race);
/*
 * The race that is about a design: of those that break it, one that cites the same commit, else one of a bug of Linux;
 * and of these the one that breaks the fewest designs, in the fewest steps. NULL: none breaks it.
 */
const struct race *race_about(const struct design *design);
/* "; did you mean seed?", or nothing. Returns buf. */
const char *race_nearest(const char *name, char *buf, unsigned size);
/* These races, and those made from jobs (job.h) and scenarios (scenario.h), for readers of schedules' files. */
extern const struct race_source race_registry;

#endif
