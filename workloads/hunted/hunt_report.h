/*
 * hunt_report.h: what a search has done, in words and as JSON: how many schedules, which picker found what,
 * and what it is worth that nothing was found.
 *
 * Called by the commands that search.
 */
#ifndef HUNTED_HUNT_REPORT_H
#define HUNTED_HUNT_REPORT_H

#include <jansson.h>

#include "hunt/search.h"

/* What was searched, and how; without the line's end. */
void search_print_head(const char *race, const char *design, enum granularity granularity, const struct search *s, FILE *out);
/* What was run, at which rate, by whom. */
void search_print(const struct search *s, FILE *out);
/* Nothing was found: the three numbers, and the certificate. */
void search_print_held(const struct search *s, FILE *out);

/* All of it; campaign.c says on what those rely who merge. `found` is an array, empty here. */
json_t *search_json(const struct race *race, const char *design, enum granularity granularity, const struct search *s);
/* The certificate of such a result. 0, or -EINVAL. */
int certificate_read(const json_t *v, struct certificate *c);
/* null when it is not known. */
json_t *distinct_json(uint64_t n, enum counted counted);

#endif
