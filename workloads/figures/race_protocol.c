/*
 * race_protocol.c: figures of the bare protocol: what the machinery costs with no engine under it, and
 * how many schedules the portfolio needs on each of its shapes.
 *
 * A step's cost is that of one more: what a schedule with much padding takes longer than one without,
 * for each step that it has more. What a schedule costs besides (its tasks are made) is in the rate.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/rng.h"
#include "figures/race.h"
#include "figures/turns.h"
#include "hunt/run.h"
#include "hunt/strategy.h"
#include "pick/pickers.h"
#include "race/protocol.h"

#define ROUNDS    9
#define ROUND_NS  50000000u
#define SEEDS     300
#define WITHIN    20000u

/* ---- the rate, and a step ---- */

struct running {
	struct protocol *p;
	struct coop_config cfg;
	uint64_t schedules, steps, seed;
	double ns_a_schedule; /* of the last round */
};

static double one_round(void *arg)
{
	struct running *r = arg;
	uint64_t begin = rt_cpu_ns(), took, n = 0;
	struct coop_result result;

	do {
		for (unsigned i = 0; i < 64; i++, n++) {
			r->cfg.seed = rng_mix(++r->seed);
			coop_run(&r->cfg, protocol_main, r->p, &result);
			r->steps += result.steps;
		}
		took = rt_cpu_ns() - begin;
	} while (took < ROUND_NS);
	r->schedules += n;
	return (double)took / (double)n;
}

static void open_running(struct running *r, const struct protocol_shape *shape)
{
	const char *err = NULL;

	*r = (struct running){ .p = protocol_open(shape, protocol_design_find("postfix")) };
	r->cfg.picker = &pick_random;
	r->cfg.picker_state = pick_random.create("", &err);
}

static void close_running(struct running *r)
{
	pick_random.destroy(r->cfg.picker_state);
	protocol_close(r->p);
}

static double steps_of(const struct running *r)
{
	return (double)r->steps / (double)r->schedules;
}

void race_figures_protocol(struct self *s)
{
	struct running bare, padded;
	struct turn turn[2] = { { one_round, &bare, NULL }, { one_round, &padded, NULL } };

	open_running(&bare, &protocol_shapes[0]);
	open_running(&padded, &protocol_shapes[1]);
	turns_run(turn, 2, ROUNDS);
	double ns = median(turn[0].value, ROUNDS), more = median(turn[1].value, ROUNDS) - ns;
	self_figure(s, "protocol: schedules run", 1e9 / ns, AT_LEAST, 500000, "/s");
	self_figure(s, "protocol: one more step", more / (steps_of(&padded) - steps_of(&bare)), AT_MOST, 45, "ns");
	self_info(s,
	          "random walk, base shape, postfix: %.1f steps with a choice and %.0f ns a schedule, so %.0f ns a "
	          "step with all",
	          steps_of(&bare), ns, ns / steps_of(&bare));
	turns_free(turn, 2);
	close_running(&bare);
	close_running(&padded);
}

/* ---- the twelve shapes ---- */

/* Schedules to the first that breaks; WITHIN when none does. */
static uint64_t schedules_to_bug(const struct protocol_shape *shape, uint64_t seed)
{
	struct protocol *p = protocol_open(shape, protocol_design_find("prefix"));
	struct strategy strategy;
	struct why why;
	bool found = false;

	CHECK(!strategy_open(&strategy, "portfolio", &why));
	while (!found && strategy.schedules < WITHIN) {
		struct coop_config cfg = { .seed = hunt_seed(seed, strategy.schedules + 1) };
		struct coop_result result;
		struct strategy_member *m = strategy_next(&strategy, &cfg);
		coop_run(&cfg, protocol_main, p, &result);
		found = protocol_broken(p) != NULL;
		strategy_ran(&strategy, m, &result, found);
	}
	uint64_t n = strategy.schedules;
	strategy_close(&strategy);
	protocol_close(p);
	return n;
}

void race_figures_shapes(struct self *s)
{
	for (unsigned i = 0; i < PROTOCOL_SHAPES; i++) {
		uint64_t sum = 0;
		char name[40];
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			sum += schedules_to_bug(&protocol_shapes[i], seed);
		snprintf(name, sizeof(name), "%.33s", protocol_shapes[i].name);
		self_figure(s, name, (double)sum / SEEDS, AT_MOST, 80, "schedules");
	}
	self_info(s, "shapes: the mean over %d seeds of the portfolio's schedules to the bug", SEEDS);
}
