/*
 * fio_run.h: real fio as a driver: of a job that our own cannot do, or taking turns with us, so that our own harness is
 * held against the one that everybody knows. It drives a target's folder, or a design through the external engine.
 *
 * fio gets the job file as it is, and after each section what the bench's options say and where its files lie. When it
 * is held against us it gets, of several files, the one that is synced (job.3). Its histograms become ours, so the same
 * code computes the figures of both; what a design counted meanwhile comes with them (fio_report.h).
 *
 * fio_run.1: fio has one histogram for all kinds of sync of a reporting group. Each section is a group, so the
 * histogram is of one kind, unless the section itself has several kinds. Then no figure of its syncs is given, and a
 * notice says so.
 * fio_run.2: With a placement each task is a section of its own, of its section's group, on the processor of its plan.
 *
 * fio_run.3: Whatever a job says of folders and names, its files lie in the target's folder alone: a / in a name is a
 * %, as with our own driver (job.1). fio itself runs there, and keeps no logs. What it reads (an engine of its own, a
 * log of calls) is found from where the program runs.
 *
 * Called by run.c for --with-fio and --driver fio, and by drivers.c, which chooses.
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
	bool beside;                    /* held against our own driver */
	const struct target_spec *spec; /* where: a target with a folder */
};

/* One trial. As driver_run(). */
int fio_run(const struct fio_request *q, struct driver_result **out, struct why *why);

/*
 * The job as fio gets it, to free; NULL when it cannot be read. plan: of all tasks, or NULL. folder: NULL for a design.
 */
char *fio_job_text(const struct fio_request *q, const struct placement *plan, const char *folder);
/* Where the engine lies with which fio drives a design: PATH_MAX bytes. 0 or -ENOENT. */
int fio_engine_path(char *out);

#endif
