/*
 * timeline.c: see timeline.h. The trace of the run, entry by entry, is turned into short texts; those
 * that have to do with the broken block's extent are marked, the others folded; texts go into columns.
 *
 * (T1) The device's entries in the trace are its recorded events, one for one and in the same order:
 *      so an entry's device position is known, and the crash has its place among the lines.
 */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "oracle/rules.h"
#include "rt/mem.h"
#include "rt/trace.h"

#define WIDTH     120u
#define COLUMNS   8u
#define TEXT_MAX  160u
#define SUPER_END 262144u /* where the file system's super blocks end, and its trees begin */

enum line_kind { LINE_OTHER, LINE_CALL, LINE_DEVICE, LINE_EXTENT };

struct line {
	uint32_t step, task;
	bool device;         /* belongs into the device's column */
	bool matters;
	enum line_kind kind;
	char text[TEXT_MAX];
};

struct story {
	struct hunt *h;
	const struct violation *v;
	const struct trace_entry *entry;
	uint32_t n;
	struct line *line;
	uint32_t crash_at;       /* the crash comes before this line */
	const struct dev_event *event;
	uint32_t nevents;
	/* of the broken block: its last extent that was logged */
	uint64_t disk, disk_len, start, len;
	uint32_t added, logged, ordered, collected; /* entries; UINT32_MAX: none */
};

#define NONE UINT32_MAX

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

static const char *place_name(uint64_t off, bool meta)
{
	return off < SUPER_END ? "super" : meta ? "tree block" : "data";
}

