/*
 * block.h: blocks that describe themselves. Each 512-byte sector of what the oracle's files hold names
 * its file, block, place in the block, version and writer, under a checksum: whatever a read brings
 * back after a crash, it can be told what it is.
 *
 * (S1) Version 0 is the initial content: zeros. Versions of writes start at 1 and are never used twice.
 * (S2) What is written compresses well, so that compressed extents can be tested with it.
 *
 * Called by model.c (writes) and recover.c (reads).
 */
#ifndef ORACLE_BLOCK_H
#define ORACLE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/fs.h"

#define ORACLE_SECTOR   512u
#define BLOCK_SECTORS   (FS_BLOCK / ORACLE_SECTOR)

/* Whose bytes they are. */
struct stamp {
	uint32_t file, version, writer; /* the model's number of the file; the writing task's id */
	uint64_t sector;                /* of the file */
};

enum seen_kind {
	SEEN_ZEROS,
	SEEN_VERSION, /* a sector of ours: `stamp` says which, maybe of another file or place */
	SEEN_GARBAGE, /* nobody wrote that */
};

struct seen {
	uint8_t kind; /* enum seen_kind */
	struct stamp stamp;
};

/* Fills len bytes (whole sectors) with the content of file `s->file` from sector s->sector on. */
void block_fill(void *buf, uint32_t len, const struct stamp *s);
/* What one sector is. */
struct seen block_identify(const void *sector);

#endif
