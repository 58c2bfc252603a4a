/*
 * busy.h: when a block device had something to do: from when the first of its requests is issued until the last has
 * ended, whoever asked for it.
 *
 * Events come in the order of time. The spans that they make do not overlap, and the last alone may be open.
 *
 * A flush has no sector to be known by: where ends do not follow beginnings one by one (flushes.h says when), flushes
 * are left out.
 *
 * Called by flushes.c.
 */
#ifndef KWAIT_BUSY_H
#define KWAIT_BUSY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUSY_IN_FLIGHT 1024 /* requests of a device */

/* Of a request: it was issued, or ended. */
struct io_event {
	uint64_t ns, sector;
	bool ended, flush;
};

/* At least one is under way. */
struct io_span {
	uint64_t from_ns, to_ns; /* to: UINT64_MAX while it has not ended */
	uint64_t before_ns;      /* of all spans before it */
};

struct io_spans {
	struct io_span *span;
	size_t n, room;
	uint64_t sector[BUSY_IN_FLIGHT]; /* what is under way */
	unsigned in_flight;
};

/* All 0 at first. */
struct busy {
	struct io_spans all, data;        /* data: without flushes */
	bool flush_under_way, no_flushes; /* no_flushes: they are left out */
};

void busy_add(struct busy *b, const struct io_event *e);
/* How much of the time between the two is in a span. */
uint64_t busy_ns(const struct busy *b, uint64_t from_ns, uint64_t to_ns);
/* Forgets spans that ended before that time. */
void busy_forget(struct busy *b, uint64_t before_ns);
void busy_free(struct busy *b);

#endif
