/*
 * ops.h: what one clone of a job does, one operation after the other. The stream depends on the job and a seed alone,
 * so a bench task and a task under the controlled scheduler do the same.
 *
 * The stream goes over the files of the clone in passes, as fio does. A file is done when its next block would
 * not fit, or when each of its blocks had its turn; a pass is over when all files are, or the job's bytes or calls are
 * used up. After every N-th write comes one sync, on the file just written: an fsync if one is due, else an fdatasync,
 * else a sync_file_range. A sync is made before the next call, so none comes after the last one of the job, unless
 * `finish` asks for it.
 *
 * ops.1: fsync_on_close syncs a file when it is done, and all files at the end of a pass; end_fsync does the latter.
 * Neither comes right after a sync: what was written is durable.
 *
 * Called by the bench driver, by bench --dry-run, and by race/job_calls.c.
 */
#ifndef JOB_OPS_H
#define JOB_OPS_H

#include "base/rng.h"
#include "job/job.h"

enum op_kind { OP_WRITE, OP_RANGE, OP_FDATASYNC, OP_FSYNC, OP_READ, OP_KINDS };

struct op {
	enum op_kind kind;
	unsigned file;  /* index among the clone's files */
	unsigned flags; /* OP_RANGE: enum job_range */
	bool closing;   /* OP_FSYNC: of ops.1 */
	uint64_t off, len; /* len 0 of an OP_RANGE: nothing is dirty, and no call is made */
};

struct op_file {
	uint64_t size, blocks;         /* of the job's: bytes, and how many of the smallest blocks */
	uint64_t pos[2], last[2];      /* of reads, of writes: where the next one in order begins, and the last began */
	uint64_t dirty_from, dirty_to; /* since its last OP_RANGE */
	uint64_t *map;                 /* a bit for each block that had its turn in this pass; NULL: none had */
	uint64_t left;                 /* blocks that had not */
	bool open, done;               /* in this pass */
};

struct op_stream {
	const struct job *job;
	uint32_t bs;               /* of the job's, which are asked for at each call: its smallest block */
	bool random, has_reads, has_writes;
	struct rng rng;
	bool unlimited;            /* does not end by itself */
	bool queued;               /* calls are in flight together: ops_completed() tells when one is done */
	bool finish;               /* a sync that is due after the last write still comes */
	uint64_t ios, bytes;       /* reads and writes so far, as limits count them */
	uint64_t writes;           /* so far, as syncs count them */
	uint64_t pass_ios, pass_bytes;
	unsigned passes;           /* that were begun */
	bool synced, over;         /* synced: the last call was a sync, or there was none in this pass */
	unsigned written;          /* file of the last write */
	unsigned next, current, calls_left, nopen, ndone;
	unsigned run_left;         /* of job->run */
	unsigned end_file;         /* the end of a pass: the next file to sync; `ending` says so */
	bool ending;
	struct op_file *file;      /* job->nrfiles */
};

/* Random numbers follow from the job, the clone and the seed. `unlimited`: the stream does not end by itself. */
void ops_begin(struct op_stream *s, const struct job_clone *c, uint64_t seed, bool unlimited);
/* False when the job is done. */
bool ops_next(struct op_stream *s, struct op *out);
/* Whether a sync of the last write comes next. */
bool ops_due(const struct op_stream *s);
/*
 * With `queued`: a read or a write is done. As in fio, a sync that is due waits for that: while only syncs were done
 * since the last one, there is nothing to sync.
 */
void ops_completed(struct op_stream *s);
/* What was done so far does not count towards number_ios and io_size: it was the ramp. */
void ops_uncount(struct op_stream *s);
void ops_end(struct op_stream *s);

extern const char *const op_name[OP_KINDS];

#endif
