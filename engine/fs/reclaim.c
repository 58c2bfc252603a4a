/*
 * reclaim.c: memory pressure. kernel: btrfs_release_folio(), try_release_extent_mapping(); the extent map shrinker
 * (6.10: btrfs_free_extent_maps()); btrfs_evict_inode() of an inode that has names.
 *
 * None of it waits for anybody: a page that is locked, dirty or under I/O stays, and so do the maps of an inode that an
 * fsync has to itself. There is no limit of memory that sets it off: races and tests call it where it hurts.
 *
 * Caller: the public door (fs.h).
 */
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/reclaim.h"

/* (reclaim.1) */
void release_unneeded(struct inode *inode, uint64_t start, uint64_t end)
{
	em_release(inode, start, end, fs_generation(inode->root->fs), false);
}

void release_all(struct inode *inode, uint64_t start, uint64_t end)
{
	em_release(inode, start, end, fs_generation(inode->root->fs), true);
}

int fs_release(struct file *f)
{
	struct inode *inode = f->inode;

	for (uint32_t i = 0; i < inode->npages_cap; i++)
		if (page_release(inode, i))
			inode->root->fs->on.release_maps(inode, (uint64_t)i * FS_BLOCK, (uint64_t)(i + 1) * FS_BLOCK);
	return 0;
}

/* An fsync that keeps faults out keeps the shrinker out by the same lock. Where that lock is not taken, because the
 * file is not mapped, a fast log finds the flag (log_item.c), and does not take maps that were dropped under it. */
static void shrink(struct inode *inode)
{
	if (!read_trylock(&inode->mmap_lock))
		return;
	release_all(inode, 0, UINT64_MAX);
	read_unlock(&inode->mmap_lock);
}

int fs_shrink_maps(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		struct root *root = &fs->subvols[i];
		for (struct inode *inode = inode_next(root, NULL); inode; inode = inode_next(root, inode))
			shrink(inode);
	}
	return 0;
}

int fs_evict(struct fs *fs)
{
	int n = 0;

	for (uint32_t i = 0; i < fs->nsubvols; i++)
		n += inode_evict_idle(&fs->subvols[i]);
	return n;
}
