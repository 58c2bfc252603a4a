/*
 * walk.h: what is durable, and what is pending, for a crash at a position of the record.
 *
 * The events before `at` have been seen, and `durable` and `pending` are what they leave. pending lists, in submission
 * order, the writes that are not durable and of which at least one sector is not covered by a newer durable write
 * (powercut.1).
 *
 * Only a FUA write can become durable before an older write to the same place: a flush that covers the newer write
 * covers the older one too, which completed before the newer one was submitted (dev.6).
 *
 * Called by powercut.c, cuts.c, branch.c and image.c. Each first moves the walk to the position that it is about.
 */
#ifndef DEV_WALK_H
#define DEV_WALK_H

#include "dev/record.h"

struct positions {
	uint32_t *pos;
	uint32_t n, cap;
};

struct walk {
	struct dev_log *log;
	uint32_t at;
	struct layer durable;
	struct arena mixed;
	struct positions pending;
	struct positions fua; /* durable FUA writes newer than the oldest pending write */
};

struct walk *walk_new(struct dev_log *l);
void walk_free(struct walk *w);
/* Back to position 0. */
void walk_reset(struct walk *w);
/* To the position pos <= log->n: forwards, or from the start again when it is behind. */
void walk_to(struct walk *w, uint32_t pos);
/* The next event makes something durable: an epoch ends before it. */
bool walk_commits_next(const struct walk *w);

/*
 * Which sectors of block blk write `pos` would still change, as a mask: those that it covers, less those with a newer
 * durable value (powercut.1).
 */
unsigned walk_sectors(const struct walk *w, uint32_t pos, uint32_t blk);

#endif
