/*
 * shape.h: the I/O of a job on a design, without its data, so that it can be played again on any
 * device: what the device alone takes for it.
 *
 * It is that of one task. Each request is a write with the syncs after it, up to a mark on the tape. It is recorded on
 * memory: what a design asks of its device does not depend on the device. Only the moment when a write is done does,
 * and that is put right afterwards.
 *
 * Called by the bench command, which keeps it, and by `fsyncstorm floor`, which plays it.
 */
#ifndef BENCH_SHAPE_H
#define BENCH_SHAPE_H

#include <jansson.h>

#include "dev/tape.h"
#include "job/job.h"
#include "target/target.h"


struct shape {
	char label[96];     /* of the target */
	unsigned requests;
	struct tape tape;
	double p50_ns;      /* of a request, in the run that it is of; 0: not known */
};

/* Records the job's first section on the design of spec. 0, or -errno with why. */
int shape_record(const struct target_spec *spec, const struct job *job, struct shape *out, struct why *why);
void shape_free(struct shape *s);

json_t *shape_json(const struct shape *s);
/* 0, or -EINVAL with why: it is not a shape. */
int shape_from_json(const json_t *o, struct shape *out, struct why *why);

#endif
