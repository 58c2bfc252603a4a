/*
 * fingerprint.h: the fingerprint (layer.2) of a crash image before the image is made. It is that of the durable
 * image plus, for each kept write, the difference that this write makes in blocks that no other pending write
 * touches (`delta`). Only blocks that several pending writes touch, and torn writes, are looked at one by one.
 *
 * Called by cuts.c and branch.c, with the walk at the cut's position.
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
	const struct cut *cut; /* the image in question; its `keep` and tear may change between two calls */
	uint32_t tear;
	uint64_t durable;
	struct part *part;
	uint32_t nparts;
	bool shared;     /* some block is touched by several pending writes */
	uint64_t *delta; /* of each pending write, over the blocks that no other touches */
};

/* Memory comes from a. c->keep need not be set yet. */
void fingerprint_init(struct fingerprint *f, struct walk *w, const struct cut *c, uint32_t tear, struct arena *a);
/* The fingerprint of the image that f->cut describes now. */
uint64_t fingerprint_of(struct fingerprint *f);

#endif
