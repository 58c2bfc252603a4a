/*
 * race_prove.c: `fsyncstorm race prove RACE --design D`: tries every schedule, or every one with at most K
 * preemptions, and says in words what has been proved, and what has not.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "kit/interrupt.h"
#include "hunted/prove_report.h"
#include "base/text.h"
#include "hunt/minimise.h"
#include "hunt/traces.h"
#include "hunted/traces_file.h"

#define CMD            "race prove"
#define KEY_SHARD      0x1001
#define KEY_CHECKPOINT 0x1002
#define KEY_TRACES     0x1003
#define PREEMPTIONS_MAX 64

struct prove_options {
	const struct race *race;
	const char *design, *json, *out, *traces, *checkpoint;
	uint64_t preemptions;
	bool bounded;
	double seconds;
	uint32_t jobs, shard, shards;
};

static const struct argp_option table[] = {
	{ "design", 'd', "NAME", 0, "The design", 0 },
	{ "preemptions", 'k', "K", 0, "Schedules with at most K preemptions alone (default: all schedules)", 0 },
	{ "seconds", 't', "S", 0, "At most so long", 0 },
	{ "jobs", 'J', "N", 0, "So many processes, each a part of the schedules", 0 },
	{ "shard", KEY_SHARD, "I/N", 0, "One part of N alone; `race merge` joins them", 0 },
	{ "checkpoint", KEY_CHECKPOINT, "FILE", 0, "Where it stands goes here now and then, and at Ctrl-C; it goes on from there", 0 },
	{ "traces", KEY_TRACES, "FILE", 0, "The hashes of all distinct traces, for `race merge`", 0 },
	{ "json", 'j', "FILE|-", 0, "The result as JSON; \"-\": to standard output, and nothing else there", 0 },
	{ "out", 'o', "FILE", 0, "Where a failing schedule goes (default: race-NAME-DESIGN.schedule)", 0 },
	{ 0 },
};

static error_t take_preemptions(struct prove_options *o, const char *arg)
{
	o->bounded = true;
	if (!text_number(arg, &o->preemptions) && o->preemptions <= PREEMPTIONS_MAX)
		return 0;
	cmd_error(CMD, "--preemptions %.40s: a number from 0 to %d is expected", arg, PREEMPTIONS_MAX);
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct prove_options *o = state->input;

	switch (key) {
	case 'd':
		return race_option_design(CMD, arg, &o->design);
	case 'k':
		return take_preemptions(o, arg);
	case 't':
		return race_option_seconds(CMD, arg, &o->seconds);
	case 'J':
		return race_option_jobs(CMD, arg, &o->jobs);
	case KEY_SHARD:
		return race_option_shard(CMD, arg, &o->shard, &o->shards);
	case KEY_CHECKPOINT:
		o->checkpoint = arg;
		return 0;
	case KEY_TRACES:
		o->traces = arg;
		return 0;
	case 'j':
		o->json = arg;
		return 0;
	case 'o':
		o->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		return race_option_race(CMD, arg, &o->race);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check(const struct prove_options *o)
{
	if (!o->race)
		return cmd_error(CMD, "which race? `fsyncstorm race list` names them");
	if (!o->design || !strcmp(o->design, "all"))
		return cmd_error(CMD, "which design? --design NAME");
	if (race_check_output(CMD, "json", o->json) || race_check_output(CMD, "traces", o->traces) || race_check_output(CMD, "out", o->out) ||
	    race_check_output(CMD, "checkpoint", o->checkpoint))
		return CMD_ERROR;
	if (powercut_controls())
		return cmd_error(CMD, "the device model fails its own controls: no verdict can be trusted");
	return 0;
}

/* ---- what is said ---- */

static void progress(const struct proof *p, void *arg)
{
	const struct hunt *h = arg;

	fprintf(stderr, "\r%s, %s: %lu executions, %lu cut runs ", h->race->name, h->design->name, (unsigned long)p->executions,
	        (unsigned long)p->cut);
}

/* As a hunt does with what it finds. */
static int report_violation(const struct prove_options *o, struct hunt *h, struct violation *v, json_t *r, FILE *out)
{
	struct minimised m;
	json_t *violation;
	char path[1024];

	snprintf(path, sizeof(path), "race-%s-%s.schedule", h->race->name, h->design->name);
	snprintf(v->found, sizeof(v->found), "prove, seed 1, execution %lu", (unsigned long)json_integer_value(json_object_get(r, "executions")));
	hunt_minimise(h, v, &m);
	int ret = show_found(CMD, h, v, &m, o->out ? o->out : path, false, out, &violation);
	if (ret)
		return ret;
	json_array_append_new(json_object_get(r, "found"), json_pack("{s:O}", "schedule", json_object_get(violation, "schedule")));
	json_object_set_new(r, "violation", violation);
	return 0;
}

static int report(const struct prove_options *o, struct hunt *h, const struct proof *p, struct violation *v)
{
	FILE *out = o->json && !strcmp(o->json, "-") ? stderr : stdout;
	json_t *r = proof_json(h->race, h->design->name, p);
	struct why why;
	int ret = 0;

	proof_print(h->race->name, h->design->name, p, out);
	if (p->found)
		ret = report_violation(o, h, v, r, out);
	else
		proof_print_held(h->race, p, out);
	if (!ret && o->traces && traces_write(p->traces, r, o->traces, &why))
		ret = cmd_error(CMD, "--traces %s", why.text);
	if (!ret && o->json)
		ret = race_write_json(CMD, o->json, json_pack("{s:i,s:s,s:[O]}", "schema_version", 1, "race", h->race->name, "results", r));
	json_decref(r);
	return ret ? ret : p->found;
}

static int run(const struct prove_options *o, struct hunt *h)
{
	struct proof p = { .preemptions = o->bounded ? (uint32_t)o->preemptions : DPOR_NO_BOUND, .part = o->shard, .parts = o->shards,
		           .checkpoint = o->checkpoint, .seconds = o->seconds };
	struct why why;
	struct traces traces;
	struct violation v;
	int ret;

	stop_searches_at_interrupt();
	if (isatty(STDERR_FILENO)) {
		p.progress = progress;
		p.arg = h;
	}
	if (prove_check_jobs(&p, o->jobs ? o->jobs : 1, &why))
		return cmd_error(CMD, "%s", why.text);
	traces_init(&traces);
	p.traces = &traces;
	violation_init(&v);
	ret = o->jobs > 1 ? prove_jobs(h, &p, o->jobs, &v, &why) : prove(h, &p, &v, &why);
	if (p.progress)
		fprintf(stderr, "\r\033[K");
	ret = ret ? cmd_error(CMD, "%s", why.text) : report(o, h, &p, &v);
	violation_fini(&v);
	traces_free(&traces);
	return ret;
}

int cmd_race_prove(int argc, char **argv)
{
	static const struct argp argp = { table, parse, "RACE",
		                          "Tries every schedule of a race, and judges every crash that each allows.\v"
		                          "Exit status 1 when a violation was found, 0 when none was, complete or not.",
		                          NULL, NULL, NULL };
	struct prove_options o = { 0 };
	struct hunt *h;
	struct why why;

	int ret = cmd_options(&argp, argc, argv, &o);
	if (!ret)
		ret = check(&o);
	if (ret)
		return ret;
	if (hunt_open(o.race, fs_design_find(o.design), &h, &why))
		return cmd_error(CMD, "%s", why.text);
	ret = run(&o, h);
	hunt_close(h);
	return ret;
}
