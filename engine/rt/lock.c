/*
 * lock.c: the mutex (and the spinlock, which is the mutex with more patience), where it is contended.
 *
 * Imitates the kernel's struct mutex. A task that finds the lock free takes it, whether or not others wait (barging);
 * one that finds it held spins a little while its owner runs, then queues and parks. An unlock hands nothing over: it
 * frees the lock and wakes the first waiter, which tries again.
 *
 * State is 0 exactly when no task holds the lock. While the queue is not empty, state is 2, or a waiter that was
 * taken off it is awake and on its way to set it to 2: so some unlock to come takes the slow path, and no waiter is
 * forgotten. Therefore a waiter that was woken takes the lock under the guard (lock_or_queue()), never on the fast
 * path.
 */
#include "rt/lock.h"

#include "rt/cpu.h"
#include "rt/lock_slow.h"
#include "rt/trace.h"

#define MUTEX_SPIN_NS 1500
#define SPIN_SPIN_NS  20000 /* a spinlock's owner is done soon, unless it lost the processor */

void mutex_init(struct mutex *m, enum lock_class class, int64_t sub)
{
	atomic_init(&m->state, 0);
	m->class = (uint8_t)class;
	m->id = rt_obj_id();
	trace_object(m->id, (int)class);
	m->sub = sub;
	atomic_init(&m->owner, NULL);
	m->last_node = 0;
	m->named = false;
	atomic_init(&m->guard, 0);
	list_init(&m->waiters);
}

void spin_init(struct spin *s, enum lock_class class)
{
	mutex_init(&s->m, class, 0);
}

bool mutex_held(const struct mutex *m)
{
	return atomic_load_explicit(&m->owner, memory_order_relaxed) == rt_self();
}

/* Searching: the point of an acquire. On return the lock is free. */
static void await_free(struct mutex *m, struct task *t)
{
	const struct rt_wait w = { .obj = m->id, .kind = POINT_LOCK, .state = &m->state, .taken = ~0u };

	t->wait_class = (int)m->class;
	t->wait_owner = &m->owner;
	rt_await(&w);
	t->wait_class = -1;
	t->wait_owner = NULL;
}

void mutex_point(struct mutex *m)
{
	if (rt_searching)
		await_free(m, rt_self());
	else
		rt_point(m->id, POINT_LOCK);
}

void mutex_name_lock(struct mutex *m)
{
	m->named = true;
	coop_accessed(m->id, POINT_LOCK);
}

void mutex_unlock_controlled(struct mutex *m)
{
	uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);

	atomic_store_explicit(&m->state, 0, memory_order_relaxed);
	if (state == 2) /* virtual time: somebody is parked */
		mutex_unlock_slow(m);
	if (m->named) {
		m->named = false;
		coop_accessed(m->id, POINT_UNLOCK);
	} else if (rt_fine) {
		rt_point(0, POINT_YIELD);
	}
}

static bool owner_is_parked(struct mutex *m)
{
	struct task *owner = atomic_load_explicit(&m->owner, memory_order_acquire); /* it may have ended (task.1) */

	return owner && atomic_load_explicit(&owner->token, memory_order_relaxed) == 2;
}

/* Worth it only while the owner runs and there is a processor to run it. True: the lock was got. */
static bool spin_for_lock(struct mutex *m)
{
	uint64_t patience = lock_info[m->class].kind == LOCK_SPIN ? SPIN_SPIN_NS : MUTEX_SPIN_NS;
	uint64_t end;

	if (rt_controlled || rt_cpus() < 2)
		return false;
	for (end = clock_now() + patience; clock_now() < end && !owner_is_parked(m); cpu_relax()) {
		uint32_t free = 0;
		if (atomic_load_explicit(&m->state, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(&m->state, &free, 1))
			return true;
	}
	return false;
}

/* Takes the lock, or queues. A waiter that was woken in vain keeps its turn: it goes to the front. */
static bool lock_or_queue(struct mutex *m, struct waiter *w, bool woken)
{
	bool got;

	guard_lock(&m->guard);
	got = atomic_exchange(&m->state, 2) == 0;
	if (got) {
		if (list_empty(&m->waiters))
			atomic_store(&m->state, 1);
	} else {
		atomic_store(&w->queued, true);
		if (woken)
			list_add(&w->link, &m->waiters);
		else
			list_add_tail(&w->link, &m->waiters);
	}
	guard_unlock(&m->guard);
	return got;
}

/* On return t holds the lock; the caller notes it as the owner. */

void mutex_lock_slow(struct mutex *m, struct task *t)
{
	struct slow_wait s;

	if (rt_searching) {
		/* taken quietly while another task holds it at a point: only a fine search stops a task there */
		CHECK(rt_fine);
		await_free(m, t);
		CHECK(!atomic_load(&m->state));
		atomic_store(&m->state, 1);
		return;
	}
	slow_wait_begin(&s, t, m->class, &m->owner);
	if (!spin_for_lock(m)) {
		for (bool woken = false; !lock_or_queue(m, &s.w, woken); woken = true) {
			while (atomic_load(&s.w.queued))
				rt->park(0);
			lock_stat_woken(&s.timer);
		}
	}
	CHECK(atomic_load(&m->state) && !atomic_load_explicit(&m->owner, memory_order_relaxed));
	slow_wait_end(&s, t, m->class);
}

/* The lock is free already. The waiter that is woken may find that another task has taken it. */
void mutex_unlock_slow(struct mutex *m)
{
	struct task *next;
	unsigned n;

	guard_lock(&m->guard);
	n = waiters_take(&m->waiters, 1, &next);
	guard_unlock(&m->guard);
	if (n)
		rt->wake(next);
}
