/*
 * page.c: see page.h. Waiters of a page share one of a table of wait queues, as in the kernel.
 *
 * The life of a dirty page, and which task owns it: a writer sets DIRTY and the tag under the page lock; writeback
 * takes DIRTY under the page lock, which it (or a compression worker) keeps, with the tag, until the extent is made;
 * then WRITEBACK comes and the tag goes, and the lock is dropped; the end of the I/O takes WRITEBACK away. So a page
 * without a tag has nothing that an fsync would have to find an extent for (page.1), and a page never has DIRTY and
 * WRITEBACK at once (page.2). Pages are made and never freed while the inode is in memory: a pointer to one stays good
 * without a lock.
 */
#include <stdlib.h>

#include "fs/page.h"
#include "fs/reclaim.h"
#include "rt/cpu.h"

static unsigned page_slot(const struct inode *inode, const struct page *p)
{
	return (unsigned)(inode->ino * 31 + p->index) % FS_PAGE_WAITQS;
}

/* The table gets room for `index`. pages_lock held. */
static void pages_grow(struct inode *inode, uint32_t index)
{
	uint32_t cap = inode->npages_cap ? inode->npages_cap : 64;

	CHECK(mutex_held(&inode->pages_lock.m));
	while (cap <= index)
		cap *= 2;
	if (cap == inode->npages_cap)
		return;
	struct page **pages = mem_zalloc(cap * sizeof(*pages));
	uint64_t *tagged = mem_zalloc(cap / 8), *writing = mem_zalloc(cap / 8);
	if (inode->npages_cap) {
		memcpy(pages, inode->pages, inode->npages_cap * sizeof(*pages));
		memcpy(tagged, inode->tagged, inode->npages_cap / 8);
		memcpy(writing, inode->writing, inode->npages_cap / 8);
	}
	free(inode->pages);
	free(inode->tagged);
	free(inode->writing);
	inode->pages = pages;
	inode->tagged = tagged;
	inode->writing = writing;
	inode->npages_cap = cap;
}

struct page *page_get(struct inode *inode, uint32_t index)
{
	spin_lock_quiet(&inode->pages_lock);
	pages_grow(inode, index);
	struct page *p = inode->pages[index];
	if (!p) {
		p = mem_zalloc(sizeof(*p));
		p->data = mem_alloc_pages(FS_BLOCK);
		p->index = index;
		p->id = rt_obj_id();
		p->store_id = inode->mapped ? rt_obj_id() : 0;
		inode->pages[index] = p;
	}
	spin_unlock(&inode->pages_lock);
	return p;
}

struct page *page_find(struct inode *inode, uint32_t index)
{
	struct page *p = NULL;

	spin_lock_quiet(&inode->pages_lock);
	if (index < inode->npages_cap)
		p = inode->pages[index];
	spin_unlock(&inode->pages_lock);
	return p;
}

/* The content of a locked page leaves the cache. What its flags were. */
static uint32_t page_forget(struct inode *inode, struct page *p)
{
	uint32_t old = atomic_fetch_and(&p->flags, ~PG_UPTODATE);

	CHECK(old & PG_LOCKED);
	if (old & PG_UPTODATE)
		memory_less(inode->root->fs, 1);
	return old;
}

static bool page_is_free(void *arg)
{
	return !(atomic_load(&((struct page *)arg)->flags) & PG_LOCKED);
}

static bool page_take(void *arg)
{
	return !(atomic_fetch_or(&((struct page *)arg)->flags, PG_LOCKED) & PG_LOCKED);
}

void page_lock(struct inode *inode, struct page *p)
{
	const struct taking t = { .obj = p->id, .free = page_is_free, .take = page_take, .arg = p };

	wait_take(&inode->root->fs->page_wait[page_slot(inode, p)], &t);
}

void page_unlock(struct inode *inode, struct page *p)
{
	uint32_t old = atomic_fetch_and(&p->flags, ~PG_LOCKED);

	CHECK(old & PG_LOCKED);
	rt_accessed(p->id, POINT_GIVE);
	wait_give(&inode->root->fs->page_wait[page_slot(inode, p)], true);
}

