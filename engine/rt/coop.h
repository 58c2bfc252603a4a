/*
 * coop.h: the controlled scheduler: tasks as fibers on one OS thread, and a picker that decides at
 * every point who goes on. Same picks, same run, bit for bit.
 *
 * Called by the race commands and by tests; the engine never includes it.
 */
#ifndef RT_COOP_H
#define RT_COOP_H

#include "base/rng.h"
#include "rt/rt.h"
#include "rt/schedule.h"

#define COOP_TASKS_MAX 64
#define COOP_ANY       UINT32_MAX /* an object: it may be any */

/* What a picker may look at: who can go on, and what each is about to do. */
struct coop_view {
	uint64_t enabled;                /* bit i: task i can go on; never 0 */
	uint32_t current;                /* who ran last (its bit may be clear) */
	uint32_t step;                   /* decisions so far */
	uint32_t ntasks;                 /* tasks created so far */
	uint64_t timed;                  /* bit i: task i sleeps, or is parked with a timeout: to pick it is to let that end */
	uint32_t obj[COOP_TASKS_MAX];    /* the object of each task's pending operation; 0: not known yet */
	uint8_t kind[COOP_TASKS_MAX];    /* enum point_kind */
	uint32_t with[COOP_TASKS_MAX];   /* WAIT: the mutex that is taken at its end; 0: none */
	uint32_t wake[COOP_TASKS_MAX];   /* of a task that cannot go on: whose accesses may let it; COOP_ANY: unknown; 0: it has ended */
	uint32_t life[COOP_TASKS_MAX];   /* its how-manieth of this number: tasks that are spawned, or serve somebody else, are new ones */
	uint64_t clock[COOP_TASKS_MAX];  /* virtual time: when it would go on */
};

/* What a picker's pick() may return besides an enabled task. NONE and DATA end the run as COOP_DIVERGED. */
#define COOP_PICK_NONE 0xffffffffu /* the schedule has come to its end */
#define COOP_PICK_DATA 0xfffffffeu /* the schedule has a data choice here */
#define COOP_PICK_CUT  0xfffffffdu /* nothing new from here on: the run goes to its end without choices, result.cut */

enum coop_end { COOP_FINISHED, COOP_STUCK /* nobody can go on */, COOP_TOO_LONG, COOP_DIVERGED /* replay */ };

/*
 * Who runs next. Chance belongs to the picker: it owns a struct rng seeded by begin(). Only asked
 * where choices are on and at least two tasks are enabled (every_turn: at each turn, and then what it
 * says of a lone task is no decision). `begin` starts a schedule: `steps` is an upper estimate of
 * its decisions (from a profile run). All calls of a run come from inside it, between begin and end.
 *
 * The members after `choose` are for pickers that watch: they learn (surw) or enumerate (dfs, dpor).
 */
struct picker {
	const char *name, *what;
	void *(*create)(const char *args, const char **err); /* "" or e.g. "d=3"; NULL and *err when they are wrong */
	void (*destroy)(void *state);
	void (*begin)(void *state, uint64_t seed, uint32_t steps);
	uint32_t (*pick)(void *state, const struct coop_view *v);
	/* A data choice in [0, n); COOP_PICK_NONE ends the run as diverged. NULL: drawn evenly from the run's seed. */
	uint32_t (*choose)(void *state, uint32_t n);

	bool every_turn;
	/* The running task has accessed obj, with choices on: in the order of the run, after the pick that let it. */
	void (*access)(void *state, uint32_t task, uint32_t obj, bool write);
	/* The same, all of it, told apart (rt.h: enum point_kind); one of the two is told. */
	void (*sync)(void *state, uint32_t task, uint32_t obj, enum point_kind kind);
	/* The run has ended, or is cut. */
	void (*end)(void *state, enum coop_end end);
	/* Those that enumerate: is there a schedule left? Asked before each. NULL: always. */
	bool (*more)(void *state);
};

extern const struct picker pick_random, pick_pct, pick_pos, pick_urw, pick_surw, pick_replay, pick_replay_turns, pick_dfs,
	pick_dpor, pick_clock;
const struct picker *picker_find(const char *name);
/* All pickers that create() can make; NULL at the end of the table. */
const struct picker *picker_at(unsigned i);

/*
 * Where points are. COARSE: before each acquire, before each visible operation (rt_point), at waits. FINE: also before
 * each access that is named (rt_access: READ, WRITE) and after each acquire, release, wake and end of a wait.
 * What a coarse search rests on is in ARCHITECTURE.md; a fine one does not, and tests it.
 */
enum granularity { COOP_COARSE, COOP_FINE, COOP_GRANULARITIES };
extern const char *const granularity_name[COOP_GRANULARITIES];

struct coop_config {
	const struct picker *picker;
	void *picker_state;
	uint64_t seed;
	uint32_t steps_hint;      /* for begin(); 0 = 1000 */
	uint32_t steps_max;       /* 0 = 1,000,000 decisions */
	struct schedule *record;  /* cleared, then filled with the picks; may be NULL */
	bool virtual_time;        /* pick_clock: now/sleep/work are a clock, not chance */
	enum granularity granularity; /* of a search */
	uint32_t objects_from;    /* the run's objects have numbers above this one: those below are of what outlives it */
};

struct coop_result {
	enum coop_end end;
	bool cut;                 /* the picker gave up in the middle (COOP_PICK_CUT) */
	uint32_t steps;           /* decisions with more than one enabled task */
	uint32_t switches, preemptions; /* a preemption: the current task was enabled and another was picked */
	uint32_t objects;         /* the highest number that an object was given */
	uint64_t trace_hash;      /* per-object order of accesses: equal hashes, equivalent schedules */
	char why[512];            /* STUCK: who waits for what; DIVERGED: expected and found */
};

/*
 * Runs main(arg) as task 0 under the picker until every task has ended (or nobody can go on, or
 * steps_max). Not reentrant. Stacks and tasks are pooled between runs: a run costs microseconds.
 * When it did not finish, the fibers are abandoned where they stand, with what they had allocated.
 */
void coop_run(const struct coop_config *cfg, void (*main)(void *), void *arg, struct coop_result *res);

/*
 * From inside main(): scheduling choices start now (they are off at the start of main, so that a
 * mount costs no decision: the first enabled task goes on), or stop again for the teardown.
 */
void coop_choices(bool on);

/*
 * From inside main(): sleeps until nobody else can go on, but by letting time pass. What the others still have in
 * hand is then done, so that a run is a whole one: what they would have done next is no question of when it ended.
 */
void coop_wait_idle(void);

/* A data choice in [0, n): recorded in the schedule, tagged; drawn by the picker's chance. Only inside a run. */
uint32_t coop_choose(uint32_t n);

/* Decisions so far in this run; 0 outside of one. */
uint32_t coop_step(void);

/* Prints "task (what it waits for)" of all tasks that have not ended. For STUCK and for a failed CHECK. */
void coop_describe(char *buf, unsigned size);

#endif
