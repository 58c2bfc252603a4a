/*
 * rt.h: THE RUNTIME SEAM. Tasks, and the few ways in which a task can stop and go on.
 *
 * The engine never sees a thread. It sees tasks that park and are woken; every lock and every wait
 * queue is written once over these (lock.c), so the same engine runs on OS threads to be measured
 * (threads.c), as fibers under a picker to be broken (coop.c), and as fibers in virtual time.
 *
 * A task's own fields (struct task) are written by that task alone, except `token`, `woken_ns` and `woken_from`.
 *
 * rt.1: A wake that comes before the park is not lost: the park returns at once.
 * rt.2: In a controlled run nothing else runs between two points of a task. A point is rt_point(), rt_await(), a park,
 * or the task's end (and more in a fine search: coop.h).
 *
 * Called by every room above.
 */
#ifndef RT_RT_H
#define RT_RT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/count.h"
#include "base/list.h"
#include "rt/clock.h"

/* Instrumentation compiled in (default) or out (make INSTRUMENT=0), to know what it costs. */
#ifndef FSS_INSTRUMENT
#define FSS_INSTRUMENT 1
#endif
static const bool rt_instrument = FSS_INSTRUMENT;

/* ---- the phase clock: what a task is doing; the phases of an fsync sum to its latency ---- */

#define PHASES(X)                                                                                  \
	X(OTHER, "other", "none of the below")                                                     \
	X(FLUSH, "flush", "a look for space, data writeback started with no lock held")            \
	X(INODE_LOCK, "inode_lock", "waiting for the inode lock")                                  \
	X(REFLUSH, "reflush", "data writeback started again, under the inode lock")                \
	X(WAIT_DATA, "wait_data", "waiting for ordered extents: their checksums, their I/O, their items") \
	X(WAKEUP, "wakeup", "woken, not running yet")                                              \
	X(LOG_ITEMS, "log_items", "starting a handle, copying the inode's items into the log tree") \
	X(LOG_JOIN, "log_join", "waiting for a log commit of another task, or for its writers")    \
	X(LOG_WRITE, "log_write", "committing a log: its blocks, its root item")                       \
	X(DEV_FLUSH, "dev_flush", "flushing the device's cache")                                   \
	X(SUPER, "super", "writing the super block")                                               \
	X(TRANS, "trans", "waiting for a transaction to let it in, or the full commit that it fell back to") \
	X(IDLE, "idle", "no operation: between calls, or a worker without work")

enum phase {
#define X(id, name, what) PH_##id,
	PHASES(X)
#undef X
	PH_NR
};

struct phase_info {
	const char *name, *what;
};
extern const struct phase_info phase_info[PH_NR];

/* ---- tasks ---- */

#define TASK_NAME_MAX 24
#define TASK_HELD_MAX 48

/* Its hold time is measured. A bit of the address, which an unlock compares anyway: so it costs no further test. */
#define HELD_SAMPLED 1u

struct held {              /* one lock held or one wait owed: see lock.h */
	uintptr_t obj;     /* its address, or'ed with HELD_SAMPLED */
	uint8_t class;
	int64_t sub;       /* tie-break within a class */
	uint64_t since_ns; /* valid when sampled */
};

struct pmu;
struct task_stats; /* per-task lock and wait statistics: lock_fast.h, lock_stat.h */
struct placement;  /* machine/place.h */

struct task {
	char name[TASK_NAME_MAX];
	uint32_t id; /* 0 is the first task of a run; under coop the bit in the enabled mask */

	/* the phase clock (phase.c) */
	_Atomic uint8_t phase; /* read by others for the holder-phase matrix */
	uint64_t phase_since_ns;
	uint64_t phase_ns[PH_NR];
	struct pmu *pmu; /* charges its events to phases while set (pmu.h) */

	/* locks held, waits owed, sorted by (class, sub): checked on every acquire (lock_order.c) */
	unsigned nheld;
	struct held held[TASK_HELD_MAX];
	bool waits_against_order; /* lock_order_waive() */

	uint64_t count[C_NR];
	struct task_stats *_Atomic stats; /* NULL when not measuring */
	uint32_t sample; /* acquisitions until the next whose hold time is measured: one in HOLD_ONE_IN */
	uint32_t node;   /* NUMA node it was placed on, or was seen on last; 0 when unknown */
	bool placed;     /* it was placed there */

	/* what it waits for, for those that describe a run; set only on slow paths */
	int wait_class;                     /* enum lock_class, or -1 */
	struct task *_Atomic *wait_owner;   /* where the task that holds or owes it is named; may be NULL */

