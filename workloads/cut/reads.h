/*
 * reads.h: which blocks of a device are read. What a mount makes of an image depends on what it reads of it alone. So
 * images that differ only elsewhere need no mount of their own (powercut_branches()).
 *
 * It is asked of the kernel's tracepoint of block I/O. Where that is not to be had, every image is mounted.
 *
 * Called by cut/slot.c.
 */
#ifndef CUT_READS_H
#define CUT_READS_H

#include <stdint.h>

#include "base/why.h"

struct reads;

/* Of the device "loop3", from now on. NULL with why. */
struct reads *reads_begin(const char *device, uint64_t blocks, struct why *why);
void reads_end(struct reads *r);
/* Forgets what was read so far. */
void reads_clear(struct reads *r);
/* A bit for each DEV_BLOCK that was read since then, the caller's; of all of them when the kernel dropped a record. */
uint64_t *reads_taken(struct reads *r);

#endif
