/*
 * timeline_print.c: the time line on paper: a column a task, within 120 characters; lines that do not
 * matter folded; the crash; the blocks before and after. See timeline.h.
 */
#include <string.h>
#include <unistd.h>

#include "oracle/rules.h"
#include "timeline_story.h"

#define WIDTH     120u
#define COLUMNS   8u

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
		n += (unsigned)snprintf(kept + n, sizeof(kept) - n, "%s%s @%lu", n ? ", " : "", story_place(e->off, e->meta),
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

	if (!story_gather(&s, h, v))
		return false;
	story_sentence(&s, text, sizeof(text));
	print_text(text, out);
	fprintf(out, "\n");
	print_lines(&s, all, out);
	if (v->kind == VIOLATION_PROMISE && v->broken.file[0])
		print_blocks(&s, out);
	story_free(&s);
	return true;
}