	/* parking: the back end's */
	_Atomic uint32_t token; /* futex word: 0 running, 1 a wake is pending, 2 parked */
	_Atomic uint64_t woken_ns;
	_Atomic uint32_t woken_from; /* the waker's node; valid with woken_ns */
	struct list all_link;
	_Atomic bool finished;
	void (*fn)(void *arg);
	void *arg;
};

/* The running task. Never NULL: a thread that the runtime did not make gets one at first use (rt_adopt). */
extern __thread struct task *rt_self_ptr;
struct task *rt_adopt(const char *name);
static inline struct task *rt_self(void)
{
	return __builtin_expect(rt_self_ptr != 0, 1) ? rt_self_ptr : rt_adopt("main");
}

/* ---- the seam ---- */

/*
 * What is about to be done to an object, or has been. Two accesses of one object, by two tasks, commute or not:
 *
 *              READ   WRITE  LOCK   SHARED GIVE   WAITED
 *   READ       yes    no     no     yes    no     yes
 *   WRITE             no     no     no     no     no
 *   LOCK                     no     no     after  no
 *   SHARED                          yes    after  yes
 *   GIVE                                   yes    after
 *   WAITED                                        yes
 *
 * "after": the second is impossible before the first (an acquire before the release, the end of a wait before what was
 * waited for), so their order is no choice. UNLOCK is the GIVE of a task that took LOCK or SHARED: it commutes with
 * everything except a READ (a try that failed) and the LOCK or SHARED that comes after it.
 */
enum point_kind {
	POINT_READ,
	POINT_WRITE,
	POINT_LOCK,
	POINT_WAIT,     /* a point: before a wait. An access: only names the object of the park to come */
	POINT_SUBMIT,   /* a point of the device, which names its accesses itself; COMPLETE too */
	POINT_COMPLETE,
	POINT_YIELD,
	/* accesses only: */
	POINT_SHARED,
	POINT_UNLOCK,
	POINT_GIVE,
	POINT_WAITED,
};

struct mutex;

/*
 * Something that can be done only when ready(arg): an acquire (LOCK, SHARED), or the end of a wait (WAIT). ready()
 * changes nothing. For a wait it is called once at first. When it returned false it is called again only after a wake
 * (rt_woke) of `wake`, as on threads: a wake that is missing leaves the task where it is. It is called only while the
 * mutex `with` is free (NULL: none). For an acquire the lock's state is read in each turn of the run, without a call.
 */
struct rt_wait {
	uint32_t obj, wake;
	enum point_kind kind;
	const _Atomic uint32_t *state; /* of a lock, in place of ready(): it is ready when */
	uint32_t taken;                /* none of these bits is set in the state */
	bool (*ready)(void *arg);
	void *arg;
	const struct mutex *with;
};

/*
 * How tasks run: threads.c or coop.c. A controlled run also hears of the accesses that tasks make. That has one
 * implementation, so it is no part of the seam: rt_access(), rt_await() and their like call it directly.
 */
struct rt_ops {
	const char *name;
	struct task *(*spawn)(const char *name, void (*fn)(void *), void *arg, const struct placement *where);
	/* Waits for the end of a finished task's thread or fiber, so that its struct can serve again. */
	void (*reap)(struct task *t);
	/*
	 * Blocks until a wake; timeout_ns 0: for ever. True when woken, false at the timeout. While a search runs, a
	 * timeout may come at any time: a parked task with a timeout stays enabled. A wake that was meant for an
	 * earlier wait may end this one, so every caller loops over its own condition.
	 */
	bool (*park)(uint64_t timeout_ns);
	void (*wake)(struct task *t);
	void (*point)(uint32_t obj, enum point_kind kind); /* rt_point() */
	void (*sleep)(uint64_t ns); /* threads: sleeps; searching: a point; virtual time: advances the clock */
};

extern const struct rt_ops *rt;  /* threads_ops unless inside coop_run() */
extern const struct rt_ops threads_ops;
extern bool rt_points;           /* points are heard: by a picker, or by noise (noise.h) */
extern bool rt_controlled;       /* a picker decides which task goes on */
extern bool rt_searching;        /* controlled, and looking for races (not virtual time) */
extern bool rt_fine;             /* searching, with more points: coop.h, enum granularity */

/* What the inline functions below call in a controlled run (coop_*.c), and nobody else. */
uint64_t coop_now(void);
void coop_work(uint64_t ns);
void coop_access(uint32_t obj, enum point_kind kind);
void coop_accessed(uint32_t obj, enum point_kind kind);
void coop_woke(uint32_t obj, enum point_kind kind);
uint32_t coop_obj_id(void);

