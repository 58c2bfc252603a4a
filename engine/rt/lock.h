/*
 * lock.h: locks and wait queues, written once over park and wake, and THE LOCK ORDER, which is checked.
 *
 * Every lock and every wait has a class, and every class a line in the one table below, outermost
 * first. The rules, checked at every acquire and every wait (lock.c aborts with the chain held):
 *
 * (K1) Take downwards: never a class above or on the line of one that is held, unless the same line
 *      with a larger `sub` (tree nodes: deeper; log commits: older).
 * (K2) Who waits for W holds nothing at or below W's line, but the one mutex that the wait drops.
 * (K3) Who owes W, from owe() until paid(), takes and waits only for what is below W. So a cycle
 *      through a wait is caught even in a run where it did not deadlock.
 *
 * Kinds: MUTEX imitates the kernel's struct mutex (a running task may barge in; waiters spin briefly
 * while the owner runs, then park); RWSEM the kernel's rw_semaphore (writers not starved); SPIN the
 * kernel's spinlock (short, spins, and parks only when its owner lost the processor).
 * Under the controlled scheduler each acquire is a point, a release never is. When it searches, the
 * acquire of a lock that is held is not enabled, and the same goes for a wait whose condition does not
 * hold: nobody queues, and who of several goes first is the picker's choice (rt.h: struct rt_wait).
 *
 * Counted per class: acquisitions, contended ones, wait time, wake-up latency, hold time (one in
 * 1024), owner changes across NUMA nodes, and whom one waited for: class x phase of the holder. The
 * clock is read only when about to wait and on sampled holds (jemalloc's rule).
 */
#ifndef RT_LOCK_H
#define RT_LOCK_H

#include "base/check.h"
#include "base/hist.h"
#include "rt/rt.h"
#include "rt/sanitize.h"

/*         class            kind   what */
#define LOCK_CLASSES(X)                                                                            \
	X(TASK,            WAIT,  "a task ends")                                                   \
	X(WORK,            WAIT,  "a worker or flusher without work")                              \
	X(MOUNT,           MUTEX, "fs->mount_lock: the table of open inodes")                      \
	X(DIR,             MUTEX, "root->dir_lock: the subvolume's directory")                     \
	X(INODE,           MUTEX, "inode->lock: writes, size, and all of logging an inode")        \
	X(TRANS_START,     WAIT,  "a commit in progress lets new starters in")                     \
	X(TRANS_EXT,       WAIT,  "handles of fsync and system calls have ended")                  \
	X(ORDERED,         WAIT,  "an ordered extent completes: its items are in the trees")       \
	X(PAGE,            WAIT,  "page lock")                                                     \
	X(RANGE,           WAIT,  "io range lock of an inode")                                     \
	X(TRANS_JOIN,      WAIT,  "a commit in its last stage lets joiners in")                    \
	X(TRANS_WRITERS,   WAIT,  "all handles of the transaction have ended")                     \
	X(LOG_COMMIT,      WAIT,  "a log commit of a subvolume is on the media")                   \
	X(LOG_WRITERS,     WAIT,  "those who write items into the log tree have ended")            \
	X(LOG,             MUTEX, "root->log_mutex: log_transid, whose turn it is")                \
	X(INODE_LOG,       MUTEX, "inode->log_mutex: one task logs an inode at a time")            \
	X(LOGROOT_COMMIT,  WAIT,  "a commit of the log-root tree is on the media")                 \
	X(LOGROOT_WRITERS, WAIT,  "those who update the log-root tree have ended")                 \
	X(LOGROOT,         MUTEX, "log_root_tree's log_mutex")                                     \
	X(TREE_LOG,        MUTEX, "fs->tree_log_mutex: super_for_commit and the super write")      \
	X(CSUM,            WAIT,  "an ordered extent has all its checksums")                       \
	X(IO_DONE,         WAIT,  "an ordered extent's data is written")                           \
	X(ITEMS,           MUTEX, "inode->items_lock: its extent items in the subvolume's tree")   \
	X(CSUM_ITEMS,      MUTEX, "fs->csum_lock: checksum items that are replaced or split")      \
	X(TREE_NODE,       RWSEM, "tree node; parent before child")                                \
	X(WRITEBACK,       WAIT,  "page writeback ends")                                           \
	X(EM_TREE,         RWSEM, "inode->em_lock: extent maps and the modified list")             \
	X(ORDERED_TREE,    SPIN,  "inode->ordered_lock: ordered extents of an inode")              \
	X(RANGES,          SPIN,  "inode->range_lock: which ranges are locked, which are delalloc") \
	X(PAGES,           SPIN,  "inode->pages_lock: the page table of an inode")                 \
	X(COMPRESSED,      MUTEX, "references to compressed extents")                              \
	X(ALLOC,           MUTEX, "alloc->lock: free space")                                       \
	X(CACHE,           SPIN,  "tree block cache")                                              \
	X(TRANS,           SPIN,  "fs->trans_lock: the running transaction and its state")         \
	X(QUEUE,           SPIN,  "a worker's queue")                                              \
	X(DIRTY,           SPIN,  "a tree's dirty list")                                           \
	X(BIO,             WAIT,  "I/O completes")                                                 \
	X(DEV_LOG,         SPIN,  "the device's event log")                                        \
	X(RING,            SPIN,  "the tail of a device's submission queue")                       \
	X(BUFFERS,         SPIN,  "which of a device's registered buffers are handed out")

