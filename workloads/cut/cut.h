/*
 * cut.h: power cuts under a work on a real file system: rounds are recorded, their crashes mounted and judged, by
 * several processes at once, until a bound is met. Each process has rounds of its own; where all states of fewer rounds
 * than processes are judged, several share a round's. Rounds can be recorded on one kernel and judged on another.
 *
 * Each process has its own devices, and ends with its parent. What it holds (mounts, loop devices, the FUSE server)
 * goes with it. So nothing is left behind, however the program ends.
 *
 * Called by cmd/cut.c.
 */
#ifndef CUT_CUT_H
#define CUT_CUT_H

#include "cut/choose.h"
#include "cut/controls.h"
#include "cut/tally.h"

#define CUT_JOBS_MAX 16u

struct cut_plan {
	struct cut_fs fs;
	uint64_t states;      /* at most so many; 0: no bound */
	double seconds;       /* at most so long; 0: no bound */
	uint64_t rounds;      /* at most so many; 0: no bound */
	unsigned per_round;   /* states that are judged of each, unless exhaustive or aimed */
	bool exhaustive;      /* of each round all choices, with up to EXHAUSTIVE_PENDING pending writes */
	unsigned holds, jobs, check_every; /* every so manieth image is checked, and mounted twice; 0: none */
	uint32_t tear;
	uint64_t seed;
	struct aim aim;
	unsigned findings_most; /* folders */
	char findings[512];     /* where they go: this folder, made when there is one */
	char records[512];      /* rounds are not judged but kept here, each as round-N.zst; "": they are judged */
	char controls[512];     /* the folder of those that were recorded, to be judged; "": they are run */
	const char *recorded_on; /* the kernel of those; NULL: the one that judges */
	const char *recorder;   /* the front end's name (recorder.h) */
	bool foreign;           /* those that are judged are of a log of others (evidence.h) */
	uint32_t until;         /* bits of enum cut_class: it ends when one of them is broken, and keeps only that */
	bool one_syncer;        /* the control arm: of the threads that sync only the first does */
	void (*progress)(const struct tally *t, double seconds, void *arg);
	void *arg;
};
#define EXHAUSTIVE_PENDING 8u

/*
 * With p->records controls are recorded there, and *out is empty. 0, or -errno with why: the world's error, or
 * controls that do not hold. Forks; the program has one thread.
 */
int cut_run_controls(const struct cut_plan *p, struct controls *out, struct why *why);
/*
 * What it came to is in *t, which tally_new() has made. 0, also when it was stopped (base/stop.h) or something is
 * broken; -errno with why. Forks; the program has one thread.
 */
int cut_run(const struct cut_plan *p, const char *what, struct tally *t, struct why *why);
/*
 * The same with recorded rounds in place of a work, each in a file of `files`, which NULL ends. Judged are p->per_round
 * states of each, or as p->exhaustive and p->aim say.
 */
int cut_judge(const struct cut_plan *p, char *const *files, struct tally *t, struct why *why);
/* Memory that is shared with processes forked later. */
struct tally *tally_new(void);
void tally_free(struct tally *t);

#endif
