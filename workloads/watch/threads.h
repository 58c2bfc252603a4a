/*
 * threads.h: the threads of a process and of its children, followed while they come and go: their calls, in the order
 * in which each ended.
 *
 * A thread is looked for when a call has begun it, else every 20 ms. What it does before it is found is not seen.
 *
 * The begin of a sync wakes the watcher, so that it can look at the descriptor while it is open, but no more than some
 * ten times a second for each thread: being looked at must cost it little.
 *
 * A sync through io_uring is a call of the worker that does it. It is told when its completion was seen, from its
 * submission on.
 *
 * Called by cmd/watch.c.
 */
#ifndef WATCH_THREADS_H
#define WATCH_THREADS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/why.h"
#include "kwait/task.h"
#include "kwait/uring.h"
#include "kwait/wakers.h"

struct watched_thread {
	pid_t pid, tid;
	struct kwait_task *task;
	uint64_t quiet_ns;   /* its syncs wake nobody since then; 0: they do */
	uint64_t inside_ns;  /* when the call began that was told as begun */
	unsigned inside_file; /* what the owner noted of it */
	bool found;          /* its process was told of */
	bool gone;
	bool is_worker;      /* of io_uring: it makes no calls */
};

struct watched {
	struct kwait_tracepoints points;
	struct watched_thread *thread;
	unsigned n, room;
	unsigned processes;  /* that were ever seen */
	uint64_t looked_ns;  /* when new threads were last looked for */
	bool has_ended;      /* a thread has, since then */
	uint64_t lost;       /* records of threads that have ended */
	struct uring *uring; /* NULL: no_uring says why not */
	struct why no_uring;
	uint64_t uring_quiet_ns; /* as of a thread */
	bool waits_for_worker;   /* a sync is under way, and no worker was found */
	struct wakers *wakers; /* NULL: no_wakers says why not */
	struct why no_wakers;
	pid_t first, last;     /* between them are the numbers of all threads that were watched */
	uint64_t since_ns;     /* no call that is told from now on was in a sleep that ended before */
	struct ended { pid_t tid, pid; } *ended; /* threads that were watched */
	size_t nended, ended_room;
};

/*
 * Who is told of processes that were found, and of calls. `begun` as soon as a sync is seen to have begun, which may
 * be never; what it returns is given to `ended` of the same call, else UINT_MAX is.
 */
struct watched_calls {
	void (*found)(void *arg, pid_t pid);
	unsigned (*begun)(void *arg, pid_t pid, const struct kwait_call *c);
	/* Before each round of ended(): its calls are over at that time, and none has begun before the other one. */
	void (*drained)(void *arg, uint64_t until_ns, uint64_t since_ns);
	/* The thread's task is NULL where a worker of io_uring was not seen. */
	void (*ended)(void *arg, const struct watched_thread *t, const struct kwait_call *c, unsigned begun);
	void *arg;
};

/* Begins with a process that runs. 0, or -errno with why: there is none, it may not be watched. */
int watched_begin(struct watched *w, pid_t pid, struct why *why);
/* Finds new threads and children, tells what was seen, and forgets who has ended. How many threads are left. */
unsigned watched_look(struct watched *w, const struct watched_calls *tell);
/* Sleeps until a sync begins, or a thread ends, or that time has passed. */
void watched_wait(struct watched *w, unsigned ms);
/* Records of the kernel that were dropped so far. */
uint64_t watched_lost(const struct watched *w);
void watched_end(struct watched *w);

#endif
