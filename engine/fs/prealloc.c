/*
 * prealloc.c: space of a file that is taken and given back without a write: fallocate(), and holes that are punched.
 * kernel: btrfs_fallocate(), btrfs_punch_hole().
 *
 * Both hold inode->lock for writing and keep faults out; what is dirty in the range is written, and waited for; the
 * range is locked, with none of it in the page cache; then one transaction changes items and maps. So nothing of the
 * range is on its way meanwhile, and a page that is brought in later sees the change.
 *
 * A preallocated extent has its map on the modified list, so a fast fsync logs it. A punched range leaves no map, so
 * the inode needs a full sync.
 *
 * Caller: the public door (fs.h).
 */
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mmap.h"
#include "fs/ordered.h"
#include "fs/prealloc.h"
#include "fs/range.h"
#include "fs/trans.h"
#include "fs/work.h"

static void file_lock(struct inode *inode)
{
	write_lock(&inode->lock);
	mmap_keep_out(inode, PH_NR);
}

static void file_unlock(struct inode *inode)
{
	mmap_let_in(inode);
	write_unlock(&inode->lock);
}

/* ---- preallocation ---- */

/* `len` bytes of new space for a hole, as one item and one map. */
static int hole_fill(struct inode *inode, struct handle *h, uint64_t off, uint64_t disk, uint64_t len)
{
	struct extent_map em = { .start = off, .len = len, .disk_bytenr = disk, .disk_len = len, .ram_bytes = len,
				 .generation = h->trans->id, .flags = EM_PREALLOC };
	struct extent e = { .start = off };

	e.item = (struct extent_item){ .generation = h->trans->id, .disk_bytenr = disk, .disk_len = len, .len = len,
				       .ram_bytes = len, .kind = EXTENT_PREALLOC };
	int ret = extent_insert(inode->root->fs, &inode->root->tree, h->trans->id, inode->ino, &e, true);
	if (!ret)
		em_add(inode, &em);
	return ret;
}

/* The first hole of [off, end): *hole_end is where it ends. UINT64_MAX: there is none. items_lock held. */
static int next_hole(struct inode *inode, uint64_t off, uint64_t end, uint64_t *hole, uint64_t *hole_end)
{
	struct extent e;

	*hole = UINT64_MAX;
	while (off < end) {
		int ret = extent_at(&inode->root->tree, inode->ino, off, &e);
		if (ret && ret != -ENOENT)
			return ret;
		if (!ret && e.start <= off) {
			off = extent_end(&e);
			continue;
		}
		*hole = off;
		*hole_end = ret || e.start > end ? end : e.start;
		return 0;
	}
	return 0;
}

/* Every hole of the range gets space. -ENOSPC: some may have. */
static int holes_fill(struct inode *inode, struct handle *h, uint64_t off, uint64_t end)
{
	struct alloc *a = inode->root->fs->alloc;
	uint64_t hole, hole_end, disk;
	int ret = 0;

	while (off < end) {
		mutex_lock(&inode->items_lock);
		ret = next_hole(inode, off, end, &hole, &hole_end);
		mutex_unlock(&inode->items_lock);
		if (ret || hole == UINT64_MAX)
			break;
		uint64_t len = hole_end - hole < EXTENT_LEN_MAX ? hole_end - hole : EXTENT_LEN_MAX;
		if (alloc_get(a, ALLOC_DATA, FS_BLOCK, FS_BLOCK, &len, &disk))
			return -ENOSPC;
		mutex_lock(&inode->items_lock);
		ret = hole_fill(inode, h, hole, disk, len);
		mutex_unlock(&inode->items_lock);
		if (ret)
			break;
		off = hole + len;
	}
	if (ret)
		trans_abort(inode->root->fs, ret);
	return ret;
}

int prealloc_join(struct fs *fs, struct handle *h)
{
	return trans_start(fs, TRANS_JOIN, h);
}

