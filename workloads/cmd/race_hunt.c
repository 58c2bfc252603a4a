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
#include "base/replace.h"
#include "base/stop.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "hunt/minimise.h"
#include "hunt/rescue.h"
#include "hunt/schedule_file.h"
#include "hunt/search.h"
#include "hunted/hunt_report.h"
#include "hunted/traces_file.h"
#include "kit/interrupt.h"
#include "recipe/results.h"

#define CMD               "race hunt"
#define DEFAULT_SCHEDULES 50000u

/* ---- options ---- */

enum { KEY_CHECK = RACE_KEY_OWN };

struct hunt_options {
	struct race_options common; /* the first: see race_options.h */
	const char *picker;
	uint64_t schedules;
	bool check_determinism, all_lines;
};

static const struct argp_option hunt_table[] = {
	RACE_ROW_JOB,
	RACE_ROW_BESIDE,
	RACE_ROW_DESIGN("The design to hunt in, or all (default: all)"),
	{ "picker", 'p', "PICKER", 0, "portfolio, or one of surw[:half|:all], random, pct[:d=N], pos, urw; "
	  "dfs[:k=K], dpor[:k=K]: "
	  "all schedules, one by one, with at most K preemptions (default: portfolio)", 0 },
	{ "schedules", 'n', "N", 0, "At most so many for each design (default: 50000, unless --seconds is given)", 0 },
	RACE_ROW_SECONDS("At most so long for each design"),
	RACE_ROW_SEED("Where the schedules begin (default: 1)"),
	RACE_ROW_JSON,
	RACE_ROW_OUT("Where a failing schedule goes (default: race-NAME-DESIGN.schedule)"),
	{ "check-determinism", KEY_CHECK, NULL, 0, "Run each schedule again from its recording, and compare", 0 },
	RACE_ROW_JOBS,
	RACE_ROW_SHARD("Every N-th schedule alone, from number I on; `race merge` joins the shards. Their seeds are "
	               "the undivided "
	               "hunt's; surw and pct learn the length of a schedule in each shard anew, so some of their "
	               "schedules "
	               "differ"),
	RACE_ROW_TRACES,
	RACE_ROW_GRANULARITY,
	{ "all-lines", 'A', NULL, 0, "A time line with nothing folded", 0 },
	{ 0 },
};

static error_t parse_hunt(int key, char *arg, struct argp_state *state)
{
	struct hunt_options *o = state->input;

	switch (key) {
	case 'p':
		o->picker = arg;
		return 0;
	case 'n':
		return race_option_number(&o->common, "schedules", arg, &o->schedules);
	case KEY_CHECK:
		o->check_determinism = true;
		return 0;
	case 'A':
		o->all_lines = true;
		return 0;
	default:
		return race_options_parse(key, arg, &o->common);
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
		fprintf(stderr, "\r%s, %s: %lu of %lu schedules ", h->race->name, h->design->name,
		        (unsigned long)s->run, (unsigned long)s->schedules);
	else
		fprintf(stderr, "\r%s, %s: %lu schedules ", h->race->name, h->design->name, (unsigned long)s->run);
}

static void schedule_path(const struct hunting *g, const struct hunt *h, const struct violation *v, char *path,
                          unsigned size)
{
	char name[256];

	if (!g->o.common.out) {
		snprintf(name, sizeof(name), "race-%s-%s.schedule", h->race->name, h->design->name);
		schedule_file_name(name, h->race, h->design, v, path, size);
	} else if (g->found && !replace_in_place(g->o.common.out)) {
		snprintf(path, size, "%s-%s", g->o.common.out, h->design->name);
	} else {
		snprintf(path, size, "%s", g->o.common.out);
	}
}

/* Makes it small, shows it, writes it down: in this order, for a disk may be full. */
static int report_violation(struct hunting *g, struct hunt *h, struct violation *v, const struct search *s, json_t *r)
{
	struct minimised m;
	json_t *violation;
	char path[1024];

	snprintf(v->found, sizeof(v->found), "%s, seed %lu, schedule %lu", s->strategy->text,
	         (unsigned long)g->o.common.seed, (unsigned long)s->found_at);
	hunt_minimise(h, v, &m);
	schedule_path(g, h, v, path, sizeof(path));
	fprintf(g->text, "  found by %s\n", v->found);
	int ret = show_found(CMD, h, v, &m, path, g->o.all_lines, g->text, &violation);
	if (ret)
		return ret;
	json_array_append_new(json_object_get(r, "found"), json_pack("{s:O,s:O}", "number",
	                                                             json_object_get(r, "found_at"), "schedule",
	                                                             json_object_get(violation, "schedule")));
	json_object_set_new(r, "violation", violation);
	return 0;
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
		fprintf(g->text, "  NOT DETERMINISTIC: schedule %lu gave two runs: %s\n", (unsigned long)s->at,
		        s->differs);
		g->nondeterministic++;
	} else if (g->o.check_determinism) {
		fprintf(g->text, "  each schedule was run again from its recording: same trace, same verdict\n");
	}
	if (kind)
		ret = report_violation(g, h, v, s, r);
	else
		search_print_held(s, g->text);
	if (!ret && g->o.common.traces && traces_write(s->traces, r, g->o.common.traces, &why))
		ret = cmd_error(CMD, "--traces %s", why.text);
	g->found += kind != VIOLATION_NONE;
	g->unexpected += !race_as_due(race_expect(h->race, h->design->name), kind);
	json_array_append_new(g->results, r);
	return ret;
}

