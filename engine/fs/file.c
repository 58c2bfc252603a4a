/*
 * file.c: reads, writes and truncation of a file. A write copies into pages under the inode lock and
 * starts nothing; a read verifies the checksum of every block it brings in.
 *
 * - A page is written to only when no I/O of it is in flight and no ordered extent of it is under
 *   way (kernel: lock_and_cleanup_extent_if_need()): so an in-flight extent map is never split.
 * - A write stamps the inode after it has dropped the inode lock, as in 3.17, and with generation + 1 as last_trans:
 *   the transaction that will hold it at the earliest, though nobody has a handle yet. So fsync does not
 *   believe the stamps while an ordered extent is under way (3a8b36f37806), and a late stamp takes
 *   nothing back (inode.3).
 *
 * Callers: the public door (fs.h); direct.c and mmap.c by file.h.
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "item/csum.h"
#include "fs/direct.h"
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mmap.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/range.h"
#include "fs/reclaim.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* ---- reading a block from the disk ---- */

/* Where block `off` is: memory first (a write in flight), then the tree. A hole is of kind EXTENT_REG with
 * disk_bytenr 0. */
static int block_map(struct inode *inode, uint64_t off, struct extent *e)
{
	struct extent_map em;

	if (em_lookup(inode, off, &em)) {
		*e = (struct extent){ .start = em.start };
		e->item = (struct extent_item){
			.disk_bytenr = em.disk_bytenr, .disk_len = em.disk_len, .offset = em.offset, .len = em.len,
			.ram_bytes = em.ram_bytes,
			.kind = em.flags & EM_PREALLOC ? EXTENT_PREALLOC : EXTENT_REG,
			.compress = em.flags & EM_COMPRESSED ? COMPRESS_ZSTD : COMPRESS_NONE,
		};
		return 0;
	}
	mutex_lock(&inode->items_lock); /* an item that is being trimmed is away for a moment, and would be a hole */
	int ret = extent_at(&inode->root->tree, inode->ino, off, e);
	mutex_unlock(&inode->items_lock);
	if (ret == -ENOENT || (!ret && e->start > off)) {
		*e = (struct extent){ .start = off };
		e->item = (struct extent_item){ .len = FS_BLOCK, .kind = EXTENT_REG };
		return 0;
	}
	return ret;
}

/* Blocks from the disk, each against its checksum (csum.2). */
static int blocks_read_summed(struct fs *fs, uint64_t bytenr, void *buf, uint64_t len)
{
	uint32_t n = (uint32_t)(len / FS_BLOCK), *sums = mem_alloc(n * sizeof(*sums));

	mutex_lock(&fs->csum_lock); /* an item that is being split is away for a moment */
	int ret = csum_lookup(&fs->csum_tree, bytenr, sums, n);
	mutex_unlock(&fs->csum_lock);
	if (ret == -ENOENT)
		ret = -EIO;
	if (!ret)
		ret = dev_read(fs->dev, bytenr, buf, (uint32_t)len);
	for (uint32_t i = 0; i < n && !ret; i++)
		if (csum_of_block((uint8_t *)buf + (size_t)i * FS_BLOCK) != sums[i])
			ret = -EIO;
	free(sums);
	return ret;
}

/* A file without checksums gets what the device gives. */
static int blocks_read(struct inode *inode, uint64_t bytenr, void *buf, uint64_t len)
{
	struct fs *fs = inode->root->fs;

	return inode_has_sums(inode) ? blocks_read_summed(fs, bytenr, buf, len) :
		dev_read(fs->dev, bytenr, buf, (uint32_t)len);
}

static int block_read_compressed(struct inode *inode, const struct extent_item *it, uint64_t at, void *out)
{
	void *in = mem_alloc_pages(it->disk_len), *raw = mem_alloc_pages(it->ram_bytes);

	int ret = blocks_read(inode, it->disk_bytenr, in, it->disk_len);
	if (!ret)
		ret = compressed_unpack(it, in, raw);
	if (!ret)
		memcpy(out, (uint8_t *)raw + at, FS_BLOCK);
	free(in);
	free(raw);
	return ret;
}

static int block_read(struct inode *inode, uint64_t off, void *buf)
{
	struct extent e;

	int ret = block_map(inode, off, &e);
	if (ret)
		return ret;
	memset(buf, 0, FS_BLOCK);
	if (e.item.kind == EXTENT_INLINE) {
		memcpy(buf, e.inline_data, e.inline_len);
		return 0;
	}
	if (e.item.disk_bytenr == 0 || e.item.kind == EXTENT_PREALLOC)
		return 0;
	uint64_t at = e.item.offset + (off - e.start);
	if (e.item.compress)
		return block_read_compressed(inode, &e.item, at, buf);
	return blocks_read(inode, e.item.disk_bytenr + at, buf, FS_BLOCK);
}

