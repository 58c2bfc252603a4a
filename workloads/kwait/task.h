/*
 * task.h: the sleeps of one thread, each with the stack of the kernel at which it went to sleep, and the syncs that it
 * called: recorded while it runs, made sense of afterwards (sum.h).
 *
 * It costs the thread some us for each time that it leaves a processor, so what is recorded must not be taken for a
 * latency. An event costs something at each switch, even if nothing happens in it: so a watched thread has few, and a
 * filter chooses its system calls. Measured on one day in a virtual machine, Linux 6.18 (bench-self --only watched,
 * twice while its disk was fast, twice while it was slow): watching added 8.1 and 10.5 % to one thread's fsync of 153
 * and 137 us, 3.9 and 4.6 % to one of 228 and 246 us; to that of four threads 6.3, 5.3, 3.1 and -0.9 %.
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

/*
 * Calls that can be watched: those that make durable, which io_uring can do as well (uring.h), that write, that open a
 * descriptor, that begin a task.
 */
#define KWAIT_SYNCS(X)                   \
	X(FSYNC, fsync)                  \
	X(FDATASYNC, fdatasync)          \
	X(SYNC_RANGE, sync_file_range)   \
	X(MSYNC, msync)
#define KWAIT_URING(X)                                   \
	X(URING_FSYNC, io_uring_fsync)                   \
	X(URING_SYNC_RANGE, io_uring_sync_file_range)
#define KWAIT_OTHERS(X)                  \
	X(WRITE, write)                  \
	X(PWRITE, pwrite64)              \
	X(WRITEV, writev)                \
	X(PWRITEV, pwritev)              \
	X(PWRITEV2, pwritev2)            \
	X(OPENAT, openat)                \
	X(CLONE, clone)                  \
	X(RING, io_uring_setup)

enum kwait_kind {
#define X(id, name) KWAIT_##id,
	KWAIT_SYNCS(X) KWAIT_URING(X) KWAIT_OTHERS(X)
#undef X
	KWAIT_KINDS
};
extern const char *const kwait_kind_name[KWAIT_KINDS];

struct kwait_call {
	uint64_t begin_ns, end_ns;
	uint64_t wrote_ns; /* when the write before it began, to the same file, by the same thread; 0: there is none */
	/* of a watched call alone */
	enum kwait_kind kind;
	int fd;            /* -1: it has none */
	uint64_t start_ns; /* through io_uring: when a worker began with it; 0: not known */
	int64_t ret;       /* what it returned; of openat the descriptor */
	uint64_t off;      /* of pwrite64 */
};

/* The tracepoints of system calls. */
struct kwait_tracepoints {
	uint64_t enter, exit;
};

struct kwait_task;

/*
 * Whether stacks of sleeps can be had here at all, and their names: 0, or -errno with why, which names the setting. To
 * be called once before the first kwait_task_open().
 */
int kwait_allowed(struct why *why);

/* Of a thread (0: the caller); recording begins. NULL with why. */
struct kwait_task *kwait_task_open(pid_t tid, struct why *why);
/* The tracepoints. 0, or -errno with why: then system calls of others are not seen. */
int kwait_tracepoints(struct kwait_tracepoints *out, struct why *why);
/* Of a thread of another process, and its calls, too. */
struct kwait_task *kwait_task_watch(pid_t tid, const struct kwait_tracepoints *points, struct why *why);
pid_t kwait_task_tid(const struct kwait_task *t);
/* To be polled: it can be read when a sync has begun, or a file was opened, and hangs up when the thread has ended. */
int kwait_task_fd(const struct kwait_task *t);
/* Whether the begin of a sync wakes who polls, as it does at first. That costs the thread some 8 us each time. */
void kwait_task_wake(struct kwait_task *t, bool at_syncs);
/* The call that the thread is in: it has no end yet. NULL: none, as far as was drained. */
const struct kwait_call *kwait_task_inside(const struct kwait_task *t);
/* The clock of all times here: CLOCK_MONOTONIC in ns. */
uint64_t kwait_now(void);
/* Takes over what the kernel has written so far. By one thread at a time. */
void kwait_task_drain(struct kwait_task *t);
/* Notes a sync of the thread's and drains. wrote_ns: see struct kwait_call. */
void kwait_task_call(struct kwait_task *t, uint64_t wrote_ns, uint64_t begin_ns, uint64_t end_ns);
/* Recording ends; what was recorded stays. */
void kwait_task_stop(struct kwait_task *t);
void kwait_task_close(struct kwait_task *t);

/* What was recorded. */
const struct kwait_call *kwait_task_calls(const struct kwait_task *t, size_t *n);
const struct kwait_sleep *kwait_task_sleeps(const struct kwait_task *t, size_t *n);
const struct kwait_stack *kwait_task_stack(const struct kwait_task *t, uint32_t i);
/* Sleeps, records and calls that were not kept. */
uint64_t kwait_task_lost(const struct kwait_task *t);
/* Forgets all calls, and sleeps that ended before that time: their sums are made. */
void kwait_task_forget(struct kwait_task *t, uint64_t before_ns);

#endif
