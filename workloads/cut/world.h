/*
 * world.h: a work on a file system on a recorded device, and all that judges its crashes: what one process of a cut
 * has. One round after the other begins from the same content: the work's files, made and durable.
 *
 * Called by cut/cut.c and by tests.
 */
#ifndef CUT_WORLD_H
#define CUT_WORLD_H

#include "cut/drive.h"
#include "cut/evidence.h"

struct world {
	struct evidence e;   /* of the last round */
	struct work *work;
	struct recorder recorder;
	struct drive *drive;
};

/* tear: DEV_BLOCK, or 512. 0, or -errno with why. Forks; called by a process of one thread. */
int world_open(struct world *w, const struct cut_fs *fs, struct work *work, uint32_t tear, struct why *why);
void world_close(struct world *w);

struct round {
	struct recorder_ways recorder;
	struct drive_ways drive;
	bool unrecorded;            /* through the same device, but nothing of it is kept: only counts and time */
	uint64_t ran_ns;            /* how long the threads ran */
	bool cut_short;             /* the recorder was full: what came after is not in the record */
	struct round_counts counts; /* what came of it */
};

/*
 * Mounts, runs the threads, unmounts; then the record and the history are those of this round. 0, or -errno with why;
 * after -ETIMEDOUT the process can only end.
 */
int world_round(struct world *w, struct round *r, struct why *why);

#endif
