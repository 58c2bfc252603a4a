/*
 * dmlog.h: a record in the format of the kernel's dm-log-writes, which fstests' replay-log reads.
 *
 * That format is one list of writes and flushes in the order in which they became durable, so it tells less than our
 * record: neither when a write was submitted nor what was in flight.
 *
 * Called by cmd/cut.c.
 */
#ifndef CUT_DMLOG_H
#define CUT_DMLOG_H

#include "cut/finding.h"

/* On the disk, little-endian; one sector each, a write's data behind it. */
#define DMLOG_MAGIC   0x6a736677736872ull
#define DMLOG_VERSION 1u
#define DMLOG_SECTOR  512u
#define DMLOG_FLUSH   1u
#define DMLOG_FUA     2u
#define DMLOG_DISCARD 4u
#define DMLOG_MARK    8u

struct dmlog_super {
	uint64_t magic, version, entries;
	uint32_t sector_size;
};

struct dmlog_entry {
	uint64_t sector, sectors, flags, data_len; /* data_len: of a mark, whose text follows in the same sector */
};

/*
 * Writes what leads to the image of the cut: the base; a mark "base"; each write that a flush or FUA had made durable,
 * with that flush behind it; the writes that the cut keeps; a mark "cut". So a replay of the whole log, by the kernel's
 * replay-log, makes that image. 0, or -errno with why.
 */
int dmlog_export(const struct evidence *e, const struct saved_cut *c, const char *path, struct why *why);

#endif
