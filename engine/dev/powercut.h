/*
 * powercut.h: the record of writes and flushes, which crash images it allows, and how to enumerate or sample them. The
 * rules are dev.1 to dev.6.
 *
 * The log has positions 0 to n-1; each event takes the next one: WSUB (a write is submitted, with the data), WCMP
 * (it completes), FSUB and FCMP (the same of a flush). A crash at position p sees the events before p. Then each
 * tear unit (DEV_BLOCK, or a sector in strict mode) holds either its durable value at p or the value of any one
 * write that is pending at p: submitted before p, and not older than the durable value.
 *
 * powercut.1: A tear unit never returns to a value older than its durable one.
 * powercut.2: An epoch is the stretch of positions between two completions (of flushes or FUA writes) that make
 *      something durable. In it the durable image is constant, and the pending writes and the promises only grow.
 *      So an epoch is judged at its last position, where promises are strongest and the images include those of all
 *      positions before.
 *
 * An image is a device of its own (powercut_image): the base at the bottom, the chosen writes on top, and a private
 * layer for what a mount writes. Making one takes time proportional to what was written.
 *
 * Called by the oracle, the hunter and tests, when nothing is being submitted; powercut_position() at any time.
 */
#ifndef DEV_POWERCUT_H
#define DEV_POWERCUT_H

#include "base/rng.h"
#include "dev/dev.h"

enum dev_event_kind { DEV_WSUB, DEV_WCMP, DEV_FSUB, DEV_FCMP };

struct dev_event {
	uint8_t kind;
	bool fua, meta;
	bool failed;         /* WSUB, WCMP: never reaches the media; FCMP: makes nothing durable (an error, or a lie) */
	uint32_t of;         /* a completion: the position of its submission; a submission: that of its completion,
			      * UINT32_MAX while it is in flight */
	uint32_t task;       /* id of the task that submitted or completed */
	uint64_t off;
	uint32_t len;
	const void *data;    /* WSUB: a copy, owned by the log */
	uint64_t hash;       /* WSUB: of (off, data) */
	uint64_t ns;         /* rt_now() */
};

/*
 * Starts recording on d, for controlled runs and tests: every write is copied. The content of d at this moment is the
 * base. d is a ram device, or slow in front of one; nothing is in flight.
 */
void powercut_start(struct dev *d);
/* Stops recording and forgets the record; d keeps its content. No image is open. */
void powercut_stop(struct dev *d);
/*
 * Forgets all events, takes the present content as the base, and goes on recording. Allocates nothing. No image is
 * open.
 */
void powercut_restart(struct dev *d);
/*
 * Undoes all writes of the record: the content is the base again, and the record is empty. Takes time proportional to
 * what was written: a hunt calls it between two schedules. Also forgets what was in flight in a run that did not finish
 * (dev_abandon). No image is open.
 */
void powercut_rewind(struct dev *d);

/*
 * The number of events so far: the position with which a call is stamped (pb, pe in oracle/model.h). Callable at
 * any time.
 */
uint32_t powercut_position(const struct dev *d);
/* All events, n of them, with the hashes of writes filled in. Valid until the next event. */
const struct dev_event *powercut_events(const struct dev *d, uint32_t *n);

/*
 * Appends n events that were recorded elsewhere (a real device, another program) to the record, which is empty: each
 * as it is, `of` included, with a copy of its data. Their writes lie inside the device, whose content stays as it is.
 */
void powercut_load(struct dev *d, const struct dev_event *event, uint32_t n);

/* One epoch, judged at `pos`. `pending` lists the WSUB positions of the writes that are pending then, in that order. */
struct epoch {
	uint32_t pos;
	uint32_t npending;
	const uint32_t *pending;
	uint64_t durable_hash; /* of the durable image; equal in all runs from the same base that have the same image */
};

/*
 * Calls fn for each epoch of the record in order, the final one (everything so far) included; stops
 * when fn returns non-zero and returns that.
 */
int powercut_epochs(struct dev *d, int (*fn)(void *arg, const struct epoch *e), void *arg);

/*
 * What is durable and pending for a crash at any position, for shrinking and replay. e->pending is valid until the
 * next call of a powercut function.
 */
void powercut_epoch_at(struct dev *d, uint32_t pos, struct epoch *e);

/* One crash image: which of the writes that are pending at `pos` are kept. */
struct cut {
	uint32_t pos;
	const uint32_t *pending;
	uint32_t npending;
	const uint64_t *keep; /* bit i: pending[i] is kept */
	uint64_t hash;        /* of the resulting image's content */
	/* A write of which only some tear units are kept: unit i of pending[torn], counted from the one that holds
	 * its first byte, when bit i of torn_units is set. NULL: no write is torn. */
	const uint64_t *torn_units;
	uint32_t torn;
};

struct cut_budget {
	uint32_t all_up_to;   /* all subsets of the pending writes when there are at most so many */
	uint32_t sampled;     /* otherwise the extremes (cuts.c) and so many random subsets */
	bool tears;           /* also tear each pending write at the device's tear unit */
	uint64_t seed;
};

/*
 * Calls fn for each crash image of the epoch within the budget, once for equal images; stops when fn returns
 * non-zero.
 */
int powercut_cuts(struct dev *d, const struct epoch *e, const struct cut_budget *b,
                  int (*fn)(void *arg, const struct cut *c), void *arg);

/* The hash of the image of a cut that the caller has put together: c->hash, which need not be set. */
uint64_t powercut_hash(struct dev *d, const struct cut *c);

/*
 * Calls look for all images of the epoch that it can tell apart by what it reads of them. look mounts the image, or
 * knows what an image with this hash holds, and says in *read which blocks were read of it (powercut_image_reads()).
 * A pending write of which nothing was read gets no image of its own. No write is torn. Stops when look returns
 * non-zero and returns that; -E2BIG: more than `most` images would be needed, or more than 64 writes are pending.
 */
int powercut_branches(struct dev *d, const struct epoch *e, uint32_t most,
                      int (*look)(void *arg, const struct cut *c, const uint64_t **read), void *arg);

/*
 * Makes the device as it is after the cut: base, durable writes, kept writes. It can be read and written; what is
 * written stays in the image. It completes bios inside dev_submit(). Images are pooled: close it with dev_close().
 * Always 0.
 */
int powercut_image(struct dev *d, const struct cut *c, struct dev **out);

/* Calls fn for each DEV_BLOCK of an image that may differ from the base of its record, with its content. */
void powercut_image_blocks(const struct dev *image, void (*fn)(void *arg, uint32_t blk, const uint8_t *data),
                           void *arg);

/* A bit for each DEV_BLOCK of an image that was read of it so far; `words` of 64. Valid until it is closed.
 * NULL: the device is no image. */
const uint64_t *powercut_image_reads(const struct dev *image, uint32_t *words);

/* "none", "all", or the list of kept writes, for a report line. */
void powercut_describe(struct dev *d, const struct cut *c, char *buf, unsigned size);

/*
 * The device model's test of itself: a flush that lies must lose a flushed write in some image, an honest one in
 * none. 0, or -EIO when the model cannot be trusted. Takes microseconds.
 */
int powercut_controls(void);

#endif
