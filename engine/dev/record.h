/*
 * record.h: the inside of a recording: the event log, and the content that the device has now. The door writes it
 * (record.c); powercut.c, walk.c, cuts.c, branch.c and image.c read it. Only engine/dev includes it.
 *
 * Positions are dense, and in the order in which the device acted.
 *
 * record.1: The base is the content when recording started; it does not change. What the device holds now is the layer
 *      `now` over it, made of the log's own copies: no write is copied twice.
 *
 * Events are written under d->lock. They are read when nothing is being submitted.
 */
#ifndef DEV_RECORD_H
#define DEV_RECORD_H

#include "dev/arena.h"
#include "dev/layer.h"
#include "dev/powercut.h"

#define NOT_YET UINT32_MAX /* dev_event.of of a write or flush that is in flight */

struct walk;

struct dev_log {
	struct dev_event *event;
	_Atomic uint32_t n; /* events; read by tasks that stamp a call, without the lock */
	uint32_t cap;
	struct arena data;  /* the copies of what was written */
	struct base base;
	struct layer now;
	struct arena now_mixed;
	struct walk *walk;
	struct arena epochs; /* pending lists of the last powercut_epochs() */
	struct arena cuts;   /* scratch of the last powercut_cuts() or powercut_branches() */
	struct list images;  /* closed images, to be reused */
	uint32_t images_open;
};

/*
 * A stage begins, or is done; a read is not recorded. At the submission of a write bio->media becomes the log's
 * copy. The door holds d->lock.
 */
void record_submit(struct dev *d, struct bio *bio);
void record_complete(struct dev *d, struct bio *bio, int err);
/* The device reads the buffer now: brings the copy up to date with it. Takes d->lock. */
void record_take(struct dev *d, struct bio *bio);

/* ---- a recorded write, block by block ---- */

static inline uint32_t write_first(const struct dev_event *e)
{
	return e->off / DEV_BLOCK;
}

static inline uint32_t write_last(const struct dev_event *e)
{
	return (e->off + e->len - 1) / DEV_BLOCK;
}

/* Which sectors of block blk [off, off + len) covers, as a mask. */
unsigned sectors_of(uint64_t off, uint32_t len, uint32_t blk);
/* Where block blk begins in the write's data. Only the sectors that the write covers may be read there. */
const uint8_t *write_data(const struct dev_event *e, uint32_t blk);
/* Hash of block blk as written; 0 when the write does not cover all of it. */
uint64_t write_hash(struct dev_event *e, uint32_t blk);

#endif
