/*
 * hunt.h: a hunt: one race under one design, with the device, the model and the judge that all its schedules share.
 *
 * hunt.1: The file system's first content is made once; every schedule starts from the same image.
 * hunt.2: A run depends on the race, the design, the granularity, the picker's choices and the seed alone: the same
 *         again gives the same trace hash and the same verdict.
 * hunt.3: Of a run only its schedule is kept: a violation is shown by running it again.
 *
 * Opened by the commands of `race`, the score, bench-race and tests. What is done with it: run.h runs one schedule,
 * judge.h judges it, search.h and prove.h run many, minimise.h and flip.h work on one that fails, stress.h uses
 * threads in place of schedules.
 */
#ifndef HUNT_HUNT_H
#define HUNT_HUNT_H

#include "hunt/violation.h"
#include "pick/watch.h"

struct hunt {
	const struct race *race;
	const struct design *design;
	void *bare;               /* a bare race's own state: then dev and judge are NULL */
	struct dev *dev;
	struct race_run run;
	uint32_t objects;         /* made before the first run: the device's, the model's */
	struct judge *judge;
	struct cut_budget budget;
	struct dev_faults faults; /* race->fail */
	uint32_t faults_id;       /* the faults' object: which one fails depends on their order */
	_Atomic bool may_fail;    /* the run is mounted, and its tasks run */
	_Atomic uint32_t met[RACE_FAULTS]; /* in the run under way, or the last one; counted where the race fails one */
	uint64_t schedules;       /* run so far */
	/* of the runs to come; whoever opens the hunt sets them: */
	enum granularity granularity; /* COOP_COARSE at first */
	uint32_t steps_hint;      /* what the next run's picker is told of its length; 0: nothing */
	struct absent absent;
	struct watch *watch;      /* put around the picker; NULL: none */
	const char *rescue_path;  /* rescue.h: where the schedule goes when a CHECK fails; NULL: nowhere */
	/* of the run under way, or of the last one: */
	struct schedule schedule;
	struct coop_result result;
	uint32_t task_id[RACE_TASKS_MAX]; /* the numbers that the race's tasks had */
	struct violation *found;  /* the judge's output while it looks at crashes */
};

/* Makes the device and the race's first content. 0, or -errno and why. */
int hunt_open(const struct race *race, const struct design *design, struct hunt **out, struct why *why);
void hunt_close(struct hunt *h);

#endif