int page_fill(struct inode *inode, struct page *p)
{
	uint64_t off = (uint64_t)p->index * FS_BLOCK;

	CHECK(atomic_load(&p->flags) & PG_LOCKED);
	rt_access(inode->stamps_id, POINT_READ);
	uint64_t size = atomic_load(&inode->size);
	if (atomic_load(&p->flags) & PG_UPTODATE)
		return 0;
	int ret = 0;
	if (off < size)
		ret = block_read(inode, off, p->data);
	else
		memset(p->data, 0, FS_BLOCK);
	if (ret)
		return ret;
	if (off < size && size - off < FS_BLOCK)
		memset((uint8_t *)p->data + (size - off), 0, FS_BLOCK - (size - off));
	atomic_fetch_or(&p->flags, PG_UPTODATE);
	memory_more(inode->root->fs);
	return 0;
}

/* The same for a page that a direct write may be writing now: it is waited for, and the next one kept out. */
static int page_bring_in(struct inode *inode, struct page *p)
{
	uint64_t off = (uint64_t)p->index * FS_BLOCK;
	struct range r;

	/* while a mount is read only nothing is written */
	if ((atomic_load(&p->flags) & PG_UPTODATE) || inode->root->fs->opt.read_only)
		return page_fill(inode, p);
	range_lock(inode, &r, off, off + FS_BLOCK);
	while (ordered_overlaps(inode, off, off + FS_BLOCK)) {
		range_unlock(inode, &r);
		ordered_wait_range(inode, off, off + FS_BLOCK);
		range_lock(inode, &r, off, off + FS_BLOCK);
	}
	int ret = page_fill(inode, p);
	range_unlock(inode, &r);
	return ret;
}

int fs_read(struct file *f, uint64_t off, void *buf, uint32_t len)
{
	struct inode *inode = f->inode;
	uint64_t size = atomic_load(&inode->size);
	uint32_t done = 0;

	if (off >= size)
		return 0;
	if (len > size - off)
		len = (uint32_t)(size - off);
	while (done < len) {
		uint32_t in = (uint32_t)((off + done) % FS_BLOCK);
		uint32_t n = FS_BLOCK - in < len - done ? FS_BLOCK - in : len - done;
		struct page *p = page_get(inode, (uint32_t)((off + done) / FS_BLOCK));
		page_lock(inode, p);
		int ret = page_bring_in(inode, p);
		if (!ret)
			memcpy((uint8_t *)buf + done, (uint8_t *)p->data + in, n);
		page_unlock(inode, p);
		if (ret)
			return ret;
		done += n;
	}
	return (int)len;
}

/* ---- writing ---- */

int file_may_change(struct fs *fs, uint64_t off, uint64_t len)
{
	if (fs_error(fs) || fs->opt.read_only)
		return -EROFS;
	return off > FILE_SIZE_MAX || len > FILE_SIZE_MAX - off ? -EFBIG : 0;
}

/* The first part of [*start, end) that has content on the disk: *start is where it begins, *to where it ends. Space
 * that is preallocated is none. A block that cannot be read ends the search: whoever reads the file meets it.
 * items_lock held. */
static bool next_content(struct inode *inode, uint64_t *start, uint64_t end, uint64_t *to)
{
	struct extent e;

	while (*start < end && !extent_at(&inode->root->tree, inode->ino, *start, &e) && e.start < end) {
		*to = extent_end(&e) < end ? extent_end(&e) : end;
		if (e.item.kind != EXTENT_PREALLOC) {
			*start = e.start > *start ? e.start : *start;
			return true;
		}
		*start = *to;
	}
	return false;
}

/* no extent map tells that the blocks between the old end and here are a hole now, but a log has to: after a
 * truncation, old blocks of the committed tree would come back there */
void file_skips_blocks(struct inode *inode, uint64_t off)
{
	if (off / FS_BLOCK * FS_BLOCK > round_up_block(atomic_load(&inode->size)))
		inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
}

/* The page at index, locked, with no I/O or ordered extent of it under way, and none that a direct write is about to
 * make (where such a write has dropped the inode lock). */
static struct page *page_for_write(struct inode *inode, uint32_t index)
{
	struct page *p = page_get(inode, index);
	uint64_t off = (uint64_t)index * FS_BLOCK;
	struct range r;

