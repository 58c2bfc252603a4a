/*
 * fiemap.c: where the extents of a file are. kernel: btrfs_fiemap(), extent_fiemap(), up to 6.8.
 *
 * The whole file is locked as a range, piece by piece, so nothing of it gets into the trees meanwhile. The inode lock
 * is not taken. So it can have the begin of a file, and wait for whoever has the rest; what has to get into the trees
 * at the begin waits for both.
 *
 * Caller: the public door (fs.h).
 */
#include "fs/extent_item.h"
#include "fs/range.h"

static int extents_count(struct inode *inode)
{
	struct extent e;
	uint64_t at = 0;
	int n = 0, ret;

	mutex_lock(&inode->items_lock);
	for (;; at = extent_end(&e), n++) {
		ret = extent_at(&inode->root->tree, inode->ino, at, &e);
		if (ret)
			break;
	}
	mutex_unlock(&inode->items_lock);
	return ret == -ENOENT ? n : ret;
}

int fs_fiemap(struct file *f)
{
	struct range r;

	range_lock_in_pieces(f->inode, &r, 0, UINT64_MAX);
	int n = extents_count(f->inode);
	range_unlock(f->inode, &r);
	return n;
}
