/*
 * waitq.c: waiting for a condition.
 *
 * waitq.1: A waiter is on the queue before it looks at the condition for the last time before a park. A waker looks at
 *     the queue after it has changed the condition. Each has a full barrier between the two, so no wake is lost.
 * waitq.2: `queued` is cleared before the wake is given. A waiter that finds it clear does not park, even when the wake
 *     itself ended a park inside its condition.
 * waitq.3: In a search a wait is one access, at its end, and the task is not enabled before. Only a wait with a
 *     timeout, and one that drops a mutex, look at the condition themselves: there a look in vain has consequences, so
 *     it is an access of its own.
 */
#include "rt/cpu.h"
#include "rt/lock_slow.h"
#include "rt/trace.h"

#define WAKE_BATCH 16

void waitq_init(struct waitq *wq, enum lock_class class)
{
	wq->class = (uint8_t)class;
	wq->id = rt_obj_id();
	trace_object(wq->id, (int)class);
	atomic_init(&wq->guard, 0);
	atomic_init(&wq->nr, 0);
	atomic_init(&wq->ower, NULL);
	list_init(&wq->waiters);
}

void waiter_init(struct waiter *w, struct task *t)
{
	list_init(&w->link);
	w->task = t;
	w->writer = false;
	atomic_init(&w->queued, false);
}

/* Nothing when w is queued already. A wake that is given after it ends the next park. */
static void enter(struct waitq *wq, struct waiter *w)
{
	rt_access(wq->id, POINT_WAIT);
	if (atomic_load(&w->queued))
		return;
	guard_lock(&wq->guard);
	atomic_store(&w->queued, true);
	list_add_tail(&w->link, &wq->waiters);
	atomic_fetch_add(&wq->nr, 1);
	guard_unlock(&wq->guard);
#if !RT_TSAN
	atomic_thread_fence(memory_order_seq_cst); /* (waitq.1); under TSan the changes of nr do it */
#endif
}

/* Nothing when w is not queued: a waker has taken it off. */
static void leave(struct waitq *wq, struct waiter *w)
{
	if (!atomic_load(&w->queued))
		return;
	guard_lock(&wq->guard);
	if (atomic_load(&w->queued)) {
		list_del(&w->link);
		atomic_store(&w->queued, false);
		atomic_fetch_sub(&wq->nr, 1);
	}
	guard_unlock(&wq->guard);
}

unsigned waiters_take(struct list *waiters, unsigned max, struct task **tasks)
{
	unsigned n = 0;

	while (n < max && !list_empty(waiters)) {
		struct waiter *w = list_first(waiters, struct waiter, link);
		list_del(&w->link);
		tasks[n++] = w->task;
		CHECK(atomic_load_explicit(&w->queued, memory_order_relaxed));
		atomic_store(&w->queued, false); /* (waitq.2) from here on w may be gone */
	}
	return n;
}

/* `all` means the tasks that wait now. One that is woken and waits again at once is not woken again. */
void waitq_wake_slow(struct waitq *wq, bool all)
{
	uint32_t left = all ? atomic_load(&wq->nr) : 1;

	while (left) {
		struct task *tasks[WAKE_BATCH];
		unsigned n;

		guard_lock(&wq->guard);
		n = waiters_take(&wq->waiters, left < WAKE_BATCH ? left : WAKE_BATCH, tasks);
		atomic_fetch_sub(&wq->nr, n);
		guard_unlock(&wq->guard);
		if (!n)
			return;
		for (unsigned i = 0; i < n; i++)
			rt->wake(tasks[i]);
		left -= n;
	}
}

/* True unless it timed out. */
static bool park_unless_woken(struct slow_wait *s, uint64_t timeout_ns)
{
	bool woken;

	if (!atomic_load(&s->w.queued))
		return true;
	woken = rt->park(timeout_ns);
	lock_stat_woken(&s->timer);
	return woken;
}

/* (waitq.3) */
static void await_of(const struct rt_wait *w, struct waitq *wq, struct task *_Atomic *owner)
{
	struct task *t = rt_self();

	t->wait_class = (int)wq->class;
	t->wait_owner = owner;
	rt_await(w);
	t->wait_class = -1;
	t->wait_owner = NULL;
}

static void await(const struct rt_wait *w, struct waitq *wq)
{
	await_of(w, wq, &wq->ower);
}