	for (;;) {
		ordered_wait_range(inode, off, off + FS_BLOCK);
		page_lock(inode, p);
		page_wait_writeback(inode, p);
		bool making = inode->direct && range_is_locked(inode, off, off + FS_BLOCK);
		if (!making && !ordered_overlaps(inode, off, off + FS_BLOCK))
			return p;
		page_unlock(inode, p);
		if (making) {
			range_lock(inode, &r, off, off + FS_BLOCK);
			range_unlock(inode, &r);
		}
	}
}

static uint32_t write_errors(struct inode *inode)
{
	rt_access(inode->flags_id, POINT_READ);
	return atomic_load(&inode->wb_errors);
}

/*
 * A write in place may have filled the last block beyond the end that a crash has left. Its bytes there become zeros,
 * on the disk, before the file is longer. Other files write a block anew, and its item and the size come in one
 * transaction. kernel: btrfs_truncate_block(), called by btrfs_cont_expand(). -EIO as in truncate_tail().
 */
static int clear_tail(struct inode *inode, uint64_t size)
{
	uint64_t off = size / FS_BLOCK * FS_BLOCK;
	uint32_t errors = write_errors(inode);

	if (!(atomic_load(&inode->attrs) & INODE_ITEM_NODATACOW))
		return 0;
	struct page *p = page_for_write(inode, (uint32_t)(size / FS_BLOCK));
	int ret = page_fill(inode, p);
	if (!ret)
		page_dirty(inode, p);
	page_unlock(inode, p);
	if (ret)
		return ret;
	writeback_start_ordered(inode, off, off + FS_BLOCK);
	ordered_wait_range(inode, off, off + FS_BLOCK);
	return write_errors(inode) == errors ? 0 : -EIO;
}

int file_clear_beyond_end(struct inode *inode, uint64_t end)
{
	struct fs *fs = inode->root->fs;
	uint64_t size = atomic_load(&inode->size), start = round_up_block(size), to;
	struct handle h;

	CHECK(write_held(&inode->lock) && end % FS_BLOCK == 0);
	int ret = end > size && start > size ? clear_tail(inode, size) : 0;
	if (ret || end <= start)
		return ret;
	mutex_lock(&inode->items_lock);
	bool any = next_content(inode, &start, end, &to);
	mutex_unlock(&inode->items_lock);
	ret = any ? trans_start(fs, TRANS_JOIN, &h) : 0;
	if (!any || ret)
		return ret;
	struct extent_drop drop = { .fs = fs, .tree = &inode->root->tree, .generation = h.trans->id, .ino = inode->ino,
				    .how = DROP_RELEASE };
	mutex_lock(&inode->items_lock);
	for (; !ret && next_content(inode, &start, end, &to); start = to)
		ret = extent_drop(&drop, start, to);
	mutex_unlock(&inode->items_lock);
	if (ret)
		trans_abort(fs, ret);
	trans_end(&h);
	return ret;
}

/* n bytes, all of one block. inode->lock held: the size moves under it. */
static int write_page(struct inode *inode, uint64_t off, const void *buf, uint32_t n)
{
	uint32_t in = (uint32_t)(off % FS_BLOCK);

	CHECK(write_held(&inode->lock) && in + n <= FS_BLOCK);
	struct page *p = page_for_write(inode, (uint32_t)(off / FS_BLOCK));
	int ret = 0;

	if (n < FS_BLOCK)
		ret = page_fill(inode, p);
	fs_cost(COST_WRITE_BLOCK);
	if (!ret) {
		memcpy((uint8_t *)p->data + in, buf, n);
		page_dirty(inode, p);
		if (off + n > atomic_load(&inode->size))
			disk_size_extend(inode, off, off + n);
		trace(EV_BLOCK_DIRTY, p->index, inode->ino);
	}
	page_unlock(inode, p);
	return ret;
}

int fs_write(struct file *f, uint64_t off, const void *buf, uint32_t len)
{
	struct inode *inode = f->inode;
	struct fs *fs = inode->root->fs;
	int ret = file_may_change(fs, off, len);

	if (ret)
		return ret;
	background_make_space(fs);
	write_lock(&inode->lock);
	file_skips_blocks(inode, off);
	ret = file_clear_beyond_end(inode, off / FS_BLOCK * FS_BLOCK);
	for (uint32_t done = 0; done < len && !ret;) {
		uint32_t room = FS_BLOCK - (uint32_t)((off + done) % FS_BLOCK);
		uint32_t n = room < len - done ? room : len - done;
		ret = write_page(inode, off + done, (const uint8_t *)buf + done, n);
		done += n;
	}
	write_unlock(&inode->lock);
	fs->on.wrote(inode, fs_generation(fs) + 1);
	background_balance(inode);
	return ret ? ret : (int)len;
}

/* ---- what is common to truncation and to what else takes or gives space ---- */

