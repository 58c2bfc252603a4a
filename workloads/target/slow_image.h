/*
 * slow_image.h: a kernel block device whose flush takes a given time. It stands for a drive with a volatile cache, on
 * kernels without dm-delay and null_blk. It is a loop device over a file that a process of ours serves from memory
 * (fuse_file.h); that process answers an fsync late. Root only; nothing is left behind.
 *
 * Called by figures/fidelity.c.
 */
#ifndef TARGET_SLOW_IMAGE_H
#define TARGET_SLOW_IMAGE_H

#include <stdint.h>

#include "base/why.h"
#include "target/fuse_file.h"

struct slow_image {
	char path[64]; /* of the block device */
	struct fuse_file file;
};

/* 0, or -errno with why. `size` is a whole number of MiB. One flush is served at a time, as by a drive. */
int slow_image_open(struct slow_image *im, uint64_t size, uint64_t flush_ns, struct why *why);
/* Nobody uses the device any more. */
void slow_image_close(struct slow_image *im);

#endif
