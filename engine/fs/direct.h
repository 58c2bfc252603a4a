/*
 * direct.h: direct writes: from the caller's memory to the disk, past the page cache. See direct.c.
 *
 * Callers: the public door (fs.h); the designs (designs.c) name the verbs of its events.
 */
#ifndef FS_DIRECT_H
#define FS_DIRECT_H

#include "fs/state.h"

/* The event direct_has_range: a direct write inside the file has its range locked, and is about to make its extents.
 * Does it keep the inode lock? It does; or it drops the lock, as from 38851cc19adb (2013) on. */
bool direct_keep_lock(struct inode *inode);
bool direct_drop_lock(struct inode *inode);

/* Sleeps until no direct write is in the middle of making extents; none can begin, since inode->lock is held for
 * writing. For truncation, where direct writes drop the inode lock. kernel: inode_dio_wait(). */
void direct_wait_makers(struct inode *inode);

#endif
