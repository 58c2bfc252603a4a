/*
 * cache.h: the blocks of all trees of one file system: nodes in memory by address, read and checked
 * once, and where a block's copies are.
 *
 * Metadata lives in [meta_start, meta_start + meta_len); with DUP the second copy of the block at
 * `a` is at a + meta_len. Callers: tree.c, and fs/mount.c for the life cycle.
 */
#ifndef TREE_CACHE_H
#define TREE_CACHE_H

#include "tree/tree.h"

struct blocks *blocks_open(struct dev *dev, struct alloc *alloc, uint32_t nodesize, bool dup, uint64_t meta_len);
/* All trees are closed by then. */
void blocks_close(struct blocks *bl);
/* Stamped into every block, and compared in every block that is read, so that what an older file system left behind
 * is never taken for a block of this one. 0 unless set; set before the first tree is made or opened. */
void blocks_set_fsid(struct blocks *bl, uint64_t fsid);
uint32_t blocks_nodesize(const struct blocks *bl);

/*
 * An item in a leaf, and what the owner of the trees knows of it: 0, or -EIO with why. Called once for each item of a
 * leaf that is read, with the leaf's owner and generation and the item before it there (NULL: it is the first), so that
 * whoever gets an item out of a tree need not look whether it can be. It may lock nothing.
 */
struct item_view {
	const struct key *key;
	const void *data;
	uint32_t len;
};
typedef int item_check_fn(const void *arg, uint64_t owner, uint64_t generation, const struct item_view *it,
                          const struct item_view *before, struct why *why);
/* Set before the first tree is opened; none: items are bytes. */
void blocks_set_item_check(struct blocks *bl, item_check_fn *fn, const void *arg);

/* What a block that was read did not keep: the first such line since blocks_open(). False: there was none. */
bool blocks_damage(struct blocks *bl, struct why *why);
/* What the caller has found out from several blocks: kept if it is the first. */
void blocks_note_damage(struct blocks *bl, const struct why *why);

/* The first write error of a tree block since mount, 0 when none: a commit must not write a super over it
 * (656f30dba7ab). */
int blocks_error(const struct blocks *bl);

#endif
