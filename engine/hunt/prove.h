/*
 * prove.h: all schedules of a race under a design, or all with at most K preemptions: does the design hold in each,
 * whenever the power fails?
 *
 * A proof that says `complete` has run every schedule within the bound, or one that is equal to it for every task and
 * for the judge.
 *
 * prove.1: The parts of a divided proof share no execution: executions are added up, and together the parts are
 *          complete when each is. They may share traces: two schedules with one trace may be in different parts.
 *
 * Called by `race prove` and by bench-race.
 */
#ifndef HUNT_PROVE_H
#define HUNT_PROVE_H

#include "hunt/hunt.h"
#include "hunt/traces.h"
#include "pick/dpor.h"

#define PROVE_JOBS_MAX 64u

struct proof {
	uint32_t preemptions;     /* at most; DPOR_NO_BOUND: all schedules */
	uint32_t part, parts;     /* parts 0 is 1 */
	uint32_t jobs;            /* prove_jobs() sets it: this is one of so many processes */
	const char *checkpoint;   /* the file that says how far it is, and from which it goes on; NULL: none */
	double seconds;           /* at most; 0: no bound */
	bool *found_elsewhere;    /* another process of the same proof sets it: this part stops; may be NULL */
	void (*progress)(const struct proof *p, void *arg);
	void *arg;
	struct traces *traces;    /* kept for the caller; may be NULL */
	/* out: */
	uint64_t executions, cut; /* runs that went to their end; runs that were cut because nothing new could follow */
	uint64_t distinct;        /* traces among the executions */
	enum counted counted;     /* how `distinct` is meant */
	bool complete, found;
	bool all;                 /* complete, and no schedule has more preemptions than the bound */
	bool too_long;            /* a run had more steps or tasks than the search has room for: nothing is proved */
	uint32_t reached;         /* all schedules with so many preemptions were tried; DPOR_NO_BOUND: of no number */
	double took;              /* seconds, the sum over all processes that worked on it */
};

/* Runs it in this process. 0, or -errno and why. The violation is in *v when p->found. */
int prove(struct hunt *h, struct proof *p, struct violation *v, struct why *why);
/* The same in `jobs` processes, each with a part. */
int prove_jobs(struct hunt *h, struct proof *p, uint32_t jobs, struct violation *v, struct why *why);
/* Is p->checkpoint new, or of a proof in so many processes? 0, or -EINVAL and why. */
int prove_check_jobs(const struct proof *p, uint32_t jobs, struct why *why);

/* What all parts have come to together (prove.1), traces aside: begin a sum, then add each part. */
void proof_begin_sum(struct proof *sum);
void proof_add(struct proof *sum, const struct proof *part);

#endif