static void sleep_until(struct waitq *wq, bool (*cond)(void *arg), void *arg)
{
	struct task *t = rt_self();
	struct slow_wait s;

	slow_wait_begin(&s, t, wq->class, &wq->ower);
	for (;;) {
		enter(wq, &s.w);
		if (cond(arg))
			break;
		park_unless_woken(&s, 0);
	}
	leave(wq, &s.w);
	slow_wait_end(&s, t, wq->class);
}

/* The order is checked, and the wait is counted. Not in a search. */
static void wait_ordered(struct waitq *wq, bool (*cond)(void *arg), void *arg)
{
	rt_point(wq->id, POINT_WAIT);
	if (!cond(arg))
		sleep_until(wq, cond, arg);
	rt_accessed(wq->id, POINT_WAITED);
}

void wait_until(struct waitq *wq, bool (*cond)(void *arg), void *arg)
{
	struct task *t = rt_self();

	lock_order_wait(t, wq->class, 0, NULL);
	lock_stat_waited(t, wq->class);
	if (rt_searching) {
		const struct rt_wait w = {
			.obj = wq->id, .wake = wq->id, .kind = POINT_WAIT, .ready = cond, .arg = arg,
		};
		await(&w, wq);
		rt_accessed(wq->id, POINT_WAITED);
		return;
	}
	wait_ordered(wq, cond, arg);
}

void wait_take(struct waitq *wq, const struct taking *t)
{
	lock_order_wait(rt_self(), wq->class, t->sub, NULL);
	lock_stat_waited(rt_self(), wq->class);
	if (!rt_searching) {
		wait_ordered(wq, t->take, t->arg);
		return;
	}
	const struct rt_wait w = {
		.obj = t->obj, .wake = wq->id, .kind = POINT_WAIT, .ready = t->free, .arg = t->arg,
	};
	await_of(&w, wq, t->owner ? t->owner : &wq->ower);
	bool taken = t->take(t->arg);
	CHECK(taken);
	rt_accessed(t->obj, POINT_LOCK);
}

/* After a look in vain: m is dropped, and taken again in the step in which the wait ends. (waitq.3) */
static void await_locked(struct waitq *wq, struct mutex *m, bool (*cond)(void *arg), void *arg)
{
	const struct rt_wait w = {
		.obj = wq->id, .wake = wq->id, .kind = POINT_WAIT, .ready = cond, .arg = arg, .with = m,
	};

	mutex_unlock(m);
	await(&w, wq);
	mutex_lock_quiet(m);
	mutex_name_lock(m);
	rt_accessed(wq->id, POINT_WAITED);
}

/* No point at the start: what m guards is read while m is held. */
void wait_until_locked(struct waitq *wq, struct mutex *m, bool (*cond)(void *arg), void *arg)
{
	struct task *t = rt_self();
	struct slow_wait s;

	CHECK(mutex_held(m));
	lock_order_wait(t, wq->class, 0, m);
	lock_stat_waited(t, wq->class);
	rt_access(wq->id, POINT_READ);
	if (cond(arg))
		return;
	if (rt_searching) {
		await_locked(wq, m, cond, arg);
		return;
	}
	slow_wait_begin(&s, t, wq->class, &wq->ower);
	for (;;) {
		enter(wq, &s.w);
		if (cond(arg))
			break;
		mutex_unlock(m);
		park_unless_woken(&s, 0);
		mutex_lock(m);
		t->wait_class = wq->class; /* mutex_lock() may have cleared it */
		t->wait_owner = &wq->ower;
	}
	leave(wq, &s.w);
	slow_wait_end(&s, t, wq->class);
}

bool wait_until_timeout(struct waitq *wq, bool (*cond)(void *arg), void *arg, uint64_t timeout_ns)
{
	struct task *t = rt_self();
	struct slow_wait s;
	uint64_t end = rt_now() + timeout_ns, now;
	bool held, woken = true;

	lock_order_wait(t, wq->class, 0, NULL);
	rt_point(wq->id, POINT_WAIT);
	lock_stat_waited(t, wq->class);
	rt_access(wq->id, POINT_READ);
	if (cond(arg))
		return true;
	slow_wait_begin(&s, t, wq->class, &wq->ower);
	for (;;) {
		enter(wq, &s.w);
		rt_access(wq->id, POINT_READ);
		held = cond(arg);
		now = rt_now();
		if (held || !woken || now >= end)
			break;
		woken = park_unless_woken(&s, end - now);
	}
	leave(wq, &s.w);
	slow_wait_end(&s, t, wq->class);
	return held;
}
