/*
 * race_seed.c: figures of the full pipeline on race_seed: schedules a second with every promise and
 * every crash image judged, and how soon each strategy finds the race.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/order.h"
#include "figures/fresh.h"
#include "figures/race.h"
#include "figures/turns.h"
#include "race/registry.h"
#include "machine/mem.h"

#define ROUNDS 7
#define ROUND  10000u /* schedules */
#define SEEDS  1000
#define FEW    50     /* seeds of strategies that have no bound to keep, */
#define WITHIN 20000u /* and of each strategy the schedules */

/* One search of the seed race. */
static struct search search(const char *design, const char *strategy, uint64_t seed, uint64_t schedules)
{
	struct search s = { .seed = seed, .schedules = schedules };
	struct why why;

	CHECK(!fresh_search(race_named("seed"), design, strategy, &s, &why));
	return s;
}

/* ---- the rate ---- */

struct rate {
	const char *strategy;
	uint64_t seed, found, images, schedules;
};

static double schedules_per_second(void *arg)
{
	struct rate *r = arg;
	uint64_t begin = rt_cpu_ns();
	struct search s = search("postfix", r->strategy, ++r->seed, ROUND);

	r->found += s.found_at != 0;
	r->images += s.images_judged;
	r->schedules += s.run;
	return (double)s.run * 1e9 / (double)(rt_cpu_ns() - begin);
}

void race_figures_pipeline(struct self *s)
{
	static const char name[] = "race seed: schedules run and judged";
	struct rate random = { .strategy = "random" }, portfolio = { .strategy = "portfolio" };
	struct turn turn[2] = { { schedules_per_second, &random, NULL }, { schedules_per_second, &portfolio, NULL } };

	turns_run(turn, 2, ROUNDS);
	if (random.found || portfolio.found)
		self_missing(s, name, "violations in a correct design");
	else
		self_figure(s, name, median(turn[0].value, ROUNDS), AT_LEAST, 50000, "/s");
	self_info(s, "random walk, postfix: %.1f crash images judged a schedule; the portfolio runs %.0f schedules a "
	          "second", (double)random.images / (double)random.schedules, median(turn[1].value, ROUNDS));
	turns_free(turn, 2);
}

/* ---- how soon ---- */

struct soon {
	double median, p95, most;
	unsigned blind;
};

static struct soon how_soon(const char *strategy, unsigned seeds)
{
	double *at = mem_alloc(seeds * sizeof(*at));
	struct soon out = { 0 };

	for (unsigned i = 0; i < seeds; i++) {
		struct search s = search("prefix", strategy, i + 1, WITHIN);
		out.blind += !s.found_at;
		at[i] = s.found_at ? (double)s.found_at : WITHIN;
	}
	qsort(at, seeds, sizeof(*at), order_double);
	out.median = at[seeds / 2];
	out.p95 = at[seeds * 95 / 100];
	out.most = at[seeds - 1];
	free(at);
	return out;
}

static void print_soon(struct self *s, const char *strategy, unsigned seeds, const struct soon *f)
{
	self_info(s,
	          "race seed, prefix, %s, %u seeds: found after %.0f schedules in the median, %.0f at p95, %s%.0f at "
	          "most; %u not found",
	          strategy, seeds, f->median, f->p95, f->blind ? "over " : "", f->most, f->blind);
}

void race_figures_seed(struct self *s)
{
	static const char *const others[] = { "surw", "surw:half", "surw:all", "random", "urw", "pos", "pct:d=auto" };
	struct soon f = how_soon("portfolio", SEEDS);

	self_figure(s, "race seed: found, median", f.median, AT_MOST, 200, "schedules");
	self_figure(s, "race seed: not found in 20,000", f.blind, AT_MOST, 0, "seeds");
	print_soon(s, "portfolio", SEEDS, &f);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		f = how_soon(others[i], FEW);
		print_soon(s, others[i], FEW, &f);
	}
}
