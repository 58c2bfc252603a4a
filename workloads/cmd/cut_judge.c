/*
 * cut_judge.c: `fsyncstorm cut judge`: judges the rounds that `cut --record` has kept, or `cut import` has made, maybe
 * on another kernel.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cut_run.h"
#include "cut/evidence.h"
#include "cut/report.h"
#include "rt/rt.h"

#define CMD "cut judge"

/*
 * A control says of which file system and kernel all are. What was imported has none: then its first round does, and
 * controls are run on this kernel.
 */
static int open_records(struct cut_options *o, const char *folder, struct evidence *first, glob_t *rounds)
{
	char path[sizeof(o->plan.controls)];
	struct why why;

	if (strlen(folder) + 32 > sizeof(path))
		return cmd_error(CMD, "%.60s...: the path is too long", folder);
	snprintf(path, sizeof(path), "%s/round-*.zst", folder);
	int none = glob(path, 0, NULL, rounds);
	snprintf(path, sizeof(path), "%.480s/%s", folder, CONTROL_ALONE);
	if (!none && access(path, F_OK)) {
		if (evidence_load(rounds->gl_pathv[0], first, &why))
			return cmd_error(CMD, "%s", why.text);
		if (first->foreign)
			return 0;
		evidence_free(first);
	}
	if (evidence_load(path, first, &why))
		return cmd_error(CMD, "%s", why.text);
	strcpy(o->plan.controls, folder);
	if (!none)
		return 0;
	evidence_free(first);
	return cmd_error(CMD, "%.300s: no round-*.zst is there", folder);
}

static int judge_rounds(struct cut_options *o, const char *folder, char *const *files)
{
	json_t *results = json_array();
	struct tally *t = tally_new();
	uint64_t since = rt_now();
	struct controls c;
	struct why why;
	int ret = cut_run_check_controls(o, &o->plan, &c);

	if (!ret) {
		report_head(&o->plan, &c, o->text);
		if (cut_judge(&o->plan, files, t, &why))
			ret = cmd_error(CMD, "%s", why.text);
	}
	if (!ret) {
		double seconds = (double)(rt_now() - since) / 1e9;
		report_work(&o->plan, folder, t, seconds, o->text);
		json_array_append_new(results, report_work_json(folder, o->plan.fs.text, t, seconds));
	}
	bool broken = report_is_broken(t);
	tally_free(t);
	return cut_run_end(o, &c, results, ret, broken);
}

int cut_judge_command(int argc, char **argv)
{
	struct cut_options o;
	struct evidence control;
	glob_t rounds = { 0 };
	int ret = cut_judge_options_read(argc, argv, &o);

	if (!ret)
		ret = open_records(&o, o.work[0], &control, &rounds);
	if (ret)
		return ret;
	o.plan.fs = control.fs;
	o.plan.foreign = control.foreign;
	o.plan.recorder = control.recorder;
	o.plan.recorded_on = control.foreign ? NULL : control.kernel;
	if (control.foreign && !o.has_check)
		o.plan.check_every = 1;
	ret = cut_options_out(&o);
	if (!ret) {
		cut_run_begin(&o);
		ret = judge_rounds(&o, o.work[0], rounds.gl_pathv);
	}
	globfree(&rounds);
	evidence_free(&control);
	return ret;
}
