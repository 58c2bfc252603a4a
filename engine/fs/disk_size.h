/*
 * disk_size.h: how far the size in a file's inode item reaches, while the file in memory is longer.
 *
 * disk_size.1: inode->unwritten has the blocks that came with a longer file and of which no write has ended yet: they
 *      are dirty, or their write is under way. The size on disk reaches up to the first of them (kernel: the tree of
 *      file extents, 41a2ee75aab0). A block that is written again is not among them: it is in the trees, and holds back
 *      nothing that a log has promised beyond it.
 * disk_size.2: Blocks that a write skips are a hole and are not awaited. A block whose write has failed is a hole, too.
 *
 * All of it is guarded by inode->ordered_lock. Callers: file.c (the file becomes longer, or is truncated); ordered.c
 * and writeback.c (a write has ended).
 */
#ifndef FS_DISK_SIZE_H
#define FS_DISK_SIZE_H

#include "fs/state.h"

/* A write to [off, end) makes the file longer, up to `end`. inode->lock held. */
void disk_size_extend(struct inode *inode, uint64_t off, uint64_t end);
/* The file ends at `size` now, further than before, without a write: what is new is a hole, or preallocated.
 * inode->lock held. The caller writes the inode item. */
void disk_size_allocated(struct inode *inode, uint64_t size);
/* [start, end) is in the trees: the size on disk follows. `done`: the ordered extent that it was; NULL for an inline
 * extent. The caller writes the inode item. */
void disk_size_written(struct inode *inode, uint64_t start, uint64_t end, struct ordered *done);
/* A write of [start, end) has failed: it is not awaited any more (disk_size.2). */
void disk_size_failed(struct inode *inode, uint64_t start, uint64_t end);
/* The file has been truncated to `size`, and nothing of it is dirty or under way. */
void disk_size_truncate(struct inode *inode, uint64_t size);

/* How far the size on disk may go from `disk` towards `size`: the event size_reaches. inode->ordered_lock held. */
uint64_t disk_size_to_unwritten(struct inode *inode, uint64_t disk, uint64_t size);
/* When the inode goes. */
void disk_size_free(struct inode *inode);

#endif
