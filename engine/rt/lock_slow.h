/*
 * lock_slow.h: what the files behind lock.h share: lock.c, rwsem.c, waitq.c, lock_order.c, lock_stat.c.
 */
#ifndef RT_LOCK_SLOW_H
#define RT_LOCK_SLOW_H

#include "rt/lock_stat.h"

/* Checks lock.2: nothing at or below (class, sub) is held, except `dropped` (may be NULL). */
void lock_order_wait(struct task *t, enum lock_class class, int64_t sub, const struct mutex *dropped);

/* Ends the measurement of a hold: h is off the stack. */
void held_end_sample(struct task *t, const struct held *h);

/* On no queue yet. */
void waiter_init(struct waiter *w, struct task *t);

/* One wait on a slow path: its statistics, its place in the queue, and what it waits for (struct task). */
struct slow_wait {
	struct wait_timer timer;
	struct waiter w;
};

static inline void slow_wait_begin(struct slow_wait *s, struct task *t, enum lock_class class,
                                   struct task *_Atomic *owner)
{
	lock_stat_wait_begin(&s->timer, atomic_load_explicit(owner, memory_order_acquire));
	t->wait_class = (int)class;
	t->wait_owner = owner;
	waiter_init(&s->w, t);
}

static inline void slow_wait_end(struct slow_wait *s, struct task *t, enum lock_class class)
{
	t->wait_class = -1;
	t->wait_owner = NULL;
	lock_stat_wait_end(&s->timer, class);
}

/* Takes up to `max` waiters off the front, and names their tasks for the wake. The queue's guard is held. */
unsigned waiters_take(struct list *waiters, unsigned max, struct task **tasks);

#endif
