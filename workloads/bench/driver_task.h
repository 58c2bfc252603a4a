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
	uint64_t begin_ns;                     /* when it opened for what is measured */
};

struct worker {
	/* set by driver.c before the task starts */
	const struct job_clone *clone;
	const struct target *target;
	void *instance;
	void **file;              /* the clone's, job->nrfiles of them; NULL: not open */
	struct target_file *want; /* how each is opened */
	unsigned before;          /* it begins when so many tasks have ended: a stonewall */
	struct line *line;
	uint64_t limit_ns;        /* 0: until the job is done */
	bool unlimited;           /* the job's own end does not count */
	uint64_t seed;
	const struct pmu_set *events; /* may be NULL */
	bool kwaits;              /* record the sleeps of syncs */
	struct task *task;

	/* the task's own while it runs, then read by driver.c */
	struct op_stream ops;
	unsigned char *buf;        /* one for each call in flight */
	size_t buf_size;
	void *queue;               /* NULL: one call after the other */
	struct inflight *inflight; /* by tag */
	unsigned ninflight, depth;
	struct rng stamp;
	bool measuring;
	bool rated;                /* the job has a rate: responses are kept, too */
	uint64_t begin_ns, end_ns; /* of the interval */
	uint64_t intended_ns;      /* of the write in hand, with rate_iops */
	uint64_t started_ns;       /* when it really began */
	struct rng arrivals;       /* rate_process=poisson */
	uint64_t issued;           /* reads and writes since the line */
	uint64_t asked[2], asked_bytes[2]; /* the same of each, and their bytes, for the rates */
	struct heat heat;          /* of syncs */
	struct hist op[OP_KINDS], service, response, durable;
	uint64_t undurable_ns;     /* that writes took since the last sync; 0: there were none */
	uint64_t phase_ns[PH_NR];
	uint64_t bytes, read_bytes, cpu_ns;
	struct pmu *pmu;           /* NULL without events */
	struct kwait_task *sleeps; /* NULL: not recorded */
	uint64_t *wrote_ns;        /* of each file: when the write began that no sync has followed yet; 0: none */
	int error;
	enum op_kind error_op;
};

/* A call that was put into the queue. */
struct inflight {
	struct op op;
	uint64_t begin_ns;
	bool used;
};

/* The body of the task: through the ramp, if there is one, then the measured interval. */
void worker_run(void *arg);

#endif
