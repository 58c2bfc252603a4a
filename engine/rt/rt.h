/*
 * rt.h: THE RUNTIME SEAM. Tasks, and the few ways in which a task can stop and go on.
 *
 * The engine never sees a thread. It sees tasks that park and are woken; every lock and every wait
 * queue is written once over these (lock.c), so the same engine runs on OS threads to be measured
 * (threads.c), as fibers under a picker to be broken (coop.c), and as fibers in virtual time.
 *
 * (R1) A wake that comes before the park is not lost: the park returns at once.
 * (R2) A task's own fields (struct task) are written by that task alone, except `token`, `woken_ns`, `woken_from`.
 * (R3) Under coop nothing else runs between two points of a task: rt_point(), a park, or its end (and more: coop.h).
 *
 * Called by every floor above.
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

/* Its hold time is being measured. A bit of the address: who drops a lock compares that in any case, and need not ask. */
#define HELD_SAMPLED 1u

struct held {              /* one lock held or one wait owed: see lock.h */
	uintptr_t obj;     /* its address, and HELD_SAMPLED */
	uint8_t class;
	int64_t sub;       /* tie-break within a class */
	uint64_t since_ns; /* valid when sampled */
};

struct pmu;
struct task_stats; /* per-task lock and wait statistics, lock.h */
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

	uint64_t count[C_NR];
	struct task_stats *_Atomic stats; /* NULL when not measuring */
	uint32_t sample; /* acquisitions until the next whose hold time is measured: one in HOLD_ONE_IN */
	uint32_t node;   /* NUMA node it was placed on, or was seen on last; 0 when unknown */
	bool placed;     /* the former */

	/* what it waits for, for coop_describe(); set only on slow paths */
	int wait_class;                     /* enum lock_class, or -1 */
	struct task *_Atomic *wait_owner;   /* where the holder, or who owes it, is named; may be NULL */

	/* parking: the back end's */
	_Atomic uint32_t token; /* futex word: 0 running, 1 a wake is pending, 2 parked */
	_Atomic uint64_t woken_ns;
	_Atomic uint32_t woken_from; /* the waker's node; valid with woken_ns */
	struct list wait_link; /* free for what parks by hand (dev.c); lock.c queues a struct waiter instead */
	struct list all_link;
	_Atomic bool finished;
	void (*fn)(void *arg);
	void *arg;
	void *backend;
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
 * "after": the second is impossible before the first (an acquire before the release, the end of a wait
 * before what was waited for): their order is no choice. UNLOCK is the GIVE of who took LOCK or SHARED; it
 * commutes with all but a READ (a try that failed) and those.
 */