static void device_text(const struct trace_entry *e, const struct dev_event *ev, char *buf)
{
	const char *did = says(e, "write submitted") ? "submit" : says(e, "write completed") ? "done:" : "failed:";

	if (says(e, "write"))
		snprintf(buf, TEXT_MAX, "%s %s @%lu+%lu%s", did, place_name(e->a, ev->meta), (unsigned long)e->a, (unsigned long)e->b,
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

static bool gather(struct story *s, struct hunt *h, const struct violation *v)
{
	uint32_t position = 0;

	*s = (struct story){ .h = h, .v = v };
	trace_start();
	hunt_again(h, v, true);
	s->entry = trace_stop(&s->n);
	if (h->result.end == COOP_DIVERGED)
		return false;
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

static void sentence(const struct story *s, char *buf, unsigned size)
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

	if (!gather(&s, h, v))
		return false;
	sentence(&s, buf, size);
	free(s.line);
	return true;
}

/* ---- columns ---- */

struct columns {
	uint32_t n, width;
	char name[COLUMNS][24];
};

static uint32_t column_of(struct columns *c, const struct line *l)
{
	const char *name = l->device ? "device" : trace_task_name(l->task);
	uint32_t i = 0;

	while (i < c->n && strcmp(c->name[i], name))
		i++;
	if (i == c->n && c->n < COLUMNS)
		snprintf(c->name[c->n++], sizeof(c->name[0]), "%s", name);
	return i < COLUMNS ? i : COLUMNS - 1;
}

static void make_columns(struct columns *c, const struct story *s, bool all)
{
	c->n = 0;
	for (int device = 0; device < 2; device++)
		for (uint32_t i = 0; i < s->crash_at; i++)
			if (s->line[i].device == (device == 1) && (all || s->line[i].matters))
				column_of(c, &s->line[i]);
	c->width = (WIDTH - 6) / (c->n ? c->n : 1);
	if (c->width > 40)
		c->width = 40;
}

/* As much of the text as fits into `room`, cut at a space; the rest in *rest. */
static unsigned fit(const char *text, unsigned room, const char **rest)
{
	unsigned n = (unsigned)strlen(text), cut = room;

	if (n <= room) {
		*rest = text + n;
		return n;
	}
	while (cut > 0 && text[cut] != ' ')
		cut--;
	if (!cut)
		cut = room;
	*rest = text + cut + (text[cut] == ' ');
	return cut;
}

static void print_line(FILE *out, const struct columns *c, uint32_t column, uint32_t step, const char *text, bool bold)
{
	bool first = true;

	for (const char *rest = text; *rest; first = false) {
		const char *piece = rest;
		unsigned n = fit(piece, c->width - 2, &rest);
		if (first)
			fprintf(out, "%4u  ", step);
		else
			fprintf(out, "      ");
		fprintf(out, "%*s%s%.*s%s\n", (int)(column * c->width), "", bold ? "\033[1m" : "", (int)n, piece, bold ? "\033[0m" : "");
	}
}

static void print_head(FILE *out, const struct columns *c)
{
	fprintf(out, "step  ");
	for (uint32_t i = 0; i < c->n; i++)
		fprintf(out, "%-*s", i + 1 < c->n ? (int)c->width : 0, c->name[i]);
	fprintf(out, "\n");
}

static void print_fold(FILE *out, uint32_t *folded)
{
	if (*folded)
		fprintf(out, "      (%u line%s)\n", *folded, *folded == 1 ? "" : "s");
	*folded = 0;
}

static void print_crash(const struct story *s, FILE *out)
{
	char kept[200] = "nothing";
	unsigned n = 0;

	for (uint32_t i = 0; i < s->v->crash.nkept && n < sizeof(kept) - 40; i++) {
		const struct dev_event *e = &s->event[s->v->crash.kept[i]];
		n += (unsigned)snprintf(kept + n, sizeof(kept) - n, "%s%s @%lu", n ? ", " : "", place_name(e->off, e->meta),
		                        (unsigned long)e->off);
	}
	fprintf(out, "      ==== the power fails: of %u write%s that %s not durable, %s is kept ====\n", s->v->crash.npending,
	        s->v->crash.npending == 1 ? "" : "s", s->v->crash.npending == 1 ? "is" : "are", kept);
}

static void print_lines(const struct story *s, bool all, FILE *out)
{
	bool tty = isatty(fileno(out)), bug;
	struct columns c;
	uint32_t folded = 0;

	make_columns(&c, s, all);
	print_head(out, &c);
	for (uint32_t i = 0; i < s->crash_at; i++) {
		if (!all && !s->line[i].matters) {
			folded++;
			continue;
		}
		print_fold(out, &folded);
		bug = tty && (i == s->added || i == s->logged || i == s->ordered || i == s->collected);
		print_line(out, &c, column_of(&c, &s->line[i]), s->line[i].step, s->line[i].text, bug);
	}
	print_fold(out, &folded);
	if (s->v->kind == VIOLATION_PROMISE)
		print_crash(s, out);
}

/* ---- blocks, before and after ---- */

static void seen_text(const struct recovered_block *b, char *buf, unsigned size)
{
	if (b->err)
		snprintf(buf, size, "cannot be read (EIO)");
	else if (b->each)
		snprintf(buf, size, "parts of several");
	else if (b->first.kind == SEEN_VERSION)
		snprintf(buf, size, "version %u", b->first.stamp.version);
	else
		snprintf(buf, size, "%s", b->first.kind == SEEN_ZEROS ? "zeros" : "garbage");
}

static void print_block(const struct story *s, const struct model_file *f, const struct recovered_file *rf, uint32_t block, FILE *out)
{
	struct due d = rules_sector_due(s->h->run.model, s->v->crash.pos, f, (uint64_t)block * BLOCK_SECTORS);
	char promised[40] = "nothing", after[60];

	if (d.promised)
		snprintf(promised, sizeof(promised), "version %u", d.promised);
	if (block < rf->nblocks)
		seen_text(&rf->block[block], after, sizeof(after));
	else
		snprintf(after, sizeof(after), "is beyond the end");
	fprintf(out, "  %-8s %5u  %-12s version %-8u %s%s\n", f->name, block, promised, d.newest, after,
	        block == s->v->broken.block ? "   <- broken" : "");
}

static void print_blocks(const struct story *s, FILE *out)
{
	struct recovered *r = hunt_recover_crash(s->h, &s->v->crash);

	if (!r)
		return;
	fprintf(out, "\n  file     block  promised     newest write     after the crash and replay\n");
	for (uint32_t i = 0; i < r->nfiles; i++) {
		const struct recovered_file *rf = &r->file[i];
		const struct model_file *f = model_find(s->h->run.model, rf->subvol, rf->name, rf->ino);
		if (!f || strcmp(f->name, s->v->broken.file) || f->subvol != s->v->broken.subvol)
			continue;
		for (uint32_t k = 0; k < rf->nblocks && k < 64; k++)
			print_block(s, f, rf, k, out);
	}
	recovered_free(r);
}

/* ---- all of it ---- */

/* A paragraph within WIDTH. */
static void print_text(const char *text, FILE *out)
{
	while (*text) {
		const char *piece = text;
		unsigned n = fit(piece, WIDTH - 2, &text);
		fprintf(out, "%.*s\n", (int)n, piece);
	}
}

bool timeline_print(struct hunt *h, const struct violation *v, bool all, FILE *out)
{
	char text[1200];
	struct story s;

	if (!gather(&s, h, v))
		return false;
	sentence(&s, text, sizeof(text));
	print_text(text, out);
	fprintf(out, "\n");
	print_lines(&s, all, out);
	if (v->kind == VIOLATION_PROMISE && v->broken.file[0])
		print_blocks(&s, out);
	free(s.line);
	return true;
}
