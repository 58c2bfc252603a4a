/*
 * loop.h: a file as a block device (a loop device), which goes away when its last user closes it, however the program
 * ends.
 *
 * loop.1: A claim of it (dev/claim.h) is a user too. So who has attached it ends the claim when letting go: else the
 *      device, and the file behind it, would stay until the program ends.
 *
 * Called by fs.c, slow_image.c and figures/fidelity.c.
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
/* Lets go of it, by its descriptor and path (loop.1). It stays while others use it: a mount. */
void loop_detach(int fd, const char *path);

#endif
