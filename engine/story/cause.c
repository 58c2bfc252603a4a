/*
 * cause.c: why the promise is broken, from what the run has done: a rule for each way in which a log and its super,
 * or a commit, can come apart from what they name. The first rule that fits is the cause; it marks the lines that it
 * rests on. A rule states only what the trace and the device's record show, and finds it by ids of events and roles of
 * arguments (ask.h), never by a text. See story.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "story/ask.h"

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
	return story_same_task(s, line, other) ? "it" : story_who(s, line);
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

/* Which extent it is, from a line that tells of one (of its map, or of the log's item). */
static void take_extent(struct story *s, const struct trace_entry *e)
{
	_Static_assert(EV_EXTENT_LOGGED_ROLES == EV_EXTENT_MAP_ADDED_ROLES, "told in the same way");
	s->disk = trace_arg(e, ROLE_DISK);
	s->start = trace_arg(e, ROLE_START);
	s->len = trace_arg(e, ROLE_LEN);
}

static void find_extent(struct story *s)
{
	const struct broken *b = &s->v->broken;

	for (uint32_t i = 0; b->file[0] && i < model_nfiles(s->h->run.model); i++) {
		const struct model_file *f = model_file(s->h->run.model, i);
		if (f->ino && f->subvol == b->subvol && !strcmp(f->name, b->file))
			s->of = story_file_id(f);
	}
	s->logged = story_last_of_block(s, 0, s->crash_at, EV_EXTENT_LOGGED);
	s->added = story_last_of_block(s, 0, s->crash_at, EV_EXTENT_MAP_ADDED);
	if (s->logged == NONE && s->added != NONE)
		take_extent(s, story_entry(s, s->added));
	if (s->logged == NONE)
		return;
	take_extent(s, story_entry(s, s->logged));
	for (uint32_t i = 0; i < s->n; i++)
		if (story_is(s, i, EV_EXTENT_MAP_ADDED) && story_arg(s, i, EV_EXTENT_MAP_ADDED, DISK) == s->disk)
			s->added = i;
		else if (story_is(s, i, EV_ORDERED_ADDED) && story_arg(s, i, EV_ORDERED_ADDED, DISK) == s->disk)
			s->ordered = i;
		else if (story_is(s, i, EV_ORDERED_COLLECTED) && story_is_of_block(s, story_entry(s, i)) &&
		         i < s->logged && story_arg(s, i, EV_ORDERED_COLLECTED, START) == s->start)
			s->collected = i;
}

/* ---- the same without a file system: race/protocol.c ---- */

/* The first line that is this event, of the page and version that line `logged` tells of. */
static uint32_t first_of_page(const struct story *s, enum event event, uint32_t logged)
{
	_Static_assert(EV_PAGE_MAP_ADDED_ROLES == EV_PAGE_LOGGED_ROLES, "told in the same way");
	_Static_assert(EV_PAGE_ORDERED_ADDED_ROLES == EV_PAGE_LOGGED_ROLES, "told in the same way");
	for (uint32_t i = 0; i < s->n; i++)
		if (story_is(s, i, event) &&
		    story_arg_of(s, i, event, ROLE_PAGE) == story_arg(s, logged, EV_PAGE_LOGGED, PAGE) &&
		    story_arg_of(s, i, event, ROLE_VERSION) == story_arg(s, logged, EV_PAGE_LOGGED, VERSION))
			return i;
	return NONE;
}

/* The last page that was logged by a task that had collected ordered extents before the page's was there. */
static void find_bare_extent(struct story *s, uint32_t *collects)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!story_is(s, i, EV_PAGE_LOGGED))
			continue;
		uint32_t collected = story_last_by(s, i, true, EV_PAGES_COLLECTED);
		uint32_t ordered = first_of_page(s, EV_PAGE_ORDERED_ADDED, i);
		if (collected == NONE || ordered < collected)
			continue;
		s->logged = i;
		s->ordered = ordered;
		s->added = first_of_page(s, EV_PAGE_MAP_ADDED, i);
		*collects = collected;
		s->start = story_arg(s, i, EV_PAGE_LOGGED, PAGE);
	}
}

