/*
 * registry.h: every race there is, by name. One scenario is one file of this room; its row stands in registry.c.
 *
 * Called by the commands, by bench-race and by tests; readers of a schedule's file are given it (hunt/schedule_file.h).
 */
#ifndef RACE_REGISTRY_H
#define RACE_REGISTRY_H

#include "hunt/race.h"

extern const struct race race_seed, race_seed_smallest, race_seed_compressed, race_commit, race_data_error,
	race_early_error, race_join, race_log_root, race_log_reuse, race_ranged, race_supers, race_size_held,
	race_size_late, race_direct, race_direct_prealloc, race_direct_async, race_mapped, race_punch, race_stamp,
	race_lost_hole, race_tail_error, race_sync_error, race_unlinked, race_mixed, race_protocol;

extern const struct race *const races[]; /* NULL-terminated */
/* By its name, with or without "race_"; NULL when there is none. */
const struct race *race_find(const char *name);
/* "; did you mean seed?", or nothing. Returns buf. */
const char *race_nearest(const char *name, char *buf, unsigned size);
/* These races, and those made from jobs (job.h), for readers of schedules' files. */
extern const struct race_source race_registry;

#endif
