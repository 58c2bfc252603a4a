/*
 * schedule_file.h: a violation as a file of text, complete in itself: the race, the design, the seed, the
 * decisions, and the crash. `fsyncstorm race replay FILE` runs it again.
 *
 *   fsyncstorm-schedule 1
 *   race seed
 *   design prefix
 *   violation promise eio
 *   seed 1234
 *   decisions 1*3 2 1 ...      (schedule.h)
 *   crash 17 of 3: 12 15       device position 17, where 3 writes are pending; those submitted at 12 and 15 are kept
 *   said block 1 of file a ...
 *
 * Lines that begin with '#' are comments. Written to a temporary name and renamed.
 */
#ifndef SCHEDULE_FILE_H
#define SCHEDULE_FILE_H

#include "hunt.h"

/* 0, or -errno with one line in err (200 bytes). */
int schedule_file_write(const char *path, const struct race *race, const struct design *design, const struct violation *v, char *err);
/* The same; a wrong line is named by its number. *v is initialised, also when this fails. */
int schedule_file_read(const char *path, const struct race **race, const struct design **design, struct violation *v, char *err);

#endif
