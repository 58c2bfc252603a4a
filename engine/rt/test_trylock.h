/*
 * test_trylock.h: a lock that is tried. No design needs one, but a search must get its order right: a try that fails is
 * an access that does not commute with the release (rt.h: enum point_kind).
 */
#ifndef RT_TEST_TRYLOCK_H
#define RT_TEST_TRYLOCK_H

#include "rt/lock.h"

/* A try cannot wait, so lock.1 does not apply to it; but what it takes counts for what is taken after it. */
static inline bool mutex_trylock(struct mutex *m)
{
	struct task *t = rt_self();
	uint32_t free = 0;

	rt_point(m->id, POINT_LOCK);
	rt_access(m->id, POINT_READ); /* it sees that the lock is free; it does not wait for that */
	bool got = atomic_compare_exchange_strong(&m->state, &free, 1);
	if (rt_controlled && got)
		mutex_name_lock(m);
	if (!got)
		return false;
	atomic_store_explicit(&m->owner, t, memory_order_release);
	held_insert(t, m, m->class, m->sub);
	return true;
}

#endif
