/* race_options.c: see race_options.h. */
#include "cmd/race_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/replace.h"
#include "base/text.h"
#include "dev/powercut.h"
#include "race/job.h"
#include "race/registry.h"
#include "race/scenario.h"
#include "recipe/results.h"

#define SHARDS_MAX 1000000u
#define SECOND_NS  1000000000ull

static bool is_scenario_file(const char *arg)
{
	size_t n = strlen(arg);

	return n > 4 && !strcmp(arg + n - 4, ".scn");
}

static error_t take_race(struct race_options *o, const char *arg)
{
	char hint[64];
	struct why why;

	if (o->race) {
		cmd_error(o->cmd, "%.60s: one race is expected", arg);
		return EINVAL;
	}
	if (is_scenario_file(arg)) {
		if (!race_scenario_from_file(arg, &o->race, &why))
			return 0;
		cmd_error(o->cmd, "%s", why.text);
		return EINVAL;
	}
	o->race = race_find(arg);
	if (o->race)
		return 0;
	cmd_error(o->cmd, "%.60s: not a race%s", arg, race_nearest(arg, hint, sizeof(hint)));
	return EINVAL;
}

/* When all options are read: the race that --beside makes of the one that was named. */
static error_t take_beside(struct race_options *o)
{
	struct why why;

	if (!o->beside || !o->race || !race_scenario_beside(o->race, &o->race, &why))
		return 0;
	cmd_error(o->cmd, "--beside: %s", why.text);
	return EINVAL;
}

/* Says on stderr what was made smaller. */
static error_t take_job(struct race_options *o, const char *arg)
{
	const char *clamped = "";
	struct why why;

	if (o->race)
		cmd_error(o->cmd, "--job %.60s: one race or one job is expected", arg);
	else if (race_job_from_file(arg, &o->race, &clamped, &why))
		cmd_error(o->cmd, "--job %s", why.text);
	else
		return fputs(clamped, stderr) < 0 ? errno : 0;
	return EINVAL;
}

static error_t take_design(struct race_options *o, const char *arg)
{
	const char *names[64] = { "all" };
	char hint[64];
	size_t n = 1;

	o->design = arg;
	if (!strcmp(arg, "all") || fs_design_find(arg))
		return 0;
	for (; fs_designs[n - 1] && n < sizeof(names) / sizeof(names[0]); n++)
		names[n] = fs_designs[n - 1]->name;
	cmd_error(o->cmd, "--design %.60s: not a design%s", arg,
	          text_did_you_mean(hint, sizeof(hint), text_nearest(arg, names, n, sizeof(names[0]))));
	return EINVAL;
}

static error_t take_granularity(struct race_options *o, const char *arg)
{
	for (o->granularity = 0; o->granularity < COOP_GRANULARITIES; o->granularity++)
		if (!strcmp(arg, granularity_name[o->granularity]))
			return 0;
	cmd_error(o->cmd, "--granularity %.60s: coarse or fine is expected", arg);
	return EINVAL;
}

int race_option_number(const struct race_options *o, const char *option, const char *arg, uint64_t *out)
{
	if (!text_number(arg, out) && *out)
		return 0;
	cmd_error(o->cmd, "--%s %.60s: a number from 1 on is expected", option, arg);
	return EINVAL;
}

static error_t take_seed(struct race_options *o, const char *arg)
{
	if (!text_number(arg, &o->seed))
		return 0;
	cmd_error(o->cmd, "--seed %.60s: a number is expected", arg);
	return EINVAL;
}

static error_t take_seconds(struct race_options *o, const char *arg)
{
	uint64_t ns;
	char *end;

	o->seconds = strtod(arg, &end); /* 0.5, too */
	if (end == arg || *end)
		o->seconds = text_time(arg, SECOND_NS, &ns) ? 0 : (double)ns / SECOND_NS;
	if (o->seconds > 0 && o->seconds < 1e7)
		return 0;
	cmd_error(o->cmd, "--seconds %.60s: a time above 0 is expected", arg);
	return EINVAL;
}

static error_t take_jobs(struct race_options *o, const char *arg)
{
	uint64_t n;

	if (text_number(arg, &n) || n < 1 || n > RACE_JOBS_MAX) {
		cmd_error(o->cmd, "--jobs %.60s: a number from 1 to %u is expected", arg, RACE_JOBS_MAX);
		return EINVAL;
	}
	o->jobs = (uint32_t)n;
	return 0;
}

static error_t take_shard(struct race_options *o, const char *arg)
{
	uint32_t i, n;
	char rest;

	if (sscanf(arg, "%u/%u%c", &i, &n, &rest) != 2 || i < 1 || i > n || n > SHARDS_MAX) {
		cmd_error(o->cmd, "--shard %.60s: I/N with I from 1 to N is expected", arg);
		return EINVAL;
	}
	o->shard = i - 1;
	o->shards = n;
	return 0;
}

error_t race_options_parse(int key, char *arg, struct race_options *o)
{
	switch (key) {
	case RACE_KEY_JOB:
		return take_job(o, arg);
	case 'd':
		return take_design(o, arg);
	case 's':
		return take_seconds(o, arg);
	case RACE_KEY_SEED:
		return take_seed(o, arg);
	case 'J':
		return take_jobs(o, arg);
	case RACE_KEY_SHARD:
		return take_shard(o, arg);
	case 'g':
		return take_granularity(o, arg);
	case 'j':
		o->json = arg;
		return 0;
	case 'o':
		o->out = arg;
		return 0;
	case RACE_KEY_TRACES:
		o->traces = arg;
		return 0;
	case RACE_KEY_CHECKPOINT:
		o->checkpoint = arg;
		return 0;
	case RACE_KEY_BESIDE:
		o->beside = true;
		return 0;
	case ARGP_KEY_ARG:
		return take_race(o, arg);
	case ARGP_KEY_END:
		return take_beside(o);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- what goes together ---- */

static int check_output(const struct race_options *o, const char *option, const char *path)
{
	struct why why;

	if (!path || !strcmp(path, "-") || !results_json_check(path, &why))
		return 0;
	return cmd_error(o->cmd, "--%s: %s", option, why.text);
}

int race_options_check(const struct race_options *o)
{
	if (o->race && o->race->job && !strcmp(o->design, "all"))
		return cmd_error(o->cmd, "--job: one --design is expected: no verdict is due of a job");
	if (o->traces && !strcmp(o->design, "all"))
		return cmd_error(o->cmd, "--traces is for one --design, not for all");
	if (check_output(o, "json", o->json) || check_output(o, "traces", o->traces) ||
	    check_output(o, "out", o->out) ||
	    check_output(o, "checkpoint", o->checkpoint))
		return CMD_ERROR;
	if (powercut_controls())
		return cmd_error(o->cmd, "the device model fails its own controls: no verdict can be trusted");
	return 0;
}

FILE *race_options_text(const struct race_options *o)
{
	return o->json && !strcmp(o->json, "-") ? stderr : stdout;
}

int race_write_json(const char *cmd, const char *path, json_t *out)
{
	struct replace file;
	int ret = 0;

	if (!strcmp(path, "-")) {
		ret = json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) ? -EIO : 0;
		putchar('\n');
	} else {
		ret = replace_begin(&file, path);
		if (!ret) {
			json_dumpf(out, file.out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
			ret = replace_end(&file, true);
		}
	}
	json_decref(out);
	return ret ? cmd_error(cmd, "--json %.100s: cannot be written: %s", path, strerror(-ret)) : 0;
}
