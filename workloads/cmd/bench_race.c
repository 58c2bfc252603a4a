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
		{ "protocol", "the controlled scheduler alone: schedules a second, a step",
		  race_figures_protocol, false },
		{ "shapes", "the portfolio on twelve shapes of the bare protocol", race_figures_shapes, false },
		{ "prove", "all traces of the bare protocol and of the smallest race of the whole pipeline",
		  race_figures_prove, false },
		{ "pipeline", "schedules a second of the full pipeline, every crash judged",
		  race_figures_pipeline, false },
		{ "seed", "how soon each strategy finds the seed race", race_figures_seed, false },
		{ "explain", "what a violation is made to: preemptions, proof, lines", race_figures_explain, false },
		{ "stress", "the seed race on threads: how much noise at points helps", race_figures_stress, false },
		{ "corpus", "how long the portfolio takes to find each known bug", race_figures_corpus, false },
		{ "scenarios", "nothing is found in designs that are to hold, on any race", race_figures_scenarios,
		  true },
		{ "portfolio", "the portfolio beside each of its pickers, on each known bug", race_figures_portfolio,
		  true },
		{ "proofs", "the hardest families of scenarios, proved with 3 preemptions", race_figures_proofs,
		  true },
	},
};

int cmd_bench_race(int argc, char **argv)
{
	return self_main(&suite, argc, argv);
}
