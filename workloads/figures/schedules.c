/*
 * schedules.c: the controlled scheduler on race_seed: schedules a second, with every crash
 * judged; how soon random walk and PCT find the race in prefix; and that nothing is found in postfix.
 */
#include <stdio.h>
#include <stdlib.h>

#include "figures/figures.h"
#include "figures/fresh.h"
#include "figures/turns.h"
#include "race/registry.h"
#include "machine/mem.h"

#define ROUNDS        5
#define ROUND         20000  /* schedules */
#define CLEAN         1000000
#define RANDOM_SEEDS  200
#define RANDOM_WITHIN 5000
#define PCT_SEEDS     20
#define PCT_WITHIN    100000

static const char rate_name[] = "schedules run and judged", random_name[] = "random finds the race within",
		  pct_name[] = "PCT finds the race within", clean_name[] = "violations in postfix";

/* ---- the rate ---- */

struct rate {
	struct hunt *hunt;
	struct strategy strategy;
	uint64_t seed, violations, images;
};

static double schedules_per_second(void *arg)
{
	struct rate *r = arg;
	struct search s = { .strategy = &r->strategy, .seed = ++r->seed, .schedules = ROUND };
	uint64_t begin = rt_cpu_ns();
	struct violation v;

	violation_init(&v);
	hunt_search(r->hunt, &s, &v);
	violation_fini(&v);
	r->violations += s.found_at != 0;
	r->images += s.images_judged;
	return (double)s.run * 1e9 / (double)(rt_cpu_ns() - begin);
}

static void measure_rate(struct self *s, struct rate *r)
{
	struct turn turn = { schedules_per_second, r, NULL };

	turns_run(&turn, 1, ROUNDS);
	if (r->violations)
		self_missing(s, rate_name, "violations in a correct design");
	else
		self_figure(s, rate_name, median(turn.value, ROUNDS), AT_LEAST, 20000, "/s");
	self_info(s, "race seed, random walk, postfix: %.1f crash images judged a schedule",
	          (double)r->images / (ROUNDS * ROUND));
	turns_free(&turn, 1);
}

void self_schedules(struct self *s)
{
	struct rate r = { 0 };
	struct why why;

	if (hunt_open(race_named("seed"), fs_design_find("postfix"), &r.hunt, &why)) {
		self_missing(s, rate_name, "%.200s", why.text);
		return;
	}
	if (strategy_open(&r.strategy, "random", &why)) {
		self_missing(s, rate_name, "%.200s", why.text);
	} else {
		measure_rate(s, &r);
		strategy_close(&r.strategy);
	}
	hunt_close(r.hunt);
}

/* ---- finding, and not finding ---- */

struct finds {
	const char *design, *strategy;
	uint64_t seed, schedules;
	uint64_t found_at; /* out; 0: not found */
	struct why why;
};

static int search_once(struct finds *f)
{
	struct search s = { .seed = f->seed, .schedules = f->schedules };
	int ret = fresh_search(race_named("seed"), f->design, f->strategy, &s, &f->why);

	f->found_at = s.found_at;
	return ret;
}

/* The worst seed is the figure: one that finds nothing within the bound misses it. */
static void worst_of_seeds(struct self *s, const char *name, const char *strategy, unsigned seeds, uint64_t within)
{
	double *at = mem_alloc(seeds * sizeof(*at)), worst = 0;
	unsigned blind = 0;

	for (unsigned i = 0; i < seeds; i++) {
		struct finds f = { "prefix", strategy, i + 1, within, 0, WHY_NONE };
		if (search_once(&f)) {
			self_missing(s, name, "%s", f.why.text);
			goto free_at;
		}
		blind += !f.found_at;
		at[i] = f.found_at ? (double)f.found_at : (double)within + 1;
		worst = at[i] > worst ? at[i] : worst;
	}
	if (blind)
		self_missing(s, name, "%u of %u seeds found nothing in %lu schedules", blind, seeds,
		             (unsigned long)within);
	else
		self_figure(s, name, worst, AT_MOST, (double)within, "schedules");
	self_info(s, "%s, prefix, %u seeds: found after %.0f schedules in the median, %s%.0f at most", strategy, seeds,
	          median(at, seeds), blind ? "not within " : "", blind ? (double)within : worst);
free_at:
	free(at);
}

static void clean_in_postfix(struct self *s)
{
	struct finds f = { "postfix", "portfolio", 1, CLEAN, 0, WHY_NONE };

	if (search_once(&f))
		self_missing(s, clean_name, "%s", f.why.text);
	else
		self_figure(s, clean_name, f.found_at != 0, AT_MOST, 0, "in 1e6");
	if (f.found_at)
		self_info(s, "found in postfix at schedule %lu of seed 1, strategy portfolio",
		          (unsigned long)f.found_at);
}

void self_seed(struct self *s)
{
	worst_of_seeds(s, random_name, "random", RANDOM_SEEDS, RANDOM_WITHIN);
	worst_of_seeds(s, pct_name, "pct:d=auto", PCT_SEEDS, PCT_WITHIN);
	clean_in_postfix(s);
}
