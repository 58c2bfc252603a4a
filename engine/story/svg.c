/*
 * svg.c: the time line as a picture, complete in itself: a lane a task, time downwards, what happens beside
 * it. Locks held are bars, waits are hatched; a write is a bar at the device from its submission until it is durable;
 * what the broken promise rests on is marked and joined. Light or dark as the reader's screen is; the colours are
 * those of Okabe and Ito, and no two things differ by colour alone. See timeline.h.
 */
#include <stdlib.h>
#include <string.h>

#include "rt/lock.h"
#include "machine/mem.h"
#include "story/story.h"

#define ROW        22u
#define LANE       64u
#define LEFT       64u  /* of the first lane's middle */
#define MARGIN     16u
#define CHAR       7.3  /* width of a letter, rather too much: no text is cut */
#define TITLE_WIDE 150u /* letters of a line of the story */

struct picture {
	FILE *out;
	const struct story *s;
	struct lanes lanes;
	uint32_t *row, nrows; /* lines that are shown */
	uint32_t top, width, text_at;
};

/* ---- pieces ---- */

static void put_text(FILE *out, const char *text, unsigned n)
{
	for (; n && *text; text++, n--) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else
			fputc(*text, out);
	}
}

static unsigned x_of(uint32_t lane)
{
	return LEFT + lane * LANE;
}

static unsigned y_of(const struct picture *p, uint32_t row)
{
	return p->top + row * ROW;
}

static void line_text(const struct picture *p, const struct line *l, char *buf, unsigned size)
{
	const struct story *s = p->s;
	struct site site;
	int n = snprintf(buf, size, "%s: %s", l->device ? "device" : s->task_name[l->task % COOP_TASKS_MAX], l->text);

	if ((l->marked || l->kind == LINE_STOPPED) && story_site(s, l, &site))
		snprintf(buf + n, size - (unsigned)n, "  (%s:%u)", site.file, site.line);
}

/* ---- lanes ---- */

static void bar(const struct picture *p, uint32_t lane, uint32_t from, uint32_t to, enum lane_state state, int class)
{
	unsigned y1 = y_of(p, from) - ROW / 2, y2 = y_of(p, to) + ROW / 2;
	const char *what = class >= 0 ? lock_info[class].what : "something";

	if (state == LANE_ABSENT)
		return;
	fprintf(p->out, "<line class=\"life\" x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>\n", x_of(lane), y1, x_of(lane), y2);
	if (state == LANE_READY)
		return;
	fprintf(p->out, "<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"12\" height=\"%u\"><title>%s ", state == LANE_HOLDS ? "holds" : "waits",
	        x_of(lane) - 6, y1, y2 - y1, state == LANE_HOLDS ? "holds" : "waits for");
	put_text(p->out, what, (unsigned)strcspn(what, ":"));
	fprintf(p->out, "</title></rect>\n");
}

static void draw_lane(const struct picture *p, uint32_t lane)
{
	enum lane_state state = LANE_ABSENT;
	uint32_t from = 0;
	int class = -1;

	for (uint32_t r = 0; r < p->nrows; r++) {
		int now_class;
		enum lane_state now = lane_state(p->s, p->lanes.task[lane], p->s->line[p->row[r]].turn, &now_class);
		if (r && now == state && now_class == class)
			continue;
		if (r)
			bar(p, lane, from, r - 1, state, class);
		from = r;
		state = now;
		class = now_class;
	}
	bar(p, lane, from, p->nrows - 1, state, class);
}

/* Is the write still not durable after this event? */
static bool pending_after(const struct story *s, uint32_t write, uint32_t event)
{
	struct epoch e;

	powercut_epoch_at(s->h->dev, event + 1, &e);
	for (uint32_t i = 0; i < e.npending; i++)
		if (e.pending[i] == write)
			return true;
	return false;
}

/* A write, from its submission to where it is durable, or to the crash. */
static void draw_write(const struct picture *p, uint32_t r, uint32_t *drawn)
{
	const struct story *s = p->s;
	uint32_t write = s->line[p->row[r]].event, end = r;
	unsigned x = x_of(p->lanes.device) + 12 + (*drawn)++ % 2 * 9;
	bool durable = false;

	while (end + 1 < p->nrows && !durable) {
		const struct line *l = &s->line[p->row[++end]];
		durable = l->kind == LINE_DEVICE && !pending_after(s, write, l->event);
	}
	fprintf(p->out, "<rect class=\"pending\" x=\"%u\" y=\"%u\" width=\"7\" height=\"%u\"><title>not durable until %s</title></rect>\n", x,
	        y_of(p, r), y_of(p, end) - y_of(p, r), durable ? "here" : "the crash");
	if (durable)
		fprintf(p->out, "<rect class=\"durable\" x=\"%u\" y=\"%u\" width=\"7\" height=\"%u\"><title>durable</title></rect>\n", x,
		        y_of(p, end), y_of(p, p->nrows) - y_of(p, end) - ROW / 2);
}

