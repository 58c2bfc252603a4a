/*
 * trial.h: one trial of a target, by the bench driver or by fio, for figures that these measure.
 */
#ifndef FIGURES_TRIAL_H
#define FIGURES_TRIAL_H

#include "figures/figures.h"
#include "bench/driver.h"

struct trial {
	struct target_spec spec;
	const struct job_file *job; /* of one section */
	unsigned tasks;
	uint64_t seconds_ns;
	bool fio;
	bool kwaits;                /* a kernel's waits are recorded, which takes time of its syncs */
	struct why *why;            /* why the first that failed did; several trials may share it */
};

/* The job, in a scratch file: fio reads it there. 0, or -errno with why. job_free() */
int trial_job(struct self *s, const char *text, struct job_file *out, struct why *why);
/* The target that is written so; its device or image may be overwritten. 0 or -errno with why. */
int trial_target(struct trial *t, const char *text, struct why *why);
/* NULL when it failed. driver_free() */
struct driver_result *trial_run(struct trial *t);

/* For turns_run(), of a struct trial; 0 when it failed. Write + fsync: the sum of both medians, in ns. */
double trial_write_fsync_p50(void *trial);
double trial_fsync_rate(void *trial);

#endif
