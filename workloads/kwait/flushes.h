/*
 * flushes.h: when a block device began and ended to make durable what it held: its flushes, and its writes with FUA, by
 * the kernel's own tracepoints; and whether a sync can have been kept. And when it had something to do (busy.h).
 *
 * That a sync returned early is certain: between the start of the last write before it and its return, no flush both
 * began and ended, by whomever, so the write cannot be durable. That others returned in time is not certain: a flush
 * may have been before the data, or of another file.
 *
 * A driver that ends requests in batches, as virtio's and NVMe's do, leaves no record of a flush's end: the kernel has
 * that tracepoint for requests with data (blk_complete_request()). Nor can an end be told from another's where several
 * are under way. There a flush that began in time is taken for one that ended in time: that is as certain, and misses
 * more.
 *
 * Called by sum.c, bench/driver.c and watch/files.c.
 */
#ifndef KWAIT_FLUSHES_H
#define KWAIT_FLUSHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

struct flushes;

/* Of a flush, or of a write with FUA. */
struct flush_event {
	uint64_t ns;
	bool ended; /* else it began */
};

/* Of events in the order of time: does an end follow each beginning before the next? Then one is under way at a time,
 * and each end is known. */
bool flush_ends_are_known(const struct flush_event *event, size_t n);
/* Whether one began at or after the one time and ended by the other; where ends are not known, whether one began. */
bool flush_within(const struct flush_event *event, size_t n, bool ends_known, uint64_t from_ns, uint64_t to_ns);

/* Recording begins, of the device of that name in /sys/block, until flushes_end(). NULL with why. */
struct flushes *flushes_begin(const char *device, struct why *why);
/* The same, for an owner who calls flushes_drain() often. */
struct flushes *flushes_watch(const char *device, struct why *why);
/* Takes over what was recorded until a time that is not later than now. Nobody asks what was before since_ns. */
void flushes_drain(struct flushes *f, uint64_t until_ns, uint64_t since_ns);
/*
 * How long the device had something to do between the two times: after flushes_end(), or of what was drained. It is not
 * sure where records were dropped.
 */
uint64_t flushes_busy(const struct flushes *f, uint64_t from_ns, uint64_t to_ns);
/* Its flushes are in that, too. */
bool flushes_in_busy(const struct flushes *f);
/* It ends; what was recorded stays. */
void flushes_end(struct flushes *f);
void flushes_free(struct flushes *f);
/* Records that were dropped: with any, nothing is certain. */
uint64_t flushes_lost(const struct flushes *f);
uint64_t flushes_seen(const struct flushes *f);
/* flush_within() of what was recorded. After flushes_end(). */
bool flushes_within(const struct flushes *f, uint64_t from_ns, uint64_t to_ns);

#endif
