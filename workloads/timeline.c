/*
 * timeline.c: see timeline.h. The trace of the run, entry by entry, is turned into short texts; those
 * that have to do with the broken block's extent are marked; and the sentence is made of them.
 *
 * (T1) The device's entries in the trace are its recorded events, one for one and in the same order:
 *      so an entry's device position is known, and the crash has its place among the lines.
 */
#include "timeline_story.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"

#define SUPER_END 262144u /* where the file system's super blocks end, and its trees begin */

static bool says(const struct trace_entry *e, const char *beginning)
{
	return !strncmp(e->what, beginning, strlen(beginning));
}

static const char *file_name(const struct story *s, uint32_t id)
{
	return id == MODEL_ALL ? "everything" : model_file(s->h->run.model, id)->name;
}

/* ---- what an entry says ---- */

static void blocks_text(uint64_t start, uint64_t len, char *buf, unsigned size)
{
	unsigned long first = start / FS_BLOCK, last = (start + len - 1) / FS_BLOCK;

	if (len <= FS_BLOCK)
		snprintf(buf, size, "block %lu", first);
	else
		snprintf(buf, size, "blocks %lu-%lu", first, last);
}

static void call_text(const struct story *s, uint32_t op, char *buf)
{
	const struct model_op *o = model_op(s->h->run.model, op);
	char blocks[64];

	switch (o->kind) {
	case OP_WRITE:
		blocks_text(o->off, o->len, blocks, sizeof(blocks));
		snprintf(buf, TEXT_MAX, "write(%s, %s) version %u", file_name(s, o->file), blocks, model_version(op));
		break;
	case OP_TRUNCATE:
		snprintf(buf, TEXT_MAX, "truncate(%s, %lu)", file_name(s, o->file), (unsigned long)o->off);
		break;
	default:
		snprintf(buf, TEXT_MAX, "%s(%s)", model_op_name[o->kind], file_name(s, o->file));
	}
}

const char *story_place(uint64_t off, bool meta)
{
	return off < SUPER_END ? "super" : meta ? "tree block" : "data";
}

static void device_text(const struct trace_entry *e, const struct dev_event *ev, char *buf)
{
	const char *did = says(e, "write submitted") ? "submit" : says(e, "write completed") ? "done:" : "failed:";

	if (says(e, "write"))
		snprintf(buf, TEXT_MAX, "%s %s @%lu+%lu%s", did, story_place(e->a, ev->meta), (unsigned long)e->a, (unsigned long)e->b,
		         ev->fua ? " FUA" : "");
	else
		snprintf(buf, TEXT_MAX, "%s", says(e, "flush submitted") ? "submit FLUSH" : says(e, "flush completed") ? "done: FLUSH" : e->what);
}

static bool is_device(const struct trace_entry *e)
{
	return says(e, "write submitted") || says(e, "write completed") || says(e, "write failed") || says(e, "flush ");
}

static void other_text(const struct trace_entry *e, char *buf)
{
	char blocks[64];

	blocks_text(e->a, e->b ? e->b : 1, blocks, sizeof(blocks));
	if (says(e, "extent map"))
		snprintf(buf, TEXT_MAX, "extent map of %s added (data @%lu)", blocks, (unsigned long)e->c);
	else if (says(e, "ordered extent") && strstr(e->what, "added"))
		snprintf(buf, TEXT_MAX, "ordered extent of %s added", blocks);
	else if (says(e, "ordered extent") && strstr(e->what, "collected"))
		snprintf(buf, TEXT_MAX, "ordered extent of %s collected", blocks);
	else if (says(e, "ordered extent"))
		snprintf(buf, TEXT_MAX, "%s in the trees", blocks);
	else if (says(e, "extent ") && strstr(e->what, "logged"))
		snprintf(buf, TEXT_MAX, "LOGS %s (data @%lu)", blocks, (unsigned long)e->c);
	else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(buf, TEXT_MAX, e->what, e->a, e->b, e->c);
#pragma GCC diagnostic pop
	}
}

static void make_line(struct story *s, uint32_t i, uint32_t *position)
{
	const struct trace_entry *e = &s->entry[i];
	struct line *l = &s->line[i];

	*l = (struct line){ .step = e->step, .task = e->task };
	if (e->what == model_trace_begin) {
		l->kind = LINE_CALL;
		call_text(s, (uint32_t)e->a, l->text);
	} else if (e->what == model_trace_end) {
		l->kind = LINE_CALL;
		snprintf(l->text, TEXT_MAX, "%s returns %ld", model_op_name[model_op(s->h->run.model, (uint32_t)e->a)->kind], (long)e->b);
	} else if (is_device(e)) {
		CHECK(*position < s->nevents); /* (T1) */
		l->kind = LINE_DEVICE;
		l->device = !strcmp(trace_task_name(e->task), "io");
		device_text(e, &s->event[*position], l->text);
		if (++*position == s->v->crash.pos + 1)
			s->crash_at = i;
	} else {
		l->kind = says(e, "extent ") || says(e, "ordered ") ? LINE_EXTENT : LINE_OTHER;
		other_text(e, l->text);
	}
}

