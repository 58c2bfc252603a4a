/*
 * nocow.h: where data that is written goes: to new space, or in place. See nocow.c.
 *
 * nocow.1: A block in place is written where its item says, and nobody else has that space: it is not given up by the
 *      write, whether that succeeds or fails.
 * nocow.2: An overwrite of written data in place adds no extent map and no item: only its ordered extent tells that it
 *      is under way. So a log that wants that data waited for collects ordered extents that no map names.
 *
 * Callers: writeback.c and direct.c; the public door (fs.h).
 */
#ifndef FS_NOCOW_H
#define FS_NOCOW_H

#include "fs/state.h"

/* Where the next `len` bytes of a file go. */
struct place {
	uint64_t len;         /* at least one block, at most what was asked for */
	uint32_t in_place;    /* 0: to new space; ORDERED_PREALLOC, ORDERED_NOCOW: to `disk` */
	uint64_t disk;
};

/* The place of what begins at `off`, up to `end`. The range is locked, and no write of it is under way. 0 or -errno. */
int nocow_place(struct inode *inode, uint64_t off, uint64_t end, struct place *out);

/* Are data of this file checksummed? It never changes once the file has data. */
static inline bool inode_has_sums(const struct inode *inode)
{
	return !(atomic_load_explicit(&inode->attrs, memory_order_relaxed) & INODE_ITEM_NODATASUM);
}

#endif
