/*
 * pmu.h: hardware and kernel counters of the workload's own tasks, by libpfm4's event names.
 *
 * pmu.1: An event that cannot be counted is never 0: it is unavailable, and says why.
 * pmu.2: Events are read as a group: those of one group were counted over the same time. What does not fit
 *     into one group gets another; if the kernel lets groups take turns, values are scaled to the whole time.
 *
 * The kernel's software events (PMU_ALWAYS) are counted in every run, whatever else was asked for. By phase, events are
 * read in one sync of PMU_SYNC_ONE_IN only: a reading is a system call, about half a microsecond for each group.
 *
 * One struct pmu counts one thread: it is opened, started, read and closed by that thread.
 */
#ifndef RT_PMU_H
#define RT_PMU_H

#include <perfmon/perf_event.h> /* libpfm4's own copy of <linux/perf_event.h>: the two cannot meet */
#include <stdbool.h>

#include "rt/rt.h"

#define PMU_EVENTS_MAX  20
#define PMU_NAME_MAX    48
#define PMU_WHY_MAX     120
#define PMU_ERR_MAX     200
#define PMU_SYNC_ONE_IN 64u
#define PMU_ALWAYS      "task-clock,context-switches,cpu-migrations,page-faults"

struct pmu_event {
	char name[PMU_NAME_MAX]; /* as asked for */
	struct perf_event_attr attr;
};

struct pmu_set {
	unsigned n;
	struct pmu_event event[PMU_EVENTS_MAX];
};

/* Sums over tasks. */
struct pmu_counts {
	unsigned n;              /* of events; 0: no task counted */
	struct pmu_count {
		char name[PMU_NAME_MAX];
		char why[PMU_WHY_MAX];   /* unavailable (pmu.1): then the values are not valid; "" when counted */
		double value;
		double phase[PH_NR];     /* of the syncs that were read by phase */
	} event[PMU_EVENTS_MAX];
	uint64_t syncs;          /* how many were */
};

/*
 * The events of PMU_ALWAYS and those of a list such as "cycles,LLC-misses" (NULL: none; u or k after a colon chooses
 * user or kernel: "cycles:u"). 0, or -EINVAL with one line in err (at most PMU_ERR_MAX bytes). `unknown` (PMU_NAME_MAX)
 * is then the word that libpfm4 does not know, or "" when something else is wrong.
 */
int pmu_parse(const char *list, struct pmu_set *out, char *err, char *unknown);
/* The names of events that libpfm4 knows on this machine, in lower case; NULL past the end. */
const char *pmu_known(unsigned i);

struct pmu;
/* For the calling thread, not counting yet. Events that cannot be opened are remembered as such. */
struct pmu *pmu_open(const struct pmu_set *set);
void pmu_start(struct pmu *p);
void pmu_stop(struct pmu *p);
/*
 * Around a sync: between the two calls phase_switch() charges events to phases, if this sync's turn has come. The task
 * enters the sync's first phase after the first call, and leaves its last phase before the second call.
 */
void pmu_sync_begin(struct pmu *p);
void pmu_sync_end(void);
/* Adds what p has counted; by any thread, after p's own has stopped it. */
void pmu_add(const struct pmu *p, struct pmu_counts *sum);
void pmu_close(struct pmu *p);
/* Adds two sums of the same set. */
void pmu_merge(struct pmu_counts *into, const struct pmu_counts *from);

/* phase.c: the task leaves this phase. */
void pmu_charge(struct pmu *p, enum phase left);

#endif
