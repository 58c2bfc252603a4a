/*
 * recover.h: what a crash image holds once it is mounted and its log is replayed: every name, size and block. It
 * depends on the image alone, so it can be kept and judged again for another history.
 *
 * Called by check.c and check_replay.c, outside controlled runs (recover_mounted() also inside one).
 */
#ifndef ORACLE_RECOVER_H
#define ORACLE_RECOVER_H

#include "oracle/block.h"

struct recovered_block {
	int err;            /* reading it failed: -EIO */
	struct seen first;  /* what its first sector is; the others are of the same write, in their own places ... */
	uint8_t *raw;       /* its bytes, where one of its sectors is garbage and the reader has kept them; or NULL */
	struct seen *each;  /* ... unless this is set: then it has BLOCK_SECTORS entries, one a sector */
};

struct recovered_file {
	uint32_t subvol;
	char name[FS_NAME_MAX];
	uint64_t ino, size;
	uint32_t nlink;
	int err;            /* opening it failed */
	uint32_t nblocks;
	struct recovered_block *block;
};

struct recovered {
	int err;            /* it cannot be mounted, and why; then nothing below is set but read */
	struct why why;
	int list_err;       /* a directory cannot be listed */
	uint32_t nfiles, cap;
	struct recovered_file *file;
	char *damage;       /* what is wrong with the image by itself (judge_whole()); NULL: nothing, or nobody asked */
	uint64_t *read;     /* a bit for each block of the image: it was read for this. NULL: from recover_mounted() */
};

/*
 * Mounts the image read-only, reads all, and unmounts it. The image itself is not changed. Free with
 * recovered_free().
 */
struct recovered *recover_image(struct dev *image);
/* Reads all of a mounted file system. */
struct recovered *recover_mounted(struct fs *fs);
void recovered_free(struct recovered *r);

/*
 * What the first nsectors of a block hold: fills in b->first and b->each. For readers of other file systems than ours;
 * with keep_raw also b->raw.
 */
void recovered_identify(struct recovered_block *b, const uint8_t *data, uint32_t nsectors, bool keep_raw);
/* A name more; its fields are the caller's to fill in. Valid until the next one. */
struct recovered_file *recovered_add(struct recovered *r, uint32_t subvol, const char *name, uint64_t ino);
/* Sector i of a block. */
struct seen recovered_sector(const struct recovered_block *b, uint32_t i);
struct recovered_file *recovered_find(const struct recovered *r, uint32_t subvol, const char *name);
/* Whether both hold the same. If not, `how` (of `size` bytes) says how they differ. */
bool recovered_same(const struct recovered *a, const struct recovered *b, char *how, unsigned size);

#endif
