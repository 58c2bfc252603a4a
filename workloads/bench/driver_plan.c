/*
 * driver_plan.c: where the tasks of a trial go, and where their memory comes from: by a named plan for all,
 * or by the jobs' own keys (of which numa_mem_policy counts with a plan too).
 *
 * driver_plan.1: The engine's own tasks (completion and compression workers, flusher, committer, the device's) go to
 * any processor of the NUMA nodes where the syncing tasks are. They complete what an fsync waits for and touch its
 * memory; in a kernel, too, an unbound worker runs near the task that queued the work. The user says where that is by a
 * placement. With `near` it is the drive's node.
 * driver_plan.2: If that is one node, the file system's own memory is on it. A file's pages are where the memory of its
 * task is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/facts.h"
#include "bench/driver.h"
#include "machine/mem.h"

/* As fio has it: every task of a job may run on any CPU of any node that it lists. */
static void place_by_job(const struct job *j, struct placement *out)
{
	const char *nodes = j->numa_cpu_nodes;

	*out = (struct placement){ .pu = -1, .node = -1 };
	if (j->cpus_allowed[0])
		out->cpus = j->cpus_allowed;
	if (!nodes[0])
		return;
	out->nodes = nodes;
	if (!nodes[strspn(nodes, "0123456789")])
		out->node = atoi(nodes);
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
static int place_by_plan(const struct driver_config *cfg, struct placement *out, struct why *why)
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
	ret = place_plan(cfg->placement, &req, out, why->text);
	free(syncs);
	return ret;
}

int driver_plan(const struct driver_config *cfg, struct placement *out, struct why *why)
{
	int ret = cfg->placement ? place_by_plan(cfg, out, why) : 0;

	for (unsigned i = 0; i < cfg->n && !cfg->placement; i++)
		place_by_job(cfg->clones[i].job, &out[i]);
	for (unsigned i = 0; i < cfg->n && !ret; i++) {
		out[i].memory = cfg->clones[i].job->numa_mem_policy;
		out[i].memory_nodes = cfg->clones[i].job->numa_mem_nodes;
	}
	return ret;
}

void driver_plan_helpers(const struct driver_config *cfg, const struct placement *plan, char *nodes, size_t size)
{
	struct placement *syncs = mem_alloc(cfg->n * sizeof(*syncs));
	unsigned n = 0;

	for (unsigned i = 0; i < cfg->n; i++)
		if (is_fsyncer(&cfg->clones[i]))
			syncs[n++] = plan[i];
	place_nodes_of(n ? syncs : plan, n ? n : cfg->n, nodes, size);
	free(syncs);
}
