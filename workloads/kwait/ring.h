/*
 * ring.h: the ring that the kernel writes a perf event's records into, and how it is read.
 *
 * A ring has one reader. What does not fit is dropped by the kernel, which counts it: a reader that comes late
 * loses records and is told how many, it never reads a broken one.
 * ring.1: All times are CLOCK_MONOTONIC, so that they compare with those of other rings and of system calls.
 *
 * Called by the files of this room.
 */
#ifndef KWAIT_RING_H
#define KWAIT_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RING_RECORD_MAX 8192 /* bytes of one record that wraps; a longer one is dropped and counted */

struct ring {
	int fd;             /* -1: not open */
	struct perf_event_mmap_page *page;
	unsigned char *data;
	uint64_t size;      /* of data, a power of 2 */
	uint64_t tail;      /* read up to here */
	uint64_t lost;      /* records, as the ring itself tells: ring_lost() */
	bool counts_lost;
	_Alignas(8) unsigned char wrapped[RING_RECORD_MAX]; /* a record that goes over the end */
};

/*
 * Opens the event for a thread (0: the caller) or, with -1, for all of a processor (-1: any), with a ring of that many
 * pages (a power of 2). The clock is set here (ring.1). 0 or -errno.
 */
int ring_open(struct ring *r, struct perf_event_attr *attr, pid_t pid, int cpu, unsigned pages);
void ring_close(struct ring *r);
/* The next record, valid until the next call; NULL when there is none. PERF_RECORD_LOST is counted and not given. */
const struct perf_event_header *ring_next(struct ring *r);
/* Gives what was read back to the kernel. To be called after the last ring_next() of a round. */
void ring_done(struct ring *r);

/* Records that were dropped since it was opened, those at its end included where the kernel counts them (Linux 6.0). */
uint64_t ring_lost(const struct ring *r);

/* Why perf_event_open() failed with that -errno: the setting to change. */
void ring_explain(int err, char *why, size_t size);

#endif
