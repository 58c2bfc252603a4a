/*
 * ordered.c: see ordered.h. kernel: fs/btrfs/ordered-data.c, btrfs_finish_ordered_io().
 *
 * Who owns one, and so has a reference: the inode's tree, from ordered_add() to ordered_complete(), which passes it
 * from the task that submits it to the device and from there to a completion worker; and at most one log list (on_log),
 * from ordered_collect() to ordered_drop_list().
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "item/csum.h"
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "item/group.h"
#include "fs/inode.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/range.h"
#include "fs/trans.h"
#include "fs/work.h"

static int ordered_cmp(const struct ordered *a, const struct ordered *b)
{
	return a->file_off < b->file_off ? -1 : a->file_off > b->file_off;
}

RB_GENERATE_INTERNAL(ordered_tree, ordered, rb, ordered_cmp, __attribute__((unused)) static)

static void ordered_finish(struct work *w);
static void ordered_io_end(struct bio *bio);

static uint32_t ordered_flag(struct ordered *o, uint32_t f)
{
	return atomic_load(&o->flags) & f;
}

void ordered_get(struct ordered *o)
{
	int32_t refs = atomic_fetch_add(&o->refs, 1);

	CHECK(refs > 0);
}

void ordered_put(struct ordered *o)
{
	int32_t refs = atomic_fetch_sub(&o->refs, 1);

	CHECK(refs > 0);
	if (refs > 1)
		return;
	CHECK(ordered_flag(o, ORDERED_COMPLETE) && !o->pending_in);
	CHECK(list_empty(&o->log_link) && !o->on_log);
	free(o->csums);
	free(o->hashes);
	dev_buffer_put(o->inode->root->fs->dev, o->buf);
	free(o->pages);
	inode_unref(o->inode);
#ifndef __clang_analyzer__ /* it does not count references, and would see each later use as one after the free */
	free(o);
#endif
}

struct ordered *ordered_add(struct inode *inode, const struct ordered_spec *s)
{
	struct ordered *o = mem_zalloc(sizeof(*o)), *prev, *next;

	CHECK(s->len && (s->file_off | s->len | s->disk_bytenr | s->disk_len) % FS_BLOCK == 0);
	o->inode = inode;
	o->file_off = s->file_off;
	o->len = s->len;
	o->disk_bytenr = s->disk_bytenr;
	o->disk_len = s->disk_len;
	o->ram_bytes = s->ram_bytes;
	atomic_store(&o->flags, (s->compressed ? ORDERED_COMPRESSED : 0) | s->in_place);
	atomic_store(&o->refs, 1);
	if (inode_has_sums(inode)) {
		atomic_store(&o->csum_left, (uint32_t)(s->disk_len / FS_BLOCK));
		o->csums = mem_alloc(s->disk_len / FS_BLOCK * sizeof(*o->csums));
	}
	list_init(&o->log_link);
	waitq_init(&o->csum_wait, L_CSUM);
	waitq_init(&o->io_wait, L_IO_DONE);
	waitq_init(&o->done_wait, L_ORDERED);
	inode_ref(inode);
	atomic_fetch_add(&inode->root->fs->ordered_inflight, 1);
	count(C_ORDERED);

	spin_lock(&inode->ordered_lock);
	struct ordered *clash = RB_INSERT(ordered_tree, &inode->ordered, o);
	CHECK(!clash);
	/* a page is dirtied only when no ordered extent of it is left (file.c), so no two overlap */
	prev = RB_PREV(ordered_tree, &inode->ordered, o);
	next = RB_NEXT(ordered_tree, &inode->ordered, o);
	CHECK(!prev || prev->file_off + prev->len <= o->file_off);
	CHECK(!next || o->file_off + o->len <= next->file_off);
	atomic_fetch_add(&inode->nordered, 1);
	trace(EV_ORDERED_ADDED, inode_trace_id(o->inode), o->file_off, o->len, o->disk_bytenr);
	spin_unlock(&inode->ordered_lock);
	return o;
}

/* From here on csums do not change, and a log may copy them. */
void ordered_show_sums(struct ordered *o)
{
	atomic_store(&o->csum_left, 0);
	wait_give(&o->csum_wait, true);
}

