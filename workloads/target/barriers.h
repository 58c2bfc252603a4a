/*
 * barriers.h: whether fsyncs reached the device below a file: the flushes of the device are counted during the measured
 * interval (disk.2).
 *
 * Called by the targets: kernel_fs.c of a folder, engine.c of the file that is a device.
 */
#ifndef TARGET_BARRIERS_H
#define TARGET_BARRIERS_H

#include "target/disk.h"
#include "target/target.h"

struct barriers {
	struct disk disk; /* the caller sets it */
	uint64_t flushes; /* of the disk, at begin */
	bool counted;     /* flushes was read */
};

/* The measured interval begins. */
void barriers_begin(struct barriers *b);
/* It has ended. Without a begin, and on a disk that counts none, out says why there is no count. */
void barriers_end(const struct barriers *b, struct target_barriers *out);

#endif
