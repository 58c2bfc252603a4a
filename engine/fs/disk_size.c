/*
 * disk_size.c: see disk_size.h. The ranges of inode->unwritten are whole blocks, sorted, and neither overlap nor
 * touch. They are few: blocks are added at the end of the file, where they join the last range, and go from its
 * beginning, but for writes that end out of order.
 */
#include <stdlib.h>

#include "fs/disk_size.h"

static void unwritten_append(struct inode *inode, uint64_t start, uint64_t end)
{
	struct range *last = list_entry(inode->unwritten.prev, struct range, link);
	bool any = !list_empty(&inode->unwritten);

	CHECK(mutex_held(&inode->ordered_lock.m) && (start | end) % FS_BLOCK == 0);
	CHECK(!any || last->end <= start); /* it is beyond the file's old end, and they are not */
	if (start == end)
		return;
	if (any && last->end == start) {
		last->end = end;
		return;
	}
	struct range *r = mem_alloc(sizeof(*r));
	*r = (struct range){ .start = start, .end = end };
	list_add_tail(&r->link, &inode->unwritten);
}

static void unwritten_remove(struct inode *inode, uint64_t start, uint64_t end)
{
	struct list *pos, *tmp;

	CHECK(mutex_held(&inode->ordered_lock.m) && start < end && (start | end) % FS_BLOCK == 0);
	list_for_each_safe(pos, tmp, &inode->unwritten) {
		struct range *r = list_entry(pos, struct range, link), old = *r;
		if (old.start >= end)
			break;
		if (old.end <= start)
			continue;
		if (old.start < start && old.end > end) {
			struct range *rest = mem_alloc(sizeof(*rest));
			*rest = (struct range){ .start = end, .end = old.end };
			r->end = start;
			list_add(&rest->link, &r->link);
		} else if (old.start < start) {
			r->end = start;
		} else if (old.end > end) {
			r->start = end;
		} else {
			list_del(&r->link);
			free(r);
		}
	}
}

void disk_size_extend(struct inode *inode, uint64_t off, uint64_t end)
{
	uint64_t size = atomic_load(&inode->size), from = off / FS_BLOCK * FS_BLOCK;

	CHECK(write_held(&inode->lock) && off < end && end > size);
	rt_access(inode->stamps_id, POINT_WRITE);
	/* at once: a completion that sees the new size sees what is unwritten below it */
	spin_lock_quiet(&inode->ordered_lock);
	if (from < round_up_block(size))
		from = round_up_block(size);
	if (from < end)
		unwritten_append(inode, from, round_up_block(end));
	atomic_store(&inode->size, end);
	spin_unlock(&inode->ordered_lock);
}

/* The size on disk follows the size as far as it may. inode->ordered_lock held. */
static void disk_size_advance(struct inode *inode)
{
	uint64_t size = atomic_load(&inode->size), disk = atomic_load(&inode->disk_size);

	if (size > disk)
		size = inode->root->fs->on.size_reaches(inode, disk, size);
	if (size > disk)
		atomic_store(&inode->disk_size, size);
}

void disk_size_allocated(struct inode *inode, uint64_t size)
{
	CHECK(write_held(&inode->lock) && size > atomic_load(&inode->size));
	rt_access(inode->stamps_id, POINT_WRITE);
	rt_access(inode->ordered_lock.m.id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->size, size);
	disk_size_advance(inode);
	spin_unlock(&inode->ordered_lock);
}

void disk_size_written(struct inode *inode, uint64_t start, uint64_t end, struct ordered *done)
{
	rt_access(inode->stamps_id, POINT_WRITE);
	rt_access(inode->ordered_lock.m.id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	unwritten_remove(inode, start, end);
	/* noted now, and not when it leaves the tree of ordered extents: so of two that complete at once, the later
	 * one advances the size over both */
	if (done)
		done->in_trees = true;
	disk_size_advance(inode);
	spin_unlock(&inode->ordered_lock);
}

void disk_size_failed(struct inode *inode, uint64_t start, uint64_t end)
{
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	unwritten_remove(inode, start, end);
	spin_unlock(&inode->ordered_lock);
}

void disk_size_truncate(struct inode *inode, uint64_t size)
{
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	CHECK(list_empty(&inode->unwritten));
	atomic_store(&inode->disk_size, size);
	spin_unlock(&inode->ordered_lock);
}

uint64_t disk_size_to_unwritten(struct inode *inode, uint64_t disk, uint64_t size)
{
	CHECK(mutex_held(&inode->ordered_lock.m));
	if (list_empty(&inode->unwritten))
		return size;
	uint64_t start = list_first(&inode->unwritten, struct range, link)->start;

	CHECK(start < size && round_up_block(disk) <= start);
	return start;
}

void disk_size_free(struct inode *inode)
{
	while (!list_empty(&inode->unwritten)) {
		struct range *r = list_first(&inode->unwritten, struct range, link);
		list_del(&r->link);
		CHECK(inode->unwritten.next != &r->link);
		free(r);
	}
}
