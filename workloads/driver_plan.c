/*
 * driver_plan.c: where the tasks of a trial go, and where their memory comes from: by a named plan for all,
 * or by the jobs' own keys (of which numa_mem_policy counts with a plan too).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/facts.h"
#include "driver.h"
#include "rt/mem.h"
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

static int place_by_jobs(const struct driver_config *cfg, struct placement *out, char *err)
{
	unsigned turn = 0;
	int ret = 0;

	for (unsigned i = 0; i < cfg->n && !ret; i++) {
		turn = i && cfg->clones[i].job == cfg->clones[i - 1].job ? turn + 1 : 0;
		ret = place_by_job(&cfg->clones[i], turn, &out[i], err);
	}
	return ret;
}

static bool is_fsyncer(const struct job_clone *c)
{
	return c->job->fsync || c->job->fdatasync;
}

/* The drive's node: that of the file's, or the one named for memory (ram:SIZE,node=N). */
static int home_of(const struct target_spec *spec)
{
	const char *node = spec ? strstr(spec->device, ",node=") : NULL;
	struct stat st;

	if (node)
		return atoi(node + strlen(",node="));
	return spec && spec->path[0] && !facts_stat(spec->path, &st) ? facts_node(&st) : -1;
}

/* Who only writes is apart from who syncs; where all do both, or none does, every other task is. */
static int place_by_plan(const struct driver_config *cfg, struct placement *out, char *err)
{
	struct place_request req = { .n = cfg->n, .home = home_of(cfg->spec) };
	bool *syncs = mem_alloc(cfg->n * sizeof(*syncs));
	unsigned nsyncs = 0;
	int ret;

	for (unsigned i = 0; i < cfg->n; i++) {
		syncs[i] = is_fsyncer(&cfg->clones[i]);
		nsyncs += syncs[i];
	}
	if (nsyncs && nsyncs < cfg->n)
		req.second = syncs;
	ret = place_plan(cfg->placement, &req, out, err);
	free(syncs);
	return ret;
}

int driver_plan(const struct driver_config *cfg, struct placement *out, char *err)
{
	int ret = cfg->placement ? place_by_plan(cfg, out, err) : place_by_jobs(cfg, out, err);

	for (unsigned i = 0; i < cfg->n && !ret; i++) {
		out[i].memory = cfg->clones[i].job->numa_mem_policy;
		out[i].memory_nodes = cfg->clones[i].job->numa_mem_nodes;
	}
	return ret;
}
