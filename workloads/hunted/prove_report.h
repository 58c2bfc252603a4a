/*
 * prove_report.h: the result of a proof, in words and as JSON: the numbers, the claim, and what lies outside of it.
 *
 * Called by `race prove`, and by `race merge` for the parts of one.
 */
#ifndef HUNTED_PROVE_REPORT_H
#define HUNTED_PROVE_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "hunt/prove.h"

/* What was tried. */
void proof_print(const char *race, const char *design, const struct proof *p, FILE *out);
/* Where nothing was found: what that proves. */
void proof_print_held(const struct race *race, const struct proof *p, FILE *out);
/* All of it. `found` is an array, empty here. */
json_t *proof_json(const struct race *race, const char *design, const struct proof *p);
/* Reads the numbers of such a result, which campaign.c has checked. */
void proof_read(const json_t *r, struct proof *p);

#endif