static int search(struct hunting *g, struct hunt *h, struct search *s, struct violation *v)
{
	char name[256], path[1024];
	struct why why;
	int ret = 0;

	if (isatty(STDERR_FILENO)) {
		s->progress = progress;
		s->arg = h;
	}
	snprintf(name, sizeof(name), "race-%s-%s.check.schedule", h->race->name, h->design->name);
	replace_free_name(name, path, sizeof(path));
	hunt_rescue(h, path);
	if (g->o.common.jobs > 1)
		ret = hunt_search_jobs(h, s, g->o.common.jobs, v, &why);
	else
		hunt_search(h, s, v);
	if (s->progress)
		fprintf(stderr, "\r\033[K");
	if (ret)
		ret = cmd_error(CMD, "%s", why.text);
	if (!ret)
		ret = report_search(g, h, s, v);
	hunt_rescue(NULL, NULL);
	return ret;
}

/* Each design has a strategy of its own: what a strategy learns of one design is not true of another. */
static int hunt_design(struct hunting *g, const struct design *design)
{
	struct search s = { .seed = g->o.common.seed, .shard = g->o.common.shard, .shards = g->o.common.shards,
		            .schedules = g->o.schedules, .seconds = g->o.common.seconds,
		            .check_determinism = g->o.check_determinism };
	struct strategy strategy;
	struct traces traces;
	struct violation v;
	struct hunt *h;
	struct why why;

	if (strategy_open(&strategy, g->o.picker, &why))
		return cmd_error(CMD, "--picker %s", why.text);
	s.strategy = &strategy;
	int ret = 0;
	if (strategy_enumerates(&strategy) && (g->o.common.jobs > 1 || g->o.common.shards > 1)) {
		ret = cmd_error(CMD, "--picker %s: it goes one way, which --jobs and --shard do not divide; "
		                "`race prove` does that", strategy.text);
		goto close_strategy;
	}
	ret = hunt_open(g->o.common.race, design, &h, &why);
	if (ret) {
		ret = cmd_error(CMD, "%s", why.text);
		goto close_strategy;
	}
	if (g->o.common.granularity > h->granularity)
		h->granularity = g->o.common.granularity;
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

/* Each design: what is due, what came of it. */
static void print_summary(const struct hunting *g)
{
	const struct race *race = g->o.common.race;
	json_t *r;
	size_t i;

	fprintf(g->text, "\n%-24s %-8s %-8s %s\n", "design", "due", "found", "at schedule");
	json_array_foreach(g->results, i, r) {
		const char *design = json_string_value(json_object_get(r, "design"));
		json_int_t at = json_integer_value(json_object_get(r, "found_at"));
		enum verdict due = race_expect(race, design), is = at ? VERDICT_BREAKS : VERDICT_HOLDS;

		fprintf(g->text, "%-24s %-8s %-8s ", design, verdict_name[due], verdict_name[is]);
		if (at)
			fprintf(g->text, "%lu", (unsigned long)at);
		else
			fprintf(g->text, "none of %lu",
			        (unsigned long)json_integer_value(json_object_get(r, "schedules")));
		fprintf(g->text, "%s\n", race_as_due(due, at) ? "" : "  <- not as due");
	}
}

static int hunt_all(struct hunting *g)
{
	bool all = !strcmp(g->o.common.design, "all");
	int ret = 0;

	for (unsigned i = 0; fs_designs[i] && !ret && !stop_asked(); i++)
		if (all ? race_knows(g->o.common.race, fs_designs[i]->name) : !strcmp(fs_designs[i]->name,
		                                                                      g->o.common.design))
			ret = hunt_design(g, fs_designs[i]);
	if (!ret && g->o.common.json)
		ret = race_write_json(CMD, g->o.common.json,
		                      json_pack("{s:i,s:s,s:s,s:I,s:O}", "schema_version", 1, "race",
		                                g->o.common.race->name, "picker", g->o.picker, "seed",
		                                (json_int_t)g->o.common.seed, "results", g->results));
	if (ret)
		return ret;
	if (all)
		print_summary(g);
	if (g->nondeterministic)
		return 1;
	return all ? g->unexpected != 0 : g->found != 0;
}

int cmd_race_hunt(int argc, char **argv)
{
	static const struct argp argp = { hunt_table, parse_hunt, RACE_ARGUMENT,
		                          "Runs schedules of a race under a picker, and judges every crash that "
		                          "each allows.\v"
		                          "With one --design: exit status 1 when a violation was found. With all: 0 "
		                          "when each "
		                          "design's verdict is the one that is due.",
		                          NULL, NULL, NULL };
	struct hunting g = { .o = { .common = { .cmd = CMD, .design = "all", .seed = 1 }, .picker = "portfolio" } };

	int ret = cmd_options(&argp, argc, argv, &g.o);
	if (ret)
		return ret;
	if (!g.o.common.race)
		return cmd_error(CMD, "which race? `fsyncstorm race list` names them");
	ret = race_options_check(&g.o.common);
	if (ret)
		return ret;
	if (!g.o.schedules && g.o.common.seconds <= 0)
		g.o.schedules = DEFAULT_SCHEDULES;
	stop_searches_at_interrupt();
	g.text = race_options_text(&g.o.common);
	g.results = json_array();
	ret = hunt_all(&g);
	json_decref(g.results);
	return ret;
}
