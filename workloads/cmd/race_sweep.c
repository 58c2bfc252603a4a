/*
 * race_sweep.c: `fsyncstorm race sweep --design D`: all races that D is due to hold, and drawn programs, round after
 * round (hunted/sweep.h). What is found is told as a hunt tells it; its schedule holds the race as it was run.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/replace.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "cmd/race_show.h"
#include "hunt/judge.h"
#include "hunt/minimise.h"
#include "hunt/run.h"
#include "hunt/schedule_file.h"
#include "hunted/sweep.h"
#include "kit/interrupt.h"

#define CMD            "race sweep"
#define DEFAULT_ROUNDS 20u

struct sweep_options {
	struct race_options common; /* the first: see race_options.h */
	uint64_t rounds;
	bool as_found;
};

enum { KEY_ROUNDS = RACE_KEY_OWN, KEY_AS_FOUND };

static const struct argp_option table[] = {
	RACE_ROW_DESIGN("The design (postfix)"),
	{ "rounds", KEY_ROUNDS, "N", 0, "At most so many rounds (default: 20, unless --seconds is given)", 0 },
	RACE_ROW_SECONDS("At most so long"),
	RACE_ROW_SEED("Where the schedules begin (default: 1)"),
	{ "as-found", KEY_AS_FOUND, NULL, 0, "What is found is written down as it is, and not made small", 0 },
	RACE_ROW_JSON,
	RACE_ROW_OUT("Where a failing schedule goes (default: race-sweep-DESIGN.schedule)"),
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sweep_options *o = state->input;

	switch (key) {
	case KEY_ROUNDS:
		return race_option_number(&o->common, "rounds", arg, &o->rounds);
	case KEY_AS_FOUND:
		o->as_found = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_error(CMD, "%.100s: no argument is expected: it goes through all races", arg);
		return EINVAL;
	case ARGP_KEY_END:
		return 0;
	default:
		return race_options_parse(key, arg, &o->common);
	}
}

static void progress(const struct sweep *s, void *arg)
{
	fprintf(stderr, "\r%s: %lu rounds, %lu schedules ", s->design->name, (unsigned long)s->done,
	        (unsigned long)s->schedules);
}

static void print_result(const struct sweep *s, const struct violation *v, FILE *out)
{
	fprintf(out, "%s: %u races and %lu drawn programs, %lu rounds, %lu schedules, in %.1f s\n", s->design->name,
	        s->races, (unsigned long)s->programs, (unsigned long)s->done, (unsigned long)s->schedules, s->took);
	if (s->race)
		fprintf(out, "race %s, %s, breaks it: %s\n", s->race->name, s->way, v->text);
	else
		fprintf(out, "It holds in all of them.\n");
}

/* In a hunt of its own, in which the violation is run again, and made small unless it is wanted as found. */
static int tell(const struct sweep_options *o, const struct sweep *s, struct violation *v, const char *path,
                json_t *r, FILE *out)
{
	struct minimised m;
	struct hunt *h;
	struct why why;
	json_t *violation;

	if (o->as_found) {
		if (schedule_file_write(path, s->race, s->design, v, &why))
			return cmd_error(CMD, "%s", why.text);
		fprintf(out, "replay: fsyncstorm race replay %s\n", path);
		return 0;
	}
	if (hunt_open(s->race, s->design, &h, &why))
		return cmd_error(CMD, "%s", why.text);
	hunt_as_found(h, v);
	hunt_minimise(h, v, &m);
	int ret = show_found(CMD, h, v, &m, path, false, out, &violation);
	if (!ret)
		json_object_set_new(r, "violation", violation);
	hunt_close(h);
	return ret;
}

static int report(const struct sweep_options *o, struct sweep *s, struct violation *v, const char *path)
{
	FILE *out = race_options_text(&o->common);
	json_t *r = json_pack("{s:i,s:s,s:I,s:i,s:I,s:I,s:I,s:f,s:b}", "schema_version", 1, "design", s->design->name,
	                      "seed", (json_int_t)s->seed, "races", s->races, "programs", (json_int_t)s->programs,
	                      "rounds", (json_int_t)s->done, "schedules", (json_int_t)s->schedules, "seconds", s->took,
	                      "found", s->race != NULL);
	int ret = 0;

	print_result(s, v, out);
	if (s->race) {
		json_object_set_new(r, "race", json_string(s->race->name));
		json_object_set_new(r, "way", json_string(s->way));
		json_object_set_new(r, "said", json_string(v->text));
		ret = tell(o, s, v, path, r, out);
	}
	if (!ret && o->common.json)
		ret = race_write_json(CMD, o->common.json, json_incref(r));
	json_decref(r);
	return ret ? ret : s->race != NULL;
}

int cmd_race_sweep(int argc, char **argv)
{
	static const struct argp argp = { table, parse, NULL,
		                          "Goes through all races that a design is due to hold, and through programs "
		                          "that are drawn, with a few schedules of each in a round: as they are, with "
		                          "fine points, with other options and faults.\v"
		                          "Exit status 1 when a promise was broken.",
		                          NULL, NULL, NULL };
	struct sweep_options o = { .common = { .cmd = CMD, .design = "postfix", .seed = 1 } };
	char name[128], path[1024], check[1024];
	struct violation v;
	struct why why;

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	ret = race_options_check(&o.common);
	if (ret)
		return ret;
	struct sweep s = { .design = fs_design_find(o.common.design), .seed = o.common.seed, .rounds = o.rounds,
		           .seconds = o.common.seconds, .rescue_path = check };
	if (!s.design)
		return cmd_error(CMD, "--design all: one design is expected");
	if (!s.rounds && s.seconds <= 0)
		s.rounds = DEFAULT_ROUNDS;
	snprintf(name, sizeof(name), "race-sweep-%s.schedule", s.design->name);
	if (o.common.out)
		snprintf(path, sizeof(path), "%s", o.common.out);
	else
		replace_free_name(name, path, sizeof(path));
	snprintf(name, sizeof(name), "race-sweep-%s.check.schedule", s.design->name);
	replace_free_name(name, check, sizeof(check));
	stop_searches_at_interrupt();
	if (isatty(STDERR_FILENO))
		s.progress = progress;
	violation_init(&v);
	ret = sweep_run(&s, &v, &why);
	if (s.progress)
		fprintf(stderr, "\r\033[K");
	ret = ret ? cmd_error(CMD, "%s", why.text) : report(&o, &s, &v, path);
	violation_fini(&v);
	return ret;
}
