/*
 * timeline.c: see timeline.h. The trace of the run, entry by entry, is turned into short texts; those
 * that the broken promise rests on are marked (cause.c).
 *
 * (T1) The device's entries in the trace are its recorded events, one for one and in the same order:
 *      so an entry's device position is known, and the crash has its place among the lines.
 */
#include "story/story.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "hunt/flip.h"
#include "rt/lock.h"
#include "machine/mem.h"

static bool says(const struct trace_entry *e, const char *beginning)
{
	return !strncmp(e->what, beginning, strlen(beginning));
}

static const char *file_name(const struct story *s, uint32_t id)
{
	return id == MODEL_ALL ? "everything" : model_file(s->h->run.model, id)->name;
}

/* ---- what an entry says ---- */

void story_blocks(uint64_t start, uint64_t len, char *buf, unsigned size)
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
		story_blocks(o->off, o->len, blocks, sizeof(blocks));
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

/* Writes that position `pos` makes durable. */
static uint32_t made_durable(const struct story *s, uint32_t pos)
{
	struct epoch before, after;

	powercut_epoch_at(s->h->dev, pos, &before);
	uint32_t pending = before.npending;
	powercut_epoch_at(s->h->dev, pos + 1, &after);
	return pending > after.npending ? pending - after.npending : 0;
}

static void device_text(const struct story *s, uint32_t pos, char *buf)
{
	const struct dev_event *e = &s->event[pos], *sub = e->kind == EV_WCMP ? &s->event[e->of] : e;
	const char *fua = sub->fua ? ", FUA" : "";
	uint32_t n;

	switch (e->kind) {
	case EV_WSUB:
		snprintf(buf, TEXT_MAX, "writes %s @%lu+%u%s", story_place(sub->off, sub->meta), (unsigned long)sub->off, sub->len, fua);
		break;
	case EV_WCMP:
		snprintf(buf, TEXT_MAX, "%s @%lu %s", story_place(sub->off, sub->meta), (unsigned long)sub->off,
		         e->failed ? "FAILED" : sub->fua ? "written, FUA: durable" : "written, may still be lost");
		break;
	case EV_FSUB:
		snprintf(buf, TEXT_MAX, "flushes the device's cache");
		break;
	default:
		n = made_durable(s, pos);
		snprintf(buf, TEXT_MAX, "flush %s: %u write%s more durable", e->failed ? "FAILED" : "done", n, n == 1 ? " is" : "s are");
	}
}

static bool is_device(const struct trace_entry *e)
{
	return says(e, "write submitted") || says(e, "write completed") || says(e, "write failed") || says(e, "flush ");
}

static void other_text(const struct trace_entry *e, char *buf)
{
	char blocks[64];

	story_blocks(e->a, e->b ? e->b : 1, blocks, sizeof(blocks));
	if (says(e, "extent map"))
		snprintf(buf, TEXT_MAX, "extent map of %s added (data @%lu)", blocks, (unsigned long)e->c);
	else if (says(e, "ordered extent") && strstr(e->what, "added"))
		snprintf(buf, TEXT_MAX, "ordered extent of %s added", blocks);
	else if (says(e, "ordered extent") && strstr(e->what, "collected"))
		snprintf(buf, TEXT_MAX, "ordered extent of %s collected", blocks);
	else if (says(e, "ordered extent"))
		snprintf(buf, TEXT_MAX, "ordered extent of %s complete", blocks);
	else if (says(e, "extent ") && strstr(e->what, "logged"))
		snprintf(buf, TEXT_MAX, "LOGS %s (data @%lu)", blocks, (unsigned long)e->c);
	else if (says(e, "extent "))
		snprintf(buf, TEXT_MAX, "%s put into the trees of transaction %lu", blocks, (unsigned long)e->c);
	else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(buf, TEXT_MAX, e->what, e->a, e->b, e->c);
#pragma GCC diagnostic pop
	}
}

static void call_ends(const struct story *s, const struct trace_entry *e, char *buf)
{
	const struct model_op *o = model_op(s->h->run.model, (uint32_t)e->a);
	bool promises = !e->b && (o->kind == OP_FSYNC || o->kind == OP_FDATASYNC || o->kind == OP_SYNC);

	snprintf(buf, TEXT_MAX, "%s returns %ld%s", model_op_name[o->kind], (long)e->b,
	         promises ? ": what was written before it is promised" : "");
}

static struct line *add_line(struct story *s, uint32_t turn, uint32_t task)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->line = realloc(s->line, s->cap * sizeof(*s->line));
		CHECK(s->line != NULL);
	}
	struct line *l = &s->line[s->n++];
	*l = (struct line){ .turn = turn, .task = task, .entry = NONE, .event = NONE };
	l->step = s->watch.nturns ? s->watch.turn[turn].step : 0;
	return l;
}

