/*
 * cmd_race_prove.c: `fsyncstorm race prove RACE --design D`: tries every schedule, or every one with at most K
 * preemptions, and says in words what has been proved, and what has not.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_race.h"
#include "cmd_race_options.h"
#include "interrupt.h"
#include "cmd_race_show.h"
#include "prove.h"
#include "recipe/results.h"
#include "schedule_file.h"
#include "text.h"

#define CMD            "race prove"
#define KEY_SHARD      0x1001
#define KEY_CHECKPOINT 0x1002
#define PREEMPTIONS_MAX 64

struct prove_options {
	const struct race *race;
	const char *design, *json, *out, *checkpoint;
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
	char err[RESULTS_ERR_MAX];

	if (!o->race)
		return cmd_error(CMD, "which race? `fsyncstorm race list` names them");
	if (!o->design || !strcmp(o->design, "all"))
		return cmd_error(CMD, "which design? --design NAME");
	if (o->json && strcmp(o->json, "-") && results_json_check(o->json, err))
		return cmd_error(CMD, "--json: %s", err);
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

static void print_claim(const struct hunt *h, const struct proof *p, FILE *out)
{
	if (p->all)
		fprintf(out, "  PROVED: no violation in any schedule");
	else
		fprintf(out, "  PROVED: no violation in any schedule with at most %u preemption%s", p->preemptions,
		        p->preemptions == 1 ? "" : "s");
	if (p->all && p->preemptions != DPOR_NO_BOUND)
		fprintf(out, " (none has more than %u preemption%s)", p->preemptions, p->preemptions == 1 ? "" : "s");
	if (p->parts > 1)
		fprintf(out, " of part %u of %u", p->part + 1, p->parts);
	fprintf(out, "%s\n", h->race->bare ? "" : ", whenever the power fails");
}

static void print_held(const struct hunt *h, const struct proof *p, FILE *out)
{
	if (p->complete)
		print_claim(h, p, out);
	else if (p->preemptions != DPOR_NO_BOUND && p->reached != DPOR_NO_BOUND)
		fprintf(out, "  NOT COMPLETE: stopped; no violation in any schedule with at most %u preemptions, nor in those tried since\n",
		        p->reached);
	else
		fprintf(out, "  NOT COMPLETE: stopped; no violation in those tried\n");
	fprintf(out, "  outside of the claim: processors that reorder memory accesses (all is sequentially consistent here), %s"
	             "and workloads other than the calls of %s\n",
	        h->race->bare ? "\n  " : "power\n  cuts other than those modelled (any subset of what is pending, whole blocks), ", h->race->name);
}

static const char *how_many(const struct proof *p)
{
	if (p->resumed)
		return p->divided ? "about " : "at least ";
	return p->divided ? "at most " : "";
}

static void print_numbers(const struct hunt *h, const struct proof *p, FILE *out)
{
	fprintf(out, "race %s, design %s: all schedules", h->race->name, h->design->name);
	if (p->preemptions != DPOR_NO_BOUND)
		fprintf(out, " with at most %u preemption%s", p->preemptions, p->preemptions == 1 ? "" : "s");
	fprintf(out, "\n  %lu executions, %lu cut runs (nothing new was to come), %s%lu distinct traces, total %s; %.1f s\n",
	        (unsigned long)p->executions, (unsigned long)p->cut, how_many(p), (unsigned long)p->distinct,
	        p->complete ? "no more than these" : "unknown", p->took);
	if (p->too_long)
		fprintf(out, "  a run was longer than the search has room for: nothing can be proved of this race\n");
}

static json_t *proof_json(const struct hunt *h, const struct proof *p)
{
	json_t *r = json_pack("{s:s,s:s,s:i,s:i,s:b,s:I,s:I,s:I,s:f,s:s,s:s,s:o}", "race", h->race->name, "design", h->design->name,
	                      "shard", (int)p->part, "shards", (int)p->parts, "complete", p->complete, "executions",
	                      (json_int_t)p->executions, "cut", (json_int_t)p->cut, "distinct", (json_int_t)p->distinct, "seconds",
	                      p->took, "verdict", verdict_name[p->found ? VERDICT_BREAKS : VERDICT_HOLDS], "due",
	                      verdict_name[race_expect(h->race, h->design->name)], "found", json_array());

	json_object_set_new(r, "preemptions", p->preemptions == DPOR_NO_BOUND ? json_null() : json_integer(p->preemptions));
	json_object_set_new(r, "reached", p->reached == DPOR_NO_BOUND ? json_null() : json_integer(p->reached));
	return r;
}

/* As a hunt does with what it finds. */
static int report_violation(const struct prove_options *o, struct hunt *h, struct violation *v, json_t *r, FILE *out)
{
	struct minimised m;
	char path[1024], err[200];

	snprintf(path, sizeof(path), "race-%s-%s.schedule", h->race->name, h->design->name);
	snprintf(v->found, sizeof(v->found), "prove, seed 1, execution %lu", (unsigned long)json_integer_value(json_object_get(r, "executions")));
	hunt_minimise(h, v, &m);
	if (schedule_file_write(o->out ? o->out : path, h->race, h->design, v, err))
		return cmd_error(CMD, "%s", err);
	show_minimised(&m, v, out);
	fprintf(out, "\n");
	if (!show_violation(h, v, false, out))
		return cmd_error(CMD, "%s: the minimised schedule does not replay", o->out ? o->out : path);
	json_t *violation = violation_json(h, v, &m, o->out ? o->out : path);
	json_array_append_new(json_object_get(r, "found"), json_pack("{s:O}", "schedule", json_object_get(violation, "schedule")));
	json_object_set_new(r, "violation", violation);
	fprintf(out, "\nfsyncstorm race replay %s\n", o->out ? o->out : path);
	return 0;
}

static int report(const struct prove_options *o, struct hunt *h, const struct proof *p, struct violation *v)
{
	FILE *out = o->json && !strcmp(o->json, "-") ? stderr : stdout;
	json_t *r = proof_json(h, p);
	int ret = 0;

	print_numbers(h, p, out);
	if (p->found)
		ret = report_violation(o, h, v, r, out);
	else
		print_held(h, p, out);
	if (!ret && o->json)
		ret = race_write_json(CMD, o->json, json_pack("{s:i,s:s,s:[O]}", "schema_version", 1, "race", h->race->name, "results", r));
	json_decref(r);
	return ret ? ret : p->found;
}

static int run(const struct prove_options *o, struct hunt *h)
{
	struct proof p = { .preemptions = o->bounded ? (uint32_t)o->preemptions : DPOR_NO_BOUND, .part = o->shard, .parts = o->shards,
		           .checkpoint = o->checkpoint, .seconds = o->seconds, .stop = stop_at_interrupt() };
	char err[PROVE_ERR_MAX];
	struct violation v;
	int ret;

	if (isatty(STDERR_FILENO)) {
		p.progress = progress;
		p.arg = h;
	}
	violation_init(&v);
	ret = o->jobs > 1 ? prove_jobs(h, &p, o->jobs, &v, err) : prove(h, &p, &v, err);
	if (p.progress)
		fprintf(stderr, "\r\033[K");
	ret = ret ? cmd_error(CMD, "%s", err) : report(o, h, &p, &v);
	violation_fini(&v);
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
	char err[200];

	int ret = cmd_options(&argp, argc, argv, &o);
	if (!ret)
		ret = check(&o);
	if (ret)
		return ret;
	if (hunt_open(o.race, fs_design_find(o.design), &h, err))
		return cmd_error(CMD, "%s", err);
	ret = run(&o, h);
	hunt_close(h);
	return ret;
}
