/*
 * floor.h: the least that an fsync can cost on a device: one write and one flush, by one task, with
 * nothing else in the way. What a file system takes above this floor is its own cost.
 *
 * floor.1: Only blocks that were written before are written to, so a flush has no metadata to write.
 *
 * floor.2: The file in a folder has no name: it is gone when it is closed, however the program ends. So is the file of
 * a device of ours (dev.h), unless it was there before.
 *
 * floor.3: A device of ours is driven as a design drives it, through dev.h, so the floor of a modelled drive or of a
 * back end is the one that a design has. A folder or a block device is driven by bare system calls.
 *
 * Called by the targets, so that the floor is measured beside a trial, and by `fsyncstorm floor`.
 */
#ifndef TARGET_FLOOR_H
#define TARGET_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"
#include "base/why.h"
#include "dev/dev.h"

#define FLOOR_SIZE    (16u << 20) /* of the file in a folder */

struct floor {
	struct dev *dev; /* (floor.3) NULL: the next two are used */
	int fd;
	bool direct;     /* past the page cache; false: refused there */
	uint64_t begin, size; /* bytes that are written over, again and again */
	uint64_t at;
	uint8_t *data;
};

/*
 * Opens a folder (a file of `size` bytes in it, written in full) or a block device: that only with
 * `force`, and never one that is in use. 0, or -errno with why.
 */
int floor_open(struct floor *f, const char *path, uint64_t size, bool force, struct why *why);
/* A device by its spec (dev.h), of at least `least` bytes. */
int floor_open_spec(struct floor *f, const char *spec, uint64_t least, bool force, struct why *why);
void floor_close(struct floor *f);

/*
 * Writes `bytes` (a multiple of 4096) and flushes, again and again for this long, and at least a few times. Adds how
 * long each took to h. 0 or -errno.
 */
int floor_write_flush(struct floor *f, uint32_t bytes, uint64_t length_ns, struct hist *h);

/* The floor of a folder or device for a trial: 4 KiB a write. h stays empty if it cannot be measured. */
void floor_beside(const char *path, bool device, uint64_t length_ns, struct hist *h);
/* The same of an open device, on which nothing is in flight and nothing is to be kept. */
void floor_of_dev(struct dev *d, uint64_t length_ns, struct hist *h);

#endif