enum lock_class {
#define X(id, kind, what) L_##id,
	LOCK_CLASSES(X)
#undef X
	L_NR
};

enum lock_kind { LOCK_MUTEX, LOCK_RWSEM, LOCK_SPIN, LOCK_WAIT };

struct lock_info {
	const char *name, *what;
	enum lock_kind kind;
};
extern const struct lock_info lock_info[L_NR];

struct mutex {
	_Atomic uint32_t state; /* 0 free, 1 held, 2 held and somebody is (about to be) parked */
	uint8_t class;
	uint32_t id;            /* rt_obj_id */
	int64_t sub;
	struct task *_Atomic owner;
	uint32_t last_node;     /* NUMA node of the last owner; written by the owner */
	_Atomic uint32_t guard; /* raw spin bit over waiters */
	bool named;             /* in a search: it was taken with a point, so its release is named too */
	struct list waiters;
};

struct rwsem {
	_Atomic int32_t state;  /* -1 a writer, 0 free, n readers */
	uint8_t class;
	uint32_t id;
	int64_t sub;
	struct task *_Atomic owner; /* the writer; for readers the last one, for the statistics only */
	uint32_t last_node;
	_Atomic uint32_t guard;
	_Atomic uint32_t writers_waiting;
	_Atomic uint32_t nr;    /* waiters queued */
	struct list waiters;
};

struct spin {
	struct mutex m; /* same code, longer spin before the park */
};

/* One task's place in a queue; lives on its stack. */
struct waiter {
	struct list link;
	struct task *task;
	_Atomic bool queued; /* cleared by whoever takes it off, before the wake */
	bool writer;         /* rwsem */
};

struct waitq {
	uint8_t class;
	uint32_t id;
	_Atomic uint32_t guard;
	_Atomic uint32_t nr;        /* waiters: wake_all on an empty queue is one load */
	struct task *_Atomic ower;  /* who owes the event, for the statistics; may be NULL */
	struct list waiters;
};

/*
 * Memory: a lock or a queue may be given back only when nobody can still be inside its unlock or its
 * wake. Who drops the last reference under a lock, or on seeing a condition, must know that the other
 * is out of it: see batch.c for a way.
 */

