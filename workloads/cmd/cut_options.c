/* cut_options.c: see cut_options.h. */
#include "cmd/cut_options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/replace.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cut/recorder.h"
#include "cut/work.h"
#include "rt/rt.h"

#define CMD            "cut"
#define STATES_DEFAULT 1000u
#define STATES_FAMILY  100u /* of each scenario, when none is named */
#define KERNEL         "kernel:"
#define ROUNDS_KEPT    20u  /* by --record, when nothing is said */

enum {
	KEY_SEED = 0x1001, KEY_TEAR, KEY_CHECK, KEY_AIM, KEY_CONTROL, KEY_VIA, KEY_ROUNDS, KEY_HOLDS, KEY_FINDINGS,
	KEY_PER_ROUND, KEY_RECORD, KEY_KERNEL,
};

/* ---- one by one ---- */

static int take_number(const char *option, const char *arg, uint64_t least, uint64_t most, uint64_t *out)
{
	if (!text_number(arg, out) && *out >= least && *out <= most)
		return 0;
	cmd_error(CMD, "--%s: `%.40s`: a number from %lu to %lu is expected", option, arg, (unsigned long)least,
	          (unsigned long)most);
	return EINVAL;
}

/* "2000", "60s", "exhaustive". */
static int take_states(struct cut_options *o, const char *arg)
{
	uint64_t ns;

	o->has_bound = true;
	if (!strcmp(arg, "exhaustive")) {
		o->plan.exhaustive = true;
		return 0;
	}
	if (!text_number(arg, &o->plan.states) && o->plan.states)
		return 0;
	o->plan.states = 0;
	if (!text_time(arg, 1000000000, &ns) && ns) {
		o->plan.seconds = (double)ns / 1e9;
		return 0;
	}
	cmd_error(CMD, "--states: `%.40s`: a number, a time as 60s, or `exhaustive` is expected", arg);
	return EINVAL;
}

static int take_tear(struct cut_options *o, const char *arg)
{
	uint64_t size;

	if (text_size(arg, &size) || (size != 512 && size != DEV_BLOCK)) {
		cmd_error(CMD, "--tear: `%.40s`: 4k or 512 is expected", arg);
		return EINVAL;
	}
	o->plan.tear = (uint32_t)size;
	return 0;
}

static int take_target(struct cut_options *o, const char *arg)
{
	struct why why;

	if (o->has_target) {
		cmd_error(CMD, "--target: one is expected; `--control` takes a second");
		return EINVAL;
	}
	if (cut_fs_parse(arg, &o->plan.fs, &why)) {
		cmd_error(CMD, "--target: %s", why.text);
		return EINVAL;
	}
	o->has_target = true;
	return 0;
}

static int take_control(struct cut_options *o, const char *arg)
{
	struct why why;

	if (!strncmp(arg, KERNEL, strlen(KERNEL)) && arg[strlen(KERNEL)]) {
		o->second_kernel = arg + strlen(KERNEL);
		return 0;
	}
	o->control = arg;
	if (!strcmp(arg, "one-syncer"))
		return 0;
	if (strncmp(arg, "fs:", 3)) {
		cmd_error(CMD, "--control: `%.40s`: one-syncer, a second file system as fs:ext4, or a second kernel as "
		          "kernel:6.12 is expected", arg);
		return EINVAL;
	}
	if (cut_fs_parse(arg, &o->control_fs, &why)) {
		cmd_error(CMD, "--control: %s", why.text);
		return EINVAL;
	}
	return 0;
}

static int take_aim(struct cut_options *o, const char *arg)
{
	struct why why;

	if (!aim_parse(arg, &o->plan.aim, &why))
		return 0;
	cmd_error(CMD, "--aim: %s", why.text);
	return EINVAL;
}

static int take_work(struct cut_options *o, const char *arg)
{
	if (o->nworks == CUT_WORKS_MAX) {
		cmd_error(CMD, "%.60s: more than %u jobs and scenarios", arg, CUT_WORKS_MAX);
		return EINVAL;
	}
	o->work[o->nworks++] = arg;
	return 0;
}

