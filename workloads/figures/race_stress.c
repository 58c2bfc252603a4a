/*
 * race_stress.c: the seed's race on real threads: how much oftener an fsync is hit with yields at points than
 * without, and that the fix is not hit. The three take turns, as noise of others hits too.
 */
#include <stdio.h>

#include "base/check.h"
#include "figures/race.h"
#include "race/registry.h"
#include "hunt/stress.h"

#define TURNS 6

struct stressed {
	const char *design;
	enum noise noise;
	double seconds; /* a turn */
	uint64_t hits, fsyncs;
};

static void one_turn(struct stressed *x, uint64_t seed)
{
	struct stress s = { .noise = x->noise, .seed = seed, .seconds = x->seconds };
	struct hunt *h;
	struct why why;

	CHECK(!hunt_open(race_named("seed"), fs_design_find(x->design), &h, &why));
	CHECK(!stress_run(h, &s));
	x->hits += s.hits;
	x->fsyncs += s.fsyncs;
	hunt_close(h);
}

static void tell(struct self *s, const struct stressed *x)
{
	double low, high, million = (double)x->fsyncs / 1e6;

	stress_interval(x->hits, &low, &high);
	self_info(s,
	          "race seed on threads, %s, noise %s: %lu hits in %lu fsyncs: %.4g per million (95 %%: %.3g to %.3g)",
	          x->design, noise_name[x->noise], (unsigned long)x->hits, (unsigned long)x->fsyncs,
	          (double)x->hits / million, low / million, high / million);
}

/* Without noise there may be no hit at all: one is counted, so the ratio is rather too low. */
void race_figures_stress(struct self *s)
{
	static const char name[] = "stress: hits an fsync, yield to none";
	struct stressed yield = { "prefix", NOISE_YIELD, 1, 0, 0 }, none = { "prefix", NOISE_NONE, 4, 0, 0 },
			fixed = { "postfix", NOISE_YIELD, 2, 0, 0 };

	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		one_turn(&yield, turn);
		one_turn(&none, turn);
		one_turn(&fixed, turn);
	}
	if (!yield.fsyncs || !none.fsyncs)
		self_missing(s, name, "no fsync had anything to write");
	else
		self_figure(s, name,
		            (double)yield.hits / (double)yield.fsyncs * (double)none.fsyncs /
		                    (double)(none.hits ? none.hits : 1),
		            AT_LEAST, 100, "x");
	self_figure(s, "stress: hits in postfix", (double)fixed.hits, AT_MOST, 0, "hits");
	tell(s, &yield);
	tell(s, &none);
	tell(s, &fixed);
}
