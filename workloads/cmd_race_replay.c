/*
 * cmd_race_replay.c: `fsyncstorm race replay`: runs a recorded schedule again, strictly, crashes where it
 * was crashed, and shows it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_race.h"
#include "cmd_race_show.h"
#include "hunt.h"
#include "schedule_file.h"


struct replay_options {
	const char *path;
	bool all_lines;
};

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct replay_options *o = state->input;

	if (key == 'a') {
		o->all_lines = true;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (o->path) {
		cmd_error("race replay", "%.60s: one schedule is expected", arg);
		return EINVAL;
	}
	o->path = arg;
	return 0;
}

/* Runs the schedule; *kind: how it fails now. */
static int replay_run(struct hunt *h, const struct violation *want, const char *path, struct violation *got)
{
	bool strict = want->kind != VIOLATION_CHECK; /* its schedule ends where the CHECK failed */

	hunt_again(h, want, strict);
	if (h->result.end == COOP_DIVERGED)
		return cmd_error("race replay", "%.100s: it does not fit this program: %.200s", path, h->result.why);
	if (want->kind == VIOLATION_PROMISE)
		hunt_judge_crash(h, &want->crash, got);
	else
		hunt_judge(h, got);
	return 0;
}

static int replay_file(const struct replay_options *o, const struct race *race, const struct design *design, const struct violation *want)
{
	struct violation got;
	struct hunt *h;
	char err[200];

	if (hunt_open(race, design, &h, err))
		return cmd_error("race replay", "%s", err);
	violation_init(&got);
	hunt_rescue(h, NULL);
	int ret = replay_run(h, want, o->path, &got);
	if (!ret && violation_same(&got, want)) {
		printf("race %s, design %s: it breaks as recorded\n\n", race->name, design->name);
		show_violation(h, &got, o->all_lines, stdout);
		printf("\nfsyncstorm race replay %s\n", o->path);
		ret = 1;
	} else if (!ret) {
		printf("race %s, design %s: it does not break any more%s%s\n", race->name, design->name,
		       got.kind ? " as recorded; now: " : "", got.kind ? got.text : "");
	}
	hunt_rescue(NULL, NULL);
	violation_fini(&got);
	hunt_close(h);
	return ret;
}

int cmd_race_replay(int argc, char **argv)
{
	static const struct argp_option table[] = { { "all-lines", 'a', NULL, 0, "A time line with nothing folded", 0 }, { 0 } };
	static const struct argp argp = { table, parse_replay, "FILE",
		                          "Runs a recorded schedule again, crashes where it was crashed, and shows it.\v"
		                          "Exit status 1 when it breaks as recorded, 0 when it does not any more.",
		                          NULL, NULL, NULL };
	struct replay_options o = { 0 };
	const struct race *race = NULL;
	const struct design *design = NULL;
	struct violation v;
	char err[200];

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	if (!o.path)
		return cmd_error("race replay", "which schedule? a file that `fsyncstorm race hunt` has written is expected");
	ret = schedule_file_read(o.path, false, &race, &design, &v, err) ? cmd_error("race replay", "%s", err) :
		replay_file(&o, race, design, &v);
	violation_fini(&v);
	return ret;
}
