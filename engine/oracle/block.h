/*
 * block.h: blocks that describe themselves. Each 512-byte sector that the oracle's files hold names its file, its
 * place in the file, its version and its writer, under a checksum. So whatever a read brings back after a crash, it
 * can be told what it is.
 *
 * Version 0 is the initial content: zeros. Versions of writes start at 1 and are never used twice. What is
 * written compresses well, so that compressed extents can be tested with it.
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

/* Which write a sector is from. */
struct stamp {
	uint32_t file, version, writer; /* the model's number of the file; the writing task's id */
	uint64_t sector;                /* of the file */
};

enum seen_kind {
	SEEN_ZEROS,
	SEEN_VERSION, /* written through the model: `stamp` says by which write, maybe of another file or place */
	SEEN_GARBAGE, /* nobody wrote these bytes */
};

struct seen {
	uint8_t kind; /* enum seen_kind */
	struct stamp stamp;
};

/* Fills len bytes (whole sectors) with the content of file `s->file` from sector s->sector on. */
void block_fill(void *buf, uint32_t len, const struct stamp *s);
/* What these ORACLE_SECTOR bytes are. `stamp` is valid for SEEN_VERSION only. */
struct seen block_identify(const void *sector);

#endif
