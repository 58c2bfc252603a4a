/*
 * loop.h: a file as a block device (a loop device), which goes away when its last user closes it, however the program
 * ends.
 *
 * Called by fs.c, slow_image.c and figures/btrfs.c.
 */
#ifndef TARGET_LOOP_H
#define TARGET_LOOP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Attaches the open file to a free loop device. Returns the device's open descriptor, and its path in `path`; *direct
 * says whether its I/O goes past the page cache of the file. -EACCES or -EPERM without root, -ENOENT where there are no
 * loop devices, or another -errno.
 */
int loop_attach(int file, char *path, size_t size, bool *direct);

#endif