int prealloc_start(struct fs *fs, struct handle *h)
{
	lock_order_waive(true);
	int ret = trans_start(fs, TRANS_START, h);
	lock_order_waive(false);
	return ret;
}

/* The range is locked. size: the file's size afterwards. */
static int prealloc_range(struct inode *inode, uint64_t off, uint64_t end, uint64_t size)
{
	struct handle h;
	int ret = inode->root->fs->on.prealloc_begins(inode->root->fs, &h);

	if (ret)
		return ret;
	/* before the first item is there (nocow_place) */
	atomic_fetch_or(&inode->attrs, INODE_ITEM_PREALLOC);
	ret = holes_fill(inode, &h, off, end);
	if (!ret && size > atomic_load(&inode->size)) {
		file_skips_blocks(inode, off);
		disk_size_allocated(inode, size);
	}
	/* of a transaction that another task's error has ended meanwhile nothing is to be believed */
	int err = fs_error(inode->root->fs) ? -EROFS : inode_update(inode, &h);
	if (err)
		trans_abort(inode->root->fs, err);
	ret = ret ? ret : err;
	trans_end(&h);
	return ret;
}

int fs_fallocate(struct file *f, uint64_t off, uint64_t len, bool keep_size)
{
	struct inode *inode = f->inode;
	uint64_t start = off / FS_BLOCK * FS_BLOCK, end = round_up_block(off + len);
	struct range r;
	int ret = file_may_change(inode->root->fs, off, len);

	if (!ret && !len)
		ret = -EINVAL;
	if (ret)
		return ret;
	background_make_space(inode->root->fs);
	file_lock(inode);
	ret = file_clear_beyond_end(inode, end);
	if (!ret) {
		file_claim(inode, &r, start, end);
		ret = prealloc_range(inode, start, end, keep_size ? 0 : off + len);
		range_unlock(inode, &r);
	}
	file_unlock(inode);
	return ret;
}

/* ---- holes ---- */

static int punch_items(struct inode *inode, uint64_t start, uint64_t end)
{
	struct fs *fs = inode->root->fs;
	struct handle h;
	struct range r;

	file_claim(inode, &r, start, end);
	int ret = trans_start(fs, TRANS_JOIN, &h);
	if (ret)
		goto unlock_range;
	struct extent_drop drop = { .fs = fs, .tree = &inode->root->tree, .generation = h.trans->id, .ino = inode->ino,
				    .how = DROP_RELEASE };
	mutex_lock(&inode->items_lock);
	ret = extent_drop(&drop, start, end);
	mutex_unlock(&inode->items_lock);
	em_drop(inode, start, end);
	inode_set_flag(inode, INODE_NEEDS_FULL_SYNC); /* the maps cannot tell the log of what is gone */
	if (!ret)
		ret = inode_update(inode, &h);
	if (ret)
		trans_abort(fs, ret);
	trans_end(&h);
unlock_range:
	range_unlock(inode, &r);
	return ret;
}

int fs_punch(struct file *f, uint64_t off, uint64_t len)
{
	struct inode *inode = f->inode;
	int ret = file_may_change(inode->root->fs, off, len);

	if (!ret && !len)
		ret = -EINVAL;
	if (ret)
		return ret;
	background_make_space(inode->root->fs);
	file_lock(inode);
	uint64_t size = atomic_load(&inode->size), end = off + len, first = round_up_block(off);
	/* what lies beyond the end of the file goes, too, also space that was preallocated there */
	uint64_t last = end >= size ? round_up_block(end) : end / FS_BLOCK * FS_BLOCK;
	if (end > size)
		end = size;
	if (off < end)
		ret = file_zero(inode, off, end < first ? end : first);
	if (!ret && off < end && last >= first && end > last)
		ret = file_zero(inode, last, end);
	if (!ret && first < last)
		ret = punch_items(inode, first, last);
	file_unlock(inode);
	return ret;
}
