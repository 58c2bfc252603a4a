/*
 * slow_image.h: a block device of the kernel's whose flush takes as long as one asks: what a drive with a volatile
 * cache is to a real file system, where the kernel has no dm-delay and no null_blk. A loop device over a file that
 * a process of ours keeps in memory (FUSE), and whose fsync it lets wait. Root only.
 *
 * (I1) Nothing is left behind, however the program ends: the mount is in no folder, the loop device goes with its
 *      last user, and with it the file, the mount and the process.
 *
 * Called by figures/btrfs.c.
 */
#ifndef TARGET_SLOW_IMAGE_H
#define TARGET_SLOW_IMAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

struct slow_image {
	char path[64]; /* of the block device */
	int loop;
	pid_t server;
};

/* 0, or -errno with why. `size` is a whole number of MiB. Flushes take turns, as a drive's do. */
int slow_image_open(struct slow_image *im, uint64_t size, uint64_t flush_ns, struct why *why);
/* Nobody uses the device any more. */
void slow_image_close(struct slow_image *im);

#endif
