/*
 * dfs.c: every schedule, in depth-first order, those with few preemptions first: iterative preemption bounding
 * (Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007). A
 * preemption is the choice of another task while the present one could go on; where it cannot, the choice is free.
 *
 * It walks dpor.c's tree of choices, so it measures what dpor.c leaves out. Departures: states are not remembered, so
 * equal states are run again. Data choices are all tried.
 */
#include "pick/dpor.h"

static void *dfs_create(const char *args, const char **err)
{
	*err = "dfs takes k=K, the most preemptions of a schedule";
	return dpor_new_deepening(DPOR_ALL, args);
}

const struct picker pick_dfs = {
	.name = "dfs",
	.what = "every schedule, with few preemptions first",
	.create = dfs_create,
	.destroy = dpor_destroy,
	.begin = dpor_begin,
	.pick = dpor_pick,
	.choose = dpor_choose,
	.every_turn = true,
	.more = dpor_more,
	.ear = &dpor_ear,
};
