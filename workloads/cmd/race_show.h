/*
 * race_show.h: a violation on paper, for `race hunt`, `race prove` and `race replay`: how small it was made, the time
 * line, and the same in a hunt's JSON; and the schedules' files.
 */
#ifndef CMD_RACE_SHOW_H
#define CMD_RACE_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "hunt/minimise.h"

/* The time line, and the steps that decide. False when v's schedule does not fit this program: nothing is printed. */
bool show_violation(struct hunt *h, const struct violation *v, bool all_lines, FILE *out);
/*
 * The time line as a picture, and as a page with everything that show_violation() prints; each may be NULL. Written
 * to a temporary name and renamed. 0, or CMD_ERROR after one line on stderr.
 */
int show_pictures(const char *cmd, struct hunt *h, const struct violation *v, const char *svg, const char *html);
/*
 * All there is to tell of a violation that was found and made small: what it is goes to `out`, then, for a disk may
 * be full, its schedule to `path`, X.schedule, and the nearest one that holds to X.passing.schedule; all of it is in
 * *json. 0, or CMD_ERROR after one line on stderr: *json is not set.
 */
int show_found(const char *cmd, struct hunt *h, const struct violation *v, const struct minimised *m, const char *path, bool all_lines,
               FILE *out, json_t **json);

#endif
