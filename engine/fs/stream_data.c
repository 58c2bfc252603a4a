/*
 * stream_data.c: an inode in a group of the stream: its dirty pages, and then its items by log_item.c.
 *
 * The data of a small fsync are copied into the group and stay there: one write has them and the record that names
 * them. Their pages are locked by trying only, since a handle is open, and whoever has a page's lock may wait for one
 * (page lock before handle: rt/lock.h). When a page is in other hands, or there are too many, nothing is taken: the
 * score has them written in the usual way, waits for none of it, and comes again (mode B: the group names data beside
 * it).
 *
 * inode->lock is held for writing and faults are kept out, so no page becomes dirty meanwhile, and no other task makes
 * extents of the inode but one that writes pages back, which has their locks. That is why no range is locked.
 *
 * Caller: fsync.c.
 */
#include <stdlib.h>

#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/stream.h"
#include "fs/trans.h"
#include "fs/writeback.h"

/* Data that are compressed, or go into an item, or to a place of their own, take the usual way. */
static bool goes_its_own_way(struct inode *inode)
{
	const struct mount_options *opt = &inode->root->fs->opt;

	return opt->compress || atomic_load(&inode->attrs) || atomic_load(&inode->size) <= opt->inline_max;
}

static void unlock_pages(struct inode *inode, struct page **pages, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		page_unlock(inode, pages[i]);
}

/* Every tagged page of the range, locked and dirty; false: not all could be had, and none is locked. */
static bool lock_dirty_pages(struct inode *inode, uint64_t start, uint64_t end, struct page **pages, uint32_t *n)
{
	uint64_t max = (uint64_t)UINT32_MAX * FS_BLOCK;
	uint32_t last = end > max ? UINT32_MAX : (uint32_t)(end / FS_BLOCK), index = (uint32_t)(start / FS_BLOCK);

	*n = 0;
	while ((index = page_next_tagged(inode, index, last)) != UINT32_MAX) {
		struct page *p = page_find(inode, index++);
		if (*n == STREAM_DATA_MAX || goes_its_own_way(inode) || !page_trylock_dirty(inode, p)) {
			unlock_pages(inode, pages, *n);
			return false;
		}
		pages[(*n)++] = p;
	}
	return true;
}

/* Pages next to each other become one extent, which begins at `disk`. They are locked, and unlocked on return. */
static void take_run(struct stream *st, struct inode *inode, struct page **pages, uint32_t n, uint64_t disk)
{
	uint64_t len = (uint64_t)n * FS_BLOCK;
	struct ordered_spec spec = { .file_off = (uint64_t)pages[0]->index * FS_BLOCK, .len = len,
				     .disk_bytenr = disk, .disk_len = len, .ram_bytes = len };
	struct page **run = mem_alloc(n * sizeof(struct page *));

	for (uint32_t i = 0; i < n; i++) {
		bool dirty = page_take_dirty(inode, pages[i]); /* from here on its content stays (page.3) */
		CHECK(dirty);
		memcpy(stream_data_at(st, disk + (uint64_t)i * FS_BLOCK), pages[i]->data, FS_BLOCK);
		run[i] = pages[i];
	}
	struct ordered *o = writeback_add_extent(inode, inode->root->fs->on.add_extent, &spec);
	for (uint32_t i = 0; i < n; i++)
		page_start_writeback(inode, run[i]);
	stream_carry(st, o, run, n);
	unlock_pages(inode, pages, n);
}

bool stream_take_pages(struct stream *st, struct inode *inode, uint64_t start, uint64_t end)
{
	struct page *pages[STREAM_DATA_MAX];
	uint32_t n;

	CHECK(write_held(&inode->lock));
	if (!lock_dirty_pages(inode, start, end, pages, &n))
		return false;
	if (!n)
		return true;
	uint64_t disk = stream_reserve(st, n);
	if (!disk) {
		unlock_pages(inode, pages, n);
		return false;
	}
	for (uint32_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && pages[to]->index == pages[to - 1]->index + 1; to++)
			;
		take_run(st, inode, pages + from, to - from, disk + (uint64_t)from * FS_BLOCK);
	}
	return true;
}

int stream_log_inode(struct inode *inode, struct handle *h, const struct log_what *what, uint64_t *lsn)
{
	struct fs *fs = inode->root->fs;
	bool new_names = names_are_new(inode);

	*lsn = 0;
	/* as log_inode_parent() */
	if (trans_is_no_log(fs, h->trans->id) || atomic_load(&inode->unlinked) ||
	    (new_names && fs->on.names_decline(inode)))
		return LOG_NEED_COMMIT;
	int ret = log_start_group(inode->root, h);
	if (ret)
		return ret == -EAGAIN ? LOG_NEED_COMMIT : ret;
	if (stream_take_pages(fs->stream, inode, what->start, what->end)) {
		*lsn = stream_lsn(fs->stream);
		if (atomic_load(&inode->attrs)) /* what was written in place no item tells of (nocow.2) */
			stream_needs_flush(fs->stream);
		ret = log_inode(inode, h, (int64_t)*lsn, what);
	} else {
		ret = LOG_FLUSH_FIRST;
	}
	if (!ret && new_names)
		ret = fs->on.log_names(inode, h, (int64_t)*lsn);
	if (ret < 0)
		trans_no_log(fs, h->trans->id); /* the log may hold half of an inode (log.3) */
	log_end(inode->root);
	return ret;
}

bool stream_has_inode(struct inode *inode, uint64_t *lsn)
{
	/* looked at before the numbers (log_has_inode()) */
	if (inode_flag(inode, INODE_NEEDS_FULL_SYNC) || inode->root->fs->on.log_lacks(inode))
		return false;
	rt_access(inode->stamps_id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	int64_t in = atomic_load(&inode->last_log_commit);
	bool has = atomic_load(&inode->logged_trans) == fs_generation(inode->root->fs) && in > 0;
	spin_unlock(&inode->ordered_lock);
	if (!has || !em_modified_empty(inode))
		return false;
	*lsn = (uint64_t)in;
	return true;
}
