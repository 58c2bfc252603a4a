/*
 * blocks.h: what all trees of one file system share, from inside: the table of nodes by address, the
 * pool of nodes that wait to be used again, and where a block's copies are. Only engine/tree includes it.
 */
#ifndef TREE_BLOCKS_H
#define TREE_BLOCKS_H

#include "tree/cache.h"

#define CACHE_SHARDS 8u

/* A table of its own that starts small, since a mount of a small image must cost next to nothing. */
struct shard {
	struct spin lock;
	/* lock guards these: */
	struct node **slot;
	uint32_t nslots, nnodes;
};

struct blocks {
	/* set at open, then read only */
	struct dev *dev;
	struct alloc *alloc;
	uint32_t nodesize, copies;
	uint64_t meta_len, fsid;
	item_check_fn *item_check;
	const void *item_check_arg;

	_Atomic int error; /* the first write error */
	struct spin damage_lock; /* guards damage: "" or the first reason why a block was refused */
	struct why damage;
	struct shard shard[CACHE_SHARDS];

	struct spin pool_lock;         /* guards pool; taking only */
	struct node *pool;
	struct node *_Atomic returned; /* given back without a lock: all of it becomes the pool when that is empty */
};

/* With DUP the second copy lies meta_len behind the first. */
static inline uint64_t blocks_copy_offset(const struct blocks *bl, uint64_t bytenr, uint32_t copy)
{
	return bytenr + copy * bl->meta_len;
}

/* A write failed; the first error stays. */
void blocks_set_error(struct blocks *bl, int err);

/* A node with this identity: no content, referenced once, not in the table. node_put() gives it back. */
struct node *pool_take(struct blocks *bl, uint64_t bytenr, uint64_t generation, uint64_t owner, uint8_t level);

#endif
