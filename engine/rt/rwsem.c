/*
 * rwsem.c: imitates the kernel's rw_semaphore: several readers or one writer; a writer that waits
 * keeps new readers out, so it is not starved; otherwise barging is allowed.
 *
 * rwsem.1: A waiter queues itself (nr) before its last look at the lock; a task that drops the lock looks at nr after
 *     dropping it. Both are sequentially consistent, so no waiter is forgotten.
 * rwsem.2: writers_waiting is lowered while the writer holds the lock. So a reader that it kept out has a wake to come:
 *     that writer's unlock.
 * rwsem.3: A reader that was woken has had its turn: writers that wait do not keep it out.
 *
 * In a search no task queues, and no writer keeps readers out (engine/ARCHITECTURE.md says why that is enough).
 */
#include "rt/cpu.h"
#include "rt/lock_slow.h"
#include "rt/trace.h"

#define RWSEM_SPIN_NS 1500
#define WAKE_BATCH    16
#define WRITTEN       (1u << 31) /* the sign of the state: a writer holds the lock */

void rwsem_init(struct rwsem *s, enum lock_class class, int64_t sub)
{
	atomic_init(&s->state, 0);
	s->class = (uint8_t)class;
	s->id = rt_obj_id();
	trace_object(s->id, (int)class);
	s->sub = sub;
	atomic_init(&s->owner, NULL);
	s->last_node = 0;
	atomic_init(&s->guard, 0);
	atomic_init(&s->writers_waiting, 0);
	atomic_init(&s->nr, 0);
	list_init(&s->waiters);
}

/* A compare and swap. In a controlled run there is one thread, so nothing comes between a load and a store. */
static bool change_state(struct rwsem *s, int32_t *from, int32_t to)
{
	int32_t state;

	if (!rt_controlled)
		return atomic_compare_exchange_strong(&s->state, from, to);
	state = atomic_load_explicit(&s->state, memory_order_relaxed);
	if (state != *from) {
		*from = state;
		return false;
	}
	atomic_store_explicit(&s->state, to, memory_order_relaxed);
	return true;
}

/* A reader leaves. The state before. */
static int32_t drop_state(struct rwsem *s)
{
	int32_t state;

	if (!rt_controlled)
		return atomic_fetch_sub(&s->state, 1);
	state = atomic_load_explicit(&s->state, memory_order_relaxed);
	atomic_store_explicit(&s->state, state - 1, memory_order_relaxed);
	return state;
}

static bool try_write(struct rwsem *s)
{
	int32_t free = 0;

	return change_state(s, &free, -1);
}

static bool try_read(struct rwsem *s, bool woken)
{
	int32_t readers = atomic_load(&s->state);

	if (!woken && atomic_load(&s->writers_waiting)) /* (rwsem.3) */
		return false;
	while (readers >= 0)
		if (change_state(s, &readers, readers + 1))
			return true;
	return false;
}

static bool try_lock(struct rwsem *s, bool writer, bool woken)
{
	return writer ? try_write(s) : try_read(s, woken);
}

static void enqueue(struct rwsem *s, struct waiter *w, bool woken)
{
	guard_lock(&s->guard);
	atomic_store(&w->queued, true);
	if (woken)
		list_add(&w->link, &s->waiters);
	else
		list_add_tail(&w->link, &s->waiters);
	atomic_fetch_add(&s->nr, 1); /* (rwsem.1) */
	guard_unlock(&s->guard);
}

static void dequeue(struct rwsem *s, struct waiter *w)
{
	guard_lock(&s->guard);
	if (atomic_load(&w->queued)) {
		list_del(&w->link);
		atomic_store(&w->queued, false);
		atomic_fetch_sub(&s->nr, 1);
	}
	guard_unlock(&s->guard);
}

/* The writer that holds it sleeps. Of readers that hold it only the last one is known, and it may have left. */
static bool writer_is_parked(struct rwsem *s)
{
	struct task *owner = atomic_load_explicit(&s->owner, memory_order_acquire); /* it may have ended (task.1) */

	return atomic_load_explicit(&s->state, memory_order_relaxed) < 0 && owner &&
	       atomic_load_explicit(&owner->token, memory_order_relaxed) == 2;
}

static bool spin_for_lock(struct rwsem *s, bool writer)
{
	uint64_t end;

	if (rt_controlled || rt_cpus() < 2)
		return false;
	for (end = clock_now() + RWSEM_SPIN_NS; clock_now() < end && !writer_is_parked(s); cpu_relax())
		if (try_lock(s, writer, false))
			return true;
	return false;
}

static void queue_and_lock(struct rwsem *s, struct slow_wait *x, bool writer)
{
	for (bool woken = false;; woken = true) {
		enqueue(s, &x->w, woken);
		if (try_lock(s, writer, woken))
			break;
		while (atomic_load(&x->w.queued))
			rt->park(0);
		lock_stat_woken(&x->timer);
	}
	dequeue(s, &x->w);
}

static void rwsem_point(struct rwsem *s, struct task *t, bool writer)
{
	const struct rt_wait w = { .obj = s->id, .kind = writer ? POINT_LOCK : POINT_SHARED,
		                   .state = (const _Atomic uint32_t *)&s->state, .taken = writer ? ~0u : WRITTEN };

	if (!rt_searching) {
		rt_point(s->id, writer ? POINT_LOCK : POINT_READ);
		return;
	}
	t->wait_class = (int)s->class;
	t->wait_owner = &s->owner;
	rt_await(&w);
	t->wait_class = -1;
	t->wait_owner = NULL;
}

