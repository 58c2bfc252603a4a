/*
 * hgrm.h: a histogram in HdrHistogram's percentile text, for the tools that plot it.
 *
 * Called by whoever keeps results.
 */
#ifndef RECIPE_HGRM_H
#define RECIPE_HGRM_H

#include <stdio.h>

#include "base/hist.h"

/* Values are written in microseconds. Nothing for an empty histogram but the foot. */
void hgrm_print(const struct hist *h, FILE *out);
/* The same as text to free; NULL when there is no memory. */
char *hgrm_text(const struct hist *h);

#endif
