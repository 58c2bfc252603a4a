/* shape.c: see shape.h. */
#include "bench/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/driver.h"
#include "machine/mem.h"
#include "target/engine.h"

#define WARM     20
#define REQUESTS 200
#define EVENTS   (REQUESTS * 256)
#define ROOM     (256ull << 20) /* on memory, beside what the job lays out */

/* A job's one task, by hand. */
struct recording {
	const struct target *target;
	void *instance;
	void **file;
	unsigned nfiles;
	struct op_stream ops;
	unsigned char *buf;
};

static int do_op(struct recording *c, const struct op *op)
{
	void *file = c->file[op->file];

	switch (op->kind) {
	case OP_WRITE:
		++*(uint64_t *)c->buf;
		return c->target->files->write(file, op->off, c->buf, op->len);
	case OP_READ:
		return c->target->files->read(file, op->off, c->buf, op->len);
	case OP_RANGE:
		return op->len ? c->target->files->sync_range(file, op->off, op->len, op->flags) : 0;
	case OP_FDATASYNC:
		return c->target->files->fdatasync(file);
	default:
		return c->target->files->fsync(file);
	}
}

/* A write and the syncs due after it. */
static int do_request(struct recording *c)
{
	struct op op;
	int ret = 0;

	do {
		if (!ops_next(&c->ops, &op))
			return -ENODATA;
		ret = do_op(c, &op);
	} while (!ret && ops_due(&c->ops));
	return ret;
}

static int open_files(struct recording *c, const struct job_clone *clone)
{
	const struct job *j = clone->job;
	char name[JOB_FILE_MAX];
	int ret = 0;

	c->file = mem_zalloc(sizeof(*c->file) * j->nrfiles);
	for (unsigned i = 0; i < j->nrfiles && !ret; i++) {
		struct target_file want = { .name = name, .layout = job_layout(j) ? job_file_size(j, i) : 0,
			                    .space = job_preallocates(j) ? job_file_size(j, i) : 0,
			                    .fallocate = j->fallocate, .direct = j->direct, .mapped = j->mapped };

		job_file_name(clone, i, name, sizeof(name));
		ret = c->target->files->make(c->instance, &want);
		if (!ret)
			ret = c->target->files->open(c->instance, &want, &c->file[i]);
		c->nfiles += !ret;
	}
	return ret ? ret : c->target->settle(c->instance);
}

static int record(struct recording *c, struct tape *tape)
{
	int ret = 0;

	for (unsigned i = 0; i < WARM && !ret; i++)
		ret = do_request(c);
	if (ret)
		return ret;
	engine_tape_start(c->instance, tape, EVENTS);
	for (unsigned i = 0; i < REQUESTS && !ret; i++) {
		ret = do_request(c);
		engine_tape_mark(c->instance);
	}
	engine_tape_stop(c->instance);
	return !ret && tape->full ? -ENOSPC : ret;
}

/*
 * On memory a write is done before submit returns, and on the tape before the next is submitted: as if
 * each had been waited for. On a device they are in flight together, and are waited for before the next
 * flush, before a write that is waited for on its own, and at the end of a request.
 */
static void complete_late(struct tape *t)
{
	struct tape_event *out = mem_alloc(sizeof(*out) * (t->n + 1));
	uint32_t *moved = mem_alloc(sizeof(*moved) * (t->n + 1)), *done = mem_alloc(sizeof(*done) * (t->n + 1));
	uint32_t n = 0, ndone = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct tape_event *e = &t->event[i];

		if (e->kind == TAPE_DONE) {
			done[ndone++] = moved[e->of];
			continue;
		}
		if (e->kind == TAPE_FLUSH || e->kind == TAPE_MARK || e->alone)
			for (uint32_t k = 0; k < ndone; k++)
				out[n++] = (struct tape_event){ .kind = TAPE_DONE, .of = done[k] };
		if (e->kind == TAPE_FLUSH || e->kind == TAPE_MARK || e->alone)
			ndone = 0;
		moved[i] = n;
		out[n++] = *e;
	}
	memcpy(t->event, out, sizeof(*out) * n);
	t->n = n;
	free(out);
	free(moved);
	free(done);
}

