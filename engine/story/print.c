/*
 * print.c: the time line on a terminal: a narrow lane a task, and beside them what happens, a line each;
 * what does not matter is left out; the crash; the blocks before and after. See timeline.h.
 *
 * It keeps to the width of the terminal, and to ASCII where the locale has no more. In a file it is WIDTH wide.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/screen.h"
#include "story/story.h"

#define WIDTH 120u
#define STEP  6u  /* the column of the step's number */
#define ROOM  32u /* of the text at least: for it lanes are made narrower */

/* ---- colour ---- */

struct paper {
	FILE *out;
	bool colour;
	const struct marks *marks;
	unsigned width;
};

/* Told apart by everyone, on dark and on light. */
static const char *const lane_colours[] = { "36", "33", "35", "32", "34", "31" };
#define LANE_COLOURS (sizeof(lane_colours) / sizeof(lane_colours[0]))

static bool wants_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) && !(no && no[0]) && term && strcmp(term, "dumb");
}

static void paint(const struct paper *p, const char *code)
{
	if (p->colour)
		fprintf(p->out, "\033[%sm", code);
}

/* ---- lanes ---- */

static const struct marks {
	const char *event, *marked, *stopped, *ready, *holds, *waits;
} utf8 = { "●", "◆", "◌", "│", "┃", "░" }, ascii = { "o", "*", "x", "|", "#", ":" };

static const char *mark_of(const struct marks *m, enum lane_state state)
{
	switch (state) {
	case LANE_ABSENT:
		return " ";
	case LANE_WAITS:
		return m->waits;
	case LANE_HOLDS:
		return m->holds;
	default:
		return m->ready;
	}
}

static unsigned lane_width(const struct paper *p, const struct lanes *lanes)
{
	unsigned w = 0, most = p->width > STEP + ROOM && lanes->n ? (p->width - STEP - ROOM) / lanes->n : 0;

	for (uint32_t i = 0; i < lanes->n; i++)
		if (strlen(lanes->name[i]) > w)
			w = (unsigned)strlen(lanes->name[i]);
	w = (w < 12 ? w : 12) + 1;
	w = w > most ? most : w;
	return w < 2 ? 2 : w;
}

static void print_lanes(const struct paper *p, const struct story *s, const struct lanes *lanes, const struct line *l)
{
	unsigned w = lane_width(p, lanes);
	int class;

	for (uint32_t i = 0; i < lanes->n; i++) {
		bool here = l && lane_of(lanes, l) == i;
		const char *mark = " ";
		if (here)
			mark = l->kind == LINE_STOPPED ? p->marks->stopped :
			       l->marked               ? p->marks->marked :
			                                 p->marks->event;
		else if (l && i != lanes->device)
			mark = mark_of(p->marks, lane_state(s, lanes->task[i], l->turn, &class));
		paint(p, lane_colours[i % LANE_COLOURS]);
		if (here)
			paint(p, "1");
		fprintf(p->out, "%s%*s", mark, (int)w - 1, "");
		paint(p, "0");
	}
}

/* `before`: the line above it, or NULL. Of lines between which there was no choice, the first alone has the number. */
static void print_line(const struct paper *p, const struct story *s, const struct lanes *lanes, const struct line *l,
                       const struct line *before)
{
	unsigned in = STEP + lanes->n * lane_width(p, lanes), room = p->width > in + 1 ? p->width - in - 1 : 0;
	char text[400];
	struct site site;
	int n = snprintf(text, sizeof(text), "%s: %s", l->device ? "device" : s->task_name[l->task % COOP_TASKS_MAX],
	                 l->text);

	if ((l->marked || l->kind == LINE_STOPPED) && story_site(s, l, &site))
		snprintf(text + n, sizeof(text) - (size_t)n, "  %s:%u", site.file, site.line);
	if (before && before->step == l->step)
		fprintf(p->out, "%*s", (int)STEP, "");
	else
		fprintf(p->out, "%4u  ", l->step);
	print_lanes(p, s, lanes, l);
	for (const char *rest = text; *rest;) {
		const char *piece = rest;
		unsigned take = screen_fit(piece, room < ROOM / 2 ? ROOM / 2 : room - 2 * (piece != text), &rest);
		if (piece != text)
			fprintf(p->out, "%*s  ", (int)in, "");
		if (l->marked)
			paint(p, "1");
		while (take && piece[take - 1] == ' ')
			take--;
		fprintf(p->out, "%.*s\n", (int)take, piece);
		paint(p, "0");
	}
}

