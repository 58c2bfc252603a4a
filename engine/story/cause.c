/*
 * cause.c: why the promise is broken, from what the run has done: a rule for each way in which a log and its super, or
 * a commit, can come apart from what they name. The first that fits is the cause, and marks the lines that it rests on. A rule
 * states only what the trace and the device's record show. See story.h.
 *
 * (C1) What is on the media at the crash: a write that was completed before and is durable, or is kept.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fs/item.h"
#include "story/story.h"

/* ---- asking ---- */

const struct trace_entry *story_entry(const struct story *s, uint32_t line)
{
	return line == NONE || s->line[line].entry == NONE ? NULL : &s->entry[s->line[line].entry];
}

bool story_says(const struct story *s, uint32_t line, const char *beginning)
{
	const struct trace_entry *e = story_entry(s, line);

	return e && !strncmp(e->what, beginning, strlen(beginning));
}

bool story_is_of_block(const struct story *s, const struct trace_entry *e)
{
	uint64_t off = (uint64_t)s->v->broken.block * FS_BLOCK;

	return e->of == s->of && (s->v->broken.kind == BROKEN_SIZE || (e->a <= off && off < e->a + e->b));
}

const char *story_who(const struct story *s, uint32_t line)
{
	return s->task_name[s->line[line].task % COOP_TASKS_MAX];
}

/* As the trace has it: inode_trace_id(). */
static uint64_t file_id(const struct model_file *f)
{
	return (FIRST_SUBVOL_ID + f->subvol) << 32 | f->ino;
}

/* The line is one of this kind about the broken block. */
static bool tells(const struct story *s, uint32_t line, const char *beginning, const char *word)
{
	return s->of && story_says(s, line, beginning) && strstr(story_entry(s, line)->what, word) && story_is_of_block(s, story_entry(s, line));
}

/* The last such line of [from, to); NONE. */
static uint32_t last_of_block(const struct story *s, uint32_t from, uint32_t to, const char *beginning, const char *word)
{
	while (to > from && !tells(s, to - 1, beginning, word))
		to--;
	return to > from ? to - 1 : NONE;
}

static bool same_task(const struct story *s, uint32_t a, uint32_t b)
{
	return s->line[a].task == s->line[b].task;
}

/* The last line before `to` that begins so, of to's task (`own`) or of another one; NONE. */
static uint32_t last_by(const struct story *s, uint32_t to, bool own, const char *beginning)
{
	for (uint32_t i = to; i > 0; i--)
		if (story_says(s, i - 1, beginning) && same_task(s, i - 1, to) == own)
			return i - 1;
	return NONE;
}

/* A call that ended with 0, and by that promises the broken block. */
static bool promises(const struct story *s, uint32_t line)
{
	const struct trace_entry *e = story_entry(s, line);
	const struct model_op *o = e && e->what == model_trace_end ? model_op(s->h->run.model, (uint32_t)e->a) : NULL;
	uint64_t off = (uint64_t)s->v->broken.block * FS_BLOCK;

	if (!o || e->b || !model_is_sync(o) || (o->file != MODEL_ALL && file_id(model_file(s->h->run.model, o->file)) != s->of))
		return false;
	return !o->len || (o->off <= off && off < o->off + o->len);
}

static uint32_t next_promise(const struct story *s, uint32_t from)
{
	for (uint32_t i = from; i < s->crash_at; i++)
		if (promises(s, i))
			return i;
	return NONE;
}

/* ---- the device ---- */

/* The event of a line that submits a write; NULL for others. */
static const struct dev_event *submits(const struct story *s, uint32_t line)
{
	const struct line *l = &s->line[line];

	return l->kind == LINE_DEVICE && s->event[l->event].kind == EV_WSUB ? &s->event[l->event] : NULL;
}

/* Is this write missing on the media (C1)? */
static bool is_lost(const struct story *s, uint32_t event)
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

/* The line that submitted the super block that is on the media; NONE: it is older than the run. */
static uint32_t super_on_media(const struct story *s)
{
	for (uint32_t i = s->crash_at; i > 0; i--) {
		const struct dev_event *w = submits(s, i - 1);
		if (w && w->off < SUPER_END && !is_lost(s, s->line[i - 1].event))
			return i - 1;
	}
	return NONE;
}

