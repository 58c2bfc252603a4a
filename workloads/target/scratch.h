/*
 * scratch.h: files to measure in: without a name, and written in full, so that a later write finds its blocks
 * allocated and a flush has no metadata to write.
 *
 * Called by the targets, by the floor and by the figures.
 */
#ifndef TARGET_SCRATCH_H
#define TARGET_SCRATCH_H

#include <stdint.h>

/*
 * A new file in the folder, open for reading and writing, that has no name: it is gone when it is closed, however the
 * program ends. Its descriptor, or -errno.
 */
int scratch_open(const char *folder);
/* Writes `size` bytes of noise (the same for the same seed) to an open file or device. 0, -errno, or -EINTR when a
 * stop is asked for meanwhile. What was written is not synced. */
int scratch_fill(int fd, uint64_t size, uint64_t seed);

#endif
