/*
 * race_prove.c: `fsyncstorm race prove RACE --design D`: tries every schedule, or every one with at most K
 * preemptions, and says in words what has been proved, and what has not.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "hunt/minimise.h"
#include "hunt/schedule_file.h"
#include "hunt/traces.h"
#include "hunted/prove_report.h"
#include "hunted/traces_file.h"
#include "kit/interrupt.h"

#define CMD             "race prove"
#define PREEMPTIONS_MAX 64

struct prove_options {
	struct race_options common; /* the first: see race_options.h */
	uint64_t preemptions;
	bool bounded;
};

static const struct argp_option table[] = {
	RACE_ROW_BESIDE,
	RACE_ROW_DESIGN("The design"),
	{ "preemptions", 'k', "K", 0, "Only schedules with at most K preemptions (default: all schedules)", 0 },
	RACE_ROW_SECONDS("At most so long"),
	RACE_ROW_JOBS,
	RACE_ROW_SHARD("One part of N alone; `race merge` joins them"),
	RACE_ROW_CHECKPOINT("How far it is goes here now and then, and at Ctrl-C; it goes on from there"),
	RACE_ROW_TRACES,
	RACE_ROW_JSON,
	RACE_ROW_OUT("Where a failing schedule goes (default: race-NAME-DESIGN.schedule)"),
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct prove_options *o = state->input;

	if (key != 'k')
		return race_options_parse(key, arg, &o->common);
	o->bounded = true;
	if (!text_number(arg, &o->preemptions) && o->preemptions <= PREEMPTIONS_MAX)
		return 0;
	cmd_error(CMD, "--preemptions %.40s: a number from 0 to %d is expected", arg, PREEMPTIONS_MAX);
	return EINVAL;
}

/* ---- what is said ---- */

static void progress(const struct proof *p, void *arg)
{
	const struct hunt *h = arg;

	fprintf(stderr, "\r%s, %s: %lu executions, %lu cut runs ", h->race->name, h->design->name,
	        (unsigned long)p->executions, (unsigned long)p->cut);
}

/* As a hunt does with what it finds. */
static int report_violation(const struct prove_options *o, struct hunt *h, struct violation *v, json_t *r, FILE *out)
{
	struct minimised m;
	json_t *violation;
	char name[256], path[1024];

	snprintf(name, sizeof(name), "race-%s-%s.schedule", h->race->name, h->design->name);
	snprintf(v->found, sizeof(v->found), "prove, seed 1, execution %lu",
	         (unsigned long)json_integer_value(json_object_get(r, "executions")));
	hunt_minimise(h, v, &m);
	schedule_file_name(name, h->race, h->design, v, path, sizeof(path));
	int ret = show_found(CMD, h, v, &m, o->common.out ? o->common.out : path, false, out, &violation);
	if (ret)
		return ret;
	json_array_append_new(json_object_get(r, "found"), json_pack("{s:O}", "schedule",
	                                                             json_object_get(violation, "schedule")));
	json_object_set_new(r, "violation", violation);
	return 0;
}

static int report(const struct prove_options *o, struct hunt *h, const struct proof *p, struct violation *v)
{
	FILE *out = race_options_text(&o->common);
	json_t *r = proof_json(h->race, h->design->name, p);
	struct why why;
	int ret = 0;

	proof_print(h->race->name, h->design->name, p, out);
	if (p->found)
		ret = report_violation(o, h, v, r, out);
	else
		proof_print_held(h->race, p, out);
	if (!ret && o->common.traces && traces_write(p->traces, r, o->common.traces, &why))
		ret = cmd_error(CMD, "--traces %s", why.text);
	if (!ret && o->common.json)
		ret = race_write_json(CMD, o->common.json, json_pack("{s:i,s:s,s:[O]}", "schema_version", 1, "race",
		                                                     h->race->name, "results", r));
	json_decref(r);
	return ret ? ret : p->found;
}

static int run(const struct prove_options *o, struct hunt *h)
{
	struct proof p = { .preemptions = o->bounded ? (uint32_t)o->preemptions : DPOR_NO_BOUND,
		           .part = o->common.shard, .parts = o->common.shards, .checkpoint = o->common.checkpoint,
		           .seconds = o->common.seconds };
	struct why why;
	struct traces traces;
	struct violation v;
	int ret;

	stop_searches_at_interrupt();
	if (isatty(STDERR_FILENO)) {
		p.progress = progress;
		p.arg = h;
	}
	if (prove_check_jobs(&p, o->common.jobs ? o->common.jobs : 1, &why))
		return cmd_error(CMD, "%s", why.text);
	traces_init(&traces);
	p.traces = &traces;
	violation_init(&v);
	ret = o->common.jobs > 1 ? prove_jobs(h, &p, o->common.jobs, &v, &why) : prove(h, &p, &v, &why);
	if (p.progress)
		fprintf(stderr, "\r\033[K");
	ret = ret ? cmd_error(CMD, "%s", why.text) : report(o, h, &p, &v);
	violation_fini(&v);
	traces_free(&traces);
	return ret;
}

int cmd_race_prove(int argc, char **argv)
{
	static const struct argp argp = { table, parse, RACE_ARGUMENT,
		                          "Tries every schedule of a race, and judges every crash that each allows.\v"
		                          "Exit status 1 when a violation was found, 0 when none was, complete or not.",
		                          NULL, NULL, NULL };
	struct prove_options o = { .common = { .cmd = CMD, .design = "all" } };
	struct hunt *h;
	struct why why;

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	if (!o.common.race)
		return cmd_error(CMD, "which race? `fsyncstorm race list` names them");
	if (!strcmp(o.common.design, "all"))
		return cmd_error(CMD, "which design? --design NAME");
	ret = race_options_check(&o.common);
	if (ret)
		return ret;
	if (hunt_open(o.common.race, fs_design_find(o.common.design), &h, &why))
		return cmd_error(CMD, "%s", why.text);
	ret = run(&o, h);
	hunt_close(h);
	return ret;
}