void ordered_leave_sums(struct ordered *o)
{
	if (o->npages)
		ordered_show_sums(o);
}

void ordered_protect_late(struct ordered *o)
{
	for (uint32_t i = 0; i < o->npages; i++)
		page_protect(o->pages[i]);
	ordered_show_sums(o);
}

void ordered_prepare(struct ordered *o, const void *data, void *buf, struct page **pages, uint32_t npages)
{
	struct fs *fs = o->inode->root->fs;
	uint32_t nblocks = (uint32_t)(o->disk_len / FS_BLOCK);

	CHECK(atomic_load(&o->csum_left) == (o->csums ? nblocks : 0) && !ordered_flag(o, ORDERED_IO_DONE));
	o->buf = buf;
	o->pages = pages;
	o->npages = npages;
	for (uint32_t i = 0; i < nblocks && o->csums; i++)
		o->csums[i] = csum_of_block((const uint8_t *)data + (size_t)i * FS_BLOCK);
	if (fs->stream && o->csums)
		o->hashes = mem_alloc(nblocks * sizeof(*o->hashes));
	for (uint32_t i = 0; i < nblocks && o->hashes; i++)
		o->hashes[i] = group_hash_block((const uint8_t *)data + (size_t)i * FS_BLOCK);
	fs_cost(COST_SUBMIT);
	fs->on.sums_made(o);
	batch_join(&fs->ordered_io);
}

void ordered_submit(struct ordered *o, const void *data, void *buf, struct page **pages, uint32_t npages)
{
	ordered_prepare(o, data, buf, pages, npages);
	o->bio = (struct bio){ .off = o->disk_bytenr, .len = (uint32_t)o->disk_len, .flags = BIO_WRITE,
			       .buf = (void *)(uintptr_t)data, .done = ordered_io_end, .private = o };
	/* o, its buffer and its pages are the device's, until ordered_io_end() */
	dev_submit(o->inode->root->fs->dev, &o->bio);
}

static void ordered_io_end(struct bio *bio)
{
	ordered_io_ended(bio->private, bio->err);
}

/* The I/O has ended. Like an interrupt's, this code must not block: what may sleep is left to a completion worker. */
void ordered_io_ended(struct ordered *o, int err)
{
	struct fs *fs = o->inode->root->fs;
	struct page **pages = o->pages;
	uint32_t npages = o->npages;
	struct inode *inode = o->inode;

	ordered_get(o); /* the worker may complete it before the pages below are done with */
	if (err) {
		atomic_fetch_or(&o->flags, ORDERED_IOERR);
		fs->on.io_failed(o);
	}
	/* after IOERR: a task that sees it done sees the error */
	uint32_t old = atomic_fetch_or(&o->flags, ORDERED_IO_DONE);
	CHECK(!(old & (ORDERED_IO_DONE | ORDERED_COMPLETE)));
	wait_give(&o->io_wait, true);
	o->work.fn = ordered_finish;
	workers_queue(&fs->endio, &o->work);
	/* "page writeback has ended" does not say "in the trees": the worker may not even have begun (ordered.1) */
	for (uint32_t i = 0; i < npages; i++)
		page_end_writeback(inode, pages[i]);
	ordered_put(o);
	batch_leave(&fs->ordered_io, 0);
}

/* ---- completion, in a worker ---- */

/*
 * File extent item, extent map unpinned, checksums (ordered.1). Between the first and the last the extent is in the
 * tree without its checksums: a reader finds the page or the map in memory, and a full log of a range looks for them
 * (log_item.c).
 */
