/*
 * hunt_report.h: what a search has done, in words and as JSON: how many schedules it ran, which picker found what,
 * and what it is worth that nothing was found.
 *
 * Called by `race hunt`, and by `race merge` for the shards of one.
 */
#ifndef HUNTED_HUNT_REPORT_H
#define HUNTED_HUNT_REPORT_H

#include <jansson.h>

#include "hunt/search.h"

/* The head: race, design, picker, seed. No end of line: the caller adds more. */
void search_print_head(const char *race, const char *design, enum granularity granularity, const struct search *s,
                       FILE *out);
/* What was run, at which rate, by which pickers. */
void search_print(const struct search *s, FILE *out);
/* Where nothing was found: what that is worth, with the certificate. */
void search_print_held(const struct search *s, FILE *out);

/* All of it. `found` is an array, empty here. What `race merge` reads of it is checked in campaign.c. */
json_t *search_json(const struct race *race, const char *design, enum granularity granularity, const struct search *s);
/* Reads the certificate of such a result. 0, or -EINVAL. */
int certificate_read(const json_t *v, struct certificate *c);
/* A number of distinct traces; null when only an upper bound is known. */
json_t *distinct_json(uint64_t n, enum counted counted);

#endif
