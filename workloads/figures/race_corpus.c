/*
 * race_corpus.c: figures of the corpus of known bugs: how long the portfolio takes to find each in
 * a race that is about it.
 */
#include <stdio.h>
#include <string.h>

#include "figures/fresh.h"
#include "figures/race.h"
#include "race/registry.h"

#define SEEDS   20u
#define SECONDS 30.0

/* The first design that a race breaks: the one that it is about. NULL: it is about none. */
static const char *own_design(const struct race *race)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (race->expect[i].verdict == VERDICT_BREAKS)
			return race->expect[i].design;
	return NULL;
}

/* The race that is about a design; else the first one of a bug that breaks it. NULL: the design is to hold. */
static const struct race *race_of(const char *design)
{
	const struct race *other = NULL;

	for (const struct race *const *r = race_all(); *r; r++) {
		if ((*r)->bare || !race_is_of_a_bug(*r) || race_expect(*r, design) != VERDICT_BREAKS)
			continue;
		if (!strcmp(own_design(*r), design))
			return *r;
		other = other ? other : *r;
	}
	return other;
}

static void found_in_all(struct self *s, const struct race *race, const char *design)
{
	double slowest = 0, most = 0;
	char name[64];
	struct why why = WHY_NONE;

	snprintf(name, sizeof(name), "%s: slowest of %u", design, SEEDS);
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct search search = { .seed = seed, .seconds = SECONDS };
		if (fresh_search(race, design, "portfolio", &search, &why) || !search.found_at) {
			self_missing(s, name, "race %s, seed %u: %s", race->name, seed,
			             why.text[0] ? why.text : "not found");
			return;
		}
		slowest = search.took > slowest ? search.took : slowest;
		most = (double)search.run > most ? (double)search.run : most;
	}
	self_figure(s, name, slowest, AT_MOST, SECONDS, "s");
	self_info(s, "race %s, design %s, portfolio, %u seeds: found after %.0f schedules at most", race->name, design,
	          SEEDS, most);
}

void race_figures_corpus(struct self *s)
{
	for (const struct design *const *d = fs_designs; *d; d++)
		if (race_of((*d)->name))
			found_in_all(s, race_of((*d)->name), (*d)->name);
}