enum point_kind {
	POINT_READ,
	POINT_WRITE,
	POINT_LOCK,
	POINT_WAIT,     /* a point: before a wait. An access: only names the object of the park to come */
	POINT_SUBMIT,   /* points of the device, which names its accesses itself */
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
 * Something that can only be done when ready(arg): an acquire (LOCK, SHARED), or the end of a wait (WAIT).
 * `ready` changes nothing. A waiter's is asked at first, and once it was false not before an access
 * (WRITE, GIVE) of `wake` by another, as on threads; and only while the mutex `with` is free (NULL: none).
 * An acquire is asked at each turn of a run; a lock's state is read for that, without a call.
 */
struct rt_wait {
	uint32_t obj, wake;
	enum point_kind kind;
	const _Atomic uint32_t *state; /* of a lock, in place of `ready`: it is ready when */
	uint32_t taken;                /* none of these bits are set in it */
	bool (*ready)(void *arg);
	void *arg;
	const struct mutex *with;
};

struct rt_ops {
	const char *name;
	struct task *(*spawn)(const char *name, void (*fn)(void *), void *arg, const struct placement *where);
	/* Waits for the end of a finished task's thread or fiber, so that its struct can serve again. */
	void (*reap)(struct task *t);
	/* Blocks until a wake; timeout_ns 0 = for ever. True when woken, false at the timeout. Under a
	 * searching picker a timeout may come at any time: a parked task with a timeout stays enabled.
	 * A wake meant for an earlier wait may end it: every caller loops over its own condition. */
	bool (*park)(uint64_t timeout_ns);
	void (*wake)(struct task *t);
	void (*point)(uint32_t obj, enum point_kind kind);
	/* Searching only: the point before an operation that may have to wait. On return it is ready, and nothing runs
	 * before it is done: who cannot do what it is about to do is not enabled. */
	void (*await)(const struct rt_wait *w);
	/* An access that comes next, and one that has just been (a lock was got, a wake is given). */
	void (*access)(uint32_t obj, enum point_kind kind);
	void (*accessed)(uint32_t obj, enum point_kind kind);
	/* A number for an object that is made in a controlled run. */
	uint32_t (*obj_id)(void);
	/* Controlled runs: t, which has served others before, serves the running task now: for the names of tasks in traces. */
	void (*serve)(struct task *t);
	void (*work)(uint64_t ns);  /* CPU work, for virtual time; nothing on threads */
	void (*sleep)(uint64_t ns); /* threads: sleeps; searching: a point; virtual time: advances the clock */
	uint64_t (*now)(void);      /* nanoseconds, monotonic, from an arbitrary start; controlled runs only (rt_now) */
};

extern const struct rt_ops *rt;  /* threads_ops unless inside coop_run() */
extern const struct rt_ops threads_ops;
extern bool rt_points;           /* somebody hears of points: a picker, or noise (noise.h) */
extern bool rt_controlled;       /* a picker decides who goes on */
extern bool rt_searching;        /* controlled, and looking for trouble (not virtual time) */
extern bool rt_fine;             /* searching, with more points: coop.h, enum granularity */

static inline uint64_t rt_now(void)
{
	return __builtin_expect(rt_controlled, 0) ? rt->now() : clock_now();
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
 * Notes an access that comes right after this; no point, but of a fine search (coop.h). A run's accesses say all
 * that matters about the order of its steps: what two tasks share, and no lock orders, is named by each that touches it.
 */
static inline void rt_access(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_controlled, 0))
		rt->access(obj, kind);
}

/* The same of an access that was right before this: one that is known only then, or that lets others go on. */
static inline void rt_accessed(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_controlled, 0))
		rt->accessed(obj, kind);
}

/* The model's cost of what was just done: virtual time only. */
static inline void rt_work(uint64_t ns)
{
	if (__builtin_expect(rt_controlled && !rt_searching, 0))
		rt->work(ns);
}

/* A number for an object that points name: small, the same in every run of the same schedule. */
uint32_t rt_obj_id(void);

/* Starts a task. `where` NULL: where helpers go. The name is copied. Never fails (CHECKs on no memory / too many). */
struct task *rt_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where);
/*
 * Tasks that are spawned without a place of their own (the engine's: completion and compression workers, flusher,
 * committer, reaper) go to any processor of these NUMA nodes ("0-1") from now on, and when it is one node to its
 * memory. NULL or "": anywhere. Called while none of them starts.
 */
void rt_place_helpers(const char *nodes);
/* Waits until it has ended. Each task that is spawned is joined exactly once. */
void rt_join(struct task *t);
/* How binding it to its placement went, as place_bind_self(). Waits until the task has started; call it before rt_join(). */
int rt_bind_result(struct task *t);
/* Processors this process may use: with one, nobody spins. */
unsigned rt_cpus(void);
/* What rt_now() reads on threads, for the recipe of a run: "tsc" or "clock_gettime". */
const char *rt_clock_name(void);
/* Processor time of the whole process so far. A system call: for rates over seconds, not inside the engine. */
uint64_t rt_cpu_ns(void);

/* ---- phases and counters: one line each where they stand ---- */

void phase_switch(struct task *t, enum phase to); /* charges the time since the last change to the phase left */

/* Enters a phase; returns the one that was left, for those that must restore it. */
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

/* The running task's phase, for a wait that enters one of its own only when it has to sleep: a change is a reading of the clock. */
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

/* Sums of all tasks of the process so far (finished and running), then per-task arrays are left as they are. */
void rt_totals(uint64_t counters[C_NR]);
/* Forgets finished tasks and zeroes the counters of those that live: the start of a measured interval. */
void rt_reset_totals(void);

#endif
