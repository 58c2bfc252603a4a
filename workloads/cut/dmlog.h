/*
 * dmlog.h: records in the format of the kernel's dm-log-writes, which fstests' replay-log reads: written (dmlog.c) and
 * read (dmlog_read.c).
 *
 * That format is one list of writes and flushes in the order in which they became durable, so it tells less than our
 * record: neither when a write was submitted nor what was in flight; and of the calls of those who wrote, nothing.
 *
 * dmlog.1: What stands before a flush is durable at it. So a log may be taken apart at any flush: each part begins from
 *      what all before it have left, and no crash image is lost by that.
 *
 * Called by cmd/cut_finding.c (writes) and cmd/cut_import.c (reads).
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
#define DMLOG_META    16u

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

/* What is imported: of which device, and which part. */
struct dmlog_part {
	const char *log;
	const char *device;    /* its content when the log began: a file, or a block device, which is only read */
	const char *target;    /* as cut_fs_parse(), without a size; NULL: as the content tells */
	const char *from, *to; /* marks: what comes before is content, and what comes after is left out; NULL: all */
};

struct dmlog_counts {
	char target[3 * FS_OPTIONS_TEXT];
	uint64_t writes, flushes, discards, marks;  /* of the part */
	uint64_t promises;                          /* marks that make one (foreign.h) */
	uint32_t rounds;
};

/*
 * Makes records of it, each as round-N.zst (dmlog.1) in a folder, which is made and must not be there. A discard is
 * taken for a write of zeros. 0, or -errno with why: whatever the log holds; then there is no folder. -EINTR: it was
 * stopped.
 */
int dmlog_import(const struct dmlog_part *part, const char *folder, struct dmlog_counts *out, struct why *why);

#endif