/* sub 0 unless the class needs a tie-break within its line. A lock is initialised with no memory of its own. */
void mutex_init(struct mutex *m, enum lock_class class, int64_t sub);
static inline void mutex_lock(struct mutex *m);
static inline void mutex_unlock(struct mutex *m);
/* As mutex_lock(); who has to wait does so in that phase, and stays in it: a change of phase is a reading of the clock,
 * which a lock that is free does not pay. */
static inline void mutex_lock_in(struct mutex *m, enum phase wait_in);
bool mutex_trylock(struct mutex *m);
bool mutex_held(const struct mutex *m); /* by the running task */

void rwsem_init(struct rwsem *s, enum lock_class class, int64_t sub);
void read_lock(struct rwsem *s);
void read_unlock(struct rwsem *s);
void write_lock(struct rwsem *s);
void write_unlock(struct rwsem *s);
bool write_held(const struct rwsem *s);

void spin_init(struct spin *s, enum lock_class class);
static inline void spin_lock(struct spin *s);
static inline void spin_unlock(struct spin *s);

/*
 * The same locks, taken without a point and left out of the trace hash. For a lock that is only ever
 * taken shortly after a point that already stands for it (a tree node: the tree's root_lock), and
 * for one that no task holds across a point, so that in a controlled run nobody ever waits for it.
 */
static inline void mutex_lock_quiet(struct mutex *m);
static inline void spin_lock_quiet(struct spin *s);
void read_lock_quiet(struct rwsem *s);
void write_lock_quiet(struct rwsem *s);

void waitq_init(struct waitq *wq, enum lock_class class);

/*
 * Sleeps until cond(arg). The condition is evaluated by the waiting task with no lock held, before
 * the first sleep and after each wake; whoever makes it true calls wake_all after it is true.
 * Checked against the lock order (K2) even when the condition holds at once.
 */
void wait_until(struct waitq *wq, bool (*cond)(void *arg), void *arg);
/* The same with the condition evaluated under m, which is held on entry and on return and dropped while asleep. */
void wait_until_locked(struct waitq *wq, struct mutex *m, bool (*cond)(void *arg), void *arg);
/* As wait_until, at most timeout_ns; false at the timeout. For flushers and workers. */
bool wait_until_timeout(struct waitq *wq, bool (*cond)(void *arg), void *arg, uint64_t timeout_ns);
static inline void wake_all(struct waitq *wq);
static inline void wake_one(struct waitq *wq);
/*
 * wake_all() where every call is one of those that the waiters need: the last one out, of many; or the
 * only one. `enough` false: it was not the last, and nobody is woken. Such calls commute, and a wait
 * that has ended comes after all of them: no order to be searched.
 */
static inline void wait_give(struct waitq *wq, bool enough);
/*
 * A lock that is made of a condition: waits until free(arg) and takes it in one step; on threads take()
 * decides. `obj` names it in a search (its waiters may share wq with others); give it back with an access
 * (rt_access) of obj, GIVE, then wake_all(wq).
 */
void wait_take(struct waitq *wq, uint32_t obj, bool (*free)(void *arg), bool (*take)(void *arg), void *arg);

/*
 * For what must wait on a queue and on something else at once (dev.c), around a loop of its own:
 * enter, evaluate the condition, park, evaluate again (enter once more when !w->queued), leave.
 * A wake given after enter ends the park. enter on a queued waiter and leave on one that is not are harmless.
 */
void waiter_init(struct waiter *w);
void waitq_enter(struct waitq *wq, struct waiter *w);
void waitq_leave(struct waitq *wq, struct waiter *w);

/*
 * The running task owes the event `class` (K3): pushes it on the held stack. wq (may be NULL) notes
 * it as the one waited for. paid() may be called in any order with respect to other locks.
 */
void owe(enum lock_class class, int64_t sub, struct waitq *wq);
void paid(enum lock_class class, int64_t sub, struct waitq *wq);

