/*
 * race_show.h: a violation told, for `race hunt`, `race prove` and `race replay`: how small it was made, the time line,
 * the steps that decide; and its files: schedules, the story as JSON, pictures.
 */
#ifndef CMD_RACE_SHOW_H
#define CMD_RACE_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "hunt/minimise.h"

/* The time line, and the steps that decide. False when v's schedule does not fit this program: nothing is printed. */
bool show_violation(struct hunt *h, const struct violation *v, bool all_lines, FILE *out);
/* Files that a replay is to write; NULL: not that one. */
struct show_files {
	const char *json; /* the story, as story/json.h says; "-": to standard output */
	const char *svg;  /* the time line as a picture */
	const char *html; /* a page with the picture and all that the story has */
};
/* Before the run: can they be written? 0, or CMD_ERROR after one line on stderr. */
int show_files_check(const char *cmd, const struct show_files *files);
/* Pictures are drawn by analysis/, from the story. 0, or CMD_ERROR after a line on stderr. */
int show_files(const char *cmd, struct hunt *h, const struct violation *v, const struct show_files *files);
/*
 * All there is to tell of a violation that was found and made small. What it is goes to `out`; then, since a disk may
 * be full, its schedule to `path`, X.schedule, the nearest one that holds to X.passing.schedule, and the story to
 * X.story.json. All of it is in *json. 0, or CMD_ERROR after one line on stderr: *json is not set.
 */
int show_found(const char *cmd, struct hunt *h, const struct violation *v, const struct minimised *m, const char *path,
               bool all_lines, FILE *out, json_t **json);

#endif
