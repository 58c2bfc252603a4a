/*
 * ops.c: what one clone of a job does, one operation after the other. See ops.h.
 */
#include "job/ops.h"

#include <stdlib.h>

#include "machine/mem.h"

const char *const op_name[OP_KINDS] = { "write", "sync_file_range", "fdatasync", "fsync", "read" };

/* ---- passes ---- */

static void begin_pass(struct op_stream *s)
{
	for (unsigned i = 0; i < s->job->nrfiles; i++) {
		struct op_file *f = &s->file[i];

		free(f->map);
		*f = (struct op_file){ .size = f->size, .blocks = f->blocks,
			               .dirty_from = f->dirty_from, .dirty_to = f->dirty_to };
	}
	s->nopen = s->ndone = s->calls_left = s->next = s->run_left = 0;
	s->current = s->job->nrfiles;
	s->pass_ios = s->pass_bytes = 0;
	/* fio forgets here that it has just synced. By the clock that would be one sync more for nothing. */
	if (!s->unlimited)
		s->synced = false;
	s->ending = false;
	s->passes++;
}

void ops_begin(struct op_stream *s, const struct job_clone *c, uint64_t seed, bool unlimited)
{
	const struct job *j = c->job;

	*s = (struct op_stream){ .job = j, .unlimited = unlimited, .bs = job_min_bs(j), .random = job_random(j),
		                 .has_reads = job_reads(j), .has_writes = job_writes(j) };
	s->file = mem_zalloc(sizeof(*s->file) * j->nrfiles);
	for (unsigned i = 0; i < j->nrfiles; i++) {
		s->file[i].size = job_file_size(j, i);
		s->file[i].blocks = s->file[i].size / s->bs;
	}
	rng_seed(&s->rng, rng_mix(seed ^ rng_mix(j->randseed)) + c->clone);
	begin_pass(s);
}

void ops_end(struct op_stream *s)
{
	for (unsigned i = 0; s->file && i < s->job->nrfiles; i++)
		free(s->file[i].map);
	free(s->file);
	s->file = NULL;
}

void ops_completed(struct op_stream *s)
{
	s->synced = false;
}

void ops_uncount(struct op_stream *s)
{
	s->ios = s->bytes = 0;
	s->over = false;
	if (s->ending)
		begin_pass(s);
	s->passes = 1;
}

static uint64_t limit_of(const struct job *j)
{
	return j->io_size ? j->io_size : j->size;
}

static uint64_t times(uint64_t n, unsigned by)
{
	return __builtin_mul_overflow(n, (uint64_t)by, &n) ? UINT64_MAX : n;
}

static bool used_up(const struct op_stream *s)
{
	const struct job *j = s->job;

	return (j->number_ios && s->ios >= times(j->number_ios, j->loops)) ||
	       s->bytes >= times(limit_of(j), j->loops);
}

/*
 * A queue of calls ends a pass as soon as its bytes are in it; calls one by one end it when the next finds no room. The
 * difference is a sync that is due between two passes.
 */
static bool pass_is_over(const struct op_stream *s)
{
	const struct job *j = s->job;
	uint64_t bytes = j->size;

	if (s->random && s->has_writes && j->norandommap && j->io_size > bytes)
		bytes = j->io_size;
	return j->async && !s->unlimited && s->pass_bytes >= bytes;
}

/* Whether a pass follows: by the clock always, else as `loops`, and then io_size, say. */
static bool goes_on(const struct op_stream *s)
{
	const struct job *j = s->job;

	if (!s->pass_ios)
		return false;
	if (s->unlimited || s->passes < j->loops)
		return true;
	if (j->number_ios && s->ios >= times(j->number_ios, j->loops))
		return false;
	if (s->bytes >= limit_of(j) || limit_of(j) - s->bytes < job_max_bs(j))
		return false;
	return j->io_size || s->ndone < j->nrfiles;
}

/* ---- which file ---- */

