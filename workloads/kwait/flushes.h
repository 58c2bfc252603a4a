/*
 * flushes.h: when a block device began and ended to make durable what it held: its flushes, and its writes with FUA, by
 * the kernel's own tracepoints; and whether a sync can have been kept.
 *
 * That a sync returned early is certain: between the start of the last write before it and its return, no flush both
 * began and ended, by whomever, so the write cannot be durable. That others returned in time is not certain: a flush
 * may have been before the data, or of another file.
 *
 * A driver that ends requests in batches, as virtio's and NVMe's do, leaves no record of a flush's end: the kernel has
 * that tracepoint for requests with data (blk_complete_request()). A flush that began in time, and is followed by
 * another's beginning, is taken for one that ended in time: that is as certain, and misses more.
 *
 * Called by bench/driver.c.
 */
#ifndef KWAIT_FLUSHES_H
#define KWAIT_FLUSHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

struct flushes;

/* Recording begins, of the device of that name in /sys/block. NULL with why. */
struct flushes *flushes_begin(const char *device, struct why *why);
/* It ends; what was recorded stays. */
void flushes_end(struct flushes *f);
void flushes_free(struct flushes *f);
/* Records that were dropped: with any, nothing is certain. */
uint64_t flushes_lost(const struct flushes *f);
uint64_t flushes_seen(const struct flushes *f);
/* Whether a flush began at or after the one time and ended by the other, as far as is known. After flushes_end(). */
bool flushes_within(const struct flushes *f, uint64_t from_ns, uint64_t to_ns);

#endif
