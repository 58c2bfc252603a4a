/*
 * nocow.c: data in place. kernel: run_delalloc_nocow(), can_nocow_extent().
 *
 * A file without copy on write (chattr +C) is written over where it lies, and has no checksums, since there would be a
 * moment in which neither the old nor the new one is right. A preallocated extent is space that reads as zeros; what
 * is written into it goes there, in any file, and the part of the item that was written becomes an item of its own
 * when the data is there. Both need a look at the file's items before space is taken, so a file that has neither pays
 * nothing.
 *
 * What an item says of a block that is about to be written is settled: a page is made dirty, and a direct write is
 * begun, only when no ordered extent of it is left.
 *
 * Callers: writeback.c and direct.c; the public door (fs.h).
 */
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/inode.h"
#include "fs/nocow.h"
#include "fs/trans.h"

/* What e says of `off`, which it covers. */
static void place_in_extent(const struct inode *inode, uint64_t off, const struct extent *e, struct place *out)
{
	bool nocow = atomic_load(&inode->attrs) & INODE_ITEM_NODATACOW;

	if (e->item.kind == EXTENT_PREALLOC)
		out->in_place = ORDERED_PREALLOC;
	else if (nocow && e->item.kind == EXTENT_REG && !e->item.compress)
		out->in_place = ORDERED_NOCOW;
	out->disk = e->item.disk_bytenr + e->item.offset + (off - e->start);
}

int nocow_place(struct inode *inode, uint64_t off, uint64_t end, struct place *out)
{
	struct extent e;

	CHECK(off < end && (off | end) % FS_BLOCK == 0);
	*out = (struct place){ .len = end - off };
	/* set before the first such extent is there, by a call that keeps writers out */
	if (!(atomic_load_explicit(&inode->attrs, memory_order_relaxed) &
	      (INODE_ITEM_NODATACOW | INODE_ITEM_PREALLOC)))
		return 0;
	mutex_lock(&inode->items_lock);
	int ret = extent_at(&inode->root->tree, inode->ino, off, &e);
	mutex_unlock(&inode->items_lock);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	uint64_t until = e.start > off ? e.start : extent_end(&e);
	if (until < end)
		out->len = until - off;
	if (e.start <= off)
		place_in_extent(inode, off, &e, out);
	return 0;
}

int fs_set_flags(struct file *f, uint32_t flags)
{
	struct inode *inode = f->inode;
	struct fs *fs = inode->root->fs;
	struct handle h;

	if (flags & ~(FS_NODATASUM | FS_NODATACOW))
		return -EINVAL;
	if (fs_error(fs) || fs->opt.read_only)
		return -EROFS;
	write_lock(&inode->lock);
	int ret = atomic_load(&inode->size) || atomic_load(&inode->attrs) ? -EINVAL : trans_start(fs, TRANS_START, &h);
	if (!ret) {
		atomic_store(&inode->attrs, (flags & FS_NODATASUM ? INODE_ITEM_NODATASUM : 0) |
			     (flags & FS_NODATACOW ? INODE_ITEM_NODATACOW | INODE_ITEM_NODATASUM : 0));
		ret = inode_update(inode, &h);
		if (ret)
			trans_abort(fs, ret);
		trans_end(&h);
	}
	write_unlock(&inode->lock);
	return ret;
}
