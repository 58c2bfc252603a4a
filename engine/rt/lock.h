/*
 * lock.h: locks and wait queues, written once over park and wake, and THE LOCK ORDER, which is checked.
 *
 * Every lock and every wait has a class, and every class has a line in the one table below, outermost first. Every
 * acquire and every wait is checked against the rules below (lock_order.c); a violation aborts and prints what is held.
 *
 * lock.1: Take downwards. A lock's class is below the class of each lock that is held, or on the same line with a
 *     larger `sub` (tree nodes: the deeper one; log commits: the older one).
 * lock.2: A task that waits for W holds nothing at or below W's line, except the one mutex that the wait drops.
 * lock.3: A task that owes W, from owe() until paid(), takes and waits only for what is below W. So a cycle through a
 *     wait is caught even in a run that does not deadlock.
 *
 * Kinds: MUTEX imitates the kernel's struct mutex (a running task may barge in; waiters spin briefly
 * while the owner runs, then park); RWSEM the kernel's rw_semaphore (writers not starved); SPIN the
 * kernel's spinlock (short, spins, and parks only when its owner lost the processor).
 *
 * Under the controlled scheduler each acquire is a point, and a release is none. In a search a task that is about to
 * take a held lock, or to wait for a condition that is false, is not enabled. So nobody queues, and which of several
 * goes first is the picker's choice (rt.h: struct rt_wait).
 *
 * What locks and waits cost is counted by class: lock_stat.h. The inline parts are in lock_fast.h. Called by every
 * room above.
 */
#ifndef RT_LOCK_H
#define RT_LOCK_H

#include "base/check.h"
#include "rt/rt.h"
#include "rt/sanitize.h"

/*         class            kind   what */
#define LOCK_CLASSES(X)                                                                            \
	X(TASK,            WAIT,  "a task ends")                                                   \
	X(WORK,            WAIT,  "a worker or flusher without work")                              \
	X(DIR,             MUTEX, "root->dir_lock: the subvolume's directory")                     \
	X(INODE,           RWSEM, "inode->lock: writes, size, and all of logging an inode")        \
	X(MMAP,            RWSEM, "inode->mmap_lock: faults of mapped stores; fsync keeps them out")  \
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
	X(DIR_LOG,         MUTEX, "root->names.lock: one entry changes, or the directory is logged") \
	X(LOGROOT_COMMIT,  WAIT,  "a commit of the log-root tree is on the media")                 \
	X(LOGROOT_WRITERS, WAIT,  "those who update the log-root tree have ended")                 \
	X(LOGROOT,         MUTEX, "log_root_tree's log_mutex")                                     \
	X(TREE_LOG,        MUTEX, "fs->tree_log_mutex: super_for_commit and the super write")      \
	X(STREAM,          MUTEX, "the stream's mutex: its open group, who leads, what is durable")  \
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
	X(GROUP,           SPIN,  "records and data of the stream's open group")                   \
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
extern const char *const lock_kind_name[]; /* "mutex", "rwsem", "spin", "wait" */

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

/* One task's place in a queue. It lies on that task's stack. */
struct waiter {
	struct list link;
	struct task *task;
	_Atomic bool queued; /* cleared by the task that takes it off, before the wake (waitq.2) */
	bool writer;         /* rwsem */
};

struct waitq {
	uint8_t class;
	uint32_t id;
	_Atomic uint32_t guard;
	_Atomic uint32_t nr;        /* waiters: wake_all on an empty queue is one load */
	struct task *_Atomic ower;  /* the task that owes the event, for the statistics; may be NULL */
	struct list waiters;
};

/*
 * The memory of a lock or of a queue may be freed only when no task can still be inside its unlock or its wake. A task
 * that frees it because it saw a condition must know that the task which made the condition true has left the wake:
 * dev/batch.c shows a way.
 */

/* sub 0 unless the class needs a tie-break within its line. A lock is initialised with no memory of its own. */
void mutex_init(struct mutex *m, enum lock_class class, int64_t sub);
static inline void mutex_lock(struct mutex *m);
static inline void mutex_unlock(struct mutex *m);
/*
 * As mutex_lock(). A task that has to wait enters phase `wait_in` and stays in it. One that finds the lock free does
 * not change its phase, and so pays no reading of the clock.
 */