/* ---- the broken block's extent ---- */

static bool extent_has_block(const struct story *s, const struct trace_entry *e)
{
	uint64_t off = (uint64_t)s->v->broken.block * FS_BLOCK;

	return e->a <= off && off < e->a + e->b;
}

static void find_extent(struct story *s)
{
	s->added = s->logged = s->ordered = s->collected = NONE;
	if (s->v->kind != VIOLATION_PROMISE)
		return;
	for (uint32_t i = 0; i < s->crash_at; i++) {
		const struct trace_entry *e = &s->entry[i];
		if (!says(e, "extent ") || !strstr(e->what, "logged") || !extent_has_block(s, e))
			continue;
		s->logged = i;
		s->disk = e->c;
		s->start = e->a;
		s->len = e->b;
	}
	for (uint32_t i = 0; i < s->n && s->logged != NONE; i++) {
		const struct trace_entry *e = &s->entry[i];
		if (says(e, "extent map") && e->c == s->disk)
			s->added = i;
		else if (says(e, "ordered extent") && strstr(e->what, "at disk") && e->c == s->disk)
			s->ordered = i;
		else if (says(e, "ordered extent") && strstr(e->what, "collected") && e->a == s->start && i < s->logged)
			s->collected = i;
	}
}

static bool line_matters(const struct story *s, uint32_t i)
{
	const struct trace_entry *e = &s->entry[i];
	const struct line *l = &s->line[i];

	if (s->logged == NONE || l->kind == LINE_CALL)
		return true;
	if (l->kind == LINE_EXTENT)
		return extent_has_block(s, e);
	if (l->kind == LINE_DEVICE)
		return says(e, "flush") || e->a < SUPER_END || e->a == s->disk;
	return strstr(l->text, "write error") || says(e, "log super");
}

/* ---- gathering ---- */

bool story_gather(struct story *s, struct hunt *h, const struct violation *v)
{
	uint32_t position = 0;

	*s = (struct story){ .h = h, .v = v };
	trace_start();
	hunt_again(h, v, true);
	s->entry = trace_stop(&s->n);
	if (h->result.end == COOP_DIVERGED)
		return false;
	if (h->dev)
		s->event = powercut_events(h->dev, &s->nevents);
	s->crash_at = s->n;
	s->line = mem_zalloc((s->n + 1) * sizeof(*s->line));
	for (uint32_t i = 0; i < s->n; i++)
		make_line(s, i, &position);
	if (v->kind != VIOLATION_PROMISE)
		s->crash_at = s->n;
	find_extent(s);
	for (uint32_t i = 0; i < s->n; i++)
		s->line[i].matters = line_matters(s, i);
	return true;
}

void story_free(struct story *s)
{
	free(s->line);
}

/* ---- the sentence ---- */

static const char *who(const struct story *s, uint32_t entry)
{
	return trace_task_name(s->entry[entry].task);
}

/* How the extent came to be logged without its ordered extent; nothing when it did not. */
static int how_unseen(const struct story *s, char *buf, unsigned size)
{
	char blocks[64];

	blocks_text(s->start, s->len, blocks, sizeof(blocks));
	if (s->logged == NONE || s->added == NONE || s->collected != NONE)
		return 0;
	if (s->ordered == NONE || s->ordered > s->logged)
		return snprintf(buf, size,
		                "%s logged the extent map of %s after %s had added it and before %s added its ordered extent: "
		                "nobody waited for the data, nobody had its checksum. ",
		                who(s, s->logged), blocks, who(s, s->added), who(s, s->added));
	return snprintf(buf, size,
	                "%s collected ordered extents before %s added the one of %s, and logged its extent map after: "
	                "nobody waited for the data, nobody had its checksum. ",
	                who(s, s->logged), who(s, s->ordered), blocks);
}

void story_sentence(const struct story *s, char *buf, unsigned size)
{
	const char *text = s->v->text;
	unsigned n = (unsigned)how_unseen(s, buf, size);

	if (n < size && s->v->kind == VIOLATION_PROMISE)
		n += (unsigned)snprintf(buf + n, size - n, "The power failed%s, and now ", n ? "" : " as shown below");
	if (n < size)
		snprintf(buf + n, size - n, "%s.", text);
}

bool timeline_story(struct hunt *h, const struct violation *v, char *buf, unsigned size)
{
	struct story s;

	if (!story_gather(&s, h, v))
		return false;
	story_sentence(&s, buf, size);
	story_free(&s);
	return true;
}
