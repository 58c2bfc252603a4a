/*
 * bench_cut.c: `fsyncstorm bench-cut`: what power cuts on real file systems must reach, each figure beside its bound.
 * A row a group; the groups are in figures/cuts.c.
 */
#include "cmd/cmd.h"
#include "figures/cuts.h"

static const struct self_suite suite = {
	.command = "bench-cut",
	.doc = "What power cuts on real file systems must reach, each figure beside its bound; needs root. Exit status "
	       "1: one was missed.\v",
	.group = {
		{ "rates", "states judged a second on both processors, against the kernel's own share",
		  cut_figures_rates, false },
		{ "aimed", "cuts at the return of one sync, each of a run of its own", cut_figures_aimed, false },
		{ "exhaustive", "all states of a run of 100 calls, up to 8 writes pending", cut_figures_exhaustive,
		  false },
		{ "recording", "syncs a second, recorded and not, through the same device", cut_figures_recording,
		  false },
		{ "alarms", "20,000 states of each file system, one thread that syncs each file", cut_figures_alarms,
		  true },
	},
};

int cmd_bench_cut(int argc, char **argv)
{
	return self_main(&suite, argc, argv);
}
