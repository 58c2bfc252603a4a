/*
 * driver_plan.c: where the tasks of a trial go: by a named plan for all, or by the jobs' own keys.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"
#include "text.h"

#define NODES_MAX 256

/* The clone's own place among the nodes that its job lists: clones take them in turn. */
static int place_by_job(const struct job_clone *c, unsigned turn, struct placement *out, char *err)
{
	unsigned nodes[NODES_MAX], n;

	*out = (struct placement){ .pu = -1, .node = -1 };
	if (c->job->cpus_allowed[0])
		out->cpus = c->job->cpus_allowed;
	if (!c->job->numa_cpu_nodes[0])
		return 0;
	if (!strcmp(c->job->numa_cpu_nodes, "all"))
		return 0;
	if (text_list(c->job->numa_cpu_nodes, nodes, NODES_MAX, &n)) {
		snprintf(err, TARGET_ERR_MAX, "numa_cpu_nodes: expected nodes such as 0 or 0-1");
		return -EINVAL;
	}
	out->node = nodes[turn % n];
	return 0;
}

int driver_plan(const struct driver_config *cfg, struct placement *out, char *err)
{
	unsigned turn = 0;
	int ret;

	if (cfg->placement)
		return place_plan(cfg->placement, cfg->n, out, err);
	for (unsigned i = 0; i < cfg->n; i++) {
		turn = i && cfg->clones[i].job == cfg->clones[i - 1].job ? turn + 1 : 0;
		ret = place_by_job(&cfg->clones[i], turn, &out[i], err);
		if (ret)
			return ret;
	}
	return 0;
}
