/*
 * fresh.h: one search for a violation in a hunt of its own, so that the result of a seed does not depend on the
 * searches before it. Called by the figures about searches.
 */
#ifndef FIGURES_FRESH_H
#define FIGURES_FRESH_H

#include "hunt/search.h"

/* Searches as *s says, which is also the result; the strategy is set here. 0, or -errno with why. */
int fresh_search(const struct race *race, const char *design, const char *strategy, struct search *s, struct why *why);
/* The same in so many processes (search.h). */
int fresh_search_jobs(const struct race *race, const char *design, const char *strategy, uint32_t jobs,
                      struct search *s, struct why *why);

#endif
