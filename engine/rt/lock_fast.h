/*
 * lock_fast.h: the uncontended paths of lock.h, inlined where a lock is taken: one compare and swap, a push, and no
 * clock. Included by lock.h alone, at its end; nobody else calls what is declared here.
 */
#ifndef RT_LOCK_FAST_H
#define RT_LOCK_FAST_H

struct lock_stat;

/*
 * One in so many holds is measured: an fsync takes some 200 locks, and a sample, whose histogram is seldom in a cache,
 * was measured to cost half a microsecond.
 */
#define HOLD_ONE_IN 1024u

/* What every acquisition touches is small; the statistics of a class are made at its first contention. */
struct task_stats {
	uint64_t acquired[L_NR], other_node[L_NR];
	_Atomic uint32_t guard; /* over lock[]: its task on slow paths, lock_totals() */
	struct lock_stat *lock[L_NR];
};

/*
 * An uncontended lock and unlock stand where they are called. Left to itself gcc made calls of them in the program with
 * counters, and none in the one without: the two differed in more than the counting, over the 200 locks of an fsync.
 */
#define LOCK_INLINE static inline __attribute__((always_inline))

/* The slow paths behind: lock.c, lock_order.c, lock_stat.c, waitq.c. */
_Noreturn void lock_order_failed(struct task *t, enum lock_class class, int64_t sub);
void mutex_point(struct mutex *m);
void mutex_name_lock(struct mutex *m);
void mutex_unlock_controlled(struct mutex *m);
void mutex_lock_slow(struct mutex *m, struct task *t);
void mutex_unlock_slow(struct mutex *m);
void held_insert(struct task *t, const void *obj, enum lock_class class, int64_t sub);
void held_remove(struct task *t, const void *obj);
void lock_count_rest(struct task *t, enum lock_class class, uint32_t *last_node);
void waitq_wake_slow(struct waitq *wq, bool all);

/* (lock.1) The held stack is sorted, so its top is the innermost: one compare. */
static inline void lock_order(struct task *t, enum lock_class class, int64_t sub)
{
	if (!t->nheld)
		return;

	const struct held *top = &t->held[t->nheld - 1];
	if (__builtin_expect(class < top->class || (class == top->class && sub <= top->sub), 0))
		lock_order_failed(t, class, sub);
}

/* Pushes what lock.1 allows, so it belongs on top. */
static inline void held_push(struct task *t, const void *obj, enum lock_class class, int64_t sub)
{
	struct held *h = &t->held[t->nheld];

	CHECK(t->nheld < TASK_HELD_MAX);
	h->obj = (uintptr_t)obj;
	h->class = (uint8_t)class;
	h->sub = sub;
	t->nheld++;
}

/* Locks are usually dropped in the reverse order; when not, or when it is a sample, held_remove() finds it. */
static inline void held_pop(struct task *t, const void *obj)
{
	if (__builtin_expect(!t->nheld || t->held[t->nheld - 1].obj != (uintptr_t)obj, 0))
		held_remove(t, obj);
	else
		t->nheld--;
}

/*
 * Counts an acquisition by t; *last_node is written under the lock that was just taken. Inlined wherever a lock is
 * taken, so it is a handful of instructions, without a division and without a shared cache line.
 */
static inline void lock_count(struct task *t, enum lock_class class, uint32_t *last_node)
{
	if (!rt_instrument)
		return;

	struct task_stats *st = atomic_load_explicit(&t->stats, memory_order_acquire);
	if (!st)
		return;
	tally(&st->acquired[class], 1);
	if (__builtin_expect(--t->sample == 0 || *last_node != t->node, 0))
		lock_count_rest(t, class, last_node);
}

/* In a controlled run there is one thread, and nothing between a load and a store. */
static inline bool mutex_take(struct mutex *m)
{
	uint32_t free = 0;

	if (!__builtin_expect(rt_controlled, 0))
		return atomic_compare_exchange_strong_explicit(&m->state, &free, 1, memory_order_acquire,
		                                               memory_order_relaxed);
	if (atomic_load_explicit(&m->state, memory_order_relaxed))
		return false;
	atomic_store_explicit(&m->state, 1, memory_order_relaxed);
	return true;
}

LOCK_INLINE void mutex_acquire(struct mutex *m, struct task *t, enum phase wait_in)
{
	if (__builtin_expect(!mutex_take(m), 0)) {
		if (wait_in != PH_NR)
			phase(wait_in);
		mutex_lock_slow(m, t);
	}
	atomic_store_explicit(&m->owner, t, memory_order_release);
	held_push(t, m, m->class, m->sub);
	lock_count(t, m->class, &m->last_node);
}

LOCK_INLINE void mutex_lock_in(struct mutex *m, enum phase wait_in)
{
	struct task *t = rt_self();

	lock_order(t, m->class, m->sub);
	if (__builtin_expect(rt_points, 0))
		mutex_point(m);
	mutex_acquire(m, t, wait_in);
	if (__builtin_expect(rt_controlled, 0))
		mutex_name_lock(m);
}

LOCK_INLINE void mutex_lock(struct mutex *m)
{
	mutex_lock_in(m, PH_NR);
}

LOCK_INLINE void mutex_lock_quiet(struct mutex *m)
{
	struct task *t = rt_self();

	lock_order(t, m->class, m->sub);
	mutex_acquire(m, t, PH_NR);
}

LOCK_INLINE void mutex_unlock(struct mutex *m)
{
	held_pop(rt_self(), m);
	atomic_store_explicit(&m->owner, NULL, memory_order_relaxed);
	if (__builtin_expect(rt_controlled, 0))
		mutex_unlock_controlled(m);
	else if (__builtin_expect(atomic_exchange_explicit(&m->state, 0, memory_order_release) == 2, 0))
		mutex_unlock_slow(m);
}

LOCK_INLINE void spin_lock(struct spin *s)
{
	mutex_lock(&s->m);
}

LOCK_INLINE void spin_lock_quiet(struct spin *s)
{
	mutex_lock_quiet(&s->m);
}

LOCK_INLINE void spin_unlock(struct spin *s)
{
	mutex_unlock(&s->m);
}

/*
 * (waitq.1) The waker has changed the condition and now looks for waiters; a waiter has queued itself and then looks at
 * the condition. With a full barrier in the middle of both, one of them sees the other.
 * (ThreadSanitizer does not know fences; a read-modify-write it knows.)
 */
static inline uint32_t waitq_waiters(struct waitq *wq)
{
#if RT_TSAN
	return atomic_fetch_add(&wq->nr, 0);
#else
	if (!rt_controlled) /* else there is one thread */
		atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&wq->nr, memory_order_relaxed);
#endif
}

static inline void wake_all(struct waitq *wq)
{
	rt_woke(wq->id, POINT_WRITE);
	if (waitq_waiters(wq))
		waitq_wake_slow(wq, true);
}

static inline void wait_give(struct waitq *wq, bool enough)
{
	if (!enough) {
		rt_accessed(wq->id, POINT_GIVE);
		return;
	}
	rt_woke(wq->id, POINT_GIVE);
	if (waitq_waiters(wq))
		waitq_wake_slow(wq, true);
}

static inline void wake_one(struct waitq *wq)
{
	rt_woke(wq->id, POINT_WRITE);
	if (waitq_waiters(wq))
		waitq_wake_slow(wq, false);
}

#endif
