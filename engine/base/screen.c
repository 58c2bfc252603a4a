/* screen.c: see screen.h. */
#include "base/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"

#define LEAST   20u /* a narrower screen is taken for this: nothing could be read on it */
#define COLUMNS 40u
#define GAP     2u  /* between columns */

unsigned screen_width(FILE *out)
{
	const char *set = getenv("COLUMNS");
	unsigned columns = set ? (unsigned)strtoul(set, NULL, 10) : 0;
	struct winsize w;

	if (!columns && isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &w))
		columns = w.ws_col;
	return columns && columns < LEAST ? LEAST : columns;
}

bool screen_is_utf8(void)
{
	locale_t l = newlocale(LC_CTYPE_MASK, "", NULL);
	bool is = l && !strcmp(nl_langinfo_l(CODESET, l), "UTF-8");

	if (l)
		freelocale(l);
	return is;
}

/* ---- paragraphs ---- */

unsigned screen_fit(const char *text, unsigned room, const char **rest)
{
	unsigned n = (unsigned)strlen(text), cut = room;

	if (n <= room) {
		*rest = text + n;
		return n;
	}
	while (cut > 0 && text[cut] != ' ')
		cut--;
	if (!cut) /* one long word: a path stays whole, to be copied */
		cut = room + (unsigned)strcspn(text + room, " ");
	*rest = text + cut + (text[cut] == ' ');
	return cut;
}

void screen_say(FILE *out, const char *head, const char *text)
{
	unsigned width = screen_width(out), in = (unsigned)strlen(head), n;

	fputs(head, out);
	for (const char *piece = text; *piece; piece = text) {
		n = screen_fit(piece, !width ? ~0u : width > in + LEAST / 2 ? width - in : LEAST / 2, &text);
		fprintf(out, "%.*s\n", (int)n, piece);
		if (*text)
			fprintf(out, "%*s", (int)in, "");
	}
}

void screen_sayf(FILE *out, const char *head, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	CHECK(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	screen_say(out, head, text);
	free(text);
}

/* ---- tables ---- */

struct screen_table {
	unsigned heads, ncolumns;
	struct column {
		char *name;
		bool left;
		unsigned wide;
	} column[COLUMNS];
	char **cell;
	size_t ncells;
};

struct screen_table *screen_table(unsigned heads)
{
	struct screen_table *t = calloc(1, sizeof(*t));

	CHECK(t);
	t->heads = heads;
	return t;
}

void screen_column(struct screen_table *t, const char *name, bool left)
{
	CHECK(t->ncolumns < COLUMNS && !t->ncells);
	t->column[t->ncolumns] = (struct column){ .name = strdup(name), .left = left, .wide = (unsigned)strlen(name) };
	CHECK(t->column[t->ncolumns++].name);
}

void screen_cell(struct screen_table *t, const char *fmt, ...)
{
	struct column *c = &t->column[t->ncells % t->ncolumns];
	va_list ap;

	if (!(t->ncells % t->ncolumns)) {
		t->cell = realloc(t->cell, (t->ncells + t->ncolumns) * sizeof(*t->cell));
		CHECK(t->cell);
	}
	va_start(ap, fmt);
	CHECK(vasprintf(&t->cell[t->ncells], fmt, ap) >= 0);
	va_end(ap);
	if (strlen(t->cell[t->ncells]) > c->wide)
		c->wide = (unsigned)strlen(t->cell[t->ncells]);
	t->ncells++;
}

static void print_cell(const struct column *c, const char *text, bool last, FILE *out)
{
	if (!c->left)
		fprintf(out, "%*s", (int)c->wide, text);
	else
		fprintf(out, "%-*s", last ? 0 : (int)c->wide, text);
	fprintf(out, "%*s", last ? 0 : (int)GAP, "");
}

/* One row, of the columns that name it and of those from `from` up to `to`; NULL: of the names of the columns. */
static void print_row(const struct screen_table *t, char *const *cells, unsigned from, unsigned to, FILE *out)
{
	for (unsigned i = 0; i < to; i++)
		if (i < t->heads || i >= from)
			print_cell(&t->column[i], cells ? cells[i] : t->column[i].name, i + 1 == to, out);
	fputc('\n', out);
}

/* How many columns from `from` on fit beside those that name the row: one at least. */
static unsigned piece(const struct screen_table *t, unsigned from, unsigned width)
{
	unsigned at = 0, to;

	for (unsigned i = 0; i < t->heads; i++)
		at += t->column[i].wide + GAP;
	for (to = from; to < t->ncolumns; to++) {
		if (to > from && width && at + t->column[to].wide > width)
			break;
		at += t->column[to].wide + GAP;
	}
	return to;
}

void screen_table_print(const struct screen_table *t, FILE *out)
{
	unsigned width = screen_width(out), to;

	for (unsigned from = t->heads; t->ncells && from < t->ncolumns; from = to) {
		to = piece(t, from, width);
		print_row(t, NULL, from, to, out);
		for (size_t i = 0; i < t->ncells; i += t->ncolumns)
			print_row(t, t->cell + i, from, to, out);
		if (to < t->ncolumns)
			fputc('\n', out);
	}
}

void screen_table_free(struct screen_table *t)
{
	for (size_t i = 0; i < t->ncells; i++)
		free(t->cell[i]);
	for (unsigned i = 0; i < t->ncolumns; i++)
		free(t->column[i].name);
	free(t->cell);
	free(t);
}
