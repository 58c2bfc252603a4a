/*
 * race_explore.c: `fsyncstorm race explore --design D`: every short program, each with every crash, the smallest first.
 * What is found is told as a hunt tells it, and its program is printed: it is a scenario, to be kept.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/replace.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "hunt/judge.h"
#include "hunt/minimise.h"
#include "hunt/run.h"
#include "hunt/schedule_file.h"
#include "hunted/explore.h"
#include "kit/interrupt.h"
#include "race/scenario.h"

#define CMD   "race explore"
#define MAGIC "fsyncstorm-explore 1"

struct explore_options {
	struct race_options common; /* the first: see race_options.h */
	uint64_t calls, threads, preemptions, from;
	bool bounded, count;
};

enum { KEY_CALLS = RACE_KEY_OWN, KEY_THREADS, KEY_FROM, KEY_COUNT };

static const struct argp_option table[] = {
	RACE_ROW_DESIGN("The design (postfix)"),
	{ "calls", KEY_CALLS, "N", 0, "Programs of up to N calls a thread, 1 to 5 (3)", 0 },
	{ "threads", KEY_THREADS, "N", 0, "1 or 2 threads, on one file (1)", 0 },
	{ "preemptions", 'k', "K", 0, "Schedules with at most K preemptions (0 of one thread, 1 of two)", 0 },
	{ "from", KEY_FROM, "N", 0, "Begin with program number N", 0 },
	{ "count", KEY_COUNT, NULL, 0, "Only say how many programs there are", 0 },
	RACE_ROW_SECONDS("At most so long"),
	RACE_ROW_JOBS,
	RACE_ROW_SHARD("Every N-th program alone, from the I-th on"),
	RACE_ROW_CHECKPOINT("How far it is goes here when it stops; it goes on from there"),
	RACE_ROW_JSON,
	RACE_ROW_OUT("Where a failing schedule goes (default: race-explore-N-DESIGN.schedule)"),
	{ 0 },
};

/* ---- options ---- */

static int take(const char *option, const char *arg, uint64_t min, uint64_t max, uint64_t *out)
{
	if (!text_number(arg, out) && *out >= min && *out <= max)
		return 0;
	cmd_error(CMD, "--%s %.40s: a number from %lu to %lu is expected", option, arg, (unsigned long)min,
	          (unsigned long)max);
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explore_options *o = state->input;

	switch (key) {
	case KEY_CALLS:
		return take("calls", arg, 1, EXPLORE_CALLS_MAX, &o->calls);
	case KEY_THREADS:
		return take("threads", arg, 1, 2, &o->threads);
	case 'k':
		o->bounded = true;
		return take("preemptions", arg, 0, 64, &o->preemptions);
	case KEY_FROM:
		return take("from", arg, 0, UINT64_MAX - 1, &o->from);
	case KEY_COUNT:
		o->count = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_error(CMD, "%.100s: no argument is expected: the programs are made", arg);
		return EINVAL;
	case ARGP_KEY_END:
		return 0;
	default:
		return race_options_parse(key, arg, &o->common);
	}
}

/* ---- how far it is ---- */

static void put_bounds(const struct explore *e, char *buf, size_t size)
{
	snprintf(buf, size, "design %s calls %u threads %u preemptions %u shard %u/%u", e->design->name, e->calls,
	         e->threads, e->preemptions, e->shard + 1, e->shards ? e->shards : 1);
}

static int checkpoint_read(struct explore *e, const char *path)
{
	char magic[64] = "", bounds[256] = "", due[256];
	FILE *in = fopen(path, "r");
	unsigned long next = 0;

	if (!in)
		return errno == ENOENT ? 0 : cmd_error(CMD, "--checkpoint %.100s: %s", path, strerror(errno));
	bool whole = fgets(magic, sizeof(magic), in) && fgets(bounds, sizeof(bounds), in) &&
	             fscanf(in, "next %lu", &next) == 1;
	fclose(in);
	bounds[strcspn(bounds, "\n")] = 0;
	put_bounds(e, due, sizeof(due));
	if (!whole || strcmp(magic, MAGIC "\n"))
		return cmd_error(CMD, "--checkpoint %.100s: not one of an exploration; remove it, or name another file",
		                 path);
	if (strcmp(bounds, due))
		return cmd_error(CMD, "--checkpoint %.80s: of `%.100s`; remove it, or name another file", path, bounds);
	e->from = next > e->from ? next : e->from;
	return 0;
}

static int checkpoint_write(const struct explore *e, const char *path)
{
	struct replace file;
	char bounds[256];
	int ret = replace_begin(&file, path);

	put_bounds(e, bounds, sizeof(bounds));
	if (!ret) {
		fprintf(file.out, MAGIC "\n%s\nnext %lu\n", bounds, (unsigned long)e->next);
		ret = replace_end(&file, true);
	}
	return ret ? cmd_error(CMD, "--checkpoint %.100s: cannot be written: %s", path, strerror(-ret)) : 0;
}

/* ---- what is said ---- */

static void progress(const struct explore *e, void *arg)
{
	fprintf(stderr, "\r%s: %lu programs, %lu schedules ", e->design->name, (unsigned long)e->run,
	        (unsigned long)e->schedules);
}