/* ---- the rules ---- */

/* It is in the trees with its checksums: to log it, no ordered extent is needed. */
static bool was_complete(const struct story *s)
{
	return s->ordered < s->logged && story_last_of_block(s, s->ordered, s->logged, EV_ORDERED_COMPLETE) != NONE;
}

/* An extent was logged, and no task had collected its ordered extent. */
static bool logged_unseen(struct story *s)
{
	const char *so = s->h->bare ? "nobody waited for the data" :
		"nobody waited for the data, nobody had its checksum";
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
	const char *logs = story_who(s, s->logged), *adds = story_who(s, s->added);
	blocks(s, what, sizeof(what));
	if (s->added < s->logged && (collects == NONE || s->added < collects) &&
	    (s->ordered == NONE || s->ordered > s->logged))
		return because(s, "%s logged the extent map of %s after %s had added it and before %s added its "
		               "ordered extent: %s. ", logs, what, adds, adds, so);
	return because(s, "%s collected ordered extents before %s added the one of %s, and logged its extent map "
	               "after: %s. ", logs, adds, what, so);
}

/* The block was logged, and its checksums were to come. */
static bool logged_without_sums(struct story *s)
{
	uint32_t missed = story_last_of_block(s, 0, s->crash_at, EV_SUMS_MISSED);
	char what[64];

	if (missed == NONE || s->logged == NONE || story_arg(s, missed, EV_SUMS_MISSED, DISK) != s->disk)
		return false;
	mark(s, s->logged);
	mark(s, missed);
	return because(s, "%s logged %s before a worker had computed its checksums, and waited for the data alone: the "
	               "log has none of it. ", story_who(s, missed), blocks(s, what, sizeof(what)));
}

/* The block was logged twice, in two transactions: the first log was gone, and its checksums were not in the trees. */
static bool logged_again(struct story *s)
{
	uint32_t first = story_first_of_block(s, s->added, s->crash_at, EV_EXTENT_LOGGED), frozen = NONE;
	char what[64];

	if (s->v->broken.kind != BROKEN_EIO || s->collected == NONE || first >= s->logged || was_complete(s))
		return false;
	for (uint32_t i = first; i < s->logged; i++)
		if (story_is(s, i, EV_TRANS_UNBLOCKED))
			frozen = i;
	if (frozen == NONE)
		return false;
	mark(s, first);
	mark(s, frozen);
	mark(s, s->logged);
	return because(s, "%s logged %s, %s committed transaction %lu, which deleted that log, and %s logged it again "
	               "before its checksums were in the trees: it took them for logged. ", story_who(s, first),
	               blocks(s, what, sizeof(what)), or_it(s, frozen, first),
	               (unsigned long)story_arg(s, frozen, EV_TRANS_UNBLOCKED, TRANS), or_it(s, s->logged, frozen));
}

/* The write of the block's data failed: then a log names it, or a call returned 0, all the same. */
static bool write_failed(struct story *s)
{
	uint32_t super = story_super_on_media(s), failed = NONE;
	char what[64];

	for (uint32_t i = 0; s->disk && i < s->crash_at; i++)
		if (story_is(s, i, EV_WRITE_FAILED) && story_arg(s, i, EV_WRITE_FAILED, DISK) == s->disk)
			failed = i;
	if (failed == NONE)
		return false;
	blocks(s, what, sizeof(what));
	mark(s, s->added);
	mark(s, failed);
	if (super != NONE && super > failed && story_names_log(s, super) != NONE && s->logged != NONE) {
		mark(s, s->logged);
		mark(s, super);
		return because(s, "%s logged %s, the device failed the write of its data, and %s wrote the super of "
		               "that log after that. ", story_who(s, s->logged), what, story_who(s, super));
	}
	uint32_t promise = story_next_promise(s, failed);
	mark(s, promise);
	if (promise != NONE)
		return because(s, "The device failed the write of %s after %s had begun it and before the %s of %s "
		               "returned 0: nobody was told. ", what, story_who(s, s->added),
		               story_call_name(s, promise), story_who(s, promise));
	if (super == NONE || super < failed || story_names_log(s, super) == NONE)
		return because(s, "The device failed the write of %s. ", what);
	mark(s, super);
	return because(s, "The device failed the write of %s, and %s, which was told, wrote the super of a log that "
	               "has the file with neither that extent nor a hole: replay leaves there what the trees have. ",
	               what, story_who(s, super));
}