/* Checks K1/K2 for something that is waited for by other means (a reaper in dev.c). */
void lock_order_check(enum lock_class class, int64_t sub);
/* Is anything held or owed by the running task? For "nothing may be held here" at a door. */
bool lock_held_any(void);

/* The number of the lock that is held (rt_obj_id); 0 of a wait that is owed. */
uint32_t held_lock_id(const struct held *h);

/* ---- statistics: one block per task that was given one, summed by lock_totals ---- */

/* An fsync takes some 200 locks. A sample's histogram is seldom in a cache: measured, half a microsecond each. */
#define HOLD_ONE_IN 1024u

struct lock_stat {
	uint64_t acquired, contended; /* for a wait: times waited for, times it had to sleep */
	uint64_t other_node;          /* hand-overs from another NUMA node */
	uint64_t woken, woken_remote; /* wake-ups of who slept for it; those by a task on another node */
	uint64_t wait_ns, wakeup_ns;  /* wakeup: woken to running, a part of the wait */
	uint64_t hold_ns, hold_n;     /* sampled */
	uint64_t by_phase_ns[PH_NR];  /* wait by the phase of the holder, or of who owes it */
	struct hist wait, hold;
};

/* What every acquisition touches is small; the histograms of a class are made at its first contention. */
struct task_stats {
	uint64_t acquired[L_NR], other_node[L_NR];
	_Atomic uint32_t guard; /* over lock[]: its task on slow paths, lock_totals() */
	struct lock_stat *lock[L_NR];
};

/*
 * A wait that something else than lock.c does (dev_wait_until), counted as one of `class`: begin
 * before the first sleep, end after the last. The phase is that of `ower` at the beginning (may be NULL).
 */
struct wait_timer {
	uint64_t since_ns, wakeup_ns;
	uint32_t woken, woken_remote;
	uint8_t phase;
};
void lock_stat_wait_begin(struct wait_timer *w, struct task *ower);
void lock_stat_wait_end(const struct wait_timer *w, enum lock_class class);
/* Counts one wait of `class` by t (lock_stat.acquired), whether it has to sleep or not. */
static inline void lock_stat_waited(struct task *t, enum lock_class class);
/* After each park of such a wait: charges woken-to-running to PH_WAKEUP, and to the timer (may be NULL). */
void lock_stat_woken(struct wait_timer *w);

/* Measures from now on: every task that exists or will be spawned gets a stats block. Off by default. */
void lock_stats_enable(bool on);
/* Sums over all tasks since the last rt_reset_totals(). `out` has L_NR entries, initialised here. */
void lock_totals(struct lock_stat *out);

/* ---- the fast paths: one compare and swap, a push, and no clock ---- */

_Noreturn void lock_order_failed(struct task *t, enum lock_class class, int64_t sub);
void mutex_point(struct mutex *m);
void mutex_name_lock(struct mutex *m);
void mutex_unlock_controlled(struct mutex *m);
void mutex_lock_slow(struct mutex *m, struct task *t);
void mutex_unlock_slow(struct mutex *m);
void held_insert(struct task *t, const void *obj, enum lock_class class, int64_t sub);
void held_remove(struct task *t, const void *obj);
void lock_count_node(struct task *t, enum lock_class class, uint32_t *last_node);
void held_start_sample(struct task *t);
void waitq_wake_slow(struct waitq *wq, bool all);

/* K1. The held stack is sorted, so its top is the innermost: one compare. */
static inline void lock_order(struct task *t, enum lock_class class, int64_t sub)
{
	if (!t->nheld)
		return;

	const struct held *top = &t->held[t->nheld - 1];
	if (__builtin_expect(class < top->class || (class == top->class && sub <= top->sub), 0))
		lock_order_failed(t, class, sub);
}

/* Pushes what K1 allowed, so it belongs on top. */
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

static inline void lock_stat_waited(struct task *t, enum lock_class class)
{
	struct task_stats *st = rt_instrument ? atomic_load_explicit(&t->stats, memory_order_acquire) : NULL;

	if (st)
		tally(&st->acquired[class], 1);
}

