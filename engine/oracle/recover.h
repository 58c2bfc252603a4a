/*
 * recover.h: what a crash image holds once it is mounted and its log is replayed: every name, size and
 * block. It depends on the image alone, so it can be kept and judged again for another history.
 *
 * Called by check.c. Not from within a controlled run.
 */
#ifndef ORACLE_RECOVER_H
#define ORACLE_RECOVER_H

#include "oracle/block.h"

struct recovered_block {
	int err;            /* reading it failed: -EIO */
	struct seen first;  /* of its first sector; the others are the same version in their own places ... */
	struct seen *each;  /* ... unless they are here, BLOCK_SECTORS of them */
};

struct recovered_file {
	uint32_t subvol;
	char name[FS_NAME_MAX];
	uint64_t ino, size;
	int err;            /* opening it failed */
	uint32_t nblocks;
	struct recovered_block *block;
};

struct recovered {
	int err;            /* it cannot be mounted */
	struct why why;
	int list_err;       /* a directory cannot be listed */
	uint32_t nfiles, cap;
	struct recovered_file *file;
	uint64_t *read;     /* a bit for each block of the image that was read for this; NULL when it came from no image */
};

/* Mounts the image read-only and reads all. It is as it was, afterwards. */
struct recovered *recover_image(struct dev *image);
/* Reads all of what is mounted. */
struct recovered *recover_mounted(struct fs *fs);
void recovered_free(struct recovered *r);

/* Sector i of a block. */
struct seen recovered_sector(const struct recovered_block *b, uint32_t i);
struct recovered_file *recovered_find(const struct recovered *r, uint32_t subvol, const char *name);
/* Do both hold the same? If not, how they differ, in words. */
bool recovered_same(const struct recovered *a, const struct recovered *b, char *how, unsigned size);

#endif
