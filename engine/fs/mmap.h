/*
 * mmap.h: stores through a shared mapping of a file. See mmap.c.
 *
 * mmap.1: A page that can be stored to without a fault is dirty, and is write-protected before its content is taken:
 *      what a flush has taken does not change, and a later store faults.
 * mmap.2: Whoever has inode->mmap_lock for writing keeps faults out. After a flush under it, no page of the file is
 *      dirty or can become so, if buffered and direct writes are kept out by inode->lock.
 *
 * A file that was never mapped pays nothing: its mmap_lock is not taken.
 *
 * Callers: fsync.c and file.c; the public door (fs.h).
 */
#ifndef FS_MMAP_H
#define FS_MMAP_H

#include "fs/state.h"

/* Keeps faults out of a file that was mapped, and lets them in again. inode->lock is held for writing throughout, so
 * the file is not mapped in between. */
void mmap_keep_out(struct inode *inode, enum phase wait_in);
void mmap_let_in(struct inode *inode);

#endif