static int ordered_insert_items(struct ordered *o, struct handle *h)
{
	struct inode *inode = o->inode;
	struct fs *fs = inode->root->fs;
	uint64_t gen = h->trans->id;
	struct extent e = { .start = o->file_off };
	struct extent_drop drop = { .fs = fs, .tree = &inode->root->tree, .generation = gen, .ino = inode->ino,
				    .how = ordered_flag(o, ORDERED_PREALLOC) ? DROP_IN_PLACE : DROP_RELEASE };

	CHECK((atomic_load(&o->flags) & (ORDERED_IO_DONE | ORDERED_IOERR | ORDERED_COMPLETE)) == ORDERED_IO_DONE);
	e.item = (struct extent_item){ .generation = gen, .disk_bytenr = o->disk_bytenr, .disk_len = o->disk_len,
				       .len = o->len, .ram_bytes = o->ram_bytes, .kind = EXTENT_REG };
	if (ordered_flag(o, ORDERED_COMPRESSED))
		e.item.compress = COMPRESS_ZSTD;
	mutex_lock(&inode->items_lock);
	int ret = extent_drop(&drop, o->file_off, o->file_off + o->len);
	if (!ret)
		ret = extent_insert(fs, &inode->root->tree, gen, inode->ino, &e, true);
	mutex_unlock(&inode->items_lock);
	if (ret)
		return ret;
	trace(EV_EXTENT_IN_TREES, inode_trace_id(inode), o->file_off, o->len, gen);
	fs->on.unpin_maps(inode, o->file_off, o->len, gen);
	if (!o->csums)
		return 0;
	mutex_lock(&fs->csum_lock);
	ret = csum_put(&fs->csum_tree, gen, o->disk_bytenr, o->csums, (uint32_t)(o->disk_len / FS_BLOCK));
	mutex_unlock(&fs->csum_lock);
	return ret;
}

/* All in one transaction. The range lock keeps truncate out, which takes it around the removal of items. */
static int ordered_into_trees(struct ordered *o)
{
	struct inode *inode = o->inode;
	struct handle h;
	struct range r;

	range_lock(inode, &r, o->file_off, o->file_off + o->len);
	int ret = trans_start(inode->root->fs, TRANS_JOIN, &h);
	if (ret)
		goto unlock_range;
	if (!ordered_flag(o, ORDERED_NOCOW)) /* its item says it all already (nocow.2) */
		ret = ordered_insert_items(o, &h);
	if (!ret) {
		disk_size_written(inode, o->file_off, o->file_off + o->len, o);
		ret = inode_update(inode, &h);
	}
	if (ret) /* half an extent is in the trees */
		trans_abort(inode->root->fs, ret);
	trans_end(&h);
unlock_range:
	range_unlock(inode, &r);
	return ret;
}

/* Off the inode's tree and COMPLETE: no fsync can collect it any more. All that wait for it, the commit included, go
 * on. The tree's reference ends here. */
static void ordered_complete(struct ordered *o)
{
	struct inode *inode = o->inode;
	struct fs *fs = inode->root->fs;

	spin_lock(&inode->ordered_lock);
	RB_REMOVE(ordered_tree, &inode->ordered, o);
	uint32_t nordered = atomic_fetch_sub(&inode->nordered, 1);
	uint32_t old = atomic_fetch_or(&o->flags, ORDERED_COMPLETE);
	CHECK(nordered > 0);
	CHECK((old & ORDERED_IO_DONE) && !(old & ORDERED_COMPLETE));
	CHECK(!(old & ORDERED_PENDING) == !o->pending_in);
	struct trans *pending = o->pending_in;
	o->pending_in = NULL;
	trace(EV_ORDERED_COMPLETE, inode_trace_id(inode), o->file_off, o->len);
	spin_unlock(&inode->ordered_lock);
	wait_give(&o->done_wait, true);
	if (pending)
		trans_pending_done(pending);
	uint32_t inflight = atomic_fetch_sub(&fs->ordered_inflight, 1);
	CHECK(inflight > 0);
	wait_give(&fs->ordered_drain, inflight == 1);
	ordered_put(o);
}

/* A completion worker has it now. After a failure the order is what counts: error, map, and only then COMPLETE
 * (ordered.2). */