/* Nanoseconds, monotonic, from an arbitrary start. */
static inline uint64_t rt_now(void)
{
	return __builtin_expect(rt_controlled, 0) ? coop_now() : clock_now();
}

/*
 * The point before a visible operation on object `obj` (rt_obj_id), and the only place besides a
 * park where another task may go on under the controlled scheduler. On threads it is where noise is made.
 */
static inline void rt_point(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_points, 0))
		rt->point(obj, kind);
}

/*
 * Searching only: the point before an operation that may have to wait. On return it is ready, and nothing runs before
 * it is done. Until then the task is not enabled.
 */
void rt_await(const struct rt_wait *w);

/*
 * Names an access that comes right after this. It is a point in a fine search only (coop.h). Every access to what two
 * tasks share and no lock orders must be named by each task that makes it: the order of named accesses is all that
 * tells one run from another.
 */
static inline void rt_access(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_controlled, 0))
		coop_access(obj, kind);
}

/* The same for an access that has just been made: one whose kind is known only then, or that lets other tasks go on. */
static inline void rt_accessed(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_controlled, 0))
		coop_accessed(obj, kind);
}

/* The same for an access that is a wake: those whose rt_wait.wake is obj look at their condition once more. */
static inline void rt_woke(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_controlled, 0))
		coop_woke(obj, kind);
}

/* Controlled runs only: task t, which has served other tasks, now serves the running one. Traces name it anew. */
void rt_serve(struct task *t);

/* CPU work that was just done, by the model of costs: it advances the task's clock in virtual time, else nothing. */
static inline void rt_work(uint64_t ns)
{
	if (__builtin_expect(rt_controlled && !rt_searching, 0))
		coop_work(ns);
}

/* A number for an object that points name: small, the same in every run of the same schedule. */
uint32_t rt_obj_id(void);

/* Starts a task. `where` NULL: where helpers go. The name is copied. Never fails: without threads the program ends. */
struct task *rt_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where);
/*
 * From now on tasks that are spawned without a place of their own (the engine's: completion and compression workers,
 * flusher, committer, reaper) run on any processor of these NUMA nodes ("0-1"). If it is one node, their memory comes
 * from it. NULL or "": anywhere. Called while no task is being spawned.
 */
void rt_place_helpers(const char *nodes);
/*
 * Whether this process may have so many threads more, to be asked before anything is begun: 0, or -errno (-EAGAIN where
 * a limit is met). Called by no task.
 */
int rt_threads_fit(unsigned n);
/* Waits until it has ended. Each task that is spawned is joined exactly once. */
void rt_join(struct task *t);
/* The result of binding it, as place_bind_self(). Waits until the task has started; call it before rt_join(). */
int rt_bind_result(struct task *t);
/* Processors that this process may use: with one, no task spins. */
unsigned rt_cpus(void);
/* What rt_now() reads on threads, for the recipe of a run: "tsc" or "clock_gettime". */
const char *rt_clock_name(void);
/* Processor time of the whole process so far. A system call: for rates over seconds, not inside the engine. */
uint64_t rt_cpu_ns(void);

/* ---- phases and counters: one line each where they stand ---- */

void phase_switch(struct task *t, enum phase to); /* charges the time since the last change to the phase left */

/* Enters a phase; returns the one that was left, for a caller that must restore it. Costs a reading of the clock. */
static inline enum phase phase(enum phase to)
{
	if (!rt_instrument)
		return PH_OTHER;
	struct task *t = rt_self();
	enum phase from = atomic_load_explicit(&t->phase, memory_order_relaxed);
	if (from != to)
		phase_switch(t, to);
	return from;
}

/* The running task's phase. For a wait that enters a phase of its own only when it has to sleep. */
static inline enum phase phase_now(void)
{
	return rt_instrument ? (enum phase)atomic_load_explicit(&rt_self()->phase, memory_order_relaxed) : PH_OTHER;
}

/* One writer, readers at any time: as cheap as an addition, and never torn. */
static inline void tally(uint64_t *sum, uint64_t n)
{
	__atomic_store_n(sum, __atomic_load_n(sum, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void count_add(enum counter c, uint64_t n)
{
	if (rt_instrument)
		tally(&rt_self()->count[c], n);
}

static inline void count(enum counter c)
{
	count_add(c, 1);
}

/* Sums over all tasks since the last rt_reset_totals(), those that have ended included. */
void rt_totals(uint64_t counters[C_NR]);
/* Forgets finished tasks and zeroes the counters of those that live: the start of a measured interval. */
void rt_reset_totals(void);

#endif