static bool can_take(struct op_stream *s, unsigned i)
{
	struct op_file *f = &s->file[i];

	if (f->done)
		return false;
	if (!f->open && s->job->openfiles && s->nopen >= s->job->openfiles)
		return false;
	s->nopen += !f->open;
	f->open = true;
	return true;
}

/* The number of files when all are done. */
static unsigned pick_file(struct op_stream *s)
{
	const struct job *j = s->job;
	unsigned i;

	if (s->ndone == j->nrfiles)
		return j->nrfiles;
	if (s->current < j->nrfiles && !s->file[s->current].done) {
		if (j->service == JOB_SEQUENTIAL)
			return s->current;
		if (s->calls_left) {
			s->calls_left--;
			return s->current;
		}
	}
	do {
		i = j->service == JOB_RANDOM ? (unsigned)rng_below(&s->rng, j->nrfiles) : s->next;
		s->next = (i + 1) % j->nrfiles;
	} while (!can_take(s, i));
	s->current = i;
	s->calls_left = j->service_calls - 1;
	return i;
}

static void file_is_done(struct op_stream *s, unsigned i)
{
	s->file[i].done = true;
	s->ndone++;
	s->nopen--;
}

/* ---- where and how much ---- */

static bool is_taken(const struct op_file *f, uint64_t block)
{
	return f->map[block / 64] >> (block % 64) & 1;
}

/* The first block at or after `from`, round the end, that had no turn. There is one. Bits behind the last one are 0. */
static uint64_t next_free(const struct op_file *f, uint64_t from, uint64_t blocks)
{
	uint64_t words = blocks / 64 + 1, i = from / 64, free = ~f->map[i] & UINT64_MAX << from % 64;

	for (;;) {
		uint64_t block = free ? i * 64 + (uint64_t)__builtin_ctzll(free) : blocks;

		if (block < blocks)
			return block;
		i = i + 1 < words ? i + 1 : 0;
		free = ~f->map[i];
	}
}

static bool draw_block(struct op_stream *s, unsigned i, uint64_t *block)
{
	struct op_file *f = &s->file[i];
	uint64_t blocks = f->blocks, from;

	if (!blocks)
		return false;
	from = rng_below(&s->rng, blocks);
	*block = from;
	if (s->job->norandommap)
		return true;
	if (!f->map) {
		f->map = mem_zalloc((blocks / 64 + 1) * sizeof(*f->map));
		f->left = blocks;
	}
	if (!f->left)
		return false;
	*block = next_free(f, from, blocks);
	return true;
}

/* Marks the blocks of a random call from this one on, and cuts it where one had its turn. */
static uint64_t mark_blocks(struct op_stream *s, unsigned i, uint64_t first, uint64_t len)
{
	struct op_file *f = &s->file[i];
	uint64_t n = len == s->bs ? 1 : (len + s->bs - 1) / s->bs, k = 0;

	for (; k < n && first + k < f->blocks && !is_taken(f, first + k); k++) {
		f->map[(first + k) / 64] |= 1ull << ((first + k) % 64);
		f->left--;
	}
	return k && k * s->bs < len ? k * s->bs : len;
}

static const struct job_blocks *blocks_for(const struct job *j, bool write)
{
	return write ? &j->writes : &j->reads;
}

static uint32_t least_of(const struct job_blocks *b)
{
	uint32_t least = b->split[0].bs;

	for (unsigned i = 1; i < b->n; i++)
		if (b->split[i].bs < least)
			least = b->split[i].bs;
	return least;
}

/* As fio: a length is cut to whole smallest blocks, one that was given by name too. */
static uint32_t whole_blocks(const struct op_stream *s, uint64_t len, uint32_t least)
{
	return (uint32_t)(s->job->unaligned ? len : len - len % least);
}