/* The super of a log, not of a commit: the line that says which root it names; NONE. */
static uint32_t names_log(const struct story *s, uint32_t super)
{
	uint32_t log = last_by(s, super, true, "the super is to name"), commit = last_by(s, super, true, "transaction %lu: unblocked");

	return log != NONE && (commit == NONE || commit < log) ? log : NONE;
}

/* The line before `to` that wrote this place of the device, to stay. */
static uint32_t written(const struct story *s, uint64_t off, uint32_t to)
{
	for (uint32_t i = to; i > 0; i--) {
		const struct dev_event *w = submits(s, i - 1);
		if (w && w->off == off && !is_lost(s, s->line[i - 1].event))
			return i - 1;
	}
	return NONE;
}

/* ---- saying ---- */

static void mark(struct story *s, uint32_t line)
{
	if (line != NONE)
		s->line[line].marked = true;
}

__attribute__((format(printf, 2, 3))) static bool because(struct story *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->cause, sizeof(s->cause), fmt, ap);
	va_end(ap);
	return true;
}

/* Its task, of whom the sentence has spoken if it is other's. */
static const char *or_it(const struct story *s, uint32_t line, uint32_t other)
{
	return same_task(s, line, other) ? "it" : story_who(s, line);
}

static const char *blocks(const struct story *s, char *buf, unsigned size)
{
	if (s->h->bare)
		snprintf(buf, size, "page %lu", (unsigned long)s->start);
	else
		story_blocks(s->start, s->len, buf, size);
	return buf;
}

/* ---- the broken block's extent ---- */

static void take_extent(struct story *s, uint32_t line)
{
	const struct trace_entry *e = story_entry(s, line);

	s->disk = e->c;
	s->start = e->a;
	s->len = e->b;
}

static void find_file(struct story *s)
{
	const struct broken *b = &s->v->broken;

	for (uint32_t i = 0; b->file[0] && i < model_nfiles(s->h->run.model); i++) {
		const struct model_file *f = model_file(s->h->run.model, i);
		if (f->ino && f->subvol == b->subvol && !strcmp(f->name, b->file))
			s->of = file_id(f);
	}
}

static void find_extent(struct story *s)
{
	find_file(s);
	s->logged = last_of_block(s, 0, s->crash_at, "extent ", "logged");
	s->added = last_of_block(s, 0, s->crash_at, "extent map", "added");
	if (s->logged == NONE && s->added != NONE)
		take_extent(s, s->added);
	if (s->logged == NONE)
		return;
	take_extent(s, s->logged);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct trace_entry *e = story_entry(s, i);
		if (story_says(s, i, "extent map") && e->c == s->disk)
			s->added = i;
		else if (story_says(s, i, "ordered extent") && strstr(e->what, "at disk") && e->c == s->disk)
			s->ordered = i;
		else if (tells(s, i, "ordered extent", "collected") && e->a == s->start && i < s->logged)
			s->collected = i;
	}
}

/* ---- the same without a file system: race/protocol.c ---- */

static uint32_t find_page(const struct story *s, const char *beginning, const struct trace_entry *of)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (story_says(s, i, beginning) && story_entry(s, i)->a == of->a && story_entry(s, i)->b == of->b)
			return i;
	return NONE;
}

/* The last page that was logged by who had collected ordered extents when the page's was not there. */
static void find_bare_extent(struct story *s, uint32_t *collects)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!story_says(s, i, "logs page"))
			continue;
		uint32_t collected = last_by(s, i, true, "collects ordered"), ordered = find_page(s, "adds its ordered", story_entry(s, i));
		if (collected == NONE || ordered < collected)
			continue;
		s->logged = i;
		s->ordered = ordered;
		s->added = find_page(s, "adds the map", story_entry(s, i));
		*collects = collected;
		take_extent(s, i);
	}
}

/* ---- the rules ---- */

/* It is in the trees with its checksums: who logs it needs no ordered extent. */
static bool was_complete(const struct story *s)
{
	return s->ordered < s->logged && last_of_block(s, s->ordered, s->logged, "ordered extent", "complete") != NONE;
}

