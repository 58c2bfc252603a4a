/*
 * page.h: the page cache of an inode: pages by index, their lock, and the tag that writeback looks for.
 *
 * page.1: A page is tagged from the moment it is dirtied until writeback has marked it as under I/O
 *      (the kernel's PAGECACHE_TAG_DIRTY). So a task that starts writeback of a range meets each page that
 *      another task is turning into an ordered extent at this moment, and sleeps on its lock.
 * page.2: DIRTY changes under the page lock. A page under writeback is not written to (stable pages).
 * page.3: A page that is writable through a mapping is dirty. Its dirty bit is taken together with that: from then on
 *      its content stays as it is, until a fault has it dirty again (mmap.1).
 * page.4: A page under writeback is marked in inode->writing, from before its tag goes. The mark stays when the I/O
 *      ends, which costs nothing there; who looks for pages under writeback takes stale marks away.
 *
 * Callers: file.c, direct.c, mmap.c, writeback.c, compress.c, ordered.c, truncate in inode.c.
 */
#ifndef FS_PAGE_H
#define FS_PAGE_H

#include "fs/state.h"

/* The page at index, made (not up to date) when there is none. */
struct page *page_get(struct inode *inode, uint32_t index);
struct page *page_find(struct inode *inode, uint32_t index);

void page_lock(struct inode *inode, struct page *p);
/* Locks a page that is dirty and that nobody holds: it is dirty then. False: it is not locked. */
bool page_trylock_dirty(struct inode *inode, struct page *p);
void page_unlock(struct inode *inode, struct page *p);

/* Marks a locked page dirty and tagged. */
void page_dirty(struct inode *inode, struct page *p);
/* The event take_dirty: takes the dirty bit from a locked page; false when it was clean, because another task has taken
 * it. _unprotected(): stores through a mapping still reach it, until page_protect(); what is made of its content before
 * that is not what is written. */
bool page_take_dirty(struct inode *inode, struct page *p);
bool page_take_dirty_unprotected(struct inode *inode, struct page *p);
/* Stores through a mapping reach the page no more. */
void page_protect(struct page *p);
/* From now on the inode's pages can be stored to through a mapping. inode->lock held for writing. */
void page_map_all(struct inode *inode);
/* Lets stores through a mapping reach a locked page that is dirty. */
void page_make_writable(struct inode *inode, struct page *p);
/* A store of n bytes of one page. -EAGAIN: the page is not writable, and the caller has a fault; -EFAULT: the file ends
 * before. No lock is held or needed. A point. */
int page_store(struct inode *inode, uint64_t off, const void *buf, uint32_t n);
/* A locked page goes under I/O: WRITEBACK set, tag gone. And the end of that I/O. */
void page_start_writeback(struct inode *inode, struct page *p);
void page_end_writeback(struct inode *inode, struct page *p);
void page_wait_writeback(struct inode *inode, struct page *p);
/* The first page under writeback at or behind index `from`; NULL when there is none. */
struct page *page_next_writing(struct inode *inode, uint32_t from);

/* The first tagged index in [from, to); UINT32_MAX when there is none. A point. */
uint32_t page_next_tagged(struct inode *inode, uint32_t from, uint32_t to);

/* Truncate: pages from index on lose their content and their dirty bit, and stay; waits for the end of their I/O. */
void page_invalidate_from(struct inode *inode, uint32_t index);
/* Pages of [start, end) that are not dirty leave the cache: they lose their content and stay. Waits for their I/O. */
void page_drop_clean(struct inode *inode, uint64_t start, uint64_t end);
/* The same for the page at index when nobody has it locked and nothing of it is on its way; false: it stays as it is.
 * */
bool page_release(struct inode *inode, uint32_t index);
/* Is a page of [start, end) up to date? The range is locked (file.1). */
bool page_any_cached(struct inode *inode, uint64_t start, uint64_t end);
/* Frees all pages: the inode goes away. */
void page_free_all(struct inode *inode);

#endif
