/*
 * reclaim.c: memory pressure. kernel: btrfs_release_folio(), try_release_extent_mapping(); the extent map shrinker
 * (6.10: btrfs_free_extent_maps()); btrfs_evict_inode() of an inode that has names.
 *
 * None of it waits for anybody: a page that is locked, dirty or under I/O stays, and so do the maps of an inode that an
 * fsync has to itself. It is called where it hurts, by races and tests; and it runs by itself, in a task of its own,
 * when a mount has a limit of memory (mount_options.memory_limit): once for each page or map that comes beyond that, or
 * for several of them together.
 *
 * Callers: the public door (fs.h); page.c, file.c and extent_map.c count.
 */
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/reclaim.h"
#include "fs/work.h"

/* (reclaim.1) */
void release_unneeded(struct inode *inode, uint64_t start, uint64_t end)
{
	em_release(inode, start, end, fs_generation(inode->root->fs), false);
}

void release_all(struct inode *inode, uint64_t start, uint64_t end)
{
	em_release(inode, start, end, fs_generation(inode->root->fs), true);
}

static void release_pages(struct inode *inode)
{
	for (uint32_t i = 0; i < inode->npages_cap; i++)
		if (page_release(inode, i))
			inode->root->fs->on.release_maps(inode, (uint64_t)i * FS_BLOCK, (uint64_t)(i + 1) * FS_BLOCK);
}

int fs_release(struct file *f)
{
	release_pages(f->inode);
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

/* ---- by itself ---- */

/* What the kernel does for a whole machine: pages of all files, then their maps, then inodes. */
static void reclaim(struct work *w)
{
	struct fs *fs = container_of(w, struct fs, reclaim_work);

	/* before it looks: what comes meanwhile is for the next time */
	rt_access(fs->reclaim.wait.id, POINT_WRITE);
	atomic_store(&fs->reclaim_due, false);
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		struct root *root = &fs->subvols[i];
		for (struct inode *inode = inode_next(root, NULL); inode; inode = inode_next(root, inode))
			release_pages(inode);
	}
	fs_shrink_maps(fs);
	fs_evict(fs);
}

void memory_grows(struct fs *fs)
{
	int64_t now = atomic_fetch_add(&fs->in_memory, 1) + 1;

	if (!fs->reclaim.ntasks) /* a mount that is read only, or is being made */
		return;
	rt_access(fs->reclaim.wait.id, POINT_WRITE);
	if (now <= (int64_t)fs->opt.memory_limit || atomic_exchange(&fs->reclaim_due, true))
		return;
	fs->reclaim_work.fn = reclaim;
	workers_queue(&fs->reclaim, &fs->reclaim_work);
}

void memory_shrinks(struct fs *fs, uint32_t n)
{
	if (fs->reclaim.ntasks)
		rt_access(fs->reclaim.wait.id, POINT_WRITE);
	atomic_fetch_sub(&fs->in_memory, n);
}
