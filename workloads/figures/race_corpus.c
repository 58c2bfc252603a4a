/*
 * race_corpus.c: figures of the corpus of known bugs: how long the portfolio takes to find each in
 * its own race, and that nothing is found in the correct design on any race.
 */
#include <stdio.h>

#include "figures/fresh.h"
#include "figures/race.h"
#include "race/registry.h"

#define SEEDS    20u
#define SECONDS  30.0
#define HELD_FOR 200000u /* schedules */

/* The design that a race of a bug is about: the first that it breaks. NULL: it is about none. */
static const char *own_design(const struct race *race)
{
	if (!race_is_of_a_bug(race))
		return NULL;
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (race->expect[i].verdict == VERDICT_BREAKS)
			return race->expect[i].design;
	return NULL;
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
	for (const struct race *const *r = race_all(); *r; r++)
		if (own_design(*r) && *r != race_named("seed_compressed"))
			found_in_all(s, *r, own_design(*r));
}

void race_figures_holds(struct self *s)
{
	for (const struct race *const *r = race_all(); *r; r++) {
		struct search search = { .seed = 1, .schedules = HELD_FOR };
		char name[64];
		struct why why;
		snprintf(name, sizeof(name), "%s: violations in postfix", (*r)->name);
		if (fresh_search(*r, "postfix", "portfolio", &search, &why))
			self_missing(s, name, "%s", why.text);
		else
			self_figure(s, name, search.found_at != 0, AT_MOST, 0, "in 2e5");
	}
}