static int take_small(struct cut_options *o, const char *option, const char *arg, uint64_t least, uint64_t most,
                      unsigned *out)
{
	uint64_t n;
	int ret = take_number(option, arg, least, most, &n);

	if (!ret)
		*out = (unsigned)n;
	return ret;
}

/* The argument as a guest gets it: all but where results go, and what runs here. */
static void forward(struct cut_options *o, int key, const char *arg)
{
	const struct argp_option *of = o->table;
	bool stays = key == 'j' || key == 'o' || key == KEY_KERNEL || key == KEY_RECORD ||
	             (key == KEY_CONTROL && !strncmp(arg, KERNEL, strlen(KERNEL)));

	if (stays || o->nforward == CUT_FORWARD_MAX)
		return;
	while (of->name && of->key != key)
		of++;
	if (key == ARGP_KEY_ARG)
		CHECK(asprintf(&o->forward[o->nforward++], "%s", arg) >= 0);
	else if (of->name)
		CHECK(asprintf(&o->forward[o->nforward++], "--%s=%s", of->name, arg) >= 0);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cut_options *o = state->input;
	struct why why;

	if (!arg) /* argp's own keys: each of ours has an argument */
		return ARGP_ERR_UNKNOWN;
	if (o->table)
		forward(o, key, arg);
	switch (key) {
	case 't':
		return take_target(o, arg);
	case 'n':
		return take_states(o, arg);
	case KEY_ROUNDS:
		o->has_bound = true;
		return take_number("rounds", arg, 1, UINT32_MAX, &o->plan.rounds);
	case KEY_PER_ROUND:
		return take_small(o, "per-round", arg, 1, 100000, &o->plan.per_round);
	case KEY_HOLDS:
		return take_small(o, "holds", arg, 0, 3, &o->plan.holds);
	case KEY_SEED:
		return take_number("seed", arg, 0, UINT32_MAX, &o->plan.seed);
	case KEY_TEAR:
		return take_tear(o, arg);
	case KEY_CHECK:
		o->has_check = true;
		return take_small(o, "check", arg, 0, 1000000, &o->plan.check_every);
	case KEY_FINDINGS:
		return take_small(o, "findings", arg, 0, 1000, &o->plan.findings_most);
	case KEY_AIM:
		return take_aim(o, arg);
	case KEY_CONTROL:
		return take_control(o, arg);
	case KEY_VIA:
		o->via = arg;
		if (!recorder_find(arg, &why))
			return 0;
		cmd_error(CMD, "--via: %s", why.text);
		return EINVAL;
	case KEY_RECORD:
		o->record = arg;
		return 0;
	case KEY_KERNEL:
		o->kernel = arg;
		return 0;
	case 'J':
		return take_small(o, "jobs", arg, 1, CUT_JOBS_MAX, &o->plan.jobs);
	case 'j':
		o->json = arg;
		return 0;
	case 'o':
		o->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		return take_work(o, arg);
	}
	return ARGP_ERR_UNKNOWN;
}

/* Of what judges: of `cut`, and of `cut judge`. */
#define JUDGING \
	{ "per-round", KEY_PER_ROUND, "N", 0, "Judge so many states of each recorded run (default: 40)", 0 }, \
	{ "aim", KEY_AIM, "THREAD:N[:HOW]", 0, "Cut where the N-th sync of that thread has returned; HOW: kept: with " \
	  "all that was handed to the device, lost: without what is not durable (default), or between", 0 }, \
	{ "check", KEY_CHECK, "N", 0, "Every N-th image is mounted again and goes through its file system's checker " \
	  "(default: 50, and 1 for a log that was imported; 0: none)", 0 }, \
	{ "jobs", 'J', "N", 0, "So many processes (default: one a processor, at most 4)", 0 }, \
	{ "out", 'o', "DIR", 0, "Where findings go, each a folder (default: cut-FS.findings)", 0 }, \
	{ "findings", KEY_FINDINGS, "N", 0, "Keep so many (default: 3 of each work)", 0 }, \
	{ "json", 'j', "FILE|-", 0, "The result as JSON; \"-\": to standard output, and nothing else there", 0 }

