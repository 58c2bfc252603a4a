/*
 * extent_item.h: file extent items: which disk blocks a range of a file is in, in a subvolume's tree
 * or in its log; and what becomes of the disk space that an item lets go.
 *
 * extent_item.1: Items of one inode in one tree never overlap.
 * extent_item.2: Space is let go by items of a subvolume tree only: a log's items never own space.
 * extent_item.3: An uncompressed extent is let go block by block; a compressed one when its last item goes
 *      (fs->compressed counts the items).
 *
 * Callers hold inode->items_lock for the subvolume's tree, inode->log_mutex for a log.
 */
#ifndef FS_EXTENT_ITEM_H
#define FS_EXTENT_ITEM_H

#include "fs/state.h"

/* An item copied out of a tree, with its inline bytes. */
struct extent {
	uint64_t start; /* in the file */
	struct extent_item item;
	uint32_t inline_len;
	uint8_t inline_data[EXTENT_INLINE_MAX];
};

static inline uint64_t extent_end(const struct extent *e)
{
	return e->start + e->item.len;
}

/* The first item of ino that ends after `off`. -ENOENT, -EIO (a block that cannot be read). */
int extent_at(struct tree *t, uint64_t ino, uint64_t off, struct extent *e);

enum extent_drop_how {
	DROP_IN_LOG,  /* items only */
	DROP_IN_PLACE, /* items only, of a subvolume tree: the space goes on to another item (nocow.1) */
	DROP_RELEASE, /* what goes is pinned, its checksums are deleted */
	DROP_COLLECT, /* replay: what goes is handed to the callback, since the log may name it again (replay.1) */
};
struct extent_drop {
	struct fs *fs;
	struct tree *tree;
	uint64_t generation, ino;
	enum extent_drop_how how;
	void (*collect)(void *arg, uint64_t bytenr, uint64_t len);
	void *arg;
};
/* Removes or trims the items that overlap [start, end). */
int extent_drop(const struct extent_drop *d, uint64_t start, uint64_t end);
/* Inserts an item (with inline bytes when inline). A compressed extent gets a reference in a subvolume tree (own). */
int extent_insert(struct fs *fs, struct tree *t, uint64_t generation, uint64_t ino, const struct extent *e, bool own);

/* What a compressed extent holds: disk_len bytes to ram_bytes. -EIO: it is not what it should be. */
int compressed_unpack(const struct extent_item *it, const void *in, void *raw);

/* References to compressed extents (extent_item.3). */
void compressed_init(struct fs *fs);
void compressed_fini(struct fs *fs);
bool compressed_in_use(struct fs *fs, uint64_t bytenr);
/* The mount meets an item of it: a reference. *first: no item of it was met before. Returns false when this item and
 * the first one differ in its length, on the disk or in the file: the last item that goes takes the space along. */
bool compressed_meet(struct fs *fs, const struct extent_item *it, bool *first);
/* Adds n (may be negative); true when the count is now 0 and the extent is forgotten. */
bool compressed_ref(struct fs *fs, uint64_t bytenr, int n);

#endif