/* Of a range of lengths. */
static uint32_t draw_from_range(struct op_stream *s, const struct job_blocks *b)
{
	uint32_t least = b->split[0].bs, len;

	len = whole_blocks(s, least + (uint64_t)(rng_unit(&s->rng) * b->to), least);
	return len > b->to ? b->to : len;
}

/* Of several lengths: the one that is drawn, or where that is too long, the next one behind it that is not. */
static uint32_t draw_from_split(struct op_stream *s, const struct job_blocks *b, uint64_t room)
{
	uint64_t roll = rng_below(&s->rng, 100);
	unsigned i = 0, sum = b->split[0].percent;

	while (i + 1 < b->n && (roll >= sum || b->split[i].bs > room))
		sum += b->split[++i].percent;
	return whole_blocks(s, b->split[i].bs, least_of(b));
}

/* Whether any that can be drawn is short enough. Where only one with no share of the calls is, fio looks for ever. */
static bool some_fit(const struct job_blocks *b, uint64_t room)
{
	unsigned i = 0, sum = b->split[0].percent;

	while (i + 1 < b->n && (!sum || b->split[i].bs > room))
		sum += b->split[++i].percent;
	return b->split[i].bs <= room;
}

/* 0: not even the smallest block fits between `off` and the file's end. */
static uint32_t choose_length(struct op_stream *s, const struct job_blocks *b, uint64_t off, uint64_t size)
{
	uint64_t room = size - off;
	uint32_t len;

	if (off > size || least_of(b) > room || !(b->to || some_fit(b, room)))
		return 0;
	if (b->n == 1 && !b->to)
		return b->split[0].bs;
	do
		len = b->to ? draw_from_range(s, b) : draw_from_split(s, b, room);
	while (len > room);
	return len;
}

static bool next_in_order(struct op_stream *s, unsigned i, bool write, uint64_t *off)
{
	struct op_file *f = &s->file[i];
	uint64_t size = f->size;

	if (s->unlimited && s->job->nrfiles == 1 && f->pos[write] + least_of(blocks_for(s->job, write)) > size)
		f->pos[write] = 0;
	*off = f->pos[write];
	return *off < size;
}

#define NOT_DRAWN UINT64_MAX

/* *block: the one that was drawn at random, or NOT_DRAWN. False: the file is done. */
static bool choose_offset(struct op_stream *s, unsigned i, bool write, uint64_t *off, uint64_t *block)
{
	const struct job *j = s->job;
	const struct op_file *f = &s->file[i];

	*block = NOT_DRAWN;
	if (j->append && s->passes > 1 && !s->unlimited)
		return false;
	if (!s->random)
		return next_in_order(s, i, write, off);
	if (s->run_left) {
		s->run_left--;
		*off = j->identical ? f->last[write] : f->pos[write];
		if (*off < f->size)
			return true;
	} else if (j->run) {
		s->run_left = j->run - 1;
	}
	if (!draw_block(s, i, block))
		return false;
	*off = *block * s->bs;
	return true;
}

/* False: the file is done. */
static bool place(struct op_stream *s, unsigned i, bool write, struct op *out)
{
	struct op_file *f = &s->file[i];
	uint64_t block;

	if (!choose_offset(s, i, write, &out->off, &block))
		return false;
	out->len = choose_length(s, blocks_for(s->job, write), out->off, f->size);
	if (!out->len)
		return false;
	if (block != NOT_DRAWN && !s->job->norandommap)
		out->len = mark_blocks(s, i, block, out->len);
	f->last[write] = out->off;
	f->pos[write] = out->off + out->len;
	return true;
}

/* ---- syncs ---- */

static bool is_due(unsigned every, uint64_t writes)
{
	return every && writes && (every == 1 || writes % every == 0); /* a division is dear, and 1 is usual */
}

/* OP_KINDS: none. Of several kinds that are due the first, as fio does. */
static enum op_kind due_kind(const struct op_stream *s)
{
	const struct job *j = s->job;