/* The super names a log root that was never written: the tree was changed after its blocks were taken. */
static bool root_changed(struct story *s)
{
	uint32_t super = story_super_on_media(s), names = super == NONE ? NONE : story_names_log(s, super);

	if (names == NONE)
		return false;
	uint64_t root = story_arg(s, names, EV_SUPER_NAMES_LOG, LOG_ROOT);
	if (story_written(s, root, s->crash_at) != NONE)
		return false;
	uint32_t put = story_last_by(s, names, false, EV_LOG_IN_PARENT), wrote = names;
	while (wrote > 0) {
		const struct dev_event *w = story_submits(s, wrote - 1);
		if (w && w->meta && story_same_task(s, wrote - 1, names))
			break;
		wrote--;
	}
	if (put == NONE || !wrote || put < wrote)
		return false;
	mark(s, wrote - 1);
	mark(s, put);
	mark(s, names);
	mark(s, super);
	return because(s, "%s put its log's root into the tree of log roots after %s had written that tree and before "
	               "%s took its root into the super: block @%lu, which the super names, was never written. ",
	               story_who(s, put), story_who(s, names), story_who(s, names), (unsigned long)root);
}

/* The lines that had submitted what is lost before the super was: the block's data alone, if that is among them. */
static uint32_t mark_lost(struct story *s, uint32_t super)
{
	uint32_t data = NONE, first = NONE;

	for (uint32_t i = 0; i < super; i++) {
		const struct dev_event *w = story_submits(s, i);
		if (w && story_is_lost(s, s->line[i].event) && !w->meta && s->disk && w->off == s->disk)
			data = i;
	}
	for (uint32_t i = 0; i < super && data == NONE; i++) {
		const struct dev_event *w = story_submits(s, i);
		if (!w || !w->meta || !story_is_lost(s, s->line[i].event))
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
	uint32_t super = story_super_on_media(s), lost;
	char what[64];

	if (super == NONE || s->v->broken.kind == BROKEN_VERSION || s->v->broken.kind == BROKEN_SIZE)
		return false;
	lost = mark_lost(s, super);
	if (lost == NONE)
		return false;
	mark(s, super);
	if (story_submits(s, lost)->meta)
		return because(s, "%s wrote the super after %s had written the tree block @%lu and before that was "
		               "durable. ", story_who(s, super), or_it(s, lost, super),
		               (unsigned long)story_submits(s, lost)->off);
	mark(s, s->logged);
	return because(s, "%s wrote a super after %s had logged %s and before its data was durable. ",
	               story_who(s, super), or_it(s, s->logged == NONE ? lost : s->logged, super),
	               blocks(s, what, sizeof(what)));
}

/* A block of the log that the super names was written over. */
static bool log_written_over(struct story *s)
{
	uint32_t super = story_super_on_media(s), names = super == NONE ? NONE : story_names_log(s, super);

	for (uint32_t i = names; i < s->crash_at; i++) {
		const struct dev_event *w = story_submits(s, i);
		if (!w || !w->meta || w->off < SUPER_END || story_is_lost(s, s->line[i].event))
			continue;
		uint32_t before = story_written(s, w->off, names);
		if (before == NONE)
			continue;
		mark(s, before);
		mark(s, names);
		mark(s, i);
		mark(s, super);
		return because(s, "%s wrote over tree block @%lu, which %s had written for a log, after %s had taken "
		               "that log's root into the super and before another super took its place. ",
		               story_who(s, i), (unsigned long)w->off, or_it(s, before, i), or_it(s, super, i));
	}
	return false;
}

/* A commit's super drops the log, and the extent that only the log has is not in its trees. */
static bool log_dropped(struct story *s)
{
	uint32_t super = story_super_on_media(s), frozen, put;
	char what[64];

	if (super == NONE || s->logged == NONE || story_names_log(s, super) != NONE)
		return false;
	frozen = story_last_by(s, super, true, EV_TRANS_UNBLOCKED);
	if (frozen == NONE || frozen < s->logged)
		return false;
	unsigned long committed = story_arg(s, frozen, EV_TRANS_UNBLOCKED, TRANS);
	put = story_first_of_block(s, s->logged, s->crash_at, EV_EXTENT_IN_TREES);
	if (put != NONE && story_arg(s, put, EV_EXTENT_IN_TREES, TRANS) <= committed)
		return false;
	mark(s, s->logged);
	mark(s, frozen);
	mark(s, put);
	mark(s, super);
	blocks(s, what, sizeof(what));
	const char *commits = story_who(s, super), *logs = or_it(s, s->logged, super);
	if (put == NONE)
		return because(s, "%s committed transaction %lu after %s had logged %s and before that was in the "
		               "trees: its super drops the log. ", commits, committed, logs, what);
	return because(s, "%s committed transaction %lu after %s had logged %s and before %s put that into the trees, "
	               "those of transaction %lu: the super drops the log. ", commits, committed, logs, what,
	               story_who(s, put), (unsigned long)story_arg(s, put, EV_EXTENT_IN_TREES, TRANS));
}

/*
 * A task logged all of the file that is in the trees while the block was on its way there; the block's own fsync then
 * logged nothing.
 */
static bool forgotten(struct story *s)
{
	uint32_t put = story_first_of_block(s, s->added, s->crash_at, EV_EXTENT_IN_TREES), all = NONE;
	char what[64];

	for (uint32_t i = s->added; i < s->crash_at && i < put; i++)
		if (story_is(s, i, EV_FILE_LOGGED) && story_arg(s, i, EV_FILE_LOGGED, FILE) == s->of)
			all = i;
	uint32_t promise = all == NONE ? NONE : story_next_promise(s, put == NONE ? all : put);
	if (promise == NONE || s->logged != NONE)
		return false;
	mark(s, s->added);
	mark(s, all);
	mark(s, put);
	mark(s, promise);
	return because(s, "%s logged all of the file that was in the trees after %s had added the extent map of %s "
	               "and before %s%s: %s logged nothing of it, and returned 0. ", story_who(s, all),
	               story_who(s, s->added), blocks(s, what, sizeof(what)),
	               put == NONE ? "it was there" : story_who(s, put), put == NONE ? "" : " put it there",
	               story_who(s, promise));
}

/* Memory was short: the map of the block, which no log had, was gone when its fsync looked at the modified maps. */
static bool map_released(struct story *s)
{
	uint32_t released = story_last_of_block(s, 0, s->crash_at, EV_MAP_RELEASED);
	uint32_t promise = released == NONE ? NONE : story_next_promise(s, released);
	char what[64];

	if (promise == NONE || s->logged != NONE || s->added == NONE || s->added > released)
		return false;
	mark(s, s->added);
	mark(s, released);
	mark(s, promise);
	return because(s, "%s released the extent map of %s, which no log had, before %s looked at the modified maps: "
	               "it logged nothing of that, and returned 0. ", story_who(s, released),
	               blocks(s, what, sizeof(what)), story_who(s, promise));
}

/* A commit's super drops the log, and the size in its trees stops at a write that was under way. */
static bool size_stopped(struct story *s)
{
	uint32_t super = story_super_on_media(s), frozen, begun = NONE;
	char what[64];

	if (s->v->broken.kind != BROKEN_SIZE || super == NONE || s->logged == NONE || story_names_log(s, super) != NONE)
		return false;
	frozen = story_last_by(s, super, true, EV_TRANS_UNBLOCKED);
	if (frozen == NONE || frozen < s->logged)
		return false;
	for (uint32_t i = 0; i < frozen; i++)
		if (story_is(s, i, EV_ORDERED_ADDED) && story_arg(s, i, EV_ORDERED_ADDED, FILE) == s->of &&
		    !story_put_in_trees(s, i, frozen))
			begun = i;
	if (begun == NONE)
		return false;
	mark(s, s->logged);
	mark(s, begun);
	mark(s, frozen);
	mark(s, super);
	story_blocks(story_arg(s, begun, EV_ORDERED_ADDED, START), story_arg(s, begun, EV_ORDERED_ADDED, LEN), what,
	             sizeof(what));
	return because(s, "%s committed transaction %lu after %s had begun a new write of %s and before that was in "
	               "the trees: the size there stops at it, and the super drops the log, which had all of the "
	               "file. ",
	               story_who(s, super), (unsigned long)story_arg(s, frozen, EV_TRANS_UNBLOCKED, TRANS),
	               or_it(s, begun, super), what);
}

/* The call that promised the block wrote nothing: it took the file for committed, or found that it has no name. */
static bool logged_nothing(struct story *s)
{
	uint32_t promise = story_last_promise(s), begins = promise == NONE ? NONE : story_call_begins(s, promise), put;
	char what[64];

	if (begins == NONE || s->added == NONE || story_wrote(s, begins, promise))
		return false;
	mark(s, s->added);
	mark(s, promise);
	blocks(s, what, sizeof(what));
	const char *who = story_who(s, promise);
	uint32_t unlinked = story_unlinks(s, begins);
	if (unlinked != NONE) {
		mark(s, unlinked);
		return because(s, "%s's fsync found that the file had no name any more, logged nothing and returned 0: "
		               "the unlink is not on the media, and with its name the file is back as it was before. ",
		               who);
	}
	put = story_first_of_block(s, s->added, promise, EV_EXTENT_IN_TREES);
	mark(s, put);
	if (put == NONE)
		return because(s, "%s's fsync took the file for committed, logged nothing and returned 0 after %s had "
		               "begun the write of %s and before that was in the trees. ", who,
		               or_it(s, s->added, promise), what);
	return because(s, "%s's fsync took the file for committed, logged nothing and returned 0 after %s had put %s "
	               "into the trees, those of transaction %lu, and before that was on the media. ", who,
	               or_it(s, put, promise), what, (unsigned long)story_arg(s, put, EV_EXTENT_IN_TREES, TRANS));
}

/* A call returned 0 after the block was logged, and before a super named that log: it waited for nothing. */
static bool returned_early(struct story *s)
{
	uint32_t super = story_super_on_media(s), promise;
	char what[64];

	if (s->logged == NONE || (super != NONE && super > s->logged))
		return false;
	promise = story_next_promise(s, s->logged);
	if (promise == NONE)
		return false;
	mark(s, s->logged);
	mark(s, promise);
	blocks(s, what, sizeof(what));
	if (story_same_task(s, promise, s->logged))
		return because(s, "%s logged %s, and its fsync returned 0 before any super named that log. ",
		               story_who(s, s->logged), what);
	return because(s, "The fsync of %s returned 0 after %s had logged %s and before any super named that log: it "
	               "waited for nothing. ", story_who(s, promise), story_who(s, s->logged), what);
}

/* A log was committed between two steps of a rename: of what it does in the log, or in the directory when that was
 * logged meanwhile. */
static bool name_half_moved(struct story *s)
{
	uint32_t super = story_super_on_media(s), names = super == NONE ? NONE : story_names_log(s, super);
	uint32_t put = names == NONE ? NONE : story_last_by(s, names + 1, true, EV_LOG_IN_PARENT), taken = NONE;
	uint32_t dir = NONE, given = NONE;

	if (put == NONE || s->v->broken.kind != BROKEN_NAME)
		return false;
	for (uint32_t i = 0; i < put; i++)
		if (story_is(s, i, EV_NAME_TAKEN) && story_arg(s, i, EV_NAME_TAKEN, FILE) == s->of)
			taken = i;
	for (uint32_t i = taken; i < put; i++) {
		if (story_is(s, i, EV_NAME_GIVEN) && story_same_task(s, i, taken))
			given = i;
		if (story_is(s, i, EV_NAMES_LOGGED) && story_same_task(s, i, taken))
			return false;
		if (story_is(s, i, EV_DIR_LOGGED) && !story_same_task(s, i, taken))
			dir = i;
	}
	if (taken == NONE || story_same_task(s, taken, put))
		return false;
	mark(s, taken);
	mark(s, dir);
	mark(s, given);
	mark(s, put);
	mark(s, super);
	const char *moves = story_who(s, taken), *commits = story_who(s, put);
	if (dir != NONE)
		return because(s, "%s logged the directory after %s had taken a name from the file and before it gave "
		               "it the next one, and committed that log: replay takes the old name, and the log has no "
		               "other. ", story_who(s, dir), moves);
	return because(s, "%s committed the log after %s had taken a name away and before it had logged the names "
	               "that there are then: replay takes the old name, and the log has no other. ", commits, moves);
}

/* The names of the file were logged, and by that all of the file counted as logged. */
static bool names_counted(struct story *s)
{
	uint32_t promise = story_last_promise(s), begins = promise == NONE ? NONE : story_call_begins(s, promise);
	uint32_t logged = NONE, committed = NONE;
	char what[64];

	if (begins == NONE || story_wrote(s, begins, promise))
		return false;
	for (uint32_t i = 0; i < promise; i++) {
		if (story_is(s, i, EV_NAMES_LOGGED) && story_arg(s, i, EV_NAMES_LOGGED, FILE) == s->of)
			logged = i;
		if (logged != NONE && story_is(s, i, EV_LOG_IN_PARENT) && !story_same_task(s, i, promise))
			committed = i;
	}
	if (logged == NONE || committed == NONE || committed < logged)
		return false;
	mark(s, logged);
	mark(s, committed);
	mark(s, promise);
	story_blocks((uint64_t)s->v->broken.block * FS_BLOCK, FS_BLOCK, what, sizeof(what));
	return because(s, "%s logged the names of the file after the last write of %s, and %s committed that log: "
	               "%s's fsync took all of the file for logged, logged nothing of it and returned 0. ",
	               story_who(s, logged), what, story_who(s, committed), story_who(s, promise));
}

/* The log had the file, and whoever changes its names was told that it has not. */
static bool mark_overwritten(struct story *s)
{
	uint32_t noted = NONE, logged = NONE;

	for (uint32_t i = 0; i < s->crash_at; i++)
		if (story_is(s, i, EV_MARK_OVERWRITTEN) && story_arg(s, i, EV_MARK_OVERWRITTEN, FILE) == s->of)
			noted = i;
	for (uint32_t i = 0; noted != NONE && i < s->crash_at; i++)
		if (story_is(s, i, EV_NAMES_LOGGED) && story_arg(s, i, EV_NAMES_LOGGED, FILE) == s->of)
			logged = i;
	if (logged == NONE)
		return false;
	mark(s, noted);
	mark(s, logged);
	return because(s, "%s had not found the file in the log, and noted that after %s had marked it as logged: when "
	               "its next name went, the log was not told. ", story_who(s, noted), story_who(s, logged));
}

static const struct rule {
	const char *name;
	bool (*fits)(struct story *s);
} rules[] = {
	{ "mark_overwritten", mark_overwritten },
	{ "name_half_moved", name_half_moved },
	{ "write_failed", write_failed },
	{ "logged_unseen", logged_unseen },
	{ "logged_without_sums", logged_without_sums },
	{ "logged_again", logged_again },
	{ "root_changed", root_changed },
	{ "super_too_early", super_too_early },
	{ "log_written_over", log_written_over },
	{ "log_dropped", log_dropped },
	{ "forgotten", forgotten },
	{ "map_released", map_released },
	{ "size_stopped", size_stopped },
	{ "returned_early", returned_early },
	{ "names_counted", names_counted },
	{ "logged_nothing", logged_nothing },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

const char *timeline_rule(uint32_t i)
{
	return i < RULES ? rules[i].name : NULL;
}

void story_find_cause(struct story *s)
{
	s->added = s->logged = s->ordered = s->collected = NONE;
	if (s->v->kind == VIOLATION_PROMISE)
		find_extent(s);
	else if (s->v->kind != VIOLATION_STATE)
		return;
	for (uint32_t i = 0; i < RULES && !s->rule; i++)
		if ((s->v->kind == VIOLATION_PROMISE || rules[i].fits == logged_unseen) && rules[i].fits(s))
			s->rule = rules[i].name;
}