void file_claim(struct inode *inode, struct range *r, uint64_t start, uint64_t end)
{
	for (;;) {
		writeback_start_ordered(inode, start, end);
		ordered_wait_range(inode, start, end);
		page_drop_clean(inode, start, end);
		range_lock(inode, r, start, end);
		/* a reader may have brought one in between */
		if (!ordered_overlaps(inode, start, end) && !page_any_cached(inode, start, end))
			return;
		range_unlock(inode, r);
	}
}

int file_zero(struct inode *inode, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[FS_BLOCK];

	return from < to ? write_page(inode, from, zeros, (uint32_t)(to - from)) : 0;
}

/* ---- truncation ---- */

/*
 * The last block's bytes beyond the new end become zeros; then everything is written, and waited for. -EIO when a write
 * of the file has failed meanwhile, be it this one or another: the old bytes may be on the disk still. That is asked of
 * the inode's count, since a write may have failed and be done with before anybody waits for it (b38ef71cb102).
 */
static int truncate_tail(struct inode *inode, uint64_t size)
{
	uint64_t end = size / FS_BLOCK * FS_BLOCK + FS_BLOCK, old = atomic_load(&inode->size);
	bool inside = size % FS_BLOCK && size < old;
	uint32_t errors = write_errors(inode);
	int ret = 0;

	/* not beyond the old end: that would be a longer file for a moment, and a crash could show it */
	if (inside)
		ret = file_zero(inode, size, end < old ? end : old);
	direct_wait_makers(inode);
	writeback_start_ordered(inode, 0, UINT64_MAX);
	ordered_wait_range(inode, 0, UINT64_MAX);
	return ret || !inside || write_errors(inode) == errors ? ret : -EIO;
}

static int truncate_items(struct inode *inode, uint64_t size)
{
	uint64_t from = round_up_block(size);
	struct fs *fs = inode->root->fs;
	struct handle h;
	struct range r;

	range_lock(inode, &r, from, UINT64_MAX);
	int ret = trans_start(fs, TRANS_JOIN, &h);
	if (ret)
		goto unlock_range;
	struct extent_drop drop = { .fs = fs, .tree = &inode->root->tree, .generation = h.trans->id, .ino = inode->ino,
				    .how = DROP_RELEASE };
	mutex_lock(&inode->items_lock);
	ret = extent_drop(&drop, from, UINT64_MAX);
	mutex_unlock(&inode->items_lock);
	em_drop(inode, from, UINT64_MAX);
	disk_size_truncate(inode, size);
	/* the maps cannot tell the log of what is gone */
	inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (!ret)
		ret = inode_update(inode, &h);
	if (ret)
		trans_abort(fs, ret);
	trans_end(&h);
unlock_range:
	range_unlock(inode, &r);
	return ret;
}

int fs_truncate(struct file *f, uint64_t size)
{
	struct inode *inode = f->inode;
	int ret = file_may_change(inode->root->fs, size, 0);

	if (ret)
		return ret;
	background_make_space(inode->root->fs);
	write_lock(&inode->lock);
	mmap_keep_out(inode, PH_NR);
	if (inode->mapped) /* (mmap.2) nobody stores to a page any more, also not to the tail that becomes zeros */
		writeback_start_ordered(inode, 0, UINT64_MAX);
	ret = truncate_tail(inode, size);
	if (!ret)
		ret = file_clear_beyond_end(inode, round_up_block(size));
	if (!ret) {
		/* nobody can dirty a page meanwhile, so with all pages written nothing of the file is on its way */
		CHECK(atomic_load(&inode->nordered) == 0);
		/* before the extents go: a task that is bringing in a page ends first, and one that comes later sees
		 * the new size */
		rt_access(inode->stamps_id, POINT_WRITE);
		atomic_store(&inode->size, size);
		if (size < inode->logged_size)
			inode->logged_size = size;
		page_invalidate_from(inode, (uint32_t)(round_up_block(size) / FS_BLOCK));
		ret = truncate_items(inode, size);
	}
	mmap_let_in(inode);
	write_unlock(&inode->lock);
	return ret;
}

int fs_sync_range(struct file *f, uint64_t off, uint64_t len, bool wait)
{
	writeback_start(f->inode, off, off + len);
	if (wait)
		writeback_wait(f->inode, off, off + len);
	return 0;
}

int fs_flush_pass(struct file *f)
{
	writeback_start(f->inode, 0, UINT64_MAX);
	return 0;
}

uint64_t fs_size(struct file *f)
{
	return atomic_load(&f->inode->size);
}

uint64_t fs_ino(struct file *f)
{
	return f->inode->ino;
}

uint32_t fs_nlink(struct file *f)
{
	return atomic_load(&f->inode->nlink);
}