static void ordered_finish(struct work *w)
{
	struct ordered *o = container_of(w, struct ordered, work);
	struct inode *inode = o->inode;

	owe(L_ORDERED, 0, &o->done_wait);
	fs_cost(COST_FINISH);
	if (atomic_load(&o->csum_left))
		ordered_show_sums(o);
	int ret = ordered_flag(o, ORDERED_IOERR) ? -EIO : ordered_into_trees(o);
	if (ret) {
		if (!ordered_flag(o, ORDERED_ERROR_TOLD))
			inode_write_error(inode, ret == -EROFS ? -EIO : ret);
		if (!ordered_flag(o, ORDERED_NOCOW))
			em_drop(inode, o->file_off, o->file_off + o->len);
		disk_size_failed(inode, o->file_off, o->file_off + o->len);
		if (!ordered_flag(o, ORDERED_NOCOW | ORDERED_PREALLOC)) /* nocow.1 */
			alloc_pin(inode->root->fs->alloc, ALLOC_DATA, o->disk_bytenr, o->disk_len);
	}
	paid(L_ORDERED, 0, &o->done_wait);
	ordered_complete(o);
}

/* ---- for fsync ---- */

/* Onto a list with a reference, unless it is on one: that log's commit waits for it then. inode->ordered_lock held. */
static void ordered_onto(struct ordered *o, struct list *list)
{
	CHECK(mutex_held(&o->inode->ordered_lock.m) && !ordered_flag(o, ORDERED_COMPLETE));
	if (o->on_log)
		return;
	CHECK(list_empty(&o->log_link));
	o->on_log = true;
	ordered_get(o);
	list_add_tail(&o->log_link, list);
	trace(EV_ORDERED_COLLECTED, inode_trace_id(o->inode), o->file_off, o->len);
}

void ordered_collect(struct inode *inode, uint64_t start, uint64_t end, struct list *list)
{
	struct ordered *o;

	spin_lock(&inode->ordered_lock);
	RB_FOREACH(o, ordered_tree, &inode->ordered)
		if (o->file_off < end && o->file_off + o->len > start)
			ordered_onto(o, list);
	spin_unlock(&inode->ordered_lock);
}

void ordered_collect_of(struct inode *inode, const struct extent_map *ems, uint32_t n, struct list *list)
{
	struct ordered *o;

	spin_lock(&inode->ordered_lock);
	RB_FOREACH(o, ordered_tree, &inode->ordered)
		for (uint32_t i = 0; i < n; i++)
			if (ems[i].disk_bytenr == o->disk_bytenr)
				ordered_onto(o, list);
	RB_FOREACH(o, ordered_tree, &inode->ordered)
		if (ordered_flag(o, ORDERED_NOCOW))
			ordered_onto(o, list);
	spin_unlock(&inode->ordered_lock);
}

void ordered_collect_unlogged(struct inode *inode, struct list *list)
{
	struct ordered *o;

	CHECK(inode_is_synced(inode));
	spin_lock(&inode->ordered_lock);
	RB_FOREACH(o, ordered_tree, &inode->ordered) {
		if (ordered_flag(o, ORDERED_LOGGED))
			continue;
		CHECK(list_empty(&o->log_link) && !o->on_log);
		ordered_get(o);
		list_add_tail(&o->log_link, list);
		trace(EV_ORDERED_COLLECTED, inode_trace_id(inode), o->file_off, o->len);
	}
	spin_unlock(&inode->ordered_lock);
}

void ordered_release_list(struct list *list)
{
	while (!list_empty(list)) {
		struct ordered *o = list_first(list, struct ordered, log_link);
		list_del(&o->log_link);
		ordered_put(o);
	}
}

struct ordered *ordered_on_list(struct list *list, uint64_t disk_bytenr)
{
	struct list *pos;

	list_for_each(pos, list) {
		struct ordered *o = list_entry(pos, struct ordered, log_link);
		if (o->disk_bytenr == disk_bytenr)
			return o;
	}
	return NULL;
}

void ordered_drop_list(struct list *list)
{
	while (!list_empty(list)) {
		struct ordered *o = list_first(list, struct ordered, log_link);
		list_del(&o->log_link);
		rt_access(o->inode->ordered_lock.m.id, POINT_WRITE);
		spin_lock_quiet(&o->inode->ordered_lock);
		CHECK(o->on_log);
		o->on_log = false;
		spin_unlock(&o->inode->ordered_lock);
		ordered_put(o);
	}
}

static bool csums_there(void *arg)
{
	struct ordered *o = arg;

	return atomic_load(&o->csum_left) == 0;
}

