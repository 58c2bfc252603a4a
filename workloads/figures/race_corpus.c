/*
 * race_corpus.c: figures of the corpus of known bugs: how long the portfolio takes to find each in
 * a race that is about it, and how many schedules more than its best picker.
 */
#include <math.h>
#include <stdio.h>

#include "figures/fresh.h"
#include "figures/race.h"
#include "hunted/score.h"
#include "race/registry.h"

#define SEEDS   20u
#define SECONDS 30.0
#define WITHIN  3000u /* schedules of one picker's search, where pickers are compared */
#define TIMES   7.0   /* those of the best: the smallest share of a picker is 3 of 20 turns (hunt/strategy.c) */

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

/* ---- the portfolio beside its pickers ---- */

/* Schedules for each search that finds; infinite when none does. */
static double schedules_each(const struct design *d, const char *strategy, uint64_t within)
{
	struct score score = { .seed = 1, .seeds = SEEDS, .cap = within };
	struct score_row row;
	struct why why;

	if (score_run(&score, race_about(d), d, strategy, &row, &why))
		return NAN;
	return row.found ? (double)row.schedules / row.found : INFINITY;
}

/* How many times the schedules of its best picker the portfolio takes. */
static double times_the_best(struct self *s, const struct design *d)
{
	static const char *const pickers[] = { "surw", "random", "pct:d=auto", "pos", "urw" };
	double best = INFINITY, portfolio = schedules_each(d, "portfolio", 10 * WITHIN);
	const char *which = "none";

	for (size_t i = 0; i < sizeof(pickers) / sizeof(pickers[0]); i++) {
		double each = schedules_each(d, pickers[i], WITHIN);
		if (each < best) {
			best = each;
			which = pickers[i];
		}
	}
	self_info(s, "%s: the portfolio takes %.0f schedules, %s, the best of its pickers, %.0f", d->name, portfolio,
	          which, best);
	return portfolio / best;
}

void race_figures_portfolio(struct self *s)
{
	double worst = 0;

	for (const struct design *const *d = fs_designs; *d; d++) {
		double times = race_about(*d) ? times_the_best(s, *d) : 0;
		worst = times > worst || times != times ? times : worst;
	}
	self_figure(s, "portfolio, at most the best picker's", worst, AT_MOST, TIMES, "times");
}
