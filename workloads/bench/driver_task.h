/*
 * driver_task.h: one task of a trial, as driver.c makes it and driver_task.c runs it.
 */
#ifndef BENCH_DRIVER_TASK_H
#define BENCH_DRIVER_TASK_H

#include "bench/driver.h"

/* The start line, shared by all tasks of a trial. */
struct line {
	unsigned n;
	_Atomic unsigned waiting, gone, ended; /* waiting: have come to the line; gone: times it opened */
	struct waitq go, came;
};

struct worker {
	/* set by driver.c before the task starts */
	const struct job_clone *clone;
	const struct target *target;
	void **file;              /* the clone's, job->nrfiles of them */
	struct line *line;
	uint64_t limit_ns;        /* 0: until the job is done */
	bool unlimited;           /* the job's own end does not count */
	uint64_t seed;
	const struct pmu_set *events; /* may be NULL */
	struct task *task;

	/* the task's own while it runs, then read by driver.c */
	struct op_stream ops;
	unsigned char *buf;
	struct rng stamp;
	bool measuring;
	uint64_t begin_ns, end_ns; /* of the interval */
	uint64_t intended_ns;      /* of the write in hand, with rate_iops */
	uint64_t started_ns;       /* when it really began */
	struct rng arrivals;       /* rate_process=poisson */
	uint64_t issued;           /* writes since the line, for the rate */
	struct heat heat;          /* of syncs */
	struct hist op[OP_KINDS], service, response;
	uint64_t phase_ns[PH_NR];
	uint64_t bytes, cpu_ns;
	struct pmu *pmu;           /* NULL without events */
	int error;
	enum op_kind error_op;
};

/* The body of the task: through the ramp, if there is one, then the measured interval. */
void worker_run(void *arg);

#endif
