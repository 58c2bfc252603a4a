/*
 * mmap.c: stores through a mapping. kernel: btrfs_page_mkwrite(), and the processor.
 *
 * A store into a page that is writable takes no lock and wakes nobody: nothing in the file system sees it, until
 * writeback takes the page. Into another page it faults: inode->mmap_lock shared; page lock; the page's I/O has ended;
 * range locked; if an ordered extent of the page is under way, all of that is dropped, and the fault waits and begins
 * again; then the page is dirty and writable, and the inode is stamped. The store is made again after the fault, and
 * may fault again: writeback may have taken the page in between.
 *
 * A page is stored to sector by sector, and what takes the page may come between two: a mapped store of several
 * sectors is atomic in each of them, and no more. One that goes beyond the end of the file is refused there, with
 * -EFAULT for the signal that a process gets; the processor would let it fill the last page, and nobody would see what
 * it wrote.
 *
 * Caller: the public door (fs.h).
 */
#include "fs/cost.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mmap.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/range.h"
#include "fs/work.h"

#define STORE_UNIT 512u /* a sector: what the oracle tells apart */

void mmap_keep_out(struct inode *inode, enum phase wait_in)
{
	CHECK(write_held(&inode->lock));
	if (inode->mapped)
		write_lock_in(&inode->mmap_lock, wait_in);
}

void mmap_let_in(struct inode *inode)
{
	CHECK(write_held(&inode->lock));
	if (write_held(&inode->mmap_lock))
		write_unlock(&inode->mmap_lock);
}

/* The page at index, locked, and its block's range locked, with no write of it under way. mmap_lock is held shared
 * then; not after -EFAULT: the file ends before it. */
static int fault_lock(struct inode *inode, uint32_t index, struct page **out, struct range *r)
{
	uint64_t off = (uint64_t)index * FS_BLOCK;
	struct page *p = page_get(inode, index);

	for (;;) {
		read_lock(&inode->mmap_lock);
		page_lock(inode, p);
		rt_access(inode->stamps_id, POINT_READ);
		if (off >= atomic_load(&inode->size)) {
			page_unlock(inode, p);
			read_unlock(&inode->mmap_lock);
			return -EFAULT;
		}
		page_wait_writeback(inode, p);
		range_lock(inode, r, off, off + FS_BLOCK);
		*out = p;
		if (!ordered_overlaps(inode, off, off + FS_BLOCK))
			return 0;
		range_unlock(inode, r);
		page_unlock(inode, p);
		read_unlock(&inode->mmap_lock);
		ordered_wait_range(inode, off, off + FS_BLOCK);
	}
}

/* kernel: btrfs_page_mkwrite(). The page is dirty and writable; -EFAULT, or -EIO: it cannot be read. */
static int fault(struct inode *inode, uint32_t index)
{
	struct fs *fs = inode->root->fs;
	struct page *p;
	struct range r;

	background_make_space(fs);
	int ret = fault_lock(inode, index, &p, &r);
	if (ret)
		return ret;
	fs_cost(COST_WRITE_BLOCK);
	ret = page_fill(inode, p);
	if (!ret) {
		page_dirty(inode, p);
		page_make_writable(inode, p);
		trace(EV_BLOCK_DIRTY, p->index, inode->ino);
	}
	range_unlock(inode, &r);
	if (!ret)
		fs->on.wrote(inode, fs_generation(fs) + 1);
	page_unlock(inode, p);
	read_unlock(&inode->mmap_lock);
	return ret;
}

int fs_mmap(struct file *f)
{
	struct inode *inode = f->inode;

	write_lock(&inode->lock);
	if (!inode->mapped)
		page_map_all(inode);
	write_unlock(&inode->lock);
	return 0;
}

/* n bytes of one sector. */
static int store(struct inode *inode, uint64_t off, const uint8_t *buf, uint32_t n)
{
	int ret;

	while ((ret = page_store(inode, off, buf, n)) == -EAGAIN) {
		ret = fault(inode, (uint32_t)(off / FS_BLOCK));
		if (ret)
			break;
	}
	return ret;
}

int fs_mmap_store(struct file *f, uint64_t off, const void *buf, uint32_t len)
{
	struct inode *inode = f->inode;
	int ret = file_may_change(inode->root->fs, off, len);

	if (!inode->mapped)
		return -EFAULT;
	for (uint32_t done = 0, n; done < len && !ret; done += n) {
		n = STORE_UNIT - (uint32_t)((off + done) % STORE_UNIT);
		n = n < len - done ? n : len - done;
		ret = store(inode, off + done, (const uint8_t *)buf + done, n);
	}
	background_balance(inode);
	return ret ? ret : (int)len;
}
