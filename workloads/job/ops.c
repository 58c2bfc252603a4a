/*
 * ops.c: what one clone of a job does, one operation after the other. See ops.h.
 */
#include "job/ops.h"

const char *const op_name[OP_KINDS] = { "write", "sync_file_range", "fdatasync", "fsync" };

void ops_begin(struct op_stream *s, const struct job_clone *c, uint64_t seed, bool unlimited)
{
	*s = (struct op_stream){ .job = c->job, .limited = !unlimited };
	rng_seed(&s->rng, rng_mix(seed ^ rng_mix(c->job->randseed)) + c->clone);
}

void ops_uncount(struct op_stream *s)
{
	s->writes = 0;
	s->bytes = 0;
}

static uint32_t next_length(struct op_stream *s)
{
	const struct job *j = s->job;
	uint64_t roll;
	unsigned i = 0;

	if (j->nsplit == 1)
		return j->split[0].bs;
	roll = rng_below(&s->rng, 100);
	while (i + 1 < j->nsplit && roll >= j->split[i].percent)
		roll -= j->split[i++].percent;
	return j->split[i].bs;
}

static uint64_t next_offset(struct op_stream *s, unsigned file, uint32_t len)
{
	uint64_t size = s->job->filesize, off;

	if (s->job->rw == JOB_RANDWRITE) {
		/* Aligned to the smallest block, as fio does: blocks of one size never overlap in part. */
		uint32_t align = s->job->split[0].bs;

		for (unsigned i = 1; i < s->job->nsplit; i++)
			if (s->job->split[i].bs < align)
				align = s->job->split[i].bs;
		return rng_below(&s->rng, (size - len) / align + 1) * align;
	}
	off = s->pos[file];
	if (off + len > size)
		off = 0;
	s->pos[file] = off + len;
	return off;
}

static bool finished(const struct op_stream *s)
{
	const struct job *j = s->job;
	uint64_t bytes = j->io_size ? j->io_size : j->filesize * j->nrfiles;

	if (!s->limited)
		return false;
	return (j->number_ios && s->writes >= j->number_ios) || s->bytes + j->split[0].bs > bytes;
}

static void note_due(struct op_stream *s)
{
	const struct job *j = s->job;

	if (j->range_every && s->writes % j->range_every == 0)
		s->due |= 1u << OP_RANGE;
	if (j->fdatasync && s->writes % j->fdatasync == 0)
		s->due |= 1u << OP_FDATASYNC;
	if (j->fsync && s->writes % j->fsync == 0)
		s->due |= 1u << OP_FSYNC;
}

/* Takes the first sync that is due, in the order of enum op_kind. */
static void next_sync(struct op_stream *s, struct op *out)
{
	enum op_kind kind = __builtin_ctz(s->due);

	s->due &= s->due - 1;
	*out = (struct op){ .kind = kind, .file = s->file };
	if (kind != OP_RANGE)
		return;
	out->flags = s->job->range_flags;
	out->off = s->dirty_from;
	out->len = s->dirty_to - s->dirty_from;
	s->dirty_to = 0;
}

bool ops_next(struct op_stream *s, struct op *out)
{
	unsigned file;

	if (s->due) {
		next_sync(s, out);
		return true;
	}
	if (finished(s))
		return false;
	file = s->job->nrfiles == 1 ? 0 : (s->file + (s->writes > 0)) % s->job->nrfiles;
	*out = (struct op){ .kind = OP_WRITE, .file = file };
	out->len = next_length(s);
	out->off = next_offset(s, file, out->len);
	if (file != s->file || !s->dirty_to) {
		s->dirty_from = out->off;
		s->dirty_to = out->off + out->len;
	}
	if (out->off < s->dirty_from)
		s->dirty_from = out->off;
	if (out->off + out->len > s->dirty_to)
		s->dirty_to = out->off + out->len;
	s->file = file;
	s->writes++;
	s->bytes += out->len;
	note_due(s);
	return true;
}
