/*
 * ops.h: what one clone of a job does, one operation after the other. The stream depends on the job and a seed alone,
 * so a bench task and a task under the controlled scheduler do the same.
 *
 * After every N-th write comes the sync that the job asks for, on the file just written. number_ios and io_size count
 * writes; a sync that is due after the last write still comes.
 *
 * Called by the bench driver, and by race/job_calls.c.
 */
#ifndef JOB_OPS_H
#define JOB_OPS_H

#include "base/rng.h"
#include "job/job.h"

enum op_kind { OP_WRITE, OP_RANGE, OP_FDATASYNC, OP_FSYNC, OP_KINDS };

struct op {
	enum op_kind kind;
	unsigned file;  /* index among the clone's files */
	unsigned flags; /* OP_RANGE: enum job_range */
	uint64_t off, len;
};

struct op_stream {
	const struct job *job;
	struct rng rng;
	bool limited;              /* stops at number_ios or io_size */
	uint64_t writes, bytes;    /* so far */
	unsigned due;              /* bit OP_x: comes before the next write */
	unsigned file;             /* of the last write */
	uint64_t pos[JOB_FILES_MAX];
	uint64_t dirty_from, dirty_to; /* of `file`, since its last OP_RANGE */
};

/* Random numbers follow from the job, the clone and the seed. `unlimited`: the stream does not end by itself. */
void ops_begin(struct op_stream *s, const struct job_clone *c, uint64_t seed, bool unlimited);
/* False when the job is done. */
bool ops_next(struct op_stream *s, struct op *out);
/* What was done so far does not count towards number_ios and io_size: it was the ramp. */
void ops_uncount(struct op_stream *s);

extern const char *const op_name[OP_KINDS];

#endif
