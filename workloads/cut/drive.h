/*
 * drive.h: runs a work's threads with real system calls on a mounted file system, and tells the oracle's history
 * (oracle/model.h) of each call, as the calls of the engine are told of (CRASH rules: oracle/rules.h).
 *
 * drive.1: Changes of names are made one at a time, so the history knows which file each of them met. Every other call
 *      runs at once with all others, changes of names included.
 * A call that promises something has its tick and its position taken after the system call has returned: the promise
 * may be taken for weaker than it is.
 *
 * Called by cut/world.c.
 */
#ifndef CUT_DRIVE_H
#define CUT_DRIVE_H

#include "cut/fs.h"
#include "cut/recorder.h"
#include "cut/work.h"
#include "oracle/model.h"

struct drive;

struct drive_ways {
	uint64_t seed;
	unsigned turns;  /* of each thread; 0: until the history has DRIVE_CALLS calls */
};
#define DRIVE_CALLS 256u

/* recorder NULL: none. The model is told of the work's files by drive_set_up(). */
struct drive *drive_new(const struct cut_fs *fs, const struct work *w, struct model *m, struct recorder *r);
void drive_free(struct drive *d);

/* Makes the work's folders and files in a new file system, does the lines of [setup], and syncs. `root`: of the mount.
 * 0, or -errno with why. */
int drive_set_up(struct drive *d, int root, struct why *why);
/* Opens what drive_set_up() has made in another mount of it. 0, or -errno with why. */
int drive_open(struct drive *d, int root, struct why *why);
/*
 * Runs all threads to their end. 0; -ETIMEDOUT with why when they do not end: then nothing of the drive may be touched
 * any more, and the process can only end.
 */
int drive_run(struct drive *d, const struct drive_ways *ways, struct why *why);
/* The name of the thread that was this task in the last run; NULL: none was. */
const char *drive_thread(const struct drive *d, uint32_t task);
/* Closes all files: the mount can go. */
void drive_close(struct drive *d);

#endif
