/*
 * direct.c: direct writes. kernel: btrfs_direct_write(), btrfs_dio_iomap_begin(); in 2014 btrfs_direct_IO(),
 * btrfs_get_blocks_direct().
 *
 * The order of events: inode->lock, shared when the write stays inside the file, else for writing; what the page cache
 * has of the range is written, waited for, and dropped; range locked; space; extent map and ordered extent, in the
 * order of fs_events.add_direct_extent; the file's new size; range unlocked; checksums and submit, straight from the
 * caller's memory; the wait for the I/O, unless the caller waits later; inode->lock dropped.
 *
 * - fsync holds inode->lock for writing while it collects ordered extents and maps, so it sees both halves of an extent
 *   or none. A design may drop the lock before the extents are made (fs_events.direct_has_range): then it can see one.
 * - The write has ended when its data is on the disk's side of the cache. Its items are in the trees later, and it is
 *   durable when an fsync says so.
 * - What cannot be written so goes through the page cache, and is written from there before the call returns: what is
 *   not of whole blocks; blocks that are in an inline or in a compressed extent now; and, where the mount says so,
 *   every file that has checksums, because a caller that changes its memory meanwhile would make them wrong
 *   (968f19c5b1b7).
 *
 * Callers: the public door (fs.h).
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "fs/direct.h"
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/range.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* How a direct write holds inode->lock. */
enum hold { HOLD_NOTHING, HOLD_SHARED, HOLD_ALL };

/* One direct write on its way: the pieces that it became, each with a reference. */
struct fs_direct {
	struct inode *inode;
	uint64_t off;
	uint32_t len, npieces, cap;
	struct ordered **piece;
	int ret; /* 0, or why it ended early; of one that went through the page cache: what that said */
	bool buffered;
	struct file *dsync; /* by which it syncs in the end; NULL: it does not */
	enum hold hold;     /* while it may be kept for that */
};

/* ---- the inode lock ---- */

bool direct_keep_lock(struct inode *inode)
{
	return true;
}

bool direct_drop_lock(struct inode *inode)
{
	read_unlock(&inode->lock);
	return false;
}

/* Shared, when the file reaches up to `end`: nobody makes it shorter meanwhile. */
static enum hold direct_lock(struct inode *inode, uint64_t end)
{
	rt_access(inode->stamps_id, POINT_READ);
	if (end <= atomic_load(&inode->size)) {
		read_lock(&inode->lock);
		if (end <= atomic_load(&inode->size))
			return HOLD_SHARED;
		read_unlock(&inode->lock);
	}
	write_lock(&inode->lock);
	return HOLD_ALL;
}

static void direct_unlock(struct inode *inode, enum hold hold)
{
	if (hold == HOLD_SHARED)
		read_unlock(&inode->lock);
	else if (hold == HOLD_ALL)
		write_unlock(&inode->lock);
}

/* ---- the range ---- */

void direct_wait_makers(struct inode *inode)
{
	struct range r;

	CHECK(write_held(&inode->lock));
	if (!inode->direct)
		return;
	range_lock(inode, &r, 0, UINT64_MAX);
	range_unlock(inode, &r);
}

/* -ENOTBLK: a block of the range is in an extent that a direct write cannot replace in part. The range is locked and
 * nothing of it is on its way, so the tree tells all. */
static int direct_look(struct inode *inode, uint64_t off, uint64_t end)
{
	struct extent e;
	int ret = 0;

	mutex_lock(&inode->items_lock);
	for (uint64_t at = off; at < end && !ret; at = extent_end(&e)) {
		ret = extent_at(&inode->root->tree, inode->ino, at, &e);
		if (ret == -ENOENT || (!ret && e.start >= end)) {
			ret = 0;
			break;
		}
		if (!ret && (e.item.kind == EXTENT_INLINE || e.item.compress))
			ret = -ENOTBLK;
	}
	mutex_unlock(&inode->items_lock);
	return ret;
}

/* ---- extents ---- */

