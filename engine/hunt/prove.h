/*
 * prove.h: all schedules of a race under a design, or all with at most K preemptions: does the design hold in
 * each, whatever the power cut?
 *
 * (Q1) A proof is complete when it says so: every schedule within the bound was run, or is equal for every task and for
 *      the judge to one that was.
 * (Q2) The parts of a proof that is divided share no execution: these add up, and together they are complete when each
 *      is. They do share traces: of two schedules of one trace each may be in a part of its own.
 *
 * Called by `race prove` and by bench-race.
 */
#ifndef HUNT_PROVE_H
#define HUNT_PROVE_H

#include "hunt/hunt.h"
#include "pick/dpor.h"

#define PROVE_ERR_MAX  300
#define PROVE_JOBS_MAX 64u

struct proof {
	uint32_t preemptions;     /* at most; DPOR_NO_BOUND: all schedules */
	uint32_t part, parts;     /* parts 0 is 1 */
	uint32_t jobs;            /* prove_jobs() sets it: one of so many processes that have a part of this */
	const char *checkpoint;   /* where it stands is kept here now and then, and taken up again; NULL: nowhere */
	double seconds;           /* at most; 0: no bound */
	bool *found_elsewhere;    /* set by another process of the same proof: this part stops; may be NULL */
	void (*progress)(const struct proof *p, void *arg);
	void *arg;
	struct traces *traces;    /* kept for the caller; may be NULL */
	/* out: */
	uint64_t executions, cut; /* runs that went to their end; that were cut, for nothing new was to come */
	uint64_t distinct;        /* traces among the executions */
	enum counted counted;     /* these */
	bool complete, found;
	bool all;                 /* complete, and no schedule has more preemptions than the bound */
	bool too_long;            /* a run had more steps or tasks than the search has room for: it can prove nothing */
	uint32_t reached;         /* bound: all schedules with so many preemptions have been tried */
	double took;              /* seconds, of all processes that worked on it */
};

/* Runs it in this process. 0, or -errno with one line in err. The violation is in *v when p->found. */
int prove(struct hunt *h, struct proof *p, struct violation *v, char *err);
/* The same in `jobs` processes, each with a part. */
int prove_jobs(struct hunt *h, struct proof *p, uint32_t jobs, struct violation *v, char *err);
/* Can so many go on from p->checkpoint, or begin one there? 0, or -EINVAL with one line in err: it is of another number. */
int prove_check_jobs(const struct proof *p, uint32_t jobs, char *err);

/* What parts have come to, together (Q2), traces aside: begin, then add each. */
void proof_begin_sum(struct proof *sum);
void proof_add(struct proof *sum, const struct proof *part);

#endif
