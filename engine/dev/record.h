/*
 * record.h: the inside of a recording: the event log, and the content that the device has now. The
 * door writes it (record.c), powercut_*.c read it. Nobody outside engine/dev includes it.
 *
 * (E1) Positions are dense and in the order in which the device acted.
 * (E2) The base is the content when recording started; it does not change. What the device holds now
 *      is the layer `now` over it, made of the log's own copies: no write is copied twice.
 *
 * Events are written under d->lock. Reading them is for when nothing is being submitted.
 */
#ifndef DEV_RECORD_H
#define DEV_RECORD_H

#include "dev/arena.h"
#include "dev/layer.h"
#include "dev/powercut.h"

#define NOT_YET UINT32_MAX /* dev_event.of of what is in flight */

struct walk;

struct dev_log {
	struct dev_event *event;
	_Atomic uint32_t n; /* read by tasks that stamp a promise */
	uint32_t cap;
	struct arena data;  /* the copies */
	struct base base;
	struct layer now;
	struct arena now_mixed;
	struct walk *walk;         /* powercut_walk.c */
	struct arena epochs, cuts; /* pending lists of the last powercut_epochs(); scratch of the last powercut_cuts() */
	struct list images;        /* closed ones, for the next */
	uint32_t images_open;
};

/* The stage begins, or is done. A submitted write's bio->media becomes the log's copy. d->lock is held. */
void record_submit(struct dev *d, struct bio *bio);
void record_complete(struct dev *d, struct bio *bio, int err);
/* The device reads the buffer now: the copy is what it reads. */
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

/* Sectors of block blk that [off, off + len) covers. */
unsigned sectors_of(uint64_t off, uint32_t len, uint32_t blk);
/* Where block blk begins in the write's data; only the sectors that it covers are there. */
const uint8_t *write_data(const struct dev_event *e, uint32_t blk);
/* Hash of block blk as written; 0 when the write does not cover all of it. */
uint64_t write_hash(struct dev_event *e, uint32_t blk);

#endif
