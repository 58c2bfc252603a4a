/*
 * report.h: what a cut came to, as text and as JSON.
 *
 * Called by cmd/cut.c.
 */
#ifndef CUT_REPORT_H
#define CUT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "cut/cut.h"

/* What the front end can see, and what the controls said. */
void report_head(const struct cut_plan *p, const struct controls *c, FILE *out);
/* One work: its counts, and each class that is broken; or that none is, and what that means. */
void report_work(const struct cut_plan *p, const char *work, const struct tally *t, double seconds, FILE *out);
/* One work of which rounds were recorded, and not judged. */
void report_recorded(const struct cut_plan *p, const char *work, const struct tally *t, FILE *out);
/* Two arms of one work: both counts, and whether they differ. */
void report_arms(const char *a, const struct tally *ta, const char *b, const struct tally *tb, FILE *out);

/* For analysis/cut.py, which draws the page. The counts of one work; and what the two arms of one say together. */
json_t *report_head_json(const struct cut_plan *p, const struct controls *c);
json_t *report_work_json(const char *work, const char *arm, const struct tally *t, double seconds);
json_t *report_arms_json(const char *work, const char *a, const struct tally *ta, const char *b,
                         const struct tally *tb);
/* Something is broken. */
bool report_is_broken(const struct tally *t);

#endif
