/*
 * wakers.h: who woke threads from their sleeps, by the kernel's own tracepoint.
 *
 * Who woke is the task that ran when it was done; where that was in an interrupt, as at the end of a request, the task
 * has nothing to do with it, and the interrupt is named.
 *
 * Called by sum.c, bench/driver.c and watch/threads.c.
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

/* A task's name without its number: "kworker/1:2H-kblockd" is "kworker-kblockd". */
void waker_name(const char *comm, char out[WAKER_NAME]);

/* Recording begins, of this process's threads, until wakers_end(). NULL with why. */
struct wakers *wakers_begin(struct why *why);
/*
 * Of threads that is_one() says, asked when wakers_drain() is called, which must be often. Their numbers are between
 * the two, or not far above: the kernel drops what is of others. NULL with why.
 */
struct wakers *wakers_watch(bool (*is_one)(void *arg, pid_t tid), void *arg, pid_t first, pid_t last,
                            struct why *why);
/* Their numbers are between these from now on. 0, or -errno with why: it has ended. */
int wakers_cover(struct wakers *w, pid_t first, pid_t last, struct why *why);
/* Takes over what the kernel has recorded so far. */
void wakers_drain(struct wakers *w);
/* Forgets what was before that time. */
void wakers_forget(struct wakers *w, uint64_t before_ns);
/* It ends; what was recorded stays. */
void wakers_end(struct wakers *w);
void wakers_free(struct wakers *w);

/*
 * After wakers_end(), or wakers_drain(). Who woke the thread last in that time: a name that stays valid until
 * wakers_free(), or NULL.
 */
const char *wakers_of(const struct wakers *w, pid_t tid, uint64_t out_ns, uint64_t in_ns);
/* Records that were dropped. */
uint64_t wakers_lost(const struct wakers *w);

#endif