static void add_entry(struct story *s, uint32_t turn, uint32_t i, uint32_t *position)
{
	const struct trace_entry *e = &s->entry[i];
	struct line *l = add_line(s, turn, e->task);

	l->entry = i;
	l->step = e->step;
	if (e->what == model_trace_begin) {
		l->kind = LINE_CALL;
		call_text(s, (uint32_t)e->a, l->text);
	} else if (e->what == model_trace_end) {
		l->kind = LINE_CALL;
		call_ends(s, e, l->text);
	} else if (s->event && is_device(e)) {
		CHECK(*position < s->nevents); /* (T1) */
		l->kind = LINE_DEVICE;
		l->device = !strcmp(trace_task_name(e->task), "io");
		l->event = *position;
		device_text(s, *position, l->text);
		if (++*position == s->v->crash.pos + 1 && s->v->kind == VIOLATION_PROMISE)
			s->crash_at = s->n - 1;
	} else {
		l->kind = says(e, "extent ") || says(e, "ordered ") ? LINE_EXTENT : LINE_OTHER;
		other_text(e, l->text);
	}
}

static void add_stopped(struct story *s, uint32_t turn)
{
	struct line *l = add_line(s, turn, s->watch.turn[turn].stop.task);
	char does[120];
	struct site site;

	l->kind = LINE_STOPPED;
	for (uint32_t t = turn + 1; t < s->watch.nturns; t++)
		if (s->watch.turn[t].task == l->task) {
			story_step(s, t, does, sizeof(does), &site);
			snprintf(l->text, TEXT_MAX, "is stopped before it %s", does);
			return;
		}
	snprintf(l->text, TEXT_MAX, "is stopped");
}

static void make_lines(struct story *s)
{
	uint32_t i = 0, position = 0, n = s->watch.nturns;

	s->crash_at = NONE;
	for (uint32_t t = 0; t < n || i < s->nentries; t++) {
		uint32_t end = t + 1 < n ? s->watch.turn[t + 1].entry : s->nentries;
		for (; t == 0 && n && i < s->watch.turn[0].entry; i++)
			add_entry(s, 0, i, &position);
		if (t < n && s->watch.turn[t].preempts)
			add_stopped(s, t);
		for (; i < end; i++)
			add_entry(s, t < n ? t : 0, i, &position);
	}
	if (s->crash_at == NONE)
		s->crash_at = s->n;
}

/* ---- what matters ---- */

/* Once it is known why: calls, what makes things durable, and what is of the broken block. */
static bool line_matters(const struct story *s, uint32_t i)
{
	const struct line *l = &s->line[i];
	const struct trace_entry *e = story_entry(s, i);

	if (l->marked || l->kind == LINE_CALL || !e || (!s->cause[0] && s->logged == NONE))
		return true;
	if (l->kind == LINE_EXTENT)
		return story_is_of_block(s, e) && !strstr(e->what, "complete");
	if (l->kind == LINE_DEVICE)
		return says(e, "flush") || e->a < SUPER_END || (s->disk && e->a == s->disk);
	return strstr(l->text, "write error") || says(e, "log super") || s->h->bare;
}

/* ---- gathering ---- */

static void keep_trace(struct story *s)
{
	const struct trace_entry *e = trace_stop(&s->nentries);

	s->entry = mem_alloc((s->nentries + 1) * sizeof(*e));
	if (s->nentries)
		memcpy(s->entry, e, s->nentries * sizeof(*e));
	for (uint32_t i = 0; i < COOP_TASKS_MAX; i++)
		task_label(i, COOP_TASKS_MAX, trace_task_name, s->task_name[i]);
}

bool story_gather(struct story *s, struct hunt *h, const struct violation *v, const struct schedule *turns)
{
	*s = (struct story){ .h = h, .v = v };
	watch_init(&s->watch, NULL, NULL);
	s->watch.stacks = true;
	h->watch = &s->watch;
	trace_start();
	if (turns)
		flip_run(h, v, turns);
	else
		hunt_again(h, v, true);
	keep_trace(s);
	h->watch = NULL;
	if (h->result.end == COOP_DIVERGED)
		return false;
	if (h->dev)
		s->event = powercut_events(h->dev, &s->nevents);
	make_lines(s);
	story_find_cause(s);
	for (uint32_t i = 0; i < s->n; i++)
		s->line[i].matters = line_matters(s, i);
	return true;
}

void story_free(struct story *s)
{
	watch_fini(&s->watch);
	free(s->entry);
	free(s->line);
}