	if (s->synced || !s->has_writes)
		return OP_KINDS;
	if (is_due(j->fsync, s->writes))
		return OP_FSYNC;
	if (is_due(j->fdatasync, s->writes))
		return OP_FDATASYNC;
	return is_due(j->range_every, s->writes) ? OP_RANGE : OP_KINDS;
}

bool ops_due(const struct op_stream *s)
{
	return due_kind(s) != OP_KINDS && !s->over && !s->ending &&
	       (s->unlimited || s->finish || !(used_up(s) || pass_is_over(s)));
}

static void make_sync(struct op_stream *s, enum op_kind kind, struct op *out)
{
	struct op_file *f = &s->file[s->written];

	*out = (struct op){ .kind = kind, .file = s->written };
	s->synced = true;
	if (s->calls_left)
		s->calls_left--;
	if (kind != OP_RANGE)
		return;
	out->flags = s->job->range_flags;
	out->off = f->dirty_from;
	out->len = f->dirty_to - f->dirty_from;
	f->dirty_from = f->dirty_to = 0;
}

static void make_dirty(struct op_file *f, const struct op *op)
{
	if (f->dirty_from == f->dirty_to) {
		f->dirty_from = op->off;
		f->dirty_to = op->off;
	}
	if (op->off < f->dirty_from)
		f->dirty_from = op->off;
	if (op->off + op->len > f->dirty_to)
		f->dirty_to = op->off + op->len;
}

/* (ops.1) */
static void begin_end(struct op_stream *s)
{
	bool sync = (s->job->end_fsync || s->job->fsync_on_close) && !s->synced && s->has_writes && s->pass_ios;

	s->ending = true;
	s->end_file = sync ? 0 : s->job->nrfiles;
}

/* ---- the stream ---- */

static bool next_is_write(struct op_stream *s)
{
	if (!s->has_reads)
		return true;
	return s->has_writes && rng_below(&s->rng, 100) >= s->job->mix_read;
}

static void account(struct op_stream *s, const struct op *op)
{
	s->ios++;
	s->pass_ios++;
	s->pass_bytes += op->len;
	s->bytes += op->len;
	if (!s->queued)
		s->synced = false;
	if (op->kind == OP_READ)
		return;
	s->writes++;
	s->written = op->file;
	make_dirty(&s->file[op->file], op);
}

/* 1: *out is the next operation. 0: look again. */
static int step(struct op_stream *s, struct op *out)
{
	enum op_kind due = due_kind(s);
	unsigned i;
	bool write;

	if (!s->unlimited && (used_up(s) || pass_is_over(s))) {
		if (s->finish && due != OP_KINDS) {
			make_sync(s, due, out);
			return 1;
		}
		begin_end(s);
		return 0;
	}
	if (due != OP_KINDS && s->ndone < s->job->nrfiles) {
		make_sync(s, due, out);
		return 1;
	}
	i = pick_file(s);
	if (i == s->job->nrfiles) {
		begin_end(s);
		return 0;
	}
	write = next_is_write(s);
	*out = (struct op){ .kind = write ? OP_WRITE : OP_READ, .file = i };
	if (place(s, i, write, out)) {
		account(s, out);
		return 1;
	}
	file_is_done(s, i);
	if (!s->job->fsync_on_close || s->synced || !s->has_writes)
		return 0;
	*out = (struct op){ .kind = OP_FSYNC, .file = i, .closing = true };
	return 1;
}

static bool end_step(struct op_stream *s, struct op *out)
{
	if (s->end_file < s->job->nrfiles) {
		*out = (struct op){ .kind = OP_FSYNC, .file = s->end_file++, .closing = true };
		s->synced = true;
		return true;
	}
	if (goes_on(s))
		begin_pass(s);
	else
		s->over = true;
	return false;
}

bool ops_next(struct op_stream *s, struct op *out)
{
	while (!s->over)
		if (s->ending ? end_step(s, out) : step(s, out))
			return true;
	return false;
}
