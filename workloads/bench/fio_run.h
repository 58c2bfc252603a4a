/*
 * fio_run.h: real fio takes turns with us: the same job file, in the same folder, so that our own harness is held
 * against the one that everybody knows.
 *
 * fio gets the job file as it is, and after each section what the bench's options say, and of several files the one
 * that is synced (job.3). Its histograms become ours, so the same code computes the figures of both.
 *
 * fio_run.1: fio has one histogram for all kinds of sync of a reporting group. Each section is a group, so the
 * histogram is of one kind, unless the section itself has several kinds. Then no figure of its syncs is given, and a
 * notice says so.
 * fio_run.2: With a placement each task is a section of its own, of its section's group, on the processor of its plan.
 *
 * Called by run.c for --with-fio.
 */
#ifndef BENCH_FIO_RUN_H
#define BENCH_FIO_RUN_H

#include "bench/driver.h"

struct fio_request {
	const struct job_file *job;
	const struct job_clone *clones; /* of this number of tasks */
	unsigned n;
	unsigned numjobs;               /* of every section; 0: the job's own */
	const char *placement;          /* a plan of machine/place.h; NULL: as the job's own keys say */
	uint64_t seconds_ns;            /* 0: the job's own limits */
	const struct target_spec *spec; /* where: a target with a folder */
};

/* One trial. As driver_run(). */
int fio_run(const struct fio_request *q, struct driver_result **out, struct why *why);

/* The job as fio gets it, to free; NULL when it cannot be read. plan: of all tasks, or NULL. */
char *fio_job_text(const struct fio_request *q, const struct placement *plan, const char *folder);

#endif