static void direct_keep(struct fs_direct *io, struct ordered *o)
{
	if (io->npieces == io->cap) {
		io->cap = io->cap ? io->cap * 2 : 1;
		io->piece = realloc(io->piece, io->cap * sizeof(*io->piece));
		CHECK(io->piece);
	}
	ordered_get(o);
	io->piece[io->npieces++] = o;
}

/* An extent for what begins at `at`: in place, or the largest piece of free space there is. */
static int direct_make_extent(struct fs_direct *io, uint64_t at, uint64_t end)
{
	const struct fs_events *on = &io->inode->root->fs->on;
	struct ordered_spec spec = { .file_off = at };

	int ret = writeback_space(io->inode, at, end, &spec);
	if (!ret)
		direct_keep(io, writeback_add_extent(io->inode, spec.in_place == ORDERED_PREALLOC ?
						     on->add_direct_prealloc : on->add_direct_extent, &spec));
	return ret;
}

/* As many extents as it takes. 0, or -ENOSPC after some; *end: how far they reach. */
static int direct_make_extents(struct fs_direct *io, uint64_t *end)
{
	uint64_t at = io->off, to = io->off + io->len;
	int ret = 0;

	while (at < to && !(ret = direct_make_extent(io, at, to)))
		at += io->piece[io->npieces - 1]->len;
	*end = at;
	return ret;
}

/* The device reads the caller's memory when that is aligned as it wants, else a copy. */
static void direct_submit(struct fs_direct *io, const uint8_t *data)
{
	struct dev *dev = io->inode->root->fs->dev;
	bool aligned = (uintptr_t)data % DEV_BLOCK == 0;

	for (uint32_t i = 0; i < io->npieces; i++) {
		struct ordered *o = io->piece[i];
		const uint8_t *from = data + (o->file_off - io->off);
		uint8_t *copy = aligned ? NULL : dev_buffer_get(dev, o->disk_len);
		if (copy)
			memcpy(copy, from, o->disk_len);
		ordered_submit(o, copy ? copy : from, copy, NULL, 0);
	}
}

/* ---- through the page cache ---- */

/* kernel: the end of btrfs_direct_write(). The file's dirty pages of the range are on the disk's side afterwards. */
static int direct_buffered(struct file *f, uint64_t off, const void *buf, uint32_t len)
{
	int ret = fs_write(f, off, buf, len);

	if (ret > 0) {
		writeback_start_ordered(f->inode, off, off + len);
		writeback_wait(f->inode, off, off + len);
	}
	return ret;
}

/* ---- the write ---- */

static int direct_wait_io(struct fs_direct *io)
{
	int ret = 0;

	for (uint32_t i = 0; i < io->npieces; i++)
		if (ordered_wait_io(io->piece[i]))
			ret = -EIO;
	return ret;
}

/* The inode lock goes, and a write is told of. kernel: the end of btrfs_do_write_iter(). */
static void direct_done(struct fs_direct *io)
{
	direct_unlock(io->inode, io->hold);
	io->hold = HOLD_NOTHING;
	io->inode->root->fs->on.wrote(io->inode, fs_generation(io->inode->root->fs) + 1);
}

/* Everything but the end of the I/O; with `wait` that, too, under the lock. -ENOTBLK: nothing was done. */
static int direct_write(struct fs_direct *io, const void *buf, bool wait)
{
	struct inode *inode = io->inode;
	struct fs *fs = inode->root->fs;
	uint64_t end = io->off + io->len;
	struct range r;

	enum hold hold = direct_lock(inode, end);
	inode->direct = true;
	int ret = hold == HOLD_ALL ? file_clear_beyond_end(inode, io->off) : 0;
	if (ret) {
		direct_unlock(inode, hold);
		return ret;
	}
	file_claim(inode, &r, io->off, end);
	ret = direct_look(inode, io->off, end);
	if (ret) {
		range_unlock(inode, &r);
		direct_unlock(inode, hold);
		return ret;
	}
	if (hold == HOLD_SHARED && !fs->on.direct_has_range(inode))
		hold = HOLD_NOTHING;
	ret = direct_make_extents(io, &end);
	if (hold == HOLD_ALL && end > io->off && end > atomic_load(&inode->size)) {
		file_skips_blocks(inode, io->off);
		disk_size_extend(inode, io->off, end);
	}
	range_unlock(inode, &r);
	direct_submit(io, buf);
	if (wait && direct_wait_io(io))
		ret = -EIO;
	io->hold = hold;
	if (ret || !io->dsync)
		direct_done(io);
	return ret;
}

