/*
 * topo.c: `fsyncstorm topo`: the machine as hwloc sees it, and where each plan puts N tasks.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "dev/facts.h"
#include "machine/mem.h"
#include "machine/place.h"
#include "base/text.h"

#define TASKS_MAX 1024

enum { KEY_DEVICE = 0x100 };

struct options {
	unsigned tasks;
	const char *plan; /* NULL: each that needs no more to be known */
	int home;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	struct stat st;
	uint64_t n;

	switch (key) {
	case 'T':
		if (text_number(arg, &n) || !n || n > TASKS_MAX) {
			cmd_error("topo", "--tasks: expected a number from 1 to %d, not `%.40s`", TASKS_MAX, arg);
			return EINVAL;
		}
		o->tasks = n;
		return 0;
	case 'P':
		o->plan = arg;
		return 0;
	case KEY_DEVICE:
		if (stat(arg, &st)) {
			cmd_error("topo", "--device: %.200s: %s", arg, strerror(errno));
			return EINVAL;
		}
		o->home = facts_node(&st);
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_error("topo", "%.100s: no argument is expected", arg);
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

static json_t *plan_json(const struct placement *p, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:i,s:i}", "pu", p[i].pu, "node", p[i].node));
	return list;
}

/* One plan as text, or into `plans`. */
static int show_plan(const struct options *o, const char *plan, json_t *plans, char *err)
{
	struct placement *p = mem_zalloc(sizeof(*p) * o->tasks);
	struct place_request req = { .n = o->tasks, .home = o->home };
	int ret = place_plan(plan, &req, p, err);

	if (!ret && plans) {
		json_object_set_new(plans, plan, plan_json(p, o->tasks));
	} else if (!ret) {
		printf("\n%s, %u tasks:\n", plan, o->tasks);
		place_print(stdout, p, o->tasks, NULL);
	}
	free(p);
	return ret;
}

/* The one asked for, or each; of those that this machine has not the nodes for, why. */
static int show_plans(const struct options *o, json_t *plans)
{
	static const char *const each[] = { "compact", "scatter", "node:0", "split", "near", "far" };
	size_t n = sizeof(each) / sizeof(each[0]) - (o->home < 0 ? 2 : 0);
	char err[256];

	if (o->plan)
		return show_plan(o, o->plan, plans, err) ? cmd_error("topo", "--placement: %s", err) : 0;
	for (size_t i = 0; i < n; i++)
		if (show_plan(o, each[i], plans, err) && !plans)
			printf("\n%s\n", err);
	return 0;
}

int cmd_topo(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{ "tasks", 'T', "N", 0, "Tasks to place (as many as there are processing units)", 0 },
		{ "placement", 'P', "PLAN", 0, "Only this plan: " PLACE_PLANS, 0 },
		{ "device", KEY_DEVICE, "PATH", 0,
		  "near and far are told from the drive under this file or block device", 0 },
		{ "json", 'j', NULL, 0, "As JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = { table, parse, "", "This machine's processors and nodes as hwloc sees them "
		                          "(HWLOC_SYNTHETIC makes up another), and where each placement puts tasks.",
		                          NULL, NULL, NULL };
	struct options o = { .home = -1 };
	const struct place_topology *t;
	json_t *out, *plans;
	int ret = cmd_options(&argp, argc, argv, &o);

	if (ret)
		return ret;
	ret = place_init();
	if (ret)
		return cmd_error("topo", "hwloc cannot read the topology: %s", strerror(-ret));
	t = place_topology();
	if (!o.tasks)
		o.tasks = t->pus < TASKS_MAX ? t->pus : TASKS_MAX;
	if (!o.json) {
		/* A wrong plan is told before anything is printed. */
		struct place_request req = { .n = 1, .home = o.home };
		struct placement one;
		char err[256];
		if (o.plan && place_plan(o.plan, &req, &one, err))
			return cmd_error("topo", "--placement: %s", err);
		printf("%u processing units, %u cores, %u packages, %u NUMA nodes%s\n", t->pus, t->cores, t->packages,
		       t->nodes, t->real ? "" : " (synthetic: nothing is bound)");
		return show_plans(&o, NULL);
	}
	plans = json_object();
	ret = show_plans(&o, plans);
	out = json_pack("{s:i,s:i,s:i,s:i,s:i,s:b,s:o}", "schema_version", 1, "pus", (int)t->pus, "cores",
	                (int)t->cores, "packages", (int)t->packages, "nodes", (int)t->nodes, "real", t->real, "plans",
	                plans);
	if (!ret) {
		json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(out);
	return ret;
}