bool page_trylock_dirty(struct inode *inode, struct page *p)
{
	rt_access(p->id, POINT_READ); /* unlike a lock, this sees whether the page is free, and goes on either way */
	if (!(atomic_load(&p->flags) & PG_DIRTY))
		return false;
	rt_access(p->id, POINT_READ); /* whoever has it may take what is dirty, and let go of it, in between */
	if (!page_take(p))
		return false;
	rt_accessed(p->id, POINT_LOCK);
	bool dirty = atomic_load(&p->flags) & PG_DIRTY;
	if (!dirty)
		page_unlock(inode, p);
	return dirty;
}

/* Tags a locked page, or takes the tag off: the page lock keeps DIRTY and tag in step. `writing`: since it is under
 * writeback now (page.4). */
static void page_tag(struct inode *inode, struct page *p, bool on, bool writing)
{
	uint64_t bit = 1ull << (p->index % 64), *word;

	CHECK(atomic_load(&p->flags) & PG_LOCKED);
	rt_access(inode->pages_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&inode->pages_lock);
	CHECK(p->index < inode->npages_cap && inode->pages[p->index] == p);
	word = &inode->tagged[p->index / 64];
	if (on && !(*word & bit))
		atomic_fetch_add(&inode->nr_tagged, 1);
	if (!on && (*word & bit))
		atomic_fetch_sub(&inode->nr_tagged, 1);
	*word = on ? *word | bit : *word & ~bit;
	if (writing)
		inode->writing[p->index / 64] |= bit;
	spin_unlock(&inode->pages_lock);
}

void page_dirty(struct inode *inode, struct page *p)
{
	uint32_t old = atomic_fetch_or(&p->flags, PG_DIRTY | PG_UPTODATE);

	CHECK(old & PG_LOCKED);
	CHECK(!(old & PG_WRITEBACK));
	if (!(old & PG_UPTODATE))
		memory_more(inode->root->fs);
	if (old & PG_DIRTY)
		return;
	atomic_store_explicit(&p->dirtied_ns, rt_now(), memory_order_relaxed);
	atomic_fetch_add(&inode->root->fs->dirty_pages, 1);
	page_tag(inode, p, true, false);
}

void page_map_all(struct inode *inode)
{
	CHECK(write_held(&inode->lock));
	spin_lock_quiet(&inode->pages_lock);
	inode->mapped = true;
	for (uint32_t i = 0; i < inode->npages_cap; i++)
		if (inode->pages[i])
			inode->pages[i]->store_id = rt_obj_id();
	spin_unlock(&inode->pages_lock);
}

void page_make_writable(struct inode *inode, struct page *p)
{
	rt_access(p->store_id, POINT_WRITE);
	uint32_t old = atomic_fetch_or(&p->flags, PG_WRITABLE);

	CHECK(inode->mapped && p->store_id);
	CHECK((old & PG_LOCKED) && (old & PG_DIRTY)); /* page.3 */
}

/*
 * A processor's store is made, or it faults; the page tables' change in between is seen by all. Here: a store
 * announces itself and then looks; write protection takes the bit and then waits for those that have announced
 * themselves. A truncation protects all pages before it changes the size, so the size that is seen here holds until
 * the store is made.
 */
int page_store(struct inode *inode, uint64_t off, const void *buf, uint32_t n)
{
	struct page *p = page_find(inode, (uint32_t)(off / FS_BLOCK));
	int ret = -EAGAIN;

	if (!p)
		return ret;
	rt_point(p->store_id, POINT_WRITE);
	rt_access(inode->stamps_id, POINT_READ);
	atomic_fetch_add(&p->stores, 1);
	if (off + n > atomic_load(&inode->size))
		ret = -EFAULT;
	else if (atomic_load(&p->flags) & PG_WRITABLE)
		ret = 0;
	if (!ret)
		memcpy((uint8_t *)p->data + off % FS_BLOCK, buf, n);
	atomic_fetch_sub(&p->stores, 1);
	return ret;
}

