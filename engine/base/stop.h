/*
 * stop.h: has this program been asked to stop? One flag: a signal handler sets it, and whatever may take long
 * asks it between two steps and ends with what it has so far. Once set it stays set.
 *
 * Set by workloads/kit/interrupt.c. Asked by everything that fills, measures or searches.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

extern _Atomic bool *stop_flag; /* for stop_asked() alone */

static inline bool stop_asked(void)
{
	return atomic_load_explicit(stop_flag, memory_order_relaxed);
}

/* May be called in a signal handler. */
void stop_ask(void);
/* For tests: as if nobody had asked. */
void stop_clear(void);
/*
 * From now on the flag is shared with all processes that are forked later: a signal to any one of them stops all.
 * Called once, before the first fork.
 */
void stop_share(void);

/* In a child: it is killed when `parent`, which forked it, dies, or when `parent` died before this call. */
void end_with(pid_t parent);

#endif
