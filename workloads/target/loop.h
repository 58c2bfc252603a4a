/*
 * loop.h: a file as a block device.
 *
 * (L1) It takes itself away when its last user closes it, however the program ends.
 */
#ifndef TARGET_LOOP_H
#define TARGET_LOOP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Attaches the open file. The device, open, and its path in `path`; *direct: its I/O goes past the page
 * cache of the file. -errno: -EACCES or -EPERM without root, -ENOENT where there are no loop devices.
 */
int loop_attach(int file, char *path, size_t size, bool *direct);

#endif