int shape_record(const struct target_spec *spec, const struct job *job, struct shape *out, struct why *why)
{
	struct job_clone clone = { .job = job };
	struct recording c = { .target = spec->target };
	struct target_spec ram = *spec;
	int ret;

	*out = (struct shape){ .requests = REQUESTS };
	ram.path[0] = '\0';
	ram.floor_ns = 0;
	snprintf(ram.device, sizeof(ram.device), "ram:%llum",
	         (unsigned long long)((2 * job_bytes(job) + ROOM) >> 20));
	ret = c.target->open(&ram, &c.instance, why);
	if (ret)
		return ret;
	c.buf = mem_alloc_pages(job_max_bs(job) + DEV_BLOCK);
	memset(c.buf, 'f', job_max_bs(job));
	ops_begin(&c.ops, &clone, 1, true);
	ret = open_files(&c, &clone);
	if (!ret)
		ret = record(&c, &out->tape);
	if (!ret)
		complete_late(&out->tape);
	if (ret)
		why_set(why, ret, "the shape of the I/O cannot be recorded: %s", strerror(-ret));
	for (unsigned i = 0; i < c.nfiles; i++)
		c.target->files->close(c.file[i]);
	free(c.file);
	ops_end(&c.ops);
	c.target->close(c.instance);
	free(c.buf);
	return ret;
}

void shape_free(struct shape *s)
{
	tape_free(&s->tape);
}

/* ---- as JSON: an event is [kind, fua, alone, of, offset, length] ---- */

json_t *shape_json(const struct shape *s)
{
	json_t *events = json_array();

	for (uint32_t i = 0; i < s->tape.n; i++) {
		const struct tape_event *e = &s->tape.event[i];

		json_array_append_new(events, json_pack("[i,i,i,i,I,i]", e->kind, e->fua, e->alone, (int)e->of,
		                                        (json_int_t)e->off, (int)e->len));
	}
	return json_pack("{s:s,s:i,s:f,s:o}", "label", s->label, "requests", (int)s->requests, "p50_ns", s->p50_ns,
	                 "events", events);
}

static bool read_event(json_t *o, struct tape_event *e, uint32_t before)
{
	int kind, fua, alone, of, len;
	json_int_t off;

	if (json_unpack(o, "[i,i,i,i,I,i]", &kind, &fua, &alone, &of, &off, &len) || kind < 0 || kind > TAPE_MARK ||
	    off < 0 || len < 0 || len > 1 << 24 || of < 0 || (kind == TAPE_DONE && (uint32_t)of >= before))
		return false;
	*e = (struct tape_event){ .kind = (uint8_t)kind, .fua = fua, .alone = alone, .of = (uint32_t)of,
	                          .off = (uint64_t)off, .len = (uint32_t)len };
	return true;
}

int shape_from_json(const json_t *o, struct shape *out, struct why *why)
{
	json_t *events, *event;
	const char *label;
	int requests;
	size_t i;

	*out = (struct shape){ .requests = 0 };
	if (json_unpack((json_t *)o, "{s:s,s:i,s:F,s:o}", "label", &label, "requests", &requests, "p50_ns",
	                &out->p50_ns, "events", &events) || !json_is_array(events) || requests <= 0)
		goto bad;
	snprintf(out->label, sizeof(out->label), "%s", label);
	out->requests = (unsigned)requests;
	out->tape.cap = (uint32_t)json_array_size(events);
	out->tape.event = mem_alloc(sizeof(*out->tape.event) * (out->tape.cap + 1));
	json_array_foreach(events, i, event) {
		if (!read_event(event, &out->tape.event[i], (uint32_t)i))
			goto bad;
		out->tape.n++;
	}
	return 0;
bad:
	shape_free(out);
	return why_set(why, -EINVAL, "it is not a shape");
}
