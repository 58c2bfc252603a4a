/*
 * job_calls.h: a job counted instead of timed: what each of its clones does, as a short list of calls that a
 * controlled run can take. What had to be made smaller is said, line by line.
 *
 * (C1) The calls are those of job/ops.h, so a hunted job does what the benched one does, only less of it.
 * (C2) Whatever sync the job asks for comes at least once in each clone that writes.
 * (C3) Keys that mean nothing without processors and a page cache to go past are refused; keys that only take time
 *      are not needed: under the controlled scheduler every pause may happen anyway.
 *
 * Called by job.c.
 */
#ifndef RACE_JOB_CALLS_H
#define RACE_JOB_CALLS_H

#include "job/job.h"

#define JOB_CALLS_TASKS  4u
#define JOB_CALLS_FILES  6u
#define JOB_CALLS_WRITES 4u  /* of a clone */
#define JOB_CALLS_MAX    16u /* of a clone, syncs included */
#define JOB_CALLS_BLOCKS 4u  /* of a file */

enum job_call_kind { CALL_WRITE, CALL_RANGE, CALL_FDATASYNC, CALL_FSYNC };

struct job_call {
	uint8_t kind; /* enum job_call_kind */
	uint8_t file; /* of struct job_calls */
	bool wait;    /* CALL_RANGE */
	uint32_t len; /* whole sectors, as off */
	uint64_t off;
};

struct job_calls {
	uint32_t nfiles, ntasks;
	struct {
		char name[JOB_NAME_MAX];
		uint32_t laid_out; /* bytes before the run */
	} file[JOB_CALLS_FILES];
	struct {
		char name[JOB_NAME_MAX];
		uint32_t n;
		struct job_call call[JOB_CALLS_MAX];
	} task[JOB_CALLS_TASKS];
	char clamped[800]; /* lines, "" when all is as the job says */
};

/* `text` is what jf was parsed from: for the line of what is refused. 0, or -EINVAL with one line in err (JOB_ERR_MAX bytes). */
int job_calls(const struct job_file *jf, const char *text, struct job_calls *out, char *err);

#endif
