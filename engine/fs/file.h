/*
 * file.h: what buffered calls, direct writes and stores through a mapping share: whether a file may change, and how a
 * page gets the content that the disk has.
 *
 * file.1: A page becomes up to date under its page lock, and with either inode->lock held for writing or its range
 *      locked. So a direct write, which has inode->lock shared and the range locked, sees which pages are in the cache.
 *
 * Callers: direct.c, mmap.c, prealloc.c.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "fs/state.h"

/* 0 when the file may change, up to off + len; called before anything in memory is touched. -EROFS, -EFBIG. */
int file_may_change(struct fs *fs, uint64_t off, uint64_t len);
/* On return the range is locked, whole blocks, and nothing of it is dirty, in the page cache, or on its way to the
 * disk; a reader that comes meanwhile waits (file.1). inode->lock is held, so nobody but a mapped store makes a page
 * dirty. */
void file_claim(struct inode *inode, struct range *r, uint64_t start, uint64_t end);
/* [from, to), inside of one block of the file, becomes zeros, in the page cache. inode->lock held for writing. 0,
 * -EIO. */
int file_zero(struct inode *inode, uint64_t from, uint64_t to);
/* A locked page gets its content; nothing of it lies beyond the end of the file. No write of it is under way, and none
 * begins (file.1). -EIO. */
int page_fill(struct inode *inode, struct page *p);
/* A write from `off` on is about to make the file longer: the inode needs a full sync when it skips blocks.
 * inode->lock held for writing. */
void file_skips_blocks(struct inode *inode, uint64_t off);
/* The file is about to be longer. An extent that completed beyond a block that was never written lies beyond the size
 * on the disk, and a commit and a crash make that the end of the file: its content is nothing that a longer file may
 * show. What lies from the end of the file to `end` (whole blocks) goes, but for preallocated space; the rest of the
 * last block becomes zeros, also on the disk. Called before the size moves, with inode->lock held for writing and no
 * handle; what the log must be told of it is the caller's to say. 0, -EROFS, -EIO: those zeros could not be written; or
 * what the tree says. (kernel: btrfs_cont_expand(), which puts holes there) */
int file_clear_beyond_end(struct inode *inode, uint64_t end);

#endif
