/*
 * task.h: how the two back ends make and retire tasks. Called by rt.c, threads.c and the coop files only.
 *
 * task.1: The memory of a task is never freed. Other tasks read the phase of a lock's owner, or wake it, without
 * knowing whether it has ended meanwhile; a retired box serves again. (A lock's owner is stored with release and read
 * with acquire: whoever reads it sees a task that has been made.)
 */
#ifndef RT_TASK_H
#define RT_TASK_H

#include <limits.h>
#include <pthread.h>

#include "machine/place.h"
#include "rt/lock.h"

struct task_box {
	struct task task;             /* first: task_box_of() */
	struct waitq done;            /* rt_join */
	struct task_stats *stats_mem; /* kept from task to task */
	struct list pool_link;

	/* threads */
	pthread_t thread;
	struct placement where;
	bool placed;
	_Atomic int bound;            /* BIND_PENDING, then as place_bind_self() */
};

#define BIND_PENDING INT_MIN

static inline struct task_box *task_box_of(struct task *t)
{
	return container_of(t, struct task_box, task);
}

/* A box from the pool, or a new one. */
struct task_box *task_box_get(void);
/* Back to the pool. The task is retired. */
void task_box_put(struct task_box *box);

/* Makes it a task that has not run yet, and counts it among the living. */
void task_begin(struct task_box *box, const char *name, uint32_t id);
/* The next task in a box that is still among the living: takes no lock, and counters go on. */
void task_begin_again(struct task_box *box, const char *name, uint32_t id);
/* Its counters go to the sums of the finished; it is no longer among the living. */
void task_retire(struct task_box *box);
/* The last thing a task does as a task: wakes the one that joins it. It holds and owes nothing any more. */
void task_finish(struct task_box *box);

/* A number for a task that is not of a controlled run. */
uint32_t task_next_id(void);

/* Calls fn for each living task, with the registry locked. */
void task_for_each(void (*fn)(struct task *t, void *arg), void *arg);
/* Threads that rt_spawn() made and that have not been reaped. */
extern _Atomic uint32_t threads_alive;

/* lock_stat.c: statistics of a task that begins or ends; called with the registry locked. */
void lock_stat_begin_task(struct task_box *box);
void lock_stat_retire_task(struct task_box *box);
void lock_stat_reset(void);

/* The mutex over the registry, for lock_stat.c. */
void task_registry_lock(void);
void task_registry_unlock(void);

#endif