/* Counts an acquisition by t; *last_node is written under the lock just taken. It stands in every place that takes a
 * lock: a handful of instructions, no division, nothing that is shared. */
static inline void lock_count(struct task *t, enum lock_class class, uint32_t *last_node)
{
	if (!rt_instrument)
		return;

	struct task_stats *st = atomic_load_explicit(&t->stats, memory_order_acquire);
	if (!st)
		return;
	tally(&st->acquired[class], 1);
	if (__builtin_expect(--t->sample == 0, 0))
		held_start_sample(t);
	if (__builtin_expect(*last_node != t->node, 0))
		lock_count_node(t, class, last_node);
}

/* In a controlled run there is one thread, and nothing between a load and a store. */
static inline bool mutex_take(struct mutex *m)
{
	uint32_t free = 0;

	if (!__builtin_expect(rt_controlled, 0))
		return atomic_compare_exchange_strong_explicit(&m->state, &free, 1, memory_order_acquire, memory_order_relaxed);
	if (atomic_load_explicit(&m->state, memory_order_relaxed))
		return false;
	atomic_store_explicit(&m->state, 1, memory_order_relaxed);
	return true;
}

static inline void mutex_acquire(struct mutex *m, struct task *t, enum phase wait_in)
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

static inline void mutex_lock_in(struct mutex *m, enum phase wait_in)
{
	struct task *t = rt_self();

	lock_order(t, m->class, m->sub);
	if (__builtin_expect(rt_points, 0))
		mutex_point(m);
	mutex_acquire(m, t, wait_in);
	if (__builtin_expect(rt_controlled, 0))
		mutex_name_lock(m);
}

static inline void mutex_lock(struct mutex *m)
{
	mutex_lock_in(m, PH_NR);
}

static inline void mutex_lock_quiet(struct mutex *m)
{
	struct task *t = rt_self();

	lock_order(t, m->class, m->sub);
	mutex_acquire(m, t, PH_NR);
}

static inline void mutex_unlock(struct mutex *m)
{
	held_pop(rt_self(), m);
	atomic_store_explicit(&m->owner, NULL, memory_order_relaxed);
	if (__builtin_expect(rt_controlled, 0))
		mutex_unlock_controlled(m);
	else if (__builtin_expect(atomic_exchange_explicit(&m->state, 0, memory_order_release) == 2, 0))
		mutex_unlock_slow(m);
}

static inline void spin_lock(struct spin *s)
{
	mutex_lock(&s->m);
}

static inline void spin_lock_quiet(struct spin *s)
{
	mutex_lock_quiet(&s->m);
}

static inline void spin_unlock(struct spin *s)
{
	mutex_unlock(&s->m);
}

/*
 * The waker has changed the condition, then looks for waiters; a waiter has queued itself, then
 * looks at the condition. With a full barrier in the middle of both, one of them sees the other.
 * (ThreadSanitizer does not know fences; a read-modify-write is one it knows.)
 */
static inline uint32_t waitq_waiters(struct waitq *wq)
{
#if RT_TSAN
	return atomic_fetch_add(&wq->nr, 0);
#else
	if (!rt_controlled) /* there is one thread */
		atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&wq->nr, memory_order_relaxed);
#endif
}

static inline void wake_all(struct waitq *wq)
{
	rt_accessed(wq->id, POINT_WRITE);
	if (waitq_waiters(wq))
		waitq_wake_slow(wq, true);
}

static inline void wait_give(struct waitq *wq, bool enough)
{
	rt_accessed(wq->id, POINT_GIVE);
	if (enough && waitq_waiters(wq))
		waitq_wake_slow(wq, true);
}

static inline void wake_one(struct waitq *wq)
{
	rt_accessed(wq->id, POINT_WRITE);
	if (waitq_waiters(wq))
		waitq_wake_slow(wq, false);
}

#endif
