/*
 * schedule_file.h: a violation as a file of text, complete in itself: the race, the design, the seed, the
 * decisions, and the crash. `fsyncstorm race replay FILE` runs it again.
 *
 *   fsyncstorm-schedule 3
 *   job [a]\nrw=write\n...      the job that the race is made from (race/job.h), its line ends as \n; of other races none
 *   race seed
 *   design prefix
 *   granularity fine           where the points are (coop.h)
 *   config 5f0c1d2e3a4b5c6d    of the race's options and tasks and the design: schedule_config()
 *   without writer:1 flusher:0 third     calls and whole tasks that were left out (struct absent)
 *   violation promise eio      "none none": a run that holds
 *   found portfolio: surw, seed 1, schedule 2
 *   seed 1234
 *   decisions 1*3 2 1 =1/4 ... (schedule.h: tasks, and data choices with their tag)
 *   trace 0123456789abcdef     the run's fingerprint: the same again is the same run, event by event
 *   crash 17 of 3: 12 15       device position 17, where 3 writes are pending; those submitted at 12 and 15 are kept
 *   said block 1 of file a ...
 *   end 1a2b3c4d               crc32c of everything before this line
 *
 * Long lines may be wrapped, once more too: an editor or mail that does so harms nothing, and the sum does not see it.
 * `granularity`, `without`, `found`, `trace` and `crash` are there when there is something to say. Lines that begin with '#' are
 * comments. Written to a temporary name and renamed.
 */
#ifndef HUNT_SCHEDULE_FILE_H
#define HUNT_SCHEDULE_FILE_H

#include "hunt/hunt.h"

/* A hash of the race's options and the names of its tasks, and of the design: the same in every build. What tasks do is in the trace. */
uint64_t schedule_config(const struct race *race, const struct design *design);

/* 0, or -errno with one line in err (200 bytes). */
int schedule_file_write(const char *path, const struct race *race, const struct design *design, const struct violation *v, char *err);
/*
 * The same; a wrong line is named by its number, a file that was cut short or changed is refused, and so is one of
 * another configuration, unless `tolerant`. `races`: where its race is looked for. *v is initialised, also when this fails.
 */
int schedule_file_read(const char *path, bool tolerant, const struct race_source *races, const struct race **race, const struct design **design, struct violation *v,
                       char *err);

#endif