static void print_bounds(const struct explore *e, uint64_t all, FILE *out)
{
	fprintf(out, "%lu programs: up to %u call%s of %u thread%s on one file, in %u setups\n", (unsigned long)all,
	        e->calls, e->calls == 1 ? "" : "s", e->threads, e->threads == 1 ? "" : "s", explore_nsetups());
}

static void print_result(const struct explore *e, FILE *out)
{
	fprintf(out, "%s: %lu programs were run, %lu schedules with at most %u preemption%s, in %.1f s\n",
	        e->design->name, (unsigned long)e->run, (unsigned long)e->schedules, e->preemptions,
	        e->preemptions == 1 ? "" : "s", e->took);
	if (e->found)
		fprintf(out, "Program %lu breaks it. As a scenario:\n\n%s\n", (unsigned long)e->next, e->text);
	else if (e->complete)
		fprintf(out, "%s holds in all of them, whenever the power fails.\n", e->design->name);
	else
		fprintf(out, "It holds so far. The rest: --from %lu\n", (unsigned long)e->next);
}

/* The program as a race of its own, in which the violation is run again, made small, and told. */
static int tell(const struct explore_options *o, const struct explore *e, struct violation *v, json_t *r, FILE *out)
{
	const struct race *race;
	struct minimised m;
	struct hunt *h;
	struct why why;
	json_t *violation;
	char name[64], path[1024];

	snprintf(name, sizeof(name), "explore-%lu", (unsigned long)e->next);
	if (race_scenario_from_text(name, e->text, &race, &why) || hunt_open(race, e->design, &h, &why))
		return cmd_error(CMD, "%s", why.text);
	hunt_again(h, v, true);
	CHECK(hunt_judge(h, v) != VIOLATION_NONE);
	snprintf(v->found, sizeof(v->found), "explore, program %lu", (unsigned long)e->next);
	hunt_minimise(h, v, &m);
	snprintf(path, sizeof(path), "race-%s-%s.schedule", name, e->design->name);
	int ret = show_found(CMD, h, v, &m, o->common.out ? o->common.out : path, false, out, &violation);
	if (!ret)
		json_object_set_new(r, "violation", violation);
	hunt_close(h);
	return ret;
}

static int report(const struct explore_options *o, struct explore *e, uint64_t all, struct violation *v)
{
	FILE *out = race_options_text(&o->common);
	json_t *r = json_pack("{s:i,s:s,s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:f,s:b,s:b}", "schema_version", 1, "design",
	                      e->design->name, "calls", e->calls, "threads", e->threads, "preemptions", e->preemptions,
	                      "programs", (json_int_t)all, "run", (json_int_t)e->run, "schedules",
	                      (json_int_t)e->schedules, "next", (json_int_t)e->next, "seconds", e->took, "complete",
	                      e->complete, "found", e->found);
	int ret = 0;

	print_result(e, out);
	if (e->found) {
		json_object_set_new(r, "scenario", json_string(e->text));
		ret = tell(o, e, v, r, out);
	}
	if (!ret && o->common.checkpoint)
		ret = checkpoint_write(e, o->common.checkpoint);
	if (!ret && o->common.json)
		ret = race_write_json(CMD, o->common.json, json_incref(r));
	json_decref(r);
	return ret ? ret : e->found;
}

int cmd_race_explore(int argc, char **argv)
{
	static const struct argp argp = { table, parse, NULL,
		                          "Runs every short program on one file, the smallest first, and judges every "
		                          "crash that each allows.\v"
		                          "Exit status 1 when a program breaks the design, 0 when none does, complete "
		                          "or not.",
		                          NULL, NULL, NULL };
	struct explore_options o = { .common = { .cmd = CMD, .design = "postfix" }, .calls = 3, .threads = 1 };
	struct violation v;
	struct why why;

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	ret = race_options_check(&o.common);
	if (ret)
		return ret;
	struct explore e = { .design = fs_design_find(o.common.design), .calls = (uint32_t)o.calls,
		             .threads = (uint32_t)o.threads, .from = o.from, .shard = o.common.shard,
		             .shards = o.common.shards, .seconds = o.common.seconds };
	if (!e.design)
		return cmd_error(CMD, "--design all: one design is expected");
	e.preemptions = o.bounded ? (uint32_t)o.preemptions : e.threads - 1;
	uint64_t all = explore_count(&e);
	print_bounds(&e, all, race_options_text(&o.common));
	if (o.count)
		return 0;
	if (o.common.checkpoint && checkpoint_read(&e, o.common.checkpoint))
		return CMD_ERROR;
	stop_searches_at_interrupt();
	if (isatty(STDERR_FILENO))
		e.progress = progress;
	violation_init(&v);
	ret = explore_jobs(&e, o.common.jobs ? o.common.jobs : 1, &v, &why);
	if (e.progress)
		fprintf(stderr, "\r\033[K");
	ret = ret ? cmd_error(CMD, "%s", why.text) : report(&o, &e, all, &v);
	violation_fini(&v);
	return ret;
}