static void draw_lanes(const struct picture *p)
{
	uint32_t drawn = 0;

	for (uint32_t i = 0; i < p->lanes.n; i++) {
		fprintf(p->out, "<text class=\"name\" x=\"%u\" y=\"%u\">", x_of(i), p->top - ROW);
		put_text(p->out, p->lanes.name[i], 12);
		fprintf(p->out, "</text>\n");
		if (i != p->lanes.device)
			draw_lane(p, i);
	}
	for (uint32_t r = 0; r < p->nrows && p->lanes.device != NONE; r++) {
		const struct line *l = &p->s->line[p->row[r]];
		if (l->kind == LINE_DEVICE && p->s->event[l->event].kind == EV_WSUB)
			draw_write(p, r, &drawn);
	}
}

/* ---- rows ---- */

static void draw_mark(const struct picture *p, const struct line *l, unsigned x, unsigned y)
{
	if (l->marked)
		fprintf(p->out, "<path class=\"mark\" d=\"M%u %u l8 8 l-8 8 l-8 -8 z\"/>\n", x, y - 8);
	else
		fprintf(p->out, "<circle class=\"%s\" cx=\"%u\" cy=\"%u\" r=\"5\"/>\n", l->kind == LINE_STOPPED ? "stopped" : "event", x, y);
}

static void draw_row(const struct picture *p, uint32_t r)
{
	const struct line *l = &p->s->line[p->row[r]];
	unsigned x = x_of(lane_of(&p->lanes, l)), y = y_of(p, r);
	char text[400];

	line_text(p, l, text, sizeof(text));
	fprintf(p->out, "<line class=\"lead\" x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>\n", x, y, p->text_at - 6, y);
	draw_mark(p, l, x, y);
	if (!r || p->s->line[p->row[r - 1]].step != l->step) /* no number: there was no choice since the row above */
		fprintf(p->out, "<text class=\"step\" x=\"34\" y=\"%u\">%u</text>\n", y + 4, l->step);
	fprintf(p->out, "<text class=\"%s\" x=\"%u\" y=\"%u\">", l->marked ? "what strong" : "what", p->text_at, y + 4);
	put_text(p->out, text, sizeof(text));
	fprintf(p->out, "</text>\n");
}

/* Joins what the broken promise rests on, in the order of time. */
static void join_marks(const struct picture *p)
{
	bool first = true;

	fprintf(p->out, "<path class=\"join\" d=\"");
	for (uint32_t r = 0; r < p->nrows; r++) {
		const struct line *l = &p->s->line[p->row[r]];
		if (!l->marked)
			continue;
		fprintf(p->out, "%s%u %u ", first ? "M" : "L", x_of(lane_of(&p->lanes, l)), y_of(p, r));
		first = false;
	}
	fprintf(p->out, "\"/>\n");
}

static void draw_crash(const struct picture *p)
{
	unsigned y = y_of(p, p->nrows);
	char kept[300];

	if (p->s->v->kind != VIOLATION_PROMISE)
		return;
	story_kept(p->s, kept, sizeof(kept));
	fprintf(p->out, "<line class=\"crash\" x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>\n", MARGIN, y - 8, p->width - MARGIN, y - 8);
	fprintf(p->out, "<text class=\"what strong crashed\" x=\"%u\" y=\"%u\">the power fails: ", p->text_at, y + 10);
	put_text(p->out, kept, sizeof(kept));
	fprintf(p->out, "</text>\n");
}

static void draw_legend(const struct picture *p, unsigned y)
{
	static const struct {
		const char *shape, *text;
		unsigned wide;
	} legend[] = {
		{ "<rect class=\"holds\" x=\"%u\" y=\"%u\" width=\"12\" height=\"12\"/>", "holds a lock", 110 },
		{ "<rect class=\"waits\" x=\"%u\" y=\"%u\" width=\"12\" height=\"12\"/>", "waits", 70 },
		{ "<rect class=\"pending\" x=\"%u\" y=\"%u\" width=\"7\" height=\"12\"/>", "may still be lost", 140 },
		{ "<rect class=\"durable\" x=\"%u\" y=\"%u\" width=\"7\" height=\"12\"/>", "durable", 85 },
		{ "<circle class=\"stopped\" cx=\"%u\" cy=\"%u\" r=\"5\" transform=\"translate(6 6)\"/>", "stopped by the scheduler", 190 },
		{ "<path class=\"mark\" transform=\"translate(6 6)\" d=\"M%u %u m0 -8 l8 8 l-8 8 l-8 -8 z\"/>", "what the broken promise rests on", 0 },
	};
	unsigned x = MARGIN + 20;

	unsigned n = sizeof(legend) / sizeof(legend[0]) - !p->s->cause[0]; /* the last is of what is marked */
	for (unsigned i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fprintf(p->out, legend[i].shape, x, y - 10);
#pragma GCC diagnostic pop
		fprintf(p->out, "<text class=\"step left\" x=\"%u\" y=\"%u\">%s</text>\n", x + 18, y, legend[i].text);
		x += legend[i].wide + 25;
	}
}

