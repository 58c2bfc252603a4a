/*
 * range.h: the range lock of an inode (the kernel's io_tree lock): one holder per byte. Taken by writeback and direct
 * writes around the making of extents, by completion around the insertion of their items, by truncate, by a reader
 * around the bringing in of a page, and by fiemap. Always taken before a transaction handle is opened (rt/lock.h: RANGE
 * stands above TRANS_JOIN). Who waits for a part with another part locked has the one that lies before it (lock.1, with
 * the offset as `sub`).
 */
#ifndef FS_RANGE_H
#define FS_RANGE_H

#include "fs/state.h"

/* Sleeps until no part of [start, end) is locked, then locks it; r is the caller's until range_unlock. */
void range_lock(struct inode *inode, struct range *r, uint64_t start, uint64_t end);
/* The same piece by piece from the start on: what is free is locked, and kept while the next one is waited for. kernel:
 * lock_extent(). */
void range_lock_in_pieces(struct inode *inode, struct range *r, uint64_t start, uint64_t end);
/* Does anybody hold a part of [start, end)? */
bool range_is_locked(struct inode *inode, uint64_t start, uint64_t end);
void range_unlock(struct inode *inode, struct range *r);

#endif