static const struct argp_option table[] = {
	{ "target", 't', "FS", 0, "fs:ext4, fs:xfs or fs:btrfs, with ,mkfs=ARGUMENTS ,mount=OPTIONS ,size=SIZE", 0 },
	{ "states", 'n', "N|TIME|exhaustive", 0, "Judge so many crash states of each work (default: 1000; 100 of each "
	  "family when no work is named), or for so long, or all states of one recorded run with up to 8 writes "
	  "pending at a time and a sample of others", 0 },
	JUDGING,
	{ "rounds", KEY_ROUNDS, "N", 0, "Record at most so many runs of each work", 0 },
	{ "holds", KEY_HOLDS, "0..3", 0, "Hold completions of writes over up to so many flushes (default: 3)", 0 },
	{ "tear", KEY_TEAR, "4k|512", 0, "What a disk writes as a whole (default: 4k)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Where chance begins (default: 1)", 0 },
	{ "control", KEY_CONTROL, "one-syncer|FS|kernel:KERNEL", 0, "A second arm in the same run: one thread "
	  "alone syncs, another file system, or another kernel", 0 },
	{ "kernel", KEY_KERNEL, "KERNEL", 0, "Under another kernel, in QEMU: 6.12 (the newest Debian package of that "
	  "series), a package's name or file, or a path of vmlinuz-VERSION with ../lib/modules/VERSION", 0 },
	{ "record", KEY_RECORD, "DIR", 0, "Judge nothing: keep --rounds runs (default: 20), or those of --states TIME, "
	  "in that folder, for `cut judge` on this kernel or another", 0 },
	{ "via", KEY_VIA, "auto|fuse|nbd|ublk", 0, "How the device is recorded: a loop device over FUSE, nbd, ublk, or "
	  "the best that the kernel has (default)", 0 },
	{ 0 },
};

static const struct argp_option judge_table[] = {
	{ "states", 'n', "N|TIME|exhaustive", 0, "Judge at most so many crash states, or for so long, or all states of "
	  "each run with up to 8 writes pending at a time and a sample of others", 0 },
	JUDGING,
	{ 0 },
};

/* ---- together, before anything runs ---- */

static void add_default(const char *name, void *arg)
{
	struct cut_options *o = arg;

	if (o->nworks < CUT_WORKS_MAX)
		o->work[o->nworks++] = name;
}

int cut_options_out(struct cut_options *o)
{
	char name[64];
	struct stat st;

	if (!o->out) {
		snprintf(name, sizeof(name), "cut-%s.findings", cut_fs_name(&o->plan.fs));
		replace_free_name(name, o->plan.findings, sizeof(o->plan.findings));
		return 0;
	}
	if (strlen(o->out) >= sizeof(o->plan.findings))
		return cmd_error(CMD, "--out: the path is too long");
	if (!stat(o->out, &st) && !S_ISDIR(st.st_mode))
		return cmd_error(CMD, "--out %.300s: it is there, and no folder", o->out);
	strcpy(o->plan.findings, o->out);
	return 0;
}

/* A new folder for records of one work. */
static int check_record(struct cut_options *o)
{
	if (o->nworks != 1)
		return cmd_error(CMD, "--record: one job or scenario is expected");
	if (o->control || o->second_kernel || o->plan.aim.thread[0] || o->plan.exhaustive || o->json || o->out ||
	    o->plan.states)
		return cmd_error(CMD, "--record judges nothing: %s is for `cut judge`",
		                 o->control || o->second_kernel ? "--control"
		                 : o->plan.aim.thread[0]  ? "--aim"
		                 : o->json                ? "--json"
		                 : o->out                 ? "--out"
		                                          : "--states N");
	if (strlen(o->record) + 32 > sizeof(o->plan.records))
		return cmd_error(CMD, "--record: the path is too long");
	if (mkdir(o->record, 0755))
		return cmd_error(CMD, "--record %.300s: %s", o->record, strerror(errno));
	strcpy(o->plan.records, o->record);
	return 0;
}