/* kernel: page_mkclean(). Stores that have begun are made when it returns, and later ones fault. */
static uint32_t page_clear(struct page *p, uint32_t flags)
{
	uint32_t old = atomic_fetch_and(&p->flags, ~flags);

	while (atomic_load(&p->stores)) /* a copy of a sector at most; in a controlled run none is in the middle */
		cpu_relax();
	return old;
}

/* kernel: clear_page_dirty_for_io(). */
static uint32_t page_clear_dirty(struct page *p)
{
	if (!(atomic_load(&p->flags) & PG_WRITABLE)) /* it changes under the page lock, as DIRTY */
		return atomic_fetch_and(&p->flags, ~PG_DIRTY);
	rt_access(p->store_id, POINT_WRITE);
	return page_clear(p, PG_DIRTY | PG_WRITABLE);
}

void page_protect(struct page *p)
{
	if (!(atomic_load(&p->flags) & PG_WRITABLE))
		return;
	rt_point(p->store_id, POINT_WRITE);
	page_clear(p, PG_WRITABLE);
}

/* The dirty bit is gone: `old` is what the flags were. */
static bool page_taken(struct inode *inode, uint32_t old)
{
	CHECK(old & PG_LOCKED);
	if (!(old & PG_DIRTY))
		return false;
	CHECK(!(old & PG_WRITEBACK) && (old & PG_UPTODATE));
	uint64_t dirty = atomic_fetch_sub(&inode->root->fs->dirty_pages, 1);
	CHECK(dirty > 0);
	return true; /* the content is the caller's to write; the tag stays until page_start_writeback() */
}

bool page_take_dirty(struct inode *inode, struct page *p)
{
	return page_taken(inode, page_clear_dirty(p));
}

bool page_take_dirty_unprotected(struct inode *inode, struct page *p)
{
	return page_taken(inode, atomic_fetch_and(&p->flags, ~PG_DIRTY));
}

void page_start_writeback(struct inode *inode, struct page *p)
{
	rt_access(inode->root->fs->writeback_wait[page_slot(inode, p)].id, POINT_WRITE);
	uint32_t old = atomic_fetch_or(&p->flags, PG_WRITEBACK);

	CHECK(old & PG_LOCKED);
	CHECK(!(old & (PG_WRITEBACK | PG_DIRTY)));
	/* its ordered extent exists (or it failed): a flush that finds no tag has nothing to wait for (page.1) */
	page_tag(inode, p, false, true);
}

void page_end_writeback(struct inode *inode, struct page *p)
{
	uint32_t old = atomic_fetch_and(&p->flags, ~PG_WRITEBACK);

	CHECK((old & PG_WRITEBACK) && !(old & (PG_DIRTY | PG_WRITABLE))); /* nobody wrote to it meanwhile (page.2) */
	wake_all(&inode->root->fs->writeback_wait[page_slot(inode, p)]);
}

static bool page_written(void *arg)
{
	struct page *p = arg;

	return !(atomic_load(&p->flags) & PG_WRITEBACK);
}

void page_wait_writeback(struct inode *inode, struct page *p)
{
	struct fs *fs = inode->root->fs;
	struct waitq *wq = &fs->writeback_wait[page_slot(inode, p)];

	rt_access(wq->id, POINT_READ);
	if (!page_written(p))
		dev_wait_until(fs->dev, wq, page_written, p);
}

/* Is the page under writeback? A stale mark goes. pages_lock held. */
static bool page_is_writing(struct inode *inode, struct page *p)
{
	CHECK(mutex_held(&inode->pages_lock.m));
	rt_accessed(inode->root->fs->writeback_wait[page_slot(inode, p)].id, POINT_READ);
	if (!page_written(p))
		return true;
	inode->writing[p->index / 64] &= ~(1ull << (p->index % 64));
	return false;
}

struct page *page_next_writing(struct inode *inode, uint32_t from)
{
	struct page *found = NULL;