/* An extent was logged, and its ordered extent was collected by nobody. */
static bool logged_unseen(struct story *s)
{
	const char *so = s->h->bare ? "nobody waited for the data" : "nobody waited for the data, nobody had its checksum";
	uint32_t collects = NONE;
	char what[64];

	if (s->h->bare)
		find_bare_extent(s, &collects);
	if (s->logged == NONE || s->added == NONE || s->collected != NONE || was_complete(s))
		return false;
	mark(s, s->added);
	mark(s, s->logged);
	mark(s, s->ordered);
	mark(s, collects);
	if (s->added < s->logged && (collects == NONE || s->added < collects) && (s->ordered == NONE || s->ordered > s->logged))
		return because(s, "%s logged the extent map of %s after %s had added it and before %s added its ordered extent: %s. ",
		               story_who(s, s->logged), blocks(s, what, sizeof(what)), story_who(s, s->added), story_who(s, s->added), so);
	return because(s, "%s collected ordered extents before %s added the one of %s, and logged its extent map after: %s. ",
	               story_who(s, s->logged), story_who(s, s->added), blocks(s, what, sizeof(what)), so);
}

/* The write of the block's data failed: then a log names it, or a call returned 0, all the same. */
static bool write_failed(struct story *s)
{
	uint32_t super = super_on_media(s), failed = NONE;
	char what[64];

	for (uint32_t i = 0; s->disk && i < s->crash_at; i++)
		if (story_says(s, i, "write failed") && story_entry(s, i)->a == s->disk)
			failed = i;
	if (failed == NONE)
		return false;
	blocks(s, what, sizeof(what));
	mark(s, s->added);
	mark(s, failed);
	if (super != NONE && super > failed && names_log(s, super) != NONE && s->logged != NONE) {
		mark(s, s->logged);
		mark(s, super);
		return because(s, "%s logged %s, the device failed the write of its data, and %s wrote the super of that log after that. ",
		               story_who(s, s->logged), what, story_who(s, super));
	}
	uint32_t promise = next_promise(s, failed);
	mark(s, promise);
	if (promise == NONE)
		return because(s, "The device failed the write of %s. ", what);
	return because(s, "The device failed the write of %s after %s had begun it and before the fsync of %s returned 0: nobody was told. ",
	               what, story_who(s, s->added), story_who(s, promise));
}

/* The super names a log root that was never written: the tree was changed after its blocks were taken. */
static bool root_changed(struct story *s)
{
	uint32_t super = super_on_media(s), names = super == NONE ? NONE : names_log(s, super);

	if (names == NONE || written(s, story_entry(s, names)->a, s->crash_at) != NONE)
		return false;
	uint32_t put = last_by(s, names, false, "log of root"), wrote = names;
	while (wrote > 0 && !(submits(s, wrote - 1) && submits(s, wrote - 1)->meta && same_task(s, wrote - 1, names)))
		wrote--;
	if (put == NONE || !wrote || put < wrote)
		return false;
	mark(s, wrote - 1);
	mark(s, put);
	mark(s, names);
	mark(s, super);
	return because(s, "%s put its log's root into the tree of log roots after %s had written that tree and before %s took its root into "
	               "the super: block @%lu, which the super names, was never written. ", story_who(s, put), story_who(s, names),
	               story_who(s, names), (unsigned long)story_entry(s, names)->a);
}

/* The lines that had submitted what is lost before the super was: the block's data alone, if that is among them. */
static uint32_t mark_lost(struct story *s, uint32_t super)
{
	uint32_t data = NONE, first = NONE;

	for (uint32_t i = 0; i < super; i++) {
		const struct dev_event *w = submits(s, i);
		if (w && is_lost(s, s->line[i].event) && !w->meta && s->disk && w->off == s->disk)
			data = i;
	}
	for (uint32_t i = 0; i < super && data == NONE; i++) {
		const struct dev_event *w = submits(s, i);
		if (!w || !w->meta || !is_lost(s, s->line[i].event))
			continue;
		mark(s, i);
		first = first == NONE ? i : first;
	}
	mark(s, data);
	return data == NONE ? first : data;
}

/* The super is on the media, and what was written before it is not. */
static bool super_too_early(struct story *s)
{
	uint32_t super = super_on_media(s), lost;
	char what[64];

	if (super == NONE || s->v->broken.kind == BROKEN_VERSION || s->v->broken.kind == BROKEN_SIZE)
		return false;
	lost = mark_lost(s, super);
	if (lost == NONE)
		return false;
	mark(s, super);
	if (submits(s, lost)->meta)
		return because(s, "%s wrote the super after %s had written the tree block @%lu and before that was durable. ", story_who(s, super),
		               or_it(s, lost, super), (unsigned long)submits(s, lost)->off);
	mark(s, s->logged);
	return because(s, "%s wrote a super after %s had logged %s and before its data was durable. ", story_who(s, super),
	               or_it(s, s->logged == NONE ? lost : s->logged, super), blocks(s, what, sizeof(what)));
}