static inline void mutex_lock_in(struct mutex *m, enum phase wait_in);
bool mutex_held(const struct mutex *m); /* by the running task */

void rwsem_init(struct rwsem *s, enum lock_class class, int64_t sub);
void read_lock(struct rwsem *s);
/* False when a writer has it; never waits. An access, and no point. */
bool read_trylock(struct rwsem *s);
void read_unlock(struct rwsem *s);
void write_lock(struct rwsem *s);
/* As mutex_lock_in(): a task that has to wait enters phase `wait_in`. */
void write_lock_in(struct rwsem *s, enum phase wait_in);
void write_unlock(struct rwsem *s);
bool write_held(const struct rwsem *s);

void spin_init(struct spin *s, enum lock_class class);
static inline void spin_lock(struct spin *s);
static inline void spin_unlock(struct spin *s);

/*
 * The same locks, taken without a point and left out of the trace hash. For a lock that is only ever taken shortly
 * after a point that already stands for it (a tree node: the tree's root_lock), and for a lock that no task holds
 * across a point: in a controlled run nobody ever waits for that.
 */
static inline void mutex_lock_quiet(struct mutex *m);
static inline void spin_lock_quiet(struct spin *s);
void read_lock_quiet(struct rwsem *s);
void write_lock_quiet(struct rwsem *s);

void waitq_init(struct waitq *wq, enum lock_class class);

/*
 * Sleeps until cond(arg). The waiting task evaluates the condition with no lock held, before the first sleep and after
 * each wake. The task that makes it true calls wake_all() afterwards. The lock order (lock.2) is checked even when the
 * condition holds at once.
 */
void wait_until(struct waitq *wq, bool (*cond)(void *arg), void *arg);
/* The same with the condition evaluated under m, which is held on entry and on return and dropped while asleep. */
void wait_until_locked(struct waitq *wq, struct mutex *m, bool (*cond)(void *arg), void *arg);
/* As wait_until, at most timeout_ns; false at the timeout. For flushers and workers. */
bool wait_until_timeout(struct waitq *wq, bool (*cond)(void *arg), void *arg, uint64_t timeout_ns);
static inline void wake_all(struct waitq *wq);
static inline void wake_one(struct waitq *wq);
/*
 * wake_all() for a wait that needs several calls, or one: for example the ends of all writers. `enough` false: this
 * call was not the last one, and nobody is woken. Such calls commute, and the end of the wait comes after all of them,
 * so a search has no order of them to try.
 */
static inline void wait_give(struct waitq *wq, bool enough);
/*
 * A lock that is made of a condition: waits until free(arg) and takes it in the same step. On threads take() tells
 * whether it was taken. In a search `obj` is the object that is taken; several objects may share wq. To give it back,
 * name a GIVE of obj (rt_access), then call wake_all(wq).
 */
struct taking {
	uint32_t obj;
	int64_t sub; /* the tie-break within its class (lock.1) */
	bool (*free)(void *arg);
	bool (*take)(void *arg);
	void *arg;
	struct task *_Atomic *owner; /* where free() names who has it, for the wait-for graph; NULL: the queue's ower */
};
void wait_take(struct waitq *wq, const struct taking *t);

/*
 * The running task owes the event `class` (lock.3): pushes it on the held stack. wq (may be NULL) notes
 * the task as the one waited for. paid() may be called in any order with respect to other locks.
 */
void owe(enum lock_class class, int64_t sub, struct waitq *wq);
void paid(enum lock_class class, int64_t sub, struct waitq *wq);

/* Checks lock.2 for something that is waited for by other means (dev/reap.c). */
void lock_order_check(enum lock_class class, int64_t sub);
/*
 * Until it is called with false, no wait of the running task is held to lock.2 and lock.3; what it takes is. For a
 * design whose fault is that a task waits against the order: lock.3 would stop the first run in which one does, and a
 * search is to come to the deadlock itself.
 */
void lock_order_waive(bool waive);

/* The number (rt_obj_id) of a lock that is held; 0 for a wait that is owed. */
uint32_t held_lock_id(const struct held *h);

#include "rt/lock_fast.h"

#endif
