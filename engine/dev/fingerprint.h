/*
 * fingerprint.h: the fingerprint of a crash image before it is made: the durable one plus, for each
 * block that one pending write alone touches, the difference that this write makes (`delta`); only
 * blocks that several pending writes touch, and torn writes, are looked at one by one.
 *
 * Called by cuts.c, with the walk at the cut's position.
 */
#ifndef DEV_FINGERPRINT_H
#define DEV_FINGERPRINT_H

#include "dev/image.h"

/* A block of a pending write. Parts are sorted by block, then by submission. */
struct part {
	uint32_t blk, of; /* of: index into pending */
	bool alone;       /* no other pending write touches the block */
};

struct fingerprint {
	struct walk *walk;
	const struct cut *cut; /* whose pending writes are meant, and of which the fingerprint is asked */
	uint32_t tear;
	uint64_t durable;
	struct part *part;
	uint32_t nparts;
	bool shared;     /* some block is touched by several pending writes */
	uint64_t *delta; /* of each pending write, over the blocks that it has alone */
};

/* Memory comes from a. cut->keep is not looked at. */
void fingerprint_init(struct fingerprint *f, struct walk *w, const struct cut *c, uint32_t tear, struct arena *a);
/* Of the image that f->cut describes now. */
uint64_t fingerprint_of(struct fingerprint *f);

#endif