/* Starts one, and with `wait` waits for its data. `dsync`: a sync is to follow. */
static int direct_start(struct file *f, uint64_t off, const void *buf, uint32_t len, bool wait, bool dsync,
                        struct fs_direct **out)
{
	struct fs *fs = f->inode->root->fs;
	int ret = file_may_change(fs, off, len);

	if (ret)
		return ret;
	struct fs_direct *io = mem_zalloc(sizeof(*io));
	*io = (struct fs_direct){ .inode = f->inode, .off = off, .len = len, .dsync = dsync ? f : NULL };
	fs_cost(COST_CALL);
	background_make_space(fs);
	io->buffered = !len || (off | len) % FS_BLOCK ||
		       (fs->opt.direct_buffered && inode_has_sums(f->inode));
	if (!io->buffered)
		io->ret = direct_write(io, buf, wait);
	if (io->buffered || io->ret == -ENOTBLK) {
		io->buffered = true;
		io->ret = direct_buffered(f, off, buf, len);
	}
	*out = io;
	return 0;
}

/* ---- the door ---- */

int fs_write_direct_start(struct file *f, uint64_t off, const void *buf, uint32_t len, struct fs_direct **out)
{
	return direct_start(f, off, buf, len, false, false, out);
}

static void direct_free(struct fs_direct *io)
{
	for (uint32_t i = 0; i < io->npieces; i++)
		ordered_put(io->piece[i]);
	free(io->piece);
	free(io);
}

/* What the write returns. Its I/O has ended. */
static int direct_result(struct fs_direct *io)
{
	int ret = direct_wait_io(io);

	if (io->ret || io->buffered)
		return io->ret;
	return ret ? ret : (int)io->len;
}

int fs_direct_wait(struct fs_direct *io)
{
	int ret = direct_result(io);

	direct_free(io);
	return ret;
}

int fs_write_direct(struct file *f, uint64_t off, const void *buf, uint32_t len)
{
	struct fs_direct *io;
	int ret = direct_start(f, off, buf, len, true, false, &io);

	return ret ? ret : fs_direct_wait(io);
}

/* ---- O_DSYNC ---- */

int fs_write_direct_dsync(struct file *f, uint64_t off, const void *buf, uint32_t len, struct fs_direct **out)
{
	int ret = direct_start(f, off, buf, len, true, true, out);

	if (ret) {
		*out = NULL;
		return ret;
	}
	ret = direct_result(*out);
	if (ret < 0) {
		CHECK((*out)->hold == HOLD_NOTHING);
		direct_free(*out);
		*out = NULL;
	}
	return ret;
}

int direct_sync_unlocked(struct fs_direct *io)
{
	direct_done(io);
	return fs_fsync_range(io->dsync, io->off, io->len);
}

int direct_sync_locked(struct fs_direct *io)
{
	int ret = fsync_locked(io->dsync, io->off, io->len);

	direct_done(io);
	return ret;
}

int direct_sync_marked(struct fs_direct *io)
{
	rt_access(io->inode->flags_id, POINT_WRITE);
	atomic_store(&io->dsync->sync_skips_lock, true);
	int ret = fs_fsync_range(io->dsync, io->off, io->len);
	rt_access(io->inode->flags_id, POINT_WRITE);
	atomic_store(&io->dsync->sync_skips_lock, false);
	direct_done(io);
	return ret;
}

int fs_direct_sync(struct fs_direct *io)
{
	bool kept = io->hold != HOLD_NOTHING;
	int ret = kept ? io->inode->root->fs->on.sync_direct(io) : fs_fsync_range(io->dsync, io->off, io->len);

	direct_free(io);
	return ret;
}
