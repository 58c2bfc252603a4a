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
/* The first write error of a tree block since mount, 0 when none: a commit must not write a super over it
 * (656f30dba7ab). */
int blocks_error(const struct blocks *bl);

#endif
