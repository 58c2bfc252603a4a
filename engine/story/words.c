/* words.c: what a line of the story tells: a call, an event of the device, another event of the trace. See story.h. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "item/item.h"
#include "story/story.h"

void story_blocks(uint64_t start, uint64_t len, char *buf, unsigned size)
{
	unsigned long first = start / FS_BLOCK, last = (start + len - 1) / FS_BLOCK;

	if (len <= FS_BLOCK)
		snprintf(buf, size, "block %lu", first);
	else
		snprintf(buf, size, "blocks %lu-%lu", first, last);
}

const char *story_who(const struct story *s, uint32_t line)
{
	return s->task_name[s->line[line].task % COOP_TASKS_MAX];
}

const char *story_place(uint64_t off, bool meta)
{
	return off < SUPER_END ? "super" : meta ? "tree block" : "data";
}

/* ---- calls ---- */

/* "a" to "b", as far as the call has them. */
static void naming_begins(const struct model *m, const struct model_op *o, char *buf)
{
	const char *from = o->from == MODEL_NO_NAME ? NULL : model_name_text(m, o->from);
	const char *to = o->to == MODEL_NO_NAME ? NULL : model_name_text(m, o->to);
	const char *file = model_file(m, o->file)->name;

	if (from && to)
		snprintf(buf, TEXT_MAX, "%s(%s, %s)", model_op_name[o->kind], from, to);
	else if (o->kind == OP_LINK)
		snprintf(buf, TEXT_MAX, "link(%s, %s)", file, to);
	else
		snprintf(buf, TEXT_MAX, "%s(%s)", model_op_name[o->kind], from ? from : to ? to : file);
}

static void call_begins(const struct story *s, uint32_t op, char *buf)
{
	const struct model_op *o = model_op(s->h->run.model, op);
	const char *file = model_has_file(o) ? model_file(s->h->run.model, o->file)->name : "everything";
	char blocks[64];

	switch (o->kind) {
	case OP_WRITE:
		story_blocks(o->off, o->len, blocks, sizeof(blocks));
		snprintf(buf, TEXT_MAX, "%s(%s, %s) version %u", model_call_name(o), file, blocks, model_version(op));
		break;
	case OP_FALLOCATE:
	case OP_PUNCH:
		story_blocks(o->off, o->len, blocks, sizeof(blocks));
		snprintf(buf, TEXT_MAX, "%s(%s, %s)", model_call_name(o), file, blocks);
		break;
	case OP_TRUNCATE:
		snprintf(buf, TEXT_MAX, "truncate(%s, %lu)", file, (unsigned long)o->off);
		break;
	case OP_CREATE:
	case OP_UNLINK:
	case OP_LINK:
	case OP_RENAME:
		naming_begins(s->h->run.model, o, buf);
		break;
	case OP_FSYNC_DIR:
		snprintf(buf, TEXT_MAX, "fsync(directory)");
		break;
	default:
		snprintf(buf, TEXT_MAX, "%s(%s)", model_op_name[o->kind], file);
	}
	if (o->line)
		snprintf(buf + strlen(buf), TEXT_MAX - strlen(buf), ", line %u", o->line);
}

static void call_returns(const struct story *s, uint32_t op, long error, char *buf)
{
	const struct model_op *o = model_op(s->h->run.model, op);
	bool promises = !error && model_is_sync(o);

	snprintf(buf, TEXT_MAX, "%s returns %ld%s", model_call_name(o), error,
	         promises ? ": what was written before it is promised" : "");
}

/* ---- the device ---- */

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
	const struct dev_event *e = &s->event[pos], *sub = e->kind == DEV_WCMP ? &s->event[e->of] : e;
	const char *fua = sub->fua ? ", FUA" : "";
	uint32_t n;

	switch (e->kind) {
	case DEV_WSUB:
		snprintf(buf, TEXT_MAX, "writes %s @%lu+%u%s", story_place(sub->off, sub->meta),
		         (unsigned long)sub->off, sub->len, fua);
		break;
	case DEV_WCMP:
		snprintf(buf, TEXT_MAX, "%s @%lu %s", story_place(sub->off, sub->meta), (unsigned long)sub->off,
		         e->failed ? "FAILED" :
		         sub->fua  ? "written, FUA: durable" :
		                     "written, may still be lost");
		break;
	case DEV_FSUB:
		snprintf(buf, TEXT_MAX, "flushes the device's cache");
		break;
	default:
		n = made_durable(s, pos);
		snprintf(buf, TEXT_MAX, "flush %s: %u write%s more durable", e->failed ? "FAILED" : "done", n,
		         n == 1 ? " is" : "s are");
	}
}

/* ---- other events ---- */

/* The argument that {name} stands for (event.1). */
static void argument_text(const struct trace_entry *e, const char *name, unsigned n, char *buf, unsigned size)
{
	unsigned role = ROLE_NONE + 1;

	if (!strncmp(name, "blocks", n) && n == 6) {
		story_blocks(trace_arg(e, ROLE_START), trace_arg(e, ROLE_LEN), buf, size);
		return;
	}
	while (role < ROLE_NR && (strlen(role_info[role].name) != n || strncmp(role_info[role].name, name, n)))
		role++;
	CHECK(role < ROLE_NR);
	snprintf(buf, size, role == ROLE_ERROR ? "%ld" : "%lu", (long)trace_arg(e, role));
}

void story_event_text(const struct trace_entry *e, char *buf, unsigned size)
{
	unsigned n = 0;
	char word[64];

	for (const char *p = event_info[e->event].text; *p && n < size - 1; p++) {
		unsigned name = *p == '{' ? (unsigned)strcspn(p + 1, "}") : 0;
		if (!name) {
			buf[n++] = *p;
			continue;
		}
		argument_text(e, p + 1, name, word, sizeof(word));
		n += (unsigned)snprintf(buf + n, size - n, "%s", word);
		p += name + 1;
	}
	buf[n < size ? n : size - 1] = 0;
}

void story_say(const struct story *s, struct line *l)
{
	const struct trace_entry *e = &s->entry[l->entry];

	if (l->kind == LINE_DEVICE)
		device_text(s, l->event, l->text);
	else if (e->event == EV_CALL_BEGINS)
		call_begins(s, (uint32_t)trace_arg(e, ROLE_CALL), l->text);
	else if (e->event == EV_CALL_RETURNS)
		call_returns(s, (uint32_t)trace_arg(e, ROLE_CALL), (long)trace_arg(e, ROLE_ERROR), l->text);
	else
		story_event_text(e, l->text, TEXT_MAX);
}
