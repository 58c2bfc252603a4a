/*
 * tape.h: what a device was asked to do, in order, without the data: the shape of a workload's I/O, to be played again
 * without the workload.
 *
 * A completion is on the tape before its submitter can learn of it, and a submission before the back end acts on
 * it: so what was submitted after a completion was seen stands after it. A bio with PREFLUSH and a length is two
 * entries, a flush and a write, as the back end sees it. A full tape takes no more and says so; nothing is
 * allocated while it records.
 *
 * The door writes it (dev.c); the players and figures in workloads/ read it. Not together with powercut_start().
 */
#ifndef DEV_TAPE_H
#define DEV_TAPE_H

#include "dev/dev.h"

enum tape_kind { TAPE_WRITE, TAPE_FLUSH, TAPE_READ, TAPE_DONE, TAPE_MARK };

struct tape_event {
	uint8_t kind;   /* enum tape_kind */
	bool fua, alone; /* alone: BIO_SYNC, its submitter waited for it at once */
	uint32_t of;    /* DONE: index of the entry that is done */
	uint64_t off;
	uint32_t len;
};

struct tape {
	/* dev->lock guards these while it records */
	struct tape_event *event;
	uint32_t n, cap;
	bool full;
};

/* Records from now on, at most `cap` events. */
void tape_start(struct dev *d, struct tape *t, uint32_t cap);
/* Stops; the tape can be read. */
void tape_stop(struct dev *d);
void tape_free(struct tape *t);
/* A mark of the caller's own, e.g. between two operations. Nothing else may be submitting. */
void tape_mark(struct dev *d);

/* The door's; dev->lock is held. */
void tape_submitted(struct dev *d, struct bio *bio);
void tape_completed(struct dev *d, struct bio *bio);

#endif