/* Before anything runs. */
static int check_options(struct cut_options *o)
{
	struct work w;
	struct why why;
	int ret;

	if (!o->has_target)
		return cmd_error(CMD, "--target: a file system is expected, as fs:btrfs");
	if (geteuid() && !o->kernel)
		return cmd_error(CMD, "making and mounting a file system needs root");
	if (!o->kernel && recorder_choose(o->via, &why))
		return cmd_error(CMD, "--via: %s", why.text);
	o->plan.recorder = recorder_name();
	if (o->json && strcmp(o->json, "-") && (ret = replace_check(o->json)))
		return cmd_error(CMD, "--json %.300s: %s", o->json, strerror(-ret));
	if (o->plan.exhaustive && !o->plan.rounds)
		o->plan.rounds = 1; /* whose states all processes share */
	if (!o->nworks) {
		work_each_default(add_default, o);
		if (!o->has_bound)
			o->plan.states = STATES_FAMILY;
	} else if (!o->has_bound && o->record) {
		o->plan.rounds = ROUNDS_KEPT;
	} else if (!o->has_bound) {
		o->plan.states = STATES_DEFAULT;
	}
	for (unsigned i = 0; i < o->nworks; i++) {
		if (work_open(o->work[i], &w, &why))
			return cmd_error(CMD, "%s", why.text);
		bool found = !o->plan.aim.thread[0];
		for (unsigned k = 0; k < w.scene->nthreads; k++)
			found |= !strcmp(w.scene->thread[k].name, o->plan.aim.thread);
		if (!found)
			ret = cmd_error(CMD, "--aim: %s has no thread `%s`; its first is `%s`", w.name,
			                o->plan.aim.thread, w.scene->thread[0].name);
		work_close(&w);
		if (!found)
			return ret;
	}
	return o->record ? check_record(o) : cut_options_out(o);
}

static unsigned default_jobs(void)
{
	return rt_cpus() < 4 ? rt_cpus() : 4;
}

static struct cut_options defaults(void)
{
	return (struct cut_options){ .plan = { .holds = 3, .seed = 1, .tear = DEV_BLOCK, .check_every = 50,
		                           .findings_most = 3, .per_round = 40, .jobs = default_jobs() },
		                 .text = stdout, .via = "auto" };
}

int cut_options_read(int argc, char **argv, struct cut_options *out)
{
	static const struct argp argp = { table, parse, "[JOB|SCENARIO...]",
		                          "Cuts the power under jobs and scenarios on a file system of the running "
		                          "kernel: records what the device is asked to do, builds the crash images "
		                          "that a disk may leave, lets the kernel mount each, reads every block and "
		                          "name, and holds them against what each call had promised.\v"
		                          "Without a job or scenario: the families fsync_twice, direct, mapped, and "
		                          "names beside an fsync. Exit status 1: something is broken.\n"
		                          "Commands for what is kept, each with a --help of its own:\n"
		                          "  judge   judges what --record has kept\n"
		                          "  replay  judges a finding again on the running kernel\n"
		                          "  shrink  makes a finding simpler where it lies\n"
		                          "  export  the image of a finding as a log of dm-log-writes\n"
		                          "  import  makes records of a log of dm-log-writes",
		                          NULL, NULL, NULL };

	*out = defaults();
	out->table = table;
	int ret = cmd_options(&argp, argc, argv, out);
	return ret ? ret : check_options(out);
}

void cut_options_free(struct cut_options *o)
{
	for (unsigned i = 0; i < o->nforward; i++)
		free(o->forward[i]);
}

int cut_judge_options_read(int argc, char **argv, struct cut_options *out)
{
	static const struct argp argp = { judge_table, parse, "DIR",
		                          "Judges the rounds that `fsyncstorm cut --record DIR` has kept, or `cut "
		                          "import` has made, on the running kernel, which may be another: builds "
		                          "the crash images, mounts each, and holds what it reads against what "
		                          "each call had promised. Exit status 1: something is broken.",
		                          NULL, NULL, NULL };
	int ret;

	*out = defaults();
	ret = cmd_options(&argp, argc, argv, out);
	if (!ret && out->nworks != 1)
		ret = cmd_error(CMD " judge", "the folder of one --record, or of one import, is expected");
	if (!ret && geteuid())
		ret = cmd_error(CMD " judge", "mounting a file system needs root");
	if (!ret && out->json && strcmp(out->json, "-") && (ret = replace_check(out->json)))
		ret = cmd_error(CMD " judge", "--json %.300s: %s", out->json, strerror(-ret));
	return ret;
}