	rt_access(inode->pages_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&inode->pages_lock);
	for (uint32_t i = from; i < inode->npages_cap && !found; i = (i / 64 + 1) * 64) {
		uint64_t word = inode->writing[i / 64] & (UINT64_MAX << (i % 64));
		for (; word && !found; word &= word - 1) {
			struct page *p = inode->pages[i / 64 * 64 + (uint32_t)__builtin_ctzll(word)];
			if (page_is_writing(inode, p))
				found = p;
		}
	}
	spin_unlock(&inode->pages_lock);
	return found;
}

uint32_t page_next_tagged(struct inode *inode, uint32_t from, uint32_t to)
{
	uint32_t found = UINT32_MAX;

	rt_point(inode->pages_lock.m.id, POINT_READ);
	spin_lock_quiet(&inode->pages_lock);
	if (to > inode->npages_cap)
		to = inode->npages_cap;
	for (uint32_t i = from; i < to && found == UINT32_MAX; i = (i / 64 + 1) * 64) {
		uint64_t word = inode->tagged[i / 64] & (UINT64_MAX << (i % 64));
		if (word)
			found = i / 64 * 64 + (uint32_t)__builtin_ctzll(word);
	}
	spin_unlock(&inode->pages_lock);
	return found < to ? found : UINT32_MAX;
}

void page_invalidate_from(struct inode *inode, uint32_t index)
{
	for (uint32_t i = index; i < inode->npages_cap; i++) {
		struct page *p = page_find(inode, i);
		if (!p)
			continue;
		page_lock(inode, p);
		page_wait_writeback(inode, p); /* still, after its ordered extent is COMPLETE: see ordered_io_end() */
		uint32_t old = page_forget(inode, p);
		CHECK(!(old & PG_DIRTY)); /* the caller has written what was, and nobody can make it dirty again */
		page_unlock(inode, p);
	}
}

/* The page at index and every one after it below `end`; NULL: none is left. */
static struct page *page_at_or_after(struct inode *inode, uint32_t index, uint64_t end)
{
	struct page *p = NULL;

	for (; index < inode->npages_cap && (uint64_t)index * FS_BLOCK < end && !p; index++)
		p = page_find(inode, index);
	return p;
}

void page_drop_clean(struct inode *inode, uint64_t start, uint64_t end)
{
	uint32_t index = (uint32_t)(start / FS_BLOCK);

	for (struct page *p; (p = page_at_or_after(inode, index, end)); index = p->index + 1) {
		page_lock(inode, p);
		page_wait_writeback(inode, p);
		if (!(atomic_load(&p->flags) & PG_DIRTY))
			page_forget(inode, p);
		page_unlock(inode, p);
	}
}

bool page_release(struct inode *inode, uint32_t index)
{
	struct page *p = page_find(inode, index);

	if (!p)
		return false;
	rt_access(p->id, POINT_READ); /* as page_trylock_dirty() */
	if ((atomic_load(&p->flags) & (PG_DIRTY | PG_WRITEBACK | PG_UPTODATE)) != PG_UPTODATE || !page_take(p))
		return false;
	rt_accessed(p->id, POINT_LOCK);
	bool clean = !(atomic_load(&p->flags) & (PG_DIRTY | PG_WRITEBACK));
	if (clean)
		page_forget(inode, p);
	page_unlock(inode, p);
	return clean;
}

bool page_any_cached(struct inode *inode, uint64_t start, uint64_t end)
{
	uint32_t index = (uint32_t)(start / FS_BLOCK);

	for (struct page *p; (p = page_at_or_after(inode, index, end)); index = p->index + 1)
		if (atomic_load(&p->flags) & PG_UPTODATE)
			return true;
	return false;
}

void page_free_all(struct inode *inode)
{
	for (uint32_t i = 0; i < inode->npages_cap; i++) {
		struct page *p = inode->pages[i];
		if (!p)
			continue;
		uint32_t flags = atomic_load(&p->flags);
		CHECK(!(flags & (PG_LOCKED | PG_WRITEBACK)));
		if (flags & PG_DIRTY)
			atomic_fetch_sub(&inode->root->fs->dirty_pages, 1);
		if (flags & PG_UPTODATE)
			memory_less(inode->root->fs, 1);
		free(p->data);
		free(p);
	}
	free(inode->pages);
	free(inode->tagged);
	free(inode->writing);
}
