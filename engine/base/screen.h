/*
 * screen.h: text for who reads it: how wide a line may be, whether it may hold more than ASCII, paragraphs within that
 * width, and tables.
 *
 * screen.1: No line is wider than the screen, as far as its words allow. The screen is as wide as COLUMNS says, if that
 *      is set, else as the terminal. A pipe or a file has no width, so each row and each sentence there is one line: it
 *      is for programs and for pagers, which fold lines themselves.
 * A table that is too wide is shown in pieces, one below the other. Each begins with the columns that name the row, so
 * nothing is left out and no row is folded.
 *
 * Called by bench/, by the commands, and by story/print.c.
 */
#ifndef BASE_SCREEN_H
#define BASE_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

/* Letters in a line; 0: as many as there are to be (screen.1). */
unsigned screen_width(FILE *out);
/* Whether the locale of this environment has letters beyond ASCII. */
bool screen_is_utf8(void);

/* As much of the text as fits into `room` letters, cut at a space where there is one; the rest in *rest. */
unsigned screen_fit(const char *text, unsigned room, const char **rest);
/* A paragraph: `head`, then the text; lines after the first are moved in as far as `head` is long. */
void screen_say(FILE *out, const char *head, const char *text);
__attribute__((format(printf, 3, 4))) void screen_sayf(FILE *out, const char *head, const char *fmt, ...);

/* ---- tables ---- */

struct screen_table;

/* Its first `heads` columns name the row. Never NULL. */
struct screen_table *screen_table(unsigned heads);
/* Adds a column, before the first cell: to the left are texts, to the right figures. */
void screen_column(struct screen_table *t, const char *name, bool left);
/* The next cell, row by row. Its text is copied. */
__attribute__((format(printf, 2, 3))) void screen_cell(struct screen_table *t, const char *fmt, ...);
/* Prints it within the width of `out`, if it has a row. */
void screen_table_print(const struct screen_table *t, FILE *out);
void screen_table_free(struct screen_table *t);

#endif
