/*
 * powercut.h: the record of writes and flushes, which crash images it allows, and how to enumerate
 * or sample them. The rules are those of dev.h (D1-D6).
 *
 * The log is positions 0..n; each event takes the next one: WSUB (with the data), WCMP, FSUB, FCMP.
 * A crash at position p sees events < p. Then, per tear unit: what is durable at p, or any one write
 * pending at p (submitted before p, not overwritten by what is durable).
 *
 * (P1) A unit never returns to a value older than its durable one. (P2) Between two flush completions (or FUA
 * completions) that make something durable, the durable image is constant and the pending set only grows: an epoch.
 * It is judged at its last position, where promises are strongest.
 *
 * An image is a device of its own (powercut_image): the base below, the chosen writes on top, and a
 * private layer for what a mount writes. It is made in time proportional to what was written.
 */
#ifndef DEV_POWERCUT_H
#define DEV_POWERCUT_H

#include "base/rng.h"
#include "dev/dev.h"

enum dev_event_kind { EV_WSUB, EV_WCMP, EV_FSUB, EV_FCMP };

struct dev_event {
	uint8_t kind;
	bool fua, meta;
	bool failed;         /* WSUB, WCMP: never reaches the media; FCMP: makes nothing durable (an error, or a lie) */
	uint32_t of;         /* WCMP, FCMP: position of its WSUB/FSUB. WSUB, FSUB: position of its completion, UINT32_MAX while in flight */
	uint32_t task;       /* who submitted or completed */
	uint64_t off;
	uint32_t len;
	const void *data;    /* WSUB: a copy, owned by the log */
	uint64_t hash;       /* WSUB: of (off, data) */
	uint64_t ns;
};

/* Starts recording on d (controlled runs, tests; not for long benches: every write is copied). The
 * content of d at this moment is the base; d must be a ram device, or slow in front of one. */
void powercut_start(struct dev *d);
/* Stops and forgets. */
void powercut_stop(struct dev *d);
/* Forgets all events but keeps recording, and takes the present content as the base. For pooled runs: no allocation. */
void powercut_restart(struct dev *d);
/*
 * Undoes all writes of the record: the content is the base again, and the record is empty. In time
 * proportional to what was written: what a hunt calls between two schedules. No image is open. Forgets
 * what was in flight in a run that did not finish (dev_abandon).
 */
void powercut_rewind(struct dev *d);

/* The number of events so far: the position that a promise is stamped with (pe, pb of a call: oracle/model.h). */
uint32_t powercut_position(const struct dev *d);
const struct dev_event *powercut_events(const struct dev *d, uint32_t *n);

/* One epoch: judge at `pos`; `pending` lists the WSUB positions not durable then, in submission order. */
struct epoch {
	uint32_t pos;
	uint32_t npending;
	const uint32_t *pending;
	uint64_t durable_hash; /* of the durable image: equal hashes, equal images, also of other runs from the same start */
};

/*
 * Calls fn for each epoch of the record in order, the final one (everything so far) included; stops
 * when fn returns non-zero and returns that.
 */
int powercut_epochs(struct dev *d, int (*fn)(void *arg, const struct epoch *e), void *arg);

/* What is durable and pending for a crash at any position, for shrinking and replay. e->pending is valid until the
 * next call of a powercut function. */
void powercut_epoch_at(struct dev *d, uint32_t pos, struct epoch *e);

/*
 * Which of an epoch's pending writes are kept: bit i of mask = pending[i]; npending may exceed 64, then mask is an
 * array.
 */
struct cut {
	uint32_t pos;
	const uint32_t *pending;
	uint32_t npending;
	const uint64_t *keep; /* bitmap */
	uint64_t hash;        /* of the resulting image's content */
	/* A write of which only some tear units are kept: unit i of pending[torn], counted from the one that holds
	 * its first byte, when bit i of torn_units is set. NULL: no write is torn. */
	const uint64_t *torn_units;
	uint32_t torn;
};

struct cut_budget {
	uint32_t all_up_to;   /* enumerate all subsets when npending <= this (10) */
	uint32_t sampled;     /* otherwise: the named extremes plus this many random ones */
	bool tears;           /* also tear each pending write at the device's tear unit */
	uint64_t seed;
};

/* Calls fn for each crash image of the epoch within the budget; stops when fn returns non-zero. */
int powercut_cuts(struct dev *d, const struct epoch *e, const struct cut_budget *b,
                  int (*fn)(void *arg, const struct cut *c), void *arg);

/*
 * All images of the epoch that can be told apart by what `look` reads of them, however many writes are pending:
 * look mounts the image, or knows what one with this hash holds, and says which blocks were read of it
 * (powercut_image_reads()). Pending writes of which nothing was read need no image of their own. Stops when look
 * returns non-zero and returns that; -E2BIG: more than `most` images would be due, or more than 64 writes are
 * pending. No write is torn.
 */
int powercut_branches(struct dev *d, const struct epoch *e, uint32_t most,
                      int (*look)(void *arg, const struct cut *c, const uint64_t **read), void *arg);

/*
 * The device as it is after the cut: base + durable + kept. Readable and writable; writes stay in
 * the image. Completes bios inside dev_submit. Images are pooled: close with dev_close.
 */
int powercut_image(struct dev *d, const struct cut *c, struct dev **out);

/* A bit for each DEV_BLOCK of an image that was read of it so far; `words` of 64. Valid until it is closed.
 * NULL: the device is no image. */
const uint64_t *powercut_image_reads(const struct dev *image, uint32_t *words);

/* "none", "all", or the list of kept writes, for a report line. */
void powercut_describe(struct dev *d, const struct cut *c, char *buf, unsigned size);

/*
 * The controls of the device: a flush that lies must lose a flushed write in some image,
 * an honest one in none. 0, or -EIO when the device model itself cannot be trusted. Microseconds on ram.
 */
int powercut_controls(void);

#endif
