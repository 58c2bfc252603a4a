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

/*
 * The event sync_direct: a direct write with O_DSYNC syncs what it has written, and has the inode lock still, shared
 * inside the file. direct_sync_unlocked() drops it first. direct_sync_locked() keeps it, and tells its own sync: as in
 * Linux since cd9253c23aed (6.11). direct_sync_marked() tells all syncs by the same descriptor, as before.
 */
int direct_sync_unlocked(struct fs_direct *io);
int direct_sync_locked(struct fs_direct *io);
int direct_sync_marked(struct fs_direct *io);
/* fs_fsync_range() for a caller that has inode->lock, and keeps it (fsync.c). */
int fsync_locked(struct file *f, uint64_t off, uint64_t len);

/* Sleeps until no direct write is in the middle of making extents; none can begin, since inode->lock is held for
 * writing. For truncation, where direct writes drop the inode lock. kernel: inode_dio_wait(). */
void direct_wait_makers(struct inode *inode);

#endif
