/*
 * race_hunt.c: `fsyncstorm race hunt`: searches each design, makes small what it finds, writes it
 * down and shows it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "hunted/hunt_report.h"
#include "kit/interrupt.h"
#include "recipe/results.h"
#include "base/text.h"
#include "hunt/minimise.h"
#include "hunt/rescue.h"
#include "hunt/search.h"
#include "hunted/traces_file.h"

#define DEFAULT_SCHEDULES 50000u


/* ---- options ---- */

#define KEY_SHARD  0x1001
#define KEY_TRACES 0x1002
#define KEY_JOB    0x1003

struct hunt_options {
	const struct race *race;
	const char *design;
	const char *picker;
	uint64_t schedules, seed;
	double seconds;
	const char *json, *out, *traces;
	uint32_t jobs, shard, shards;
	enum granularity granularity;
	bool check_determinism, all_lines;
};

static const struct argp_option hunt_table[] = {
	{ "job", KEY_JOB, "FILE", 0, "A fio job file (or the name of one of ours) in place of RACE; with one --design", 0 },
	{ "design", 'd', "NAME|all", 0, "The design to hunt in (default: all)", 0 },
	{ "picker", 'p', "PICKER", 0, "portfolio, or one of surw[:half|:all], random, pct[:d=N], pos, urw; dfs[:k=K], dpor[:k=K]: all there are, one by one, with at most K preemptions (default: portfolio)", 0 },
	{ "schedules", 'n', "N", 0, "At most so many for each design (default: 50000, unless --seconds is given)", 0 },
	{ "seconds", 't', "S", 0, "At most so long for each design", 0 },
	{ "seed", 's', "S", 0, "Where the schedules begin (default: 1)", 0 },
	{ "json", 'j', "FILE|-", 0, "The result as JSON; \"-\": to standard output, and nothing else there", 0 },
	{ "out", 'o', "FILE", 0, "Where a failing schedule goes (default: race-NAME-DESIGN.schedule)", 0 },
	{ "check-determinism", 'c', NULL, 0, "Run each schedule again from its recording, and compare", 0 },
	{ "jobs", 'J', "N", 0, "So many processes, each a slice of the schedules", 0 },
	{ "shard", KEY_SHARD, "I/N", 0, "Every N-th schedule alone, from number I on; `race merge` joins the shards. Their seeds are the undivided hunt's; surw and pct learn the length of a schedule in each shard anew, so some of their schedules differ", 0 },
	{ "traces", KEY_TRACES, "FILE", 0, "The hashes of all distinct traces, for `race merge` (with one --design)", 0 },
	{ "granularity", 'g', "coarse|fine", 0, "Where a task may be stopped: fine is also after releases and at accesses (default: coarse)", 0 },
	{ "all-lines", 'a', NULL, 0, "A time line with nothing folded", 0 },
	{ 0 },
};

