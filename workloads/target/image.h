/*
 * image.h: DESIGN@image[:PATH][,size=SIZE]: a design on the loop device on which the fs: targets of the same image and
 * size are made. Design and real file system then have the same device below them, down to the blocks: what they differ
 * by is their own.
 *
 * Root only, as fs: targets. The loop device goes with the process, and its image with it, if that has no name.
 *
 * Called by the bench command, when all targets are known.
 */
#ifndef TARGET_IMAGE_H
#define TARGET_IMAGE_H

#include <stdbool.h>

#include "target/target.h"

/* 1: it is a design on such a device; 0: not. -EINVAL with why: what follows `image` is not right. */
int image_wanted(const struct target_spec *spec, struct why *why);

/*
 * Makes the images that designs of the n targets want, with a loop device over each, and has these designs and the fs:
 * targets of the same image use it: path, device and force of a target become those of a block device. 0, or -errno
 * with why, which names the target.
 */
int image_use(struct target_spec *spec, unsigned n, struct why *why);

#endif
