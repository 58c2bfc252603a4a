/*
 * print.c: the time line on a terminal: a narrow lane a task, and beside them what happens, a line each;
 * what does not matter is left out; the crash; the blocks before and after. See timeline.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "story/story.h"

#define WIDTH 120u

/* ---- colour ---- */

struct paper {
	FILE *out;
	bool colour;
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

static const char *mark_of(enum lane_state state)
{
	switch (state) {
	case LANE_ABSENT:
		return " ";
	case LANE_WAITS:
		return "░";
	case LANE_HOLDS:
		return "┃";
	default:
		return "│";
	}
}

static unsigned lane_width(const struct lanes *lanes)
{
	unsigned w = 0;

	for (uint32_t i = 0; i < lanes->n; i++)
		if (strlen(lanes->name[i]) > w)
			w = (unsigned)strlen(lanes->name[i]);
	return (w < 12 ? w : 12) + 1;
}

static void print_lanes(const struct paper *p, const struct story *s, const struct lanes *lanes, const struct line *l)
{
	unsigned w = lane_width(lanes);
	int class;

	for (uint32_t i = 0; i < lanes->n; i++) {
		bool here = l && lane_of(lanes, l) == i;
		const char *mark = " ";
		if (here)
			mark = l->kind == LINE_STOPPED ? "◌" : l->marked ? "◆" : "●";
		else if (l && i != lanes->device)
			mark = mark_of(lane_state(s, lanes->task[i], l->turn, &class));
		paint(p, lane_colours[i % LANE_COLOURS]);
		if (here)
			paint(p, "1");
		fprintf(p->out, "%s%*s", mark, (int)w - 1, "");
		paint(p, "0");
	}
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

/* `before`: the line above it, or NULL. Of lines between which there was no choice, the first alone has the number. */
static void print_line(const struct paper *p, const struct story *s, const struct lanes *lanes, const struct line *l,
                       const struct line *before)
{
	unsigned room = WIDTH - 6 - lanes->n * lane_width(lanes) - 1;
	char text[400];
	struct site site;
	int n = snprintf(text, sizeof(text), "%s: %s", l->device ? "device" : s->task_name[l->task % COOP_TASKS_MAX],
	                 l->text);

	if ((l->marked || l->kind == LINE_STOPPED) && story_site(s, l, &site))
		snprintf(text + n, sizeof(text) - (size_t)n, "  %s:%u", site.file, site.line);
	if (before && before->step == l->step)
		fprintf(p->out, "%*s", 6, "");
	else
		fprintf(p->out, "%4u  ", l->step);
	print_lanes(p, s, lanes, l);
	for (const char *rest = text; *rest;) {
		const char *piece = rest;
		unsigned take = fit(piece, room < 40 ? 40 : room, &rest);
		if (piece != text)
			fprintf(p->out, "%*s  ", (int)(6 + lanes->n * lane_width(lanes)), "");
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
	unsigned w = lane_width(lanes);

	fprintf(p->out, "step  ");
	for (uint32_t i = 0; i < lanes->n; i++) {
		paint(p, lane_colours[i % LANE_COLOURS]);
		fprintf(p->out, "%-*.*s", i + 1 < lanes->n ? (int)w : 0, (int)w - 1, lanes->name[i]);
		paint(p, "0");
	}
	fprintf(p->out, "\n");
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
		story_kept(s, kept, sizeof(kept));
		paint(p, "1;31");
		fprintf(p->out, "====  THE POWER FAILS: %s ====\n", kept);
		paint(p, "0");
	}
	fprintf(p->out, "┃ holds a lock   ░ waits   ◌ stopped by the scheduler%s",
	        s->cause[0] ? "   ◆ what the broken promise rests on" : "");
	fprintf(p->out, folded ? "   (%u lines folded)\n" : "\n", folded);
}

/* ---- blocks, before and after ---- */

static void print_blocks(const struct story *s, FILE *out)
{
	struct told_block told[TOLD_BLOCKS];
	char promised[40];
	uint32_t n = story_tell_blocks(s, told);

	if (!n)
		return;
	fprintf(out, "\n  file     block  promised     newest write     after the crash and replay\n");
	for (uint32_t i = 0; i < n; i++) {
		snprintf(promised, sizeof(promised), told[i].promised ? "version %u" : "nothing", told[i].promised);
		fprintf(out, "  %-8s %5u  %-12s version %-8u %s%s\n", told[i].file, told[i].block, promised,
		        told[i].newest, told[i].after, told[i].broken ? "   <- broken" : "");
	}
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
	struct paper p = { out, wants_colour(out) };
	char text[1200];
	struct story s;

	bool fits = story_gather(&s, h, v, NULL);
	if (fits) {
		story_sentence(&s, text, sizeof(text));
		print_text(text, out);
		fprintf(out, "\n");
		print_lines(&p, &s, all);
		print_blocks(&s, out);
	}
	story_free(&s);
	site_close();
	return fits;
}