static void print_head(const struct paper *p, const struct lanes *lanes)
{
	unsigned w = lane_width(p, lanes);

	fprintf(p->out, "step  ");
	for (uint32_t i = 0; i < lanes->n; i++) {
		paint(p, lane_colours[i % LANE_COLOURS]);
		fprintf(p->out, "%-*.*s", i + 1 < lanes->n ? (int)w : 0, (int)w - 1, lanes->name[i]);
		paint(p, "0");
	}
	fprintf(p->out, "\n");
}

/* A paragraph within the width. */
static void print_text(const struct paper *p, const char *text)
{
	while (*text) {
		const char *piece = text;
		unsigned n = screen_fit(piece, p->width - 2, &text);
		fprintf(p->out, "%.*s\n", (int)n, piece);
	}
}

/* What each mark means, and how much was left out: as many in a line as fit. */
static void print_legend(const struct paper *p, const struct story *s, uint32_t folded)
{
	const struct marks *m = p->marks;
	const struct {
		const char *mark, *means;
	} entry[] = { { m->event, "does this" }, { m->ready, "could go on" }, { m->holds, "holds a lock" },
		      { m->waits, "waits" }, { m->stopped, "stopped by the scheduler" },
		      { m->marked, s->cause[0] ? "what the broken promise rests on" : "" } };
	unsigned at = 0;

	for (unsigned i = 0; i < sizeof(entry) / sizeof(entry[0]); i++) {
		unsigned wide = (unsigned)strlen(entry[i].means) + 2;

		if (!entry[i].means[0])
			continue;
		if (at && at + 3 + wide > p->width) {
			fputc('\n', p->out);
			at = 0;
		}
		fprintf(p->out, "%*s%s %s", at ? 3 : 0, "", entry[i].mark, entry[i].means);
		at += wide + 3 * !!at;
	}
	if (folded)
		fprintf(p->out, "%s(%u lines folded)", at + 24 > p->width ? "\n" : "   ", folded);
	fputc('\n', p->out);
}

static void print_lines(const struct paper *p, const struct story *s, bool all)
{
	struct lanes lanes;
	const struct line *before = NULL;
	uint32_t folded = 0;
	char kept[300];

	story_lanes(s, all, &lanes);
	print_head(p, &lanes);
	for (uint32_t i = 0; i < s->crash_at; i++) {
		folded += !all && !s->line[i].matters;
		if (!all && !s->line[i].matters)
			continue;
		print_line(p, s, &lanes, &s->line[i], before);
		before = &s->line[i];
	}
	if (s->v->kind == VIOLATION_PROMISE) {
		char text[360];

		story_kept(s, kept, sizeof(kept));
		paint(p, "1;31");
		snprintf(text, sizeof(text), "====  THE POWER FAILS: %s ====", kept);
		print_text(p, text);
		paint(p, "0");
	}
	print_legend(p, s, folded);
}

/* ---- blocks, before and after ---- */

static void print_blocks(const struct story *s, FILE *out)
{
	static const char *const name[] = { "file", "block", "promised", "newest write", "after the crash and replay" };
	struct screen_table *t = screen_table(2);
	struct told_block told[TOLD_BLOCKS];
	uint32_t n = story_tell_blocks(s, told);

	for (unsigned i = 0; i < 5; i++)
		screen_column(t, name[i], i != 1);
	for (uint32_t i = 0; i < n; i++) {
		screen_cell(t, "%s", told[i].file);
		screen_cell(t, "%u", told[i].block);
		screen_cell(t, told[i].promised ? "version %u" : "nothing", told[i].promised);
		screen_cell(t, "version %u", told[i].newest);
		screen_cell(t, "%s%s", told[i].after, told[i].broken ? "   <- broken" : "");
	}
	if (n)
		fputc('\n', out);
	screen_table_print(t, out);
	screen_table_free(t);
}

/* ---- all of it ---- */

bool timeline_print(struct hunt *h, const struct violation *v, bool all, FILE *out)
{
	struct paper p = { out, wants_colour(out), screen_is_utf8() ? &utf8 : &ascii, screen_width(out) };
	char text[1200];
	struct story s;

	if (!p.width)
		p.width = WIDTH;
	bool fits = story_gather(&s, h, v, NULL);
	if (fits) {
		story_sentence(&s, text, sizeof(text));
		print_text(&p, text);
		fprintf(out, "\n");
		print_lines(&p, &s, all);
		print_blocks(&s, out);
	}
	story_free(&s);
	site_close();
	return fits;
}
