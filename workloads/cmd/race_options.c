/* race_options.c: see race_options.h. */
#include "cmd/race_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/replace.h"
#include "cmd/cmd.h"
#include "race/job.h"
#include "race/registry.h"
#include "recipe/results.h"
#include "base/text.h"

#define SHARDS_MAX 1000000u

int race_option_race(const char *cmd, const char *arg, const struct race **race)
{
	char hint[64];

	if (*race) {
		cmd_error(cmd, "%.60s: one race is expected", arg);
		return EINVAL;
	}
	*race = race_find(arg);
	if (*race)
		return 0;
	cmd_error(cmd, "%.60s: not a race%s", arg, race_nearest(arg, hint, sizeof(hint)));
	return EINVAL;
}

int race_option_job(const char *cmd, const char *arg, const struct race **race)
{
	const char *clamped = "";
	struct why why;

	if (*race) {
		cmd_error(cmd, "--job %.60s: one race or one job is expected", arg);
		return EINVAL;
	}
	if (race_job_from_file(arg, race, &clamped, &why)) {
		cmd_error(cmd, "--job %s", why.text);
		return EINVAL;
	}
	fprintf(stderr, "%s", clamped);
	return 0;
}

int race_option_design(const char *cmd, const char *arg, const char **design)
{
	const char *names[64] = { "all" };
	char hint[64];
	size_t n = 1;

	*design = arg;
	if (!strcmp(arg, "all") || fs_design_find(arg))
		return 0;
	for (; fs_designs[n - 1] && n < sizeof(names) / sizeof(names[0]); n++)
		names[n] = fs_designs[n - 1]->name;
	cmd_error(cmd, "--design %.60s: not a design%s", arg,
	          text_did_you_mean(hint, sizeof(hint), text_nearest(arg, names, n, sizeof(names[0]))));
	return EINVAL;
}

int race_option_granularity(const char *cmd, const char *arg, enum granularity *out)
{
	for (*out = 0; *out < COOP_GRANULARITIES; ++*out)
		if (!strcmp(arg, granularity_name[*out]))
			return 0;
	cmd_error(cmd, "--granularity %.60s: coarse or fine is expected", arg);
	return EINVAL;
}

int race_option_number(const char *cmd, const char *option, const char *arg, uint64_t *out)
{
	if (!text_number(arg, out) && *out)
		return 0;
	cmd_error(cmd, "--%s %.60s: a number from 1 on is expected", option, arg);
	return EINVAL;
}

int race_option_seed(const char *cmd, const char *arg, uint64_t *out)
{
	if (!text_number(arg, out))
		return 0;
	cmd_error(cmd, "--seed %.60s: a number is expected", arg);
	return EINVAL;
}

int race_option_seconds(const char *cmd, const char *arg, double *out)
{
	char *end;

	*out = strtod(arg, &end);
	if (end != arg && !*end && *out > 0 && *out < 1e7)
		return 0;
	cmd_error(cmd, "--seconds %.60s: a time above 0 is expected", arg);
	return EINVAL;
}

int race_option_jobs(const char *cmd, const char *arg, uint32_t *jobs)
{
	uint64_t n;

	if (!text_number(arg, &n) && n >= 1 && n <= RACE_JOBS_MAX) {
		*jobs = (uint32_t)n;
		return 0;
	}
	cmd_error(cmd, "--jobs %.60s: a number from 1 to %u is expected", arg, RACE_JOBS_MAX);
	return EINVAL;
}

int race_option_shard(const char *cmd, const char *arg, uint32_t *shard, uint32_t *shards)
{
	uint32_t i, n;
	char rest;

	if (sscanf(arg, "%u/%u%c", &i, &n, &rest) == 2 && i >= 1 && i <= n && n <= SHARDS_MAX) {
		*shard = i - 1;
		*shards = n;
		return 0;
	}
	cmd_error(cmd, "--shard %.60s: I/N with I from 1 to N is expected", arg);
	return EINVAL;
}

int race_check_output(const char *cmd, const char *option, const char *path)
{
	struct why why;

	if (!path || !strcmp(path, "-") || !results_json_check(path, &why))
		return 0;
	return cmd_error(cmd, "--%s: %s", option, why.text);
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
		if (!ret && json_dumpf(out, file.out, JSON_INDENT(1) | JSON_PRESERVE_ORDER)) {
			replace_end(&file, false);
			ret = -EIO;
		} else if (!ret) {
			ret = replace_end(&file, true);
		}
	}
	json_decref(out);
	return ret ? cmd_error(cmd, "%.100s: cannot be written: %s", path, strerror(-ret)) : 0;
}
