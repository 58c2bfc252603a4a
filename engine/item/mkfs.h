/*
 * mkfs.h: makes an empty file system: see mkfs.c. Called through fs/fs.h by whoever mounts one.
 */
#ifndef ITEM_MKFS_H
#define ITEM_MKFS_H

#include "dev/dev.h"

struct mkfs_options {
	uint32_t nodesize;  /* 0: 16384 */
	bool single;        /* metadata once; default DUP */
	uint32_t subvols;   /* 0: 1 */
	uint64_t fsid;      /* stamped into every block; 0: made of size and time, so old blocks are refused */
};
/* Writes an empty file system. -ENOSPC (too small), -EINVAL or -EIO, with why. */
int fs_mkfs(struct dev *dev, const struct mkfs_options *o, struct why *why);

#endif
