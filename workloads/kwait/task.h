/*
 * task.h: the sleeps of one thread, each with the stack of the kernel at which it went to sleep, and the syncs that it
 * called: recorded while it runs, made sense of afterwards (sum.h).
 *
 * It costs the thread some 6 us for each time that it leaves a processor, so what is recorded must not be taken for a
 * latency.
 *
 * Sleeps and calls are in the order of time. What there was no room for is counted in `lost`, and no sleep that is kept
 * has an end which was not seen.
 *
 * Called by bench/driver_task.c for the calling thread, and by watch for threads of other processes.
 */
#ifndef KWAIT_TASK_H
#define KWAIT_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

#define KWAIT_FRAMES 24 /* of a stack, the innermost */

struct kwait_stack {
	unsigned n;
	uint64_t ip[KWAIT_FRAMES]; /* the innermost first */
};

struct kwait_sleep {
	uint64_t out_ns, in_ns;
	uint32_t stack;    /* of the task's */
	bool preempted;    /* it did not ask to sleep */
};

struct kwait_call {
	uint64_t begin_ns, end_ns;
};

struct kwait_task;

/*
 * Whether stacks of sleeps can be had here at all, and their names: 0, or -errno with why, which names the setting. To
 * be called once before the first kwait_task_open().
 */
int kwait_allowed(struct why *why);

/* Of a thread (0: the caller); recording begins. NULL with why. */
struct kwait_task *kwait_task_open(pid_t tid, struct why *why);
/* The clock of all times here: CLOCK_MONOTONIC in ns. */
uint64_t kwait_now(void);
/* Takes over what the kernel has written so far. By one thread at a time. */
void kwait_task_drain(struct kwait_task *t);
/* Notes a sync of the thread's and drains. */
void kwait_task_call(struct kwait_task *t, uint64_t begin_ns, uint64_t end_ns);
/* Recording ends; what was recorded stays. */
void kwait_task_stop(struct kwait_task *t);
void kwait_task_close(struct kwait_task *t);

/* What was recorded. */
const struct kwait_call *kwait_task_calls(const struct kwait_task *t, size_t *n);
const struct kwait_sleep *kwait_task_sleeps(const struct kwait_task *t, size_t *n);
const struct kwait_stack *kwait_task_stack(const struct kwait_task *t, uint32_t i);
/* Sleeps, records and calls that were not kept. */
uint64_t kwait_task_lost(const struct kwait_task *t);
/* Forgets sleeps and calls that ended before that time: their sums are made. */
void kwait_task_forget(struct kwait_task *t, uint64_t before_ns);

#endif
