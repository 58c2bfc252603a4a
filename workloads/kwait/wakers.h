/*
 * wakers.h: who woke this process's threads from their sleeps, and when a block device had something to do, by the
 * kernel's own tracepoints.
 *
 * Who woke is the task that ran when it was done; where that was in an interrupt, as at the end of a request, the task
 * has nothing to do with it, and the interrupt is named. A device has something to do from when the first of its
 * requests is issued until the last has ended, whoever asked for it.
 *
 * A flush has no sector to be known by: where ends do not follow beginnings one by one (flushes.h says when), flushes
 * are left out.
 *
 * Called by sum.c and bench/driver.c.
 */
#ifndef KWAIT_WAKERS_H
#define KWAIT_WAKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

#define WAKER_NAME 24

struct wakers;

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

/* Of events in the order of time: does each flush end before the next begins? */
bool io_flushes_known(const struct io_event *e, size_t n);
/* Of events in the order of time: their spans, at most n. */
size_t io_spans(const struct io_event *e, size_t n, bool with_flushes, struct io_span *out);
/* How much of the time between the two is in a span. */
uint64_t io_busy(const struct io_span *s, size_t n, uint64_t from_ns, uint64_t to_ns);
/* A task's name without its number: "kworker/1:2H-kblockd" is "kworker-kblockd". */
void waker_name(const char *comm, char out[WAKER_NAME]);

/* Recording begins. `device`: its name in /sys/block; NULL: of none. NULL with why. */
struct wakers *wakers_begin(const char *device, struct why *why);
/* It ends; what was recorded stays. */
void wakers_end(struct wakers *w);
void wakers_free(struct wakers *w);

/* After wakers_end(). Who woke the thread last in that time: a name that stays valid until wakers_free(), or NULL. */
const char *wakers_of(const struct wakers *w, pid_t tid, uint64_t out_ns, uint64_t in_ns);
/* Whether wakers_busy() is known: there is a device, and no record was dropped. */
bool wakers_has_device(const struct wakers *w);
/* Its flushes are in wakers_busy(), too. */
bool wakers_has_flushes(const struct wakers *w);
uint64_t wakers_lost(const struct wakers *w);
uint64_t wakers_busy(const struct wakers *w, uint64_t from_ns, uint64_t to_ns);

#endif
