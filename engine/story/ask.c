/* ask.c: see ask.h. */
#include "story/ask.h"

#include "base/check.h"
#include "item/item.h"

/* ---- the trace ---- */

const struct trace_entry *story_entry(const struct story *s, uint32_t line)
{
	return line == NONE || s->line[line].entry == NONE ? NULL : &s->entry[s->line[line].entry];
}

bool story_is(const struct story *s, uint32_t line, enum event event)
{
	const struct trace_entry *e = story_entry(s, line);

	return e && e->event == event;
}

uint64_t story_arg_of(const struct story *s, uint32_t line, enum event event, enum role role)
{
	CHECK(story_is(s, line, event));
	return trace_arg(story_entry(s, line), role);
}

bool story_is_of_block(const struct story *s, const struct trace_entry *e)
{
	uint64_t off = (uint64_t)s->v->broken.block * FS_BLOCK;

	if (!s->of || trace_arg(e, ROLE_FILE) != s->of)
		return false;
	uint64_t start = trace_arg(e, ROLE_START);
	return s->v->broken.kind == BROKEN_SIZE || (start <= off && off < start + trace_arg(e, ROLE_LEN));
}

uint32_t story_last_extent(const struct story *s, uint32_t from, uint32_t to, enum event event)
{
	for (uint32_t i = to; i > from; i--)
		if (story_is(s, i - 1, event) && story_is_of_block(s, story_entry(s, i - 1)))
			return i - 1;
	return NONE;
}

uint32_t story_first_extent(const struct story *s, uint32_t from, uint32_t to, enum event event)
{
	for (uint32_t i = from; i < to; i++)
		if (story_is(s, i, event) && story_is_of_block(s, story_entry(s, i)))
			return i;
	return NONE;
}

bool story_same_task(const struct story *s, uint32_t a, uint32_t b)
{
	return s->line[a].task == s->line[b].task;
}

uint32_t story_last_by(const struct story *s, uint32_t to, bool own, enum event event)
{
	for (uint32_t i = to; i > 0; i--)
		if (story_is(s, i - 1, event) && story_same_task(s, i - 1, to) == own)
			return i - 1;
	return NONE;
}

uint64_t story_file_id(const struct model_file *f)
{
	return (FIRST_SUBVOL_ID + f->subvol) << 32 | f->ino;
}

/* The line ends a call with 0, which by that promises the broken block. */
static bool promises(const struct story *s, uint32_t line)
{
	uint64_t off = (uint64_t)s->v->broken.block * FS_BLOCK;

	if (!story_is(s, line, EV_CALL_RETURNS) || story_arg(s, line, EV_CALL_RETURNS, ERROR))
		return false;
	const struct model_op *o = model_op(s->h->run.model, (uint32_t)story_arg(s, line, EV_CALL_RETURNS, CALL));
	if (!model_is_sync(o) || (model_has_file(o) && story_file_id(model_file(s->h->run.model, o->file)) != s->of))
		return false;
	return !o->len || (o->off <= off && off < o->off + o->len);
}

uint32_t story_next_promise(const struct story *s, uint32_t from)
{
	for (uint32_t i = from; i < s->crash_at; i++)
		if (promises(s, i))
			return i;
	return NONE;
}

uint32_t story_last_promise(const struct story *s)
{
	uint32_t last = NONE;

	for (uint32_t i = 0; i < s->crash_at; i++)
		last = promises(s, i) ? i : last;
	return last;
}

/* ---- calls ---- */

static const struct model_op *call_of(const struct story *s, uint32_t returns)
{
	return model_op(s->h->run.model, (uint32_t)story_arg(s, returns, EV_CALL_RETURNS, CALL));
}

const char *story_call_name(const struct story *s, uint32_t returns)
{
	return model_op_name[call_of(s, returns)->kind];
}

uint32_t story_call_begins(const struct story *s, uint32_t returns)
{
	for (uint32_t i = returns; i > 0; i--)
		if (story_is(s, i - 1, EV_CALL_BEGINS) &&
		    story_arg(s, i - 1, EV_CALL_BEGINS, CALL) == story_arg(s, returns, EV_CALL_RETURNS, CALL))
			return i - 1;
	return NONE;
}

bool story_wrote(const struct story *s, uint32_t from, uint32_t to)
{
	static const enum event wrote[] = { EV_EXTENT_LOGGED, EV_FILE_LOGGED, EV_LOG_IN_PARENT, EV_SUPER_NAMES_LOG,
		                            EV_TRANS_COMMIT_STARTED, EV_TRANS_UNBLOCKED };

	for (uint32_t i = from; i < to; i++)
		for (unsigned k = 0; k < sizeof(wrote) / sizeof(wrote[0]) && story_same_task(s, i, to); k++)
			if (story_is(s, i, wrote[k]))
				return true;
	return false;
}

uint32_t story_unlinks(const struct story *s, uint32_t to)
{
	for (uint32_t i = to; i > 0; i--) {
		if (!story_is(s, i - 1, EV_CALL_RETURNS) || story_arg(s, i - 1, EV_CALL_RETURNS, ERROR))
			continue;
		const struct model_op *o = call_of(s, i - 1);
		if (o->kind == OP_UNLINK && story_file_id(model_file(s->h->run.model, o->file)) == s->of)
			return i - 1;
	}
	return NONE;
}

bool story_put_in_trees(const struct story *s, uint32_t ordered, uint32_t to)
{
	for (uint32_t i = ordered; i < to; i++)
		if (story_is(s, i, EV_EXTENT_IN_TREES) &&
		    story_arg(s, i, EV_EXTENT_IN_TREES, FILE) == story_arg(s, ordered, EV_ORDERED_ADDED, FILE) &&
		    story_arg(s, i, EV_EXTENT_IN_TREES, START) == story_arg(s, ordered, EV_ORDERED_ADDED, START))
			return true;
	return false;
}

/* ---- the device ---- */

const struct dev_event *story_submits(const struct story *s, uint32_t line)
{
	const struct line *l = &s->line[line];

	return l->kind == LINE_DEVICE && s->event[l->event].kind == DEV_WSUB ? &s->event[l->event] : NULL;
}

bool story_is_lost(const struct story *s, uint32_t event)
{
	const struct crash *c = &s->v->crash;
	bool pending = false, kept = false;
	struct epoch e;

	powercut_epoch_at(s->h->dev, c->pos, &e);
	for (uint32_t i = 0; i < e.npending; i++)
		pending |= e.pending[i] == event;
	for (uint32_t i = 0; i < c->nkept; i++)
		kept |= c->kept[i] == event;
	return s->event[event].failed || (pending && !kept);
}

uint32_t story_super_on_media(const struct story *s)
{
	for (uint32_t i = s->crash_at; i > 0; i--) {
		const struct dev_event *w = story_submits(s, i - 1);
		if (w && w->off < SUPER_END && !story_is_lost(s, s->line[i - 1].event))
			return i - 1;
	}
	return NONE;
}

uint32_t story_names_log(const struct story *s, uint32_t super)
{
	uint32_t log = story_last_by(s, super, true, EV_SUPER_NAMES_LOG);
	uint32_t commit = story_last_by(s, super, true, EV_TRANS_UNBLOCKED);

	return log != NONE && (commit == NONE || commit < log) ? log : NONE;
}

uint32_t story_written(const struct story *s, uint64_t off, uint32_t to)
{
	for (uint32_t i = to; i > 0; i--) {
		const struct dev_event *w = story_submits(s, i - 1);
		if (w && w->off == off && !story_is_lost(s, s->line[i - 1].event))
			return i - 1;
	}
	return NONE;
}
