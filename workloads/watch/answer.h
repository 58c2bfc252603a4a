/*
 * answer.h: the first lines of a report, which a person can use as they are: how many syncs a second, on which file, on
 * which file system and drive, how long they take, what they wait for. And how tables name files.
 *
 * Files of one folder whose names differ in a number alone, as the segments of a log do, are one answer.
 *
 * Called by tell.c.
 */
#ifndef WATCH_ANSWER_H
#define WATCH_ANSWER_H

#include "watch/files.h"

/*
 * How many letters all paths have in common, up to a '/', such that each keeps the folder that it is in: "pg_wal/0001".
 * 0 where that is nothing but "/".
 */
size_t answer_common(struct watched_file *const *list, unsigned n);
/* "71 % waiting for another task's journal commit (jbd2_log_wait_commit), 20 % ...": the dearest `most`. */
void answer_waits(const struct kwait_sum *waits, unsigned most, char *out, size_t size);
/* The kind of sync that is most of a file's. */
const char *answer_call(const struct watched_file *file);
/* The sentences, of files that are sorted, the dearest first. */
void answer_print(struct watched_file *const *list, unsigned n, const struct watched_files *f, const char *name,
                  FILE *out);

#endif
