/*
 * bench_race.c: `fsyncstorm bench-race`: what a search for races must reach, each figure beside its bound. A row a
 * group; the groups are in figures/race_*.c.
 */
#include "cmd/cmd.h"
#include "figures/race.h"

static const struct self_suite suite = {
	.command = "bench-race",
	.doc = "What a search for races must reach, each figure beside its bound. Exit status 1: one was missed.\v",
	.group = {
		{ "protocol", "the controlled scheduler alone: schedules a second, a step", race_figures_protocol },
		{ "shapes", "the portfolio on twelve shapes of the bare protocol", race_figures_shapes },
		{ "prove", "all traces of the bare protocol and of the smallest race of the whole pipeline",
		  race_figures_prove },
		{ "pipeline", "schedules a second of the full pipeline, every crash judged", race_figures_pipeline },
		{ "seed", "how soon each strategy finds the seed race", race_figures_seed },
		{ "explain", "what a violation is made to: preemptions, proof, lines", race_figures_explain },
		{ "stress", "the seed race on threads: how much noise at points helps", race_figures_stress },
		{ "corpus", "how long the portfolio takes to find each known bug", race_figures_corpus },
		{ "scenarios", "nothing is found in designs that are to hold, on any race", race_figures_scenarios,
		  .apart = true },
		{ "portfolio", "the portfolio beside each of its pickers, on each known bug", race_figures_portfolio,
		  .apart = true },
		{ "proofs", "the hardest families of scenarios, proved with 3 preemptions", race_figures_proofs,
		  .apart = true },
	},
};

int cmd_bench_race(int argc, char **argv)
{
	return self_main(&suite, argc, argv);
}
