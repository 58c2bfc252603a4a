/*
 * hunt_report.h: what a search has done, in words and as JSON: how many schedules, which picker found what,
 * and what it is worth that nothing was found.
 *
 * Called by the commands that search.
 */
#ifndef HUNT_REPORT_H
#define HUNT_REPORT_H

#include <jansson.h>

#include "hunt.h"

/* What was run, at which rate, by whom. */
void search_print(const struct search *s, FILE *out);
/* Nothing was found: the three numbers, and the certificate. */
void search_print_held(const struct search *s, FILE *out);

/*
 * All of it. `found` is an array, empty here. What merges shards' results relies on race, design, strategy,
 * seed, shard, shards, schedules, distinct and found.
 */
json_t *search_json(const struct hunt *h, const struct search *s);

/* The hashes of the traces, sorted, in hexadecimal, one a line. 0, or -errno. */
int traces_write(const struct traces *t, const char *path);

#endif