/* ---- the whole ---- */

static const char style[] =
	"<style>text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1a1a1a}"
	".paper{fill:#ffffff}.name{text-anchor:middle;font-weight:bold}.step{fill:#6a6a6a;text-anchor:end;font-size:12px}"
	".left{text-anchor:start}.strong{font-weight:bold}.title{font:15px system-ui,'DejaVu Sans',sans-serif}"
	".life{stroke:#9a9a9a;stroke-width:2}.lead{stroke:#d0d0d0;stroke-dasharray:1 4}"
	".holds{fill:#0072B2}.waits{fill:url(#hatch);stroke:#8a8a8a}.pending{fill:url(#dots);stroke:#E69F00}.durable{fill:#009E73}"
	".event{fill:#1a1a1a}.stopped{fill:#ffffff;stroke:#1a1a1a;stroke-width:2}.mark{fill:#D55E00}"
	".join{fill:none;stroke:#D55E00;stroke-width:2;stroke-dasharray:5 3}.crash{stroke:#CC3311;stroke-width:3}.crashed{fill:#CC3311}"
	"@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.paper{fill:#0d1117}.step{fill:#9a9a9a}.life{stroke:#6e7681}"
	".lead{stroke:#30363d}.holds{fill:#56B4E9}.event{fill:#e6e6e6}.stopped{fill:#0d1117;stroke:#e6e6e6}.mark{fill:#FF8C42}"
	".join{stroke:#FF8C42}.crash{stroke:#FF6B5B}.crashed{fill:#FF6B5B}}</style>\n"
	"<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	"<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"#8a8a8a\" stroke-width=\"2\"/></pattern>"
	"<pattern id=\"dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><circle cx=\"2\" cy=\"2\" r=\"1.3\" fill=\"#E69F00\"/>"
	"</pattern></defs>\n";

/* The story on lines, from y on; out NULL: only counts. Where the next line would be. */
static unsigned draw_title(FILE *out, const char *text, unsigned wide, unsigned y)
{
	while (*text) {
		unsigned n = (unsigned)strlen(text), cut = wide;
		if (n > wide) {
			while (cut && text[cut] != ' ')
				cut--;
			n = cut ? cut : wide;
		}
		if (out) {
			fprintf(out, "<text class=\"title\" x=\"%u\" y=\"%u\">", MARGIN, y);
			put_text(out, text, n);
			fprintf(out, "</text>\n");
		}
		text += n;
		text += *text == ' ';
		y += 20;
	}
	return y;
}

static void measure(struct picture *p)
{
	char text[400];
	double widest = 40;

	p->row = mem_zalloc((p->s->n + 1) * sizeof(*p->row));
	for (uint32_t i = 0; i < p->s->crash_at && i < p->s->n; i++) {
		if (!p->s->line[i].matters)
			continue;
		line_text(p, &p->s->line[i], text, sizeof(text));
		widest = (double)strlen(text) * (p->s->line[i].marked ? CHAR * 1.1 : CHAR) > widest ? (double)strlen(text) * CHAR * 1.1 : widest;
		p->row[p->nrows++] = i;
	}
	p->text_at = x_of(p->lanes.n) - LANE / 3;
	p->width = p->text_at + (unsigned)widest + MARGIN;
	if (p->width < 900)
		p->width = 900;
}

static void draw(struct picture *p, const char *story)
{
	unsigned wide = (p->width - 2 * MARGIN) / 8 < TITLE_WIDE ? (p->width - 2 * MARGIN) / 8 : TITLE_WIDE;
	unsigned after_title = draw_title(NULL, story, wide, 30), height;

	p->top = after_title + 2 * ROW;
	height = y_of(p, p->nrows) + 3 * ROW;
	fprintf(p->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\" role=\"img\">\n<title>",
	        p->width, height, p->width, height);
	put_text(p->out, story, 2000);
	fprintf(p->out, "</title>\n%s<rect class=\"paper\" width=\"%u\" height=\"%u\"/>\n", style, p->width, height);
	draw_title(p->out, story, wide, 30);
	draw_lanes(p);
	join_marks(p);
	for (uint32_t r = 0; r < p->nrows; r++)
		draw_row(p, r);
	draw_crash(p);
	draw_legend(p, height - ROW / 2);
	fprintf(p->out, "</svg>\n");
}

bool timeline_svg(struct hunt *h, const struct violation *v, FILE *out)
{
	char text[1200];
	struct story s;
	bool fits = story_gather(&s, h, v, NULL);

	if (fits) {
		struct picture p = { .out = out, .s = &s };
		story_sentence(&s, text, sizeof(text));
		story_lanes(&s, false, &p.lanes);
		measure(&p);
		if (p.nrows)
			draw(&p, text);
		free(p.row);
	}
	story_free(&s);
	site_close();
	return fits;
}
