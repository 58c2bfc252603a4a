/*
 * schedule_file.h: a violation as a file of text, complete in itself: the race, the design, the seed, the decisions,
 * and the crash. `fsyncstorm race replay FILE` runs it again.
 *
 *   fsyncstorm-schedule 3
 *   job [a]\nrw=write\n...      the job that the race is made from (race/job.h), its line ends as \n
 *   scenario [setup]\n...       the scenario that it is made from (race/scenario.h), in the same way
 *   race seed
 *   design prefix
 *   granularity fine           where tasks may be stopped (rt/coop.h)
 *   config 5f0c1d2e3a4b5c6d    of the race's options and tasks and the design: schedule_config()
 *   without writer:1 flusher:0 third     calls and whole tasks that were left out (struct absent)
 *   violation promise eio      "none none": a run that holds
 *   found portfolio: surw, seed 1, schedule 2
 *   seed 1234
 *   decisions 1*3 2 1 =1/4 ... tasks, and data choices with their tag (rt/schedule.h)
 *   trace 0123456789abcdef     the run's fingerprint: a run with the same one is the same, event by event
 *   crash 17 of 3: 12 15       device position 17, where 3 writes are pending; those submitted at 12 and 15 are kept
 *   said block 1 of file a ...
 *   end 1a2b3c4d               crc32c of everything before this line
 *
 * Lines may be wrapped and unwrapped again by an editor or by mail: that harms nothing, and the sum does not see it.
 * `job`, `scenario`, `granularity`, `without`, `found`, `trace` and `crash` are there when there is something to say.
 * Lines that begin with '#' are comments. The file is written under a temporary name and renamed.
 *
 * Written by the commands that find violations and by rescue.c; read by `race replay` and by tests.
 */
#ifndef HUNT_SCHEDULE_FILE_H
#define HUNT_SCHEDULE_FILE_H

#include "hunt/violation.h"

/*
 * A hash of the race's options and the names of its tasks, and of the design: the same in every build. What the tasks
 * do is in the trace's fingerprint.
 */
uint64_t schedule_config(const struct race *race, const struct design *design);

/*
 * Where to write it when the user has named no file: `path`, or where something else stands there, the next name that
 * is free or holds just this (replace_nth_name()).
 */
void schedule_file_name(const char *path, const struct race *race, const struct design *design,
                        const struct violation *v, char *out, size_t size);

/* 0, or -errno and why. */
int schedule_file_write(const char *path, const struct race *race, const struct design *design,
                        const struct violation *v, struct why *why);
/*
 * 0, or -EINVAL and why; a wrong line is named by its number. A file that was cut short or changed is refused, and so
 * is one of another configuration, unless `tolerant`. `races` is where its race is looked for. *v is initialised,
 * also when this fails.
 */
int schedule_file_read(const char *path, bool tolerant, const struct race_source *races, const struct race **race,
                       const struct design **design, struct violation *v, struct why *why);

#endif
