/*
 * coop.h: the controlled scheduler: tasks are fibers on one OS thread, and at every point a picker decides which one
 * goes on (picker.h). The same picks give the same run, bit for bit.
 *
 * Called by the hunter, by what replays a schedule, and by tests; the engine never includes it.
 */
#ifndef RT_COOP_H
#define RT_COOP_H

#include "rt/picker.h"
#include "rt/schedule.h"

/*
 * Where points are. COARSE: before each acquire, before each visible operation (rt_point), at waits. FINE: also before
 * each access that is named (rt_access: READ, WRITE) and after each acquire, release, wake and end of a wait.
 * engine/ARCHITECTURE.md says why the coarse points suffice; the fine ones test that.
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
	bool virtual_time;        /* with pick_clock: time is modelled (coop_time.c); else the run is a search */
	enum granularity granularity; /* of a search */
	uint32_t objects_from;    /* its objects have higher numbers; those up to here outlive the run */
};

struct coop_result {
	enum coop_end end;
	bool cut;                 /* the picker gave up in the middle of the run (COOP_PICK_CUT) */
	uint32_t steps;           /* decisions with more than one enabled task */
	uint32_t switches, preemptions; /* a preemption: the current task was enabled and another was picked */
	uint32_t objects;         /* the highest number that an object was given */
	uint64_t trace_hash;      /* per-object order of accesses: equal hashes, equivalent schedules */
	char why[512];            /* STUCK: what each task waits for; DIVERGED: expected and found */
};

/*
 * Runs main(arg) as task 0 under the picker until every task has ended, or no task can go on, or steps_max. Not
 * reentrant, and no other thread may use the runtime meanwhile. Stacks and tasks are kept between runs: a run costs
 * microseconds. When it did not finish, the fibers are abandoned where they stand, with what they had allocated.
 */
void coop_run(const struct coop_config *cfg, void (*main)(void *), void *arg, struct coop_result *res);

/*
 * From inside main(): the picker is asked from now on, or no longer. It is not asked at the start of main(), so that a
 * mount costs no decision; nor should it be in the teardown. Without choices the running task goes on while it can.
 */
void coop_choices(bool on);

/*
 * From inside main(): sleeps until no other task can go on without letting time pass. Then the work that the others
 * had begun is done, and the run can end without cutting it off. At most one task is in it.
 */
void coop_wait_idle(void);

/* A data choice in [0, n), made by the picker and recorded in the schedule. 0 while the picker is not asked. */
uint32_t coop_choose(uint32_t n);

/* Decisions so far in this run; 0 outside of a run. */
uint32_t coop_step(void);

#endif