/* A block of the log that the super names was written over. */
static bool log_written_over(struct story *s)
{
	uint32_t super = super_on_media(s), names = super == NONE ? NONE : names_log(s, super);

	for (uint32_t i = names; i < s->crash_at; i++) {
		const struct dev_event *w = submits(s, i);
		uint32_t before = w && w->meta && w->off >= SUPER_END && !is_lost(s, s->line[i].event) ? written(s, w->off, names) : NONE;
		if (before == NONE)
			continue;
		mark(s, before);
		mark(s, names);
		mark(s, i);
		mark(s, super);
		return because(s, "%s wrote over tree block @%lu, which %s had written for a log, after %s had taken that log's root into the super "
		               "and before another super took its place. ", story_who(s, i), (unsigned long)w->off, or_it(s, before, i),
		               or_it(s, super, i));
	}
	return false;
}

/* The first line of [from, the crash) that puts the block's extent into the trees; NONE. */
static uint32_t put_into_trees(const struct story *s, uint32_t from)
{
	for (uint32_t i = from; i < s->crash_at; i++)
		if (tells(s, i, "extent ", "put into"))
			return i;
	return NONE;
}

/* A commit's super drops the log, and the extent that only the log has is not in its trees. */
static bool log_dropped(struct story *s)
{
	uint32_t super = super_on_media(s), frozen, put;
	char what[64];

	if (super == NONE || s->logged == NONE || names_log(s, super) != NONE)
		return false;
	frozen = last_by(s, super, true, "transaction %lu: unblocked");
	if (frozen == NONE || frozen < s->logged)
		return false;
	put = put_into_trees(s, s->logged);
	if (put != NONE && story_entry(s, put)->c <= story_entry(s, frozen)->a)
		return false;
	mark(s, s->logged);
	mark(s, frozen);
	mark(s, put);
	mark(s, super);
	blocks(s, what, sizeof(what));
	if (put == NONE)
		return because(s, "%s committed transaction %lu after %s had logged %s and before that was in the trees: its super drops the log. ",
		               story_who(s, super), (unsigned long)story_entry(s, frozen)->a, or_it(s, s->logged, super), what);
	return because(s, "%s committed transaction %lu after %s had logged %s and before %s put that into the trees, those of transaction %lu: "
	               "the super drops the log. ", story_who(s, super), (unsigned long)story_entry(s, frozen)->a, or_it(s, s->logged, super),
	               what, story_who(s, put), (unsigned long)story_entry(s, put)->c);
}

/* Somebody logged all of the file that is in the trees while the block was on its way there; its own fsync then logged nothing. */
static bool forgotten(struct story *s)
{
	uint32_t put = s->added == NONE ? NONE : put_into_trees(s, s->added), all = NONE;
	char what[64];

	for (uint32_t i = s->added; i < s->crash_at && i < put; i++)
		if (story_says(s, i, "inode %lu: all") && story_entry(s, i)->of == s->of)
			all = i;
	uint32_t promise = all == NONE ? NONE : next_promise(s, put == NONE ? all : put);
	if (promise == NONE || s->logged != NONE)
		return false;
	mark(s, s->added);
	mark(s, all);
	mark(s, put);
	mark(s, promise);
	return because(s, "%s logged all of the file that was in the trees after %s had added the extent map of %s and before %s%s: %s logged "
	               "nothing of it, and returned 0. ", story_who(s, all), story_who(s, s->added), blocks(s, what, sizeof(what)),
	               put == NONE ? "it was there" : story_who(s, put), put == NONE ? "" : " put it there", story_who(s, promise));
}

void story_find_cause(struct story *s)
{
	s->added = s->logged = s->ordered = s->collected = NONE;
	if (s->v->kind == VIOLATION_STATE) {
		logged_unseen(s);
		return;
	}
	if (s->v->kind != VIOLATION_PROMISE)
		return;
	find_extent(s);
	if (!write_failed(s) && !logged_unseen(s) && !root_changed(s) && !super_too_early(s) && !log_written_over(s) && !log_dropped(s))
		forgotten(s);
}
