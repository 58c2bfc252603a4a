/*
 * reclaim.h: what memory pressure takes: clean pages, extent maps, inodes. See reclaim.c.
 *
 * reclaim.1: An extent map that a fast fsync needs is not dropped: one that is on its way to the disk, and one of the
 *      newest transaction that is on the modified list. Or it is dropped, and the inode needs a full sync from before
 *      that.
 * reclaim.2: An inode goes when nobody has it open, nothing refers to it (inode->refs), nothing of it is dirty, and its
 *      item has its size. Its stamps go with it, and the errors of its writes that nobody was told of.
 *
 * Callers: the public door (fs.h); the designs (designs.c) name the verbs of its event.
 */
#ifndef FS_RECLAIM_H
#define FS_RECLAIM_H

#include "fs/state.h"

/*
 * One page more is cached, or one extent map more is there; or n fewer. Beyond opt.memory_limit the reclaim task has
 * work from then on. Any lock may be held: this does not sleep.
 */
void memory_grows(struct fs *fs);
void memory_shrinks(struct fs *fs, uint32_t n);
static inline void memory_more(struct fs *fs)
{
	if (fs->opt.memory_limit)
		memory_grows(fs);
}
static inline void memory_less(struct fs *fs, uint32_t n)
{
	if (fs->opt.memory_limit)
		memory_shrinks(fs, n);
}

/* The event release_maps: clean pages of [start, end) have left the cache, and their maps may. Those that a fast fsync
 * does not need go (3d6448e63159); or all that are not on their way to the disk, and the inode needs a full sync when a
 * fast one would have needed them. */
void release_unneeded(struct inode *inode, uint64_t start, uint64_t end);
void release_all(struct inode *inode, uint64_t start, uint64_t end);

#endif
