/*
 * coop_state.h: the one state of a controlled run, and what its four files share.
 *
 *	coop.c        a run from its beginning to its end, and what its main() may ask of it
 *	coop_next.c   which tasks can go on, and which one does; accesses
 *	coop_task.c   a task's life on its fiber: spawn, park, wake, reap
 *	coop_time.c   the clock of a run, and those who wait for it
 *	coop_stuck.c  the words about a run that cannot go on
 *
 * A controlled run is one thread, so there is one state and no lock.
 *
 * coop_state.1: While a task runs, view.current is its number and rt_self_ptr its struct task. Whoever switches to a
 * fiber sets both first.
 */
#ifndef RT_COOP_STATE_H
#define RT_COOP_STATE_H

#include "base/check.h"
#include "base/rng.h"
#include "rt/coop.h"
#include "rt/fiber.h"
#include "rt/task.h"

#define BIT(id) (1ull << (id))

#define COOP_STEP_NS 1000 /* searching: how far the clock goes at each point */

struct coop_task {
	struct fiber fiber;
	struct task_box *box;       /* made at the first use of the slot, kept, and never retired */
	uint64_t clock;             /* virtual time: its own, in nanoseconds */
	uint64_t deadline;          /* of a task in view.timed */
	const struct rt_wait *wait; /* of a task in `awaiting`; it lies on that task's stack */
};

struct coop {
	bool running;  /* inside coop_run() */
	/* The picker is asked. Both others are the picker's wishes, false while it is not asked. */
	bool choices, every_turn, watched;
	const struct coop_config *config;
	struct coop_result *result;

	/* Sets of tasks: bit i is task i. */
	uint64_t used, live; /* slots taken; of these, the tasks that have not ended */
	uint64_t awaiting;   /* in rt_await(): */
	uint64_t acquiring;  /*   for a lock, whose state is read at every turn */
	uint64_t may_look;   /*   for something else, except those that have looked in vain since the last wake */
	uint64_t idler;      /* in coop_wait_idle(); at most one */

	uint64_t turns, turns_max;
	uint32_t steps_max;
	uint32_t last_obj;   /* the highest number that an object was given */
	uint64_t search_now; /* searching: the clock */
	struct rng rng;      /* data choices of pickers without choose() */
	struct coop_view view;
	struct fiber thread; /* the thread's own stack: used before the first task and after the last one */
	struct coop_task task[COOP_TASKS_MAX];
};

extern struct coop coop;

static inline struct coop_task *coop_current(void)
{
	return &coop.task[coop.view.current];
}

/* The slot of a task of this run. */
static inline uint32_t coop_id(const struct task *t)
{
	CHECK(t->id < COOP_TASKS_MAX && coop.task[t->id].box && &coop.task[t->id].box->task == t);
	return t->id;
}

/* ---- coop_next.c ---- */

/* The task that goes on now, after the present one has said what it stops for. Ends the run when there is none. */
uint32_t coop_next_task(void);

/* Stops the running task until it is picked; `ends`: it has ended, and this does not return. */
static inline __attribute__((always_inline)) void coop_go_on(bool ends)
{
	struct coop_task *from = coop_current();
	uint32_t id = coop_next_task();

	coop.view.wake[id] = COOP_ANY; /* until it says what it stops for */
	if (&coop.task[id] == from)
		return;
	coop.view.current = id;
	rt_self_ptr = &coop.task[id].box->task;
	fiber_switch(&from->fiber, &coop.task[id].fiber, ends);
	CHECK(coop_current() == from); /* (coop_state.1) */
}

/* The picker is not asked any more, until coop_choices(). */
void coop_stop_asking(void);
/* Tells the picker, once, that the run has ended as far as it sees it. */
void coop_picker_end(enum coop_end end);
void coop_point(uint32_t obj, enum point_kind kind);

/* ---- coop.c ---- */

/* Leaves the run for coop_run()'s caller, from whichever task runs. */
_Noreturn void coop_end_run(enum coop_end end);

/* ---- coop_task.c ---- */

struct task *coop_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where);
void coop_reap(struct task *t);
bool coop_park(uint64_t timeout_ns);
void coop_wake(struct task *t);

/* ---- coop_time.c ---- */

/* The running task's clock goes forward to `ns`, never back. */
void coop_advance_to(uint64_t ns);
/* Stops until picked. The task stays enabled, but to pick it is to let the time pass until `deadline`. */
void coop_stop_until(uint64_t deadline);
void coop_sleep(uint64_t ns);

/* ---- coop_stuck.c ---- */

/* What each task that has not ended waits for, and a cycle if there is one. "" outside of a run. */
void coop_describe(char *buf, unsigned size);
/* Ends the run: the picker returned `picked`, which is no enabled task. */
_Noreturn void coop_diverged(uint32_t picked);

#endif
