/*
 * race_corpus.c: figures of the corpus of known bugs: how long the portfolio takes to find each in
 * a race that is about it.
 */
#include <stdio.h>

#include "figures/fresh.h"
#include "figures/race.h"
#include "race/registry.h"

#define SEEDS   20u
#define SECONDS 30.0

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
		if (race_about(*d))
			found_in_all(s, race_about(*d), (*d)->name);
}