static error_t parse_hunt(int key, char *arg, struct argp_state *state)
{
	struct hunt_options *o = state->input;

	switch (key) {
	case 'd':
		return race_option_design("race hunt", arg, &o->design);
	case 'p':
		o->picker = arg;
		return 0;
	case 'n':
		return race_option_number("race hunt", "schedules", arg, &o->schedules);
	case 't':
		return race_option_seconds("race hunt", arg, &o->seconds);
	case 's':
		return race_option_seed("race hunt", arg, &o->seed);
	case 'j':
		o->json = arg;
		return 0;
	case 'o':
		o->out = arg;
		return 0;
	case 'c':
		o->check_determinism = true;
		return 0;
	case 'J':
		return race_option_jobs("race hunt", arg, &o->jobs);
	case KEY_SHARD:
		return race_option_shard("race hunt", arg, &o->shard, &o->shards);
	case KEY_TRACES:
		o->traces = arg;
		return 0;
	case 'a':
		o->all_lines = true;
		return 0;
	case 'g':
		return race_option_granularity("race hunt", arg, &o->granularity);
	case KEY_JOB:
		return race_option_job("race hunt", arg, &o->race);
	case ARGP_KEY_ARG:
		return race_option_race("race hunt", arg, &o->race);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- hunt ---- */

/* A whole hunt: its options, what it prints to, and what came of it. */
struct hunting {
	struct hunt_options o;
	FILE *text;
	json_t *results;
	unsigned found, unexpected, nondeterministic;
};

static void progress(const struct search *s, void *arg)
{
	const struct hunt *h = arg;

	if (s->schedules)
		fprintf(stderr, "\r%s, %s: %lu of %lu schedules ", h->race->name, h->design->name, (unsigned long)s->run,
		        (unsigned long)s->schedules);
	else
		fprintf(stderr, "\r%s, %s: %lu schedules ", h->race->name, h->design->name, (unsigned long)s->run);
}

static void schedule_path(const struct hunting *g, const struct hunt *h, char *path, unsigned size)
{
	if (!g->o.out)
		snprintf(path, size, "race-%s-%s.schedule", h->race->name, h->design->name);
	else if (g->found)
		snprintf(path, size, "%s-%s", g->o.out, h->design->name);
	else
		snprintf(path, size, "%s", g->o.out);
}

/* Makes it small, shows it, writes it down: in this order, for a disk may be full. */
static int report_violation(struct hunting *g, struct hunt *h, struct violation *v, const struct search *s, json_t *r)
{
	struct minimised m;
	json_t *violation;
	char path[1024];

	snprintf(v->found, sizeof(v->found), "%s, seed %lu, schedule %lu", s->strategy->text, (unsigned long)g->o.seed,
	         (unsigned long)s->found_at);
	hunt_minimise(h, v, &m);
	schedule_path(g, h, path, sizeof(path));
	fprintf(g->text, "  found by %s\n", v->found);
	int ret = show_found("race hunt", h, v, &m, path, g->o.all_lines, g->text, &violation);
	if (ret)
		return ret;
	json_array_append_new(json_object_get(r, "found"), json_pack("{s:O,s:O}", "number", json_object_get(r, "found_at"), "schedule",
	                                                             json_object_get(violation, "schedule")));
	json_object_set_new(r, "violation", violation);
	return 0;
}

static void rescue_path(const struct hunt *h, char *path, unsigned size)
{
	snprintf(path, size, "race-%s-%s.check.schedule", h->race->name, h->design->name);
}

static int report_search(struct hunting *g, struct hunt *h, const struct search *s, struct violation *v)
{
	enum violation_kind kind = s->found_at ? v->kind : VIOLATION_NONE;
	json_t *r = search_json(h->race, h->design->name, h->granularity, s);
	struct why why;
	int ret = 0;

	search_print_head(h->race->name, h->design->name, h->granularity, s, g->text);
	fprintf(g->text, "\n");
	search_print(s, g->text);
	if (s->nondeterministic) {
		fprintf(g->text, "  NOT DETERMINISTIC: schedule %lu gave two runs: %s\n", (unsigned long)s->at, s->differs);
		g->nondeterministic++;
	} else if (g->o.check_determinism) {
		fprintf(g->text, "  each schedule was run again from its recording: same trace, same verdict\n");
	}
	if (kind)
		ret = report_violation(g, h, v, s, r);
	else
		search_print_held(s, g->text);
	if (!ret && g->o.traces && traces_write(s->traces, r, g->o.traces, &why))
		ret = cmd_error("race hunt", "--traces %s", why.text);
	g->found += kind != VIOLATION_NONE;
	g->unexpected += (kind ? VERDICT_BREAKS : VERDICT_HOLDS) != race_expect(h->race, h->design->name);
	json_array_append_new(g->results, r);
	return ret;
}

static int search(struct hunting *g, struct hunt *h, struct search *s, struct violation *v)
{
	char path[1024];
	struct why why;
	int ret = 0;

	if (isatty(STDERR_FILENO)) {
		s->progress = progress;
		s->arg = h;
	}
	rescue_path(h, path, sizeof(path));
	hunt_rescue(h, path);
	if (g->o.jobs > 1)
		ret = hunt_search_jobs(h, s, g->o.jobs, v, &why);
	else
		hunt_search(h, s, v);
	if (s->progress)
		fprintf(stderr, "\r\033[K");
	if (ret)
		ret = cmd_error("race hunt", "%s", why.text);
	if (!ret)
		ret = report_search(g, h, s, v);
	hunt_rescue(NULL, NULL);
	return ret;
}

static int can_divide(const struct hunting *g, const struct strategy *s)
{
	if (!strategy_enumerates(s) || (g->o.jobs <= 1 && g->o.shards <= 1))
		return 0;
	return cmd_error("race hunt", "--picker %s: it goes one way, which --jobs and --shard do not divide; `race prove` does that", s->text);
}

/* A strategy of its own for each design: what it learns of one is not true of another. */
static int hunt_design(struct hunting *g, const struct design *design)
{
	struct search s = { .seed = g->o.seed, .shard = g->o.shard, .shards = g->o.shards,
		            .schedules = g->o.schedules, .seconds = g->o.seconds, .check_determinism = g->o.check_determinism };
	struct strategy strategy;
	struct traces traces;
	struct violation v;
	struct hunt *h;
	struct why why;

	if (strategy_open(&strategy, g->o.picker, &why))
		return cmd_error("race hunt", "--picker %s", why.text);
	s.strategy = &strategy;
	int ret = can_divide(g, &strategy);
	if (ret)
		goto close_strategy;
	ret = hunt_open(g->o.race, design, &h, &why);
	if (ret) {
		ret = cmd_error("race hunt", "%s", why.text);
		goto close_strategy;
	}
	h->granularity = g->o.granularity;
	traces_init(&traces);
	s.traces = &traces;
	violation_init(&v);
	ret = search(g, h, &s, &v);
	violation_fini(&v);
	traces_free(&traces);
	hunt_close(h);
close_strategy:
	strategy_close(&strategy);
	return ret;
}

static int write_json(struct hunting *g)
{
	return race_write_json("race hunt", g->o.json,
	                       json_pack("{s:i,s:s,s:s,s:I,s:O}", "schema_version", 1, "race", g->o.race->name, "picker",
	                                 g->o.picker, "seed", (json_int_t)g->o.seed, "results", g->results));
}

static int hunt_all(struct hunting *g)
{
	bool all = !strcmp(g->o.design, "all");
	int ret = 0;

	for (unsigned i = 0; fs_designs[i] && !ret && !stop_asked(); i++)
		if (all ? race_knows(g->o.race, fs_designs[i]->name) : !strcmp(fs_designs[i]->name, g->o.design))
			ret = hunt_design(g, fs_designs[i]);
	if (!ret && g->o.json)
		ret = write_json(g);
	if (ret)
		return ret;
	if (g->nondeterministic)
		return 1;
	if (!all)
		return g->found != 0;
	if (g->unexpected)
		fprintf(g->text, "\n%u design%s did not do what is due\n", g->unexpected, g->unexpected == 1 ? "" : "s");
	return g->unexpected != 0;
}

int cmd_race_hunt(int argc, char **argv)
{
	static const struct argp argp = { hunt_table, parse_hunt, "RACE",
		                          "Runs schedules of a race under a picker, and judges every crash that each allows.\v"
		                          "With one --design: exit status 1 when a violation was found. With all: 0 when each "
		                          "design's verdict is the one that is due.",
		                          NULL, NULL, NULL };
	struct hunting g = { .o = { .design = "all", .picker = "portfolio", .seed = 1 } };

	int ret = cmd_options(&argp, argc, argv, &g.o);
	if (ret)
		return ret;
	if (!g.o.race)
		return cmd_error("race hunt", "which race? `fsyncstorm race list` names them");
	if (g.o.race->job && !strcmp(g.o.design, "all"))
		return cmd_error("race hunt", "--job: one --design is expected: no verdict is due of a job");
	if (g.o.traces && !strcmp(g.o.design, "all"))
		return cmd_error("race hunt", "--traces is for one --design, not for all");
	if (race_check_output("race hunt", "traces", g.o.traces) || race_check_output("race hunt", "json", g.o.json) ||
	    race_check_output("race hunt", "out", g.o.out))
		return CMD_ERROR;
	if (!g.o.schedules && g.o.seconds <= 0)
		g.o.schedules = DEFAULT_SCHEDULES;
	if (powercut_controls())
		return cmd_error("race hunt", "the device model fails its own controls: no verdict can be trusted");
	stop_searches_at_interrupt();
	g.text = g.o.json && !strcmp(g.o.json, "-") ? stderr : stdout;
	g.results = json_array();
	ret = hunt_all(&g);
	json_decref(g.results);
	return ret;
}
