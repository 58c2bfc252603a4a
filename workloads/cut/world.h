/*
 * world.h: a work on a file system on a recorded device, and all that judges its crashes: what one process of a cut
 * has. One round after the other begins from the same content: the work's files, made and durable.
 *
 * Called by cut/cut.c and by tests.
 */
#ifndef CUT_WORLD_H
#define CUT_WORLD_H

#include "cut/drive.h"
#include "cut/slot.h"
#include "oracle/check.h"

struct world {
	const struct cut_fs *fs;
	struct work *work;
	struct recorder recorder;
	uint8_t *base;       /* fs->size bytes */
	struct dev *dev;     /* the record of the last round, over the base */
	struct model *model; /* its history */
	struct drive *drive;
	struct slot slot;
	struct judge *judge; /* recovers images in the slot */
	bool looked;         /* an image was mounted, and lies in the slot still; the caller sets it to false */
};

/* tear: DEV_BLOCK, or 512. 0, or -errno with why. Forks; called by a process of one thread. */
int world_open(struct world *w, const struct cut_fs *fs, struct work *work, uint32_t tear, struct why *why);
void world_close(struct world *w);

struct round {
	struct recorder_ways recorder;
	struct drive_ways drive;
	bool lies; /* the record says that no flush made anything durable */
	/* what came of it: */
	struct recorded recorded;
	uint32_t calls, syncs, failed; /* calls of the threads; those that promised; those that failed */
};

/*
 * Mounts, runs the threads, unmounts; then the record and the history are those of this round. 0, or -errno with why;
 * after -ETIMEDOUT the process can only end.
 */
int world_round(struct world *w, struct round *r, struct why *why);
/* The record of the last round once more, after a change of r->lies. */
void world_reload(struct world *w, const struct round *r);

#endif
