/* sweep.c: see sweep.h. */
#include "hunted/sweep.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/stop.h"
#include "hunt/rescue.h"
#include "hunt/search.h"
#include "hunted/draw.h"
#include "machine/mem.h"
#include "race/registry.h"
#include "race/scenario.h"

/* Schedules of one race, or program, in a round. */
#define AS_IT_IS   20u
#define ALL_FINE   150u /* of one whose window has no coarse point: such a window is narrow */
#define FINE       10u
#define WITH       8u
#define OF_PROGRAM 6u
#define PROGRAMS   100u /* in a round */
#define WHOLE      8u   /* of so many crash images one is looked at as a whole (judge.whole_every) */

/* One race, kept open through all rounds: what its judge has seen to hold, and what its pickers have learnt, stays. */
struct arm {
	const struct race *race;
	struct hunt *h; /* NULL: not opened yet */
	struct strategy coarse, fine;
};

struct sweeping {
	struct sweep *s;
	struct arm *arm;
	struct violation *v;
	struct why *why;
	uint64_t since;
	int err;
};

static bool over(const struct sweeping *w)
{
	if (w->err || w->s->race)
		return true;
	if (stop_asked())
		return w->s->stopped = true;
	return w->s->seconds > 0 && (double)(rt_now() - w->since) / 1e9 >= w->s->seconds;
}

/* n schedules of an open hunt. */
static void run(struct sweeping *w, struct hunt *h, struct strategy *strategy, uint64_t seed, uint64_t n,
                const char *way)
{
	struct search search = { .strategy = strategy, .seed = seed, .schedules = n };

	h->judge->whole_every = WHOLE;
	hunt_rescue(h, w->s->rescue_path);
	hunt_search(h, &search, w->v);
	hunt_rescue(NULL, NULL);
	w->s->schedules += search.run;
	if (!search.found_at)
		return;
	w->s->race = h->race;
	w->s->way = way;
	snprintf(w->v->found, sizeof(w->v->found), "a sweep, %s: %s, seed %lu, schedule %lu", way,
	         strategy->member[search.found_by].text, (unsigned long)seed, (unsigned long)search.found_at);
}

/* ---- the races ---- */

static void arm_open(struct sweeping *w, struct arm *a)
{
	w->err = hunt_open(a->race, w->s->design, &a->h, w->why);
	if (!w->err)
		w->err = strategy_open(&a->coarse, "portfolio", w->why);
	if (!w->err)
		w->err = strategy_open(&a->fine, "portfolio", w->why);
}

static void arm_close(struct arm *a)
{
	if (!a->h)
		return;
	strategy_close(&a->coarse);
	strategy_close(&a->fine);
	hunt_close(a->h);
}

static void run_as_it_is(struct sweeping *w, struct arm *a, uint64_t seed)
{
	if (!a->h)
		arm_open(w, a);
	if (w->err)
		return;
	a->h->granularity = a->race->granularity;
	run(w, a->h, &a->coarse, seed, a->race->granularity == COOP_FINE ? ALL_FINE : AS_IT_IS, "as it is");
}

static void run_fine(struct sweeping *w, struct arm *a, uint64_t seed)
{
	if (a->race->granularity == COOP_FINE)
		return;
	a->h->granularity = COOP_FINE;
	run(w, a->h, &a->fine, seed, FINE, "with fine points");
}

/* Opened for this once. */
static void run_once(struct sweeping *w, const struct race *race, uint64_t seed, uint64_t n, const char *way)
{
	struct strategy strategy;
	struct hunt *h;

	w->err = hunt_open(race, w->s->design, &h, w->why);
	if (w->err)
		return;
	w->err = strategy_open(&strategy, "portfolio", w->why);
	if (!w->err) {
		run(w, h, &strategy, seed, n, way);
		strategy_close(&strategy);
	}
	hunt_close(h);
}

static void run_with(struct sweeping *w, struct arm *a, uint64_t round, uint64_t seed)
{
	const struct race *race;
	char more[DRAW_TEXT_MAX];

	if (!a->race->scenario)
		return;
	/* of two races the same row comes in different rounds: the first rounds have all rows, too */
	uint32_t row = (uint32_t)(round + (uint64_t)(a - w->arm));
	draw_options(row, seed, more, sizeof(more));
	w->err = race_scenario_with(a->race, more, &race, w->why);
	if (w->err)
		return;
	run_once(w, race, seed, WITH, "with other options");
	if (w->s->race != race)
		race_scenario_free(race);
}

/* ---- programs ---- */

static void run_program(struct sweeping *w, uint64_t seed)
{
	const struct race *race;
	char text[DRAW_TEXT_MAX], name[32];

	snprintf(name, sizeof(name), "drawn-%016lx", (unsigned long)seed);
	if (race_scenario_from_text(name, draw_program(seed, text, sizeof(text)), &race, NULL))
		return; /* it is no scenario (draw.h) */
	w->s->programs++;
	run_once(w, race, seed, OF_PROGRAM, "a program that was drawn");
	if (w->s->race != race)
		race_scenario_free(race);
}

/* ---- rounds ---- */

/* (sweep.1) */
static void run_round(struct sweeping *w, uint64_t round)
{
	uint64_t seed = rng_mix(rng_mix(w->s->seed) + round);

	for (struct arm *a = w->arm; a->race && !over(w); a++)
		run_as_it_is(w, a, rng_mix(seed));
	for (struct arm *a = w->arm; a->race && !over(w); a++)
		run_fine(w, a, rng_mix(seed + 1));
	for (struct arm *a = w->arm; a->race && !over(w); a++)
		run_with(w, a, round, rng_mix(seed + (uint64_t)(a - w->arm)));
	for (uint64_t i = 0; i < PROGRAMS && !over(w); i++)
		run_program(w, rng_mix(seed - 1 - i));
}

/* Those that the design is due to hold. A race without a file system is not about a design's parts. */
static struct arm *make_arms(struct sweep *s)
{
	const struct race *const *all = race_all();
	uint32_t n = 0;

	while (all[n])
		n++;
	struct arm *arm = mem_zalloc((n + 1) * sizeof(*arm));
	for (uint32_t i = 0; i < n; i++)
		if (!all[i]->bare && race_expect(all[i], s->design->name) == VERDICT_HOLDS)
			arm[s->races++].race = all[i];
	return arm;
}

int sweep_run(struct sweep *s, struct violation *v, struct why *why)
{
	struct sweeping w = { .s = s, .v = v, .why = why, .since = rt_now() };

	s->done = s->schedules = s->programs = s->races = 0;
	s->stopped = false;
	s->race = NULL;
	w.arm = make_arms(s);
	while (!over(&w) && (!s->rounds || s->done < s->rounds)) {
		run_round(&w, s->done);
		if (!over(&w)) {
			s->done++;
			if (s->progress)
				s->progress(s, s->arg);
		}
	}
	for (struct arm *a = w.arm; a->race; a++)
		arm_close(a);
	free(w.arm);
	s->took = (double)(rt_now() - w.since) / 1e9;
	return w.err;
}
