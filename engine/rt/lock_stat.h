/*
 * lock_stat.h: what locks and waits cost, by class, and whom they waited for.
 *
 * Counted are acquisitions, contended ones, wait time, wake-up latency, hold time (one in HOLD_ONE_IN), owner changes
 * across NUMA nodes, and the wait by the phase of the task that held the lock or owed the event. The clock is read only
 * by a task that is about to wait, and for sampled holds: an uncontended lock pays a few instructions (lock_fast.h).
 *
 * Each task has a block of its own, which lock_totals() sums. Called by the driver, which measures an interval, and by
 * what prints a run.
 */
#ifndef RT_LOCK_STAT_H
#define RT_LOCK_STAT_H

#include "base/hist.h"
#include "rt/lock.h"

/* All times are in nanoseconds. */
struct lock_stat {
	uint64_t acquired, contended; /* for a wait: times waited for, times it had to sleep */
	uint64_t other_node;          /* hand-overs from another NUMA node */
	uint64_t woken, woken_remote; /* wake-ups of tasks that slept for it; those by a task on another node */
	uint64_t wait_ns, wakeup_ns;  /* wakeup: woken to running, a part of the wait */
	uint64_t hold_ns, hold_n;     /* sampled */
	uint64_t by_phase_ns[PH_NR];  /* wait by the phase of the task that holds or owes it */
	struct hist wait, hold;
};

/* Measures from now on: every task that exists or will be spawned gets a block. Off by default. */
void lock_stats_enable(bool on);
/* Sums over all tasks since the last rt_reset_totals(). `out` has L_NR entries, initialised here. */
void lock_totals(struct lock_stat *out);

/*
 * One wait, measured. A slow path of this room has one (lock_slow.h); so has a wait that is made elsewhere
 * (dev_wait_until). Begin before the first sleep, end after the last one. The wait is charged to the phase
 * that `ower` (may be NULL) is in at the beginning.
 */
struct wait_timer {
	uint64_t since_ns, wakeup_ns;
	uint32_t woken, woken_remote;
	uint8_t phase;
};
void lock_stat_wait_begin(struct wait_timer *w, struct task *ower);
void lock_stat_wait_end(const struct wait_timer *w, enum lock_class class);
/* Counts one wait of `class` by t (lock_stat.acquired), whether it has to sleep or not. */
static inline void lock_stat_waited(struct task *t, enum lock_class class)
{
	struct task_stats *st = rt_instrument ? atomic_load_explicit(&t->stats, memory_order_acquire) : NULL;

	if (st)
		tally(&st->acquired[class], 1);
}
/* After each park of such a wait: charges woken-to-running to PH_WAKEUP, and to the timer (may be NULL). */
void lock_stat_woken(struct wait_timer *w);

#endif