/* On return t holds the lock, as a reader or as the writer. */
static void lock_slow(struct rwsem *s, struct task *t, bool writer)
{
	struct slow_wait x;

	if (rt_searching) { /* as mutex_lock_slow() */
		CHECK(rt_fine);
		rwsem_point(s, t, writer);
		CHECK(try_lock(s, writer, true));
		return;
	}
	slow_wait_begin(&x, t, s->class, &s->owner);
	x.w.writer = writer;
	if (writer)
		atomic_fetch_add(&s->writers_waiting, 1);
	if (!spin_for_lock(s, writer))
		queue_and_lock(s, &x, writer);
	if (writer)
		atomic_fetch_sub(&s->writers_waiting, 1); /* (rwsem.2) */
	CHECK(writer ? atomic_load(&s->state) == -1 : atomic_load(&s->state) > 0);
	slow_wait_end(&x, t, s->class);
}

/* The first in the queue: a writer alone, or the readers up to the next writer. */
static unsigned take_first(struct rwsem *s, struct task **tasks)
{
	unsigned n = 0;

	guard_lock(&s->guard);
	while (n < WAKE_BATCH && !list_empty(&s->waiters)) {
		bool writer = list_first(&s->waiters, struct waiter, link)->writer;
		if (writer && n)
			break;
		waiters_take(&s->waiters, 1, &tasks[n++]);
		if (writer)
			break;
	}
	atomic_fetch_sub(&s->nr, n);
	guard_unlock(&s->guard);
	return n;
}

/* A full batch may leave readers in the queue: the last of the readers' unlocks wakes them. */
static void wake_first(struct rwsem *s)
{
	struct task *tasks[WAKE_BATCH];
	unsigned n = take_first(s, tasks);

	for (unsigned i = 0; i < n; i++)
		rt->wake(tasks[i]);
}

static void read_acquire(struct rwsem *s, struct task *t)
{
	uint32_t no_node = t->node; /* readers share the lock, so none of them may write last_node */

	if (!try_read(s, false))
		lock_slow(s, t, false);
	atomic_store_explicit(&s->owner, t, memory_order_release);
	held_push(t, s, s->class, s->sub);
	lock_count(t, s->class, &no_node);
}

void read_lock(struct rwsem *s)
{
	struct task *t = rt_self();

	lock_order(t, s->class, s->sub);
	if (__builtin_expect(rt_points, 0))
		rwsem_point(s, t, false);
	read_acquire(s, t);
	rt_accessed(s->id, POINT_SHARED);
}

void read_lock_quiet(struct rwsem *s)
{
	struct task *t = rt_self();

	lock_order(t, s->class, s->sub);
	read_acquire(s, t);
}

/* Whoever does not wait can close no cycle: the order is not checked, but what is taken is held like any other. */
bool read_trylock(struct rwsem *s)
{
	struct task *t = rt_self();
	uint32_t no_node = t->node;

	rt_access(s->id, POINT_READ); /* unlike a lock, this sees whether it is free, and goes on either way */
	if (!try_read(s, false))
		return false;
	atomic_store_explicit(&s->owner, t, memory_order_release);
	held_insert(t, s, s->class, s->sub);
	lock_count(t, s->class, &no_node);
	rt_accessed(s->id, POINT_SHARED);
	return true;
}

void read_unlock(struct rwsem *s)
{
	struct task *t = rt_self();

	held_pop(t, s);
	if (atomic_load_explicit(&s->owner, memory_order_relaxed) == t)
		atomic_store_explicit(&s->owner, NULL, memory_order_relaxed);

	int32_t before = drop_state(s);
	CHECK(before > 0);
	rt_accessed(s->id, POINT_UNLOCK);
	if (before == 1 && atomic_load(&s->nr)) /* (rwsem.1) */
		wake_first(s);
}

static void write_acquire(struct rwsem *s, struct task *t, enum phase wait_in)
{
	if (!try_write(s)) {
		if (wait_in != PH_NR)
			phase(wait_in);
		lock_slow(s, t, true);
	}
	atomic_store_explicit(&s->owner, t, memory_order_release);
	held_push(t, s, s->class, s->sub);
	lock_count(t, s->class, &s->last_node);
}

void write_lock_in(struct rwsem *s, enum phase wait_in)
{
	struct task *t = rt_self();

	lock_order(t, s->class, s->sub);
	if (__builtin_expect(rt_points, 0))
		rwsem_point(s, t, true);
	write_acquire(s, t, wait_in);
	rt_accessed(s->id, POINT_LOCK);
}

void write_lock(struct rwsem *s)
{
	write_lock_in(s, PH_NR);
}

void write_lock_quiet(struct rwsem *s)
{
	struct task *t = rt_self();

	lock_order(t, s->class, s->sub);
	write_acquire(s, t, PH_NR);
}

void write_unlock(struct rwsem *s)
{
	held_pop(rt_self(), s);
	atomic_store_explicit(&s->owner, NULL, memory_order_relaxed);
	int32_t written = -1;
	bool was_ours = change_state(s, &written, 0);
	CHECK(was_ours);
	rt_accessed(s->id, POINT_UNLOCK);
	if (atomic_load(&s->nr)) /* (rwsem.1) */
		wake_first(s);
}

bool write_held(const struct rwsem *s)
{
	return atomic_load(&s->state) == -1 && atomic_load_explicit(&s->owner, memory_order_relaxed) == rt_self();
}
