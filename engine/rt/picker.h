/*
 * picker.h: THE PICKER SEAM. At each point of a controlled run a picker decides which task goes on.
 *
 * A picker sees the run as a struct coop_view and returns a task. It never touches a task itself, so it can change
 * the order of a run and nothing else. Implemented in pick/, one picker a file; called by coop_next.c.
 */
#ifndef RT_PICKER_H
#define RT_PICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/rt.h"

#define COOP_TASKS_MAX 64
#define COOP_ANY       UINT32_MAX /* in place of an object's number: it may be any object */

/*
 * What a picker may look at: which tasks can go on, and what each is about to do. Arrays are indexed by task.
 *
 * picker.1: What a task is about to do is in the view before another task runs.
 */
struct coop_view {
	uint64_t enabled; /* bit i: task i can go on; never 0 */
	uint32_t current; /* the task that ran last (its bit may be clear) */
	uint32_t step;    /* decisions so far */
	uint32_t ntasks;  /* tasks created so far */
	uint64_t timed;   /* bit i: task i sleeps, or is parked with a timeout: to pick it is to let that time pass */
	uint32_t obj[COOP_TASKS_MAX];   /* the object of the pending operation; 0: not known yet */
	uint8_t kind[COOP_TASKS_MAX];   /* that operation: enum point_kind */
	uint32_t with[COOP_TASKS_MAX];  /* of a wait: the mutex that is taken at its end; 0: none */
	/* of a task that cannot go on: the object whose accesses may enable it; COOP_ANY: unknown; 0: it has ended */
	uint32_t wake[COOP_TASKS_MAX];
	/* how many tasks have had this number so far; a task that serves another one (rt_serve) counts anew */
	uint32_t life[COOP_TASKS_MAX];
	uint64_t clock[COOP_TASKS_MAX]; /* virtual time: when the task would go on, in nanoseconds */
};

/* What pick() may return besides an enabled task. NONE and DATA end the run as COOP_DIVERGED. */
#define COOP_PICK_NONE 0xffffffffu /* the schedule has come to its end */
#define COOP_PICK_DATA 0xfffffffeu /* the schedule has a data choice here */
#define COOP_PICK_CUT  0xfffffffdu /* nothing new from here on: the run goes to its end without choices, result.cut */

enum coop_end {
	COOP_FINISHED, /* every task has ended */
	COOP_STUCK,    /* no task can go on */
	COOP_TOO_LONG,
	COOP_DIVERGED, /* of a replay: the run does not fit the schedule */
};

/*
 * The other half of the seam, for a picker that learns from runs (urw, surw), enumerates them (dfs, dpor), or notes
 * what they do (watch): it is told what happened. Either member may be NULL.
 */
struct picker_ear {
	/* The running task has accessed obj, with choices on. In the run's order, after the pick that led to it. */
	void (*access)(void *state, uint32_t task, uint32_t obj, enum point_kind kind);
	/* The run has ended, or is cut. */
	void (*end)(void *state, enum coop_end end);
};

/*
 * Which task goes on. Chance belongs to the picker: it owns a struct rng, which begin() seeds. pick() is asked while
 * choices are on and at least two tasks are enabled. All calls of a run come from inside it, between begin() and end().
 */
struct picker {
	const char *name, *what;
	/* `args` is "" or for example "d=3". NULL, with a line in *err, when they are wrong. */
	void *(*create)(const char *args, const char **err);
	void (*destroy)(void *state);
	/* A schedule starts. `steps`: an upper estimate of its decisions, from a profile run. */
	void (*begin)(void *state, uint64_t seed, uint32_t steps);
	uint32_t (*pick)(void *state, const struct coop_view *v);
	/* A data choice in [0, n); COOP_PICK_NONE ends the run as diverged. NULL: drawn evenly from the run's seed. */
	uint32_t (*choose)(void *state, uint32_t n);
	/* Of a picker that enumerates: is there a schedule left? Asked before each run. NULL: always. */
	bool (*more)(void *state);
	bool every_turn;              /* pick() is also asked where one task is enabled; that is no decision */
	const struct picker_ear *ear; /* NULL: pick() needs nothing but the view */
};

#endif