void ordered_wait_csums(struct ordered *o)
{
	wait_until(&o->csum_wait, csums_there, o);
}

static bool io_done(void *arg)
{
	return ordered_flag(arg, ORDERED_IO_DONE);
}

int ordered_wait_io(struct ordered *o)
{
	dev_wait_until(o->inode->root->fs->dev, &o->io_wait, io_done, o);
	return ordered_flag(o, ORDERED_IOERR) ? -EIO : 0;
}

int ordered_wait_io_blindly(struct ordered *o)
{
	ordered_wait_io(o);
	return 0;
}

static bool complete(void *arg)
{
	return ordered_flag(arg, ORDERED_COMPLETE);
}

/* The first that overlaps the range, with a reference. */
static struct ordered *ordered_in_range(struct inode *inode, uint64_t start, uint64_t end)
{
	struct ordered *o, *found = NULL;

	rt_access(inode->ordered_lock.m.id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	RB_FOREACH(o, ordered_tree, &inode->ordered) {
		if (o->file_off >= end)
			break;
		if (o->file_off + o->len > start) {
			found = o;
			ordered_get(o);
			break;
		}
	}
	spin_unlock(&inode->ordered_lock);
	return found;
}

int ordered_wait_range(struct inode *inode, uint64_t start, uint64_t end)
{
	struct ordered *o;
	int ret = 0;

	lock_order_check(L_ORDERED, 0);
	while ((o = ordered_in_range(inode, start, end))) {
		if (ordered_wait_io(o))
			ret = -EIO;
		wait_until(&o->done_wait, complete, o);
		ordered_put(o);
	}
	return ret;
}

bool ordered_any_pending(struct inode *inode)
{
	struct ordered *o;
	bool found = false;

	rt_access(inode->ordered_lock.m.id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	RB_FOREACH(o, ordered_tree, &inode->ordered)
		found |= atomic_load(&o->flags) & ORDERED_PENDING;
	spin_unlock(&inode->ordered_lock);
	return found;
}

bool ordered_overlaps(struct inode *inode, uint64_t start, uint64_t end)
{
	struct ordered *o = ordered_in_range(inode, start, end);

	if (o)
		ordered_put(o);
	return o != NULL;
}

uint64_t ordered_first_below(struct inode *inode, uint64_t disk, uint64_t size)
{
	struct ordered *o;

	CHECK(mutex_held(&inode->ordered_lock.m));
	RB_FOREACH(o, ordered_tree, &inode->ordered) {
		if (o->file_off >= size)
			break;
		if (!o->in_trees && o->file_off + o->len > disk)
			return o->file_off > disk ? o->file_off : disk;
	}
	return size;
}

bool ordered_any(struct inode *inode)
{
	rt_access(inode->ordered_lock.m.id, POINT_READ);
	return atomic_load(&inode->nordered) != 0;
}

void inode_write_error(struct inode *inode, int err)
{
	CHECK(err < 0);
	rt_access(inode->flags_id, POINT_WRITE);
	atomic_store(&inode->wb_error, err);
	atomic_store(&inode->unwaited_error, err);
	atomic_fetch_add(&inode->wb_errors, 1);
	rt_access(inode->root->fs->numbers_id, POINT_WRITE);
	atomic_store(&inode->root->fs->wb_error, err);
	atomic_fetch_add(&inode->root->fs->wb_errors, 1);
	inode->root->fs->on.write_failed(inode);
	trace(EV_INODE_WRITE_ERROR, inode->ino, (uint64_t)err);
}

void ordered_tell_later(struct ordered *o)
{
}

void ordered_tell_at_once(struct ordered *o)
{
	atomic_fetch_or(&o->flags, ORDERED_ERROR_TOLD);
	inode_write_error(o->inode, -EIO);
}

void ordered_tell_and_flag(struct ordered *o)
{
	inode_set_flag(o->inode, INODE_COW_WRITE_ERROR);
	ordered_tell_at_once(o);
}

void inode_needs_holes(struct inode *inode)
{
	inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
}

void inode_needs_nothing(struct inode *inode)
{
}
