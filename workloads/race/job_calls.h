/*
 * job_calls.h: a job counted instead of timed: what each of its clones does, as a list of calls that is short enough
 * for a controlled run. What had to be made smaller is told, line by line.
 *
 * The calls are those of job/ops.h, but for reads, so a hunted job does what the benched one does, only less of it.
 * Keys for processors and for O_DIRECT are refused: a controlled run has neither. Keys that only take time are dropped:
 * under the controlled scheduler every pause may happen anyway.
 *
 * job_calls.1: Whatever sync the job asks for comes at least once in each clone that writes.
 *
 * Called by job.c.
 */
#ifndef RACE_JOB_CALLS_H
#define RACE_JOB_CALLS_H

#include "base/why.h"
#include "job/job.h"

#define JOB_CALLS_TASKS  4u
#define JOB_CALLS_FILES  6u
#define JOB_CALLS_WRITES 4u  /* of a clone */
#define JOB_CALLS_MAX    16u /* of a clone, syncs included */
#define JOB_CALLS_BLOCKS 4u  /* of a file */

enum job_call_kind { CALL_WRITE, CALL_WRITE_DIRECT, CALL_STORE, CALL_RANGE, CALL_FDATASYNC, CALL_FSYNC };

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
		uint32_t space;    /* bytes that are preallocated; the first of them may be laid out, too */
		bool mapped;
	} file[JOB_CALLS_FILES];
	struct {
		char name[JOB_NAME_MAX];
		uint32_t n;
		struct job_call call[JOB_CALLS_MAX];
	} task[JOB_CALLS_TASKS];
	char clamped[800]; /* lines that say what was made smaller; "": nothing was */
};

/* `text` is what jf was parsed from: it gives the line of a key that is refused. 0, or -EINVAL and why. */
int job_calls(const struct job_file *jf, const char *text, struct job_calls *out, struct why *why);

#endif
