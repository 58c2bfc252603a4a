/*
 * analysis.h: what analysis/, in Python, does for other commands. All statistics and all pictures are there. Called by
 * bench.c and race_show.c.
 */
#ifndef CMD_ANALYSIS_H
#define CMD_ANALYSIS_H

#include <jansson.h>

enum analysis_told { ANALYSIS_QUIET, ANALYSIS_SHORT, ANALYSIS_ALL };
/*
 * What a bench says when it ends, on stdout unless it is to be quiet: why, how targets compare, doubts; or all that,
 * with each ratio and the words. `folder` holds its run.json, and gets the files of percentiles; NULL: no folder is
 * kept, and `run` is what it would hold. Where analysis/ cannot be run, one line on stdout says what is missing: the
 * measurement is whole without it.
 */
void analysis_finish(const char *folder, const json_t *run, enum analysis_told told);
/*
 * Draws a story (story/json.h) as a picture, as a page; either may be NULL. 0, or CMD_ERROR after lines on stderr that
 * say what is missing: Python, or a part of it.
 */
int analysis_draw(const char *cmd, const json_t *story, const char *svg, const char *html);

#endif
