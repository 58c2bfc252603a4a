/*
 * barriers.h: whether fsyncs reached the device below a file: the flushes of the device are counted during the measured
 * interval (disk.2), and what it read and wrote. Under a loop device the drive's own flushes are counted, too: a flush
 * of the loop device is an fsync of the file behind it, which may take more than one.
 *
 * Called by the targets: kernel_fs.c of a folder, engine.c of the file that is a device.
 */
#ifndef TARGET_BARRIERS_H
#define TARGET_BARRIERS_H

#include "target/disk.h"
#include "target/target.h"

struct barriers {
	struct disk disk;        /* the caller sets it */
	struct disk drive;       /* behind the loop device that it is; else without a name */
	uint64_t flushes;        /* of the disk, at begin */
	uint64_t drive_flushes;
	uint64_t reads, written; /* the same */
	bool counted, drive_counted, traffic_counted; /* which of them were read */
};

/* The measured interval begins. */
void barriers_begin(struct barriers *b);
/* It has ended. Without a begin, and on a disk that counts none, out says why there is no count. */
void barriers_end(const struct barriers *b, struct target_barriers *out);

#endif
