/*
 * cut.c: `fsyncstorm cut`: power cuts under a work on a real file system of the running kernel; and `cut judge`, which
 * judges the rounds that `cut --record` has kept, maybe on another kernel.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/check.h"
#include "base/replace.h"
#include "base/stop.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/cut_finding.h"
#include "cmd/cut_import.h"
#include "cmd/cut_kernel.h"
#include "cut/cut.h"
#include "cut/evidence.h"
#include "cut/recorder.h"
#include "cut/report.h"
#include "cut/work.h"
#include "kit/interrupt.h"
#include "rt/rt.h"

#define CMD            "cut"
#define WORKS_MAX      128u
#define STATES_DEFAULT 1000u
#define STATES_FAMILY  100u /* of each scenario, when none is named */
#define FORWARD_MAX    200u
#define GUEST_SECONDS  3600 /* for a guest, besides --states TIME of each work */
#define KERNEL         "kernel:"
#define ROUNDS_KEPT    20u  /* by --record, when nothing is said */

enum {
	KEY_SEED = 0x1001, KEY_TEAR, KEY_CHECK, KEY_AIM, KEY_CONTROL, KEY_VIA, KEY_ROUNDS, KEY_HOLDS, KEY_FINDINGS,
	KEY_PER_ROUND, KEY_RECORD, KEY_KERNEL,
};

struct options {
	struct cut_plan plan;
	bool has_target, has_bound, has_check;
	const char *json, *out, *control, *record, *via;
	struct cut_fs control_fs;
	const char *work[WORKS_MAX];
	unsigned nworks;
	const char *kernel, *second_kernel; /* --kernel, --control kernel: NULL: the running one; none */
	const struct argp_option *table;    /* whose arguments may go to a guest; NULL: none do */
	char *forward[FORWARD_MAX + 1];     /* the arguments as a guest gets them, ended by NULL */
	unsigned nforward;
	FILE *text;
	json_t *arms; /* what works with two arms say together */
};

/* ---- options ---- */

static int take_number(const char *option, const char *arg, uint64_t least, uint64_t most, uint64_t *out)
{
	if (!text_number(arg, out) && *out >= least && *out <= most)
		return 0;
	cmd_error(CMD, "--%s: `%.40s`: a number from %lu to %lu is expected", option, arg, (unsigned long)least,
	          (unsigned long)most);
	return EINVAL;
}

/* "2000", "60s", "exhaustive". */
static int take_states(struct options *o, const char *arg)
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

static int take_tear(struct options *o, const char *arg)
{
	uint64_t size;

	if (text_size(arg, &size) || (size != 512 && size != DEV_BLOCK)) {
		cmd_error(CMD, "--tear: `%.40s`: 4k or 512 is expected", arg);
		return EINVAL;
	}
	o->plan.tear = (uint32_t)size;
	return 0;
}

static int take_target(struct options *o, const char *arg)
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

static int take_control(struct options *o, const char *arg)
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

static int take_aim(struct options *o, const char *arg)
{
	struct why why;

	if (!aim_parse(arg, &o->plan.aim, &why))
		return 0;
	cmd_error(CMD, "--aim: %s", why.text);
	return EINVAL;
}

static int take_work(struct options *o, const char *arg)
{
	if (o->nworks == WORKS_MAX) {
		cmd_error(CMD, "%.60s: more than %u jobs and scenarios", arg, WORKS_MAX);
		return EINVAL;
	}
	o->work[o->nworks++] = arg;
	return 0;
}

static int take_small(struct options *o, const char *option, const char *arg, uint64_t least, uint64_t most,
                      unsigned *out)
{
	uint64_t n;
	int ret = take_number(option, arg, least, most, &n);

	if (!ret)
		*out = (unsigned)n;
	return ret;
}

/* The argument as a guest gets it: all but where results go, and what runs here. */
static void forward(struct options *o, int key, const char *arg)
{
	const struct argp_option *of = o->table;
	bool stays = key == 'j' || key == 'o' || key == KEY_KERNEL || key == KEY_RECORD ||
	             (key == KEY_CONTROL && !strncmp(arg, KERNEL, strlen(KERNEL)));

	if (stays || o->nforward == FORWARD_MAX)
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
	struct options *o = state->input;

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
		if (!strcmp(arg, "auto") || !strcmp(arg, "fuse") || !strcmp(arg, "nbd") || !strcmp(arg, "ublk"))
			return 0;
		cmd_error(CMD, "--via: `%.40s`: auto, fuse, nbd or ublk is expected", arg);
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
	{ "aim", KEY_AIM, "THREAD:N[:kept|lost|between]", 0, "Cut where the N-th sync of that thread has returned, " \
	  "with all that was handed to the device kept, or what is not durable lost (default), or in between", 0 }, \
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

/* ---- a run ---- */

static void progress(const struct tally *t, double seconds, void *arg)
{
	const struct options *o = arg;
	double rate = (double)atomic_load(&t->states) / seconds, left = 0;

	if (o->plan.seconds > 0)
		left = o->plan.seconds - seconds;
	else if (o->plan.states && rate > 0)
		left = ((double)o->plan.states - (double)atomic_load(&t->states)) / rate;
	fprintf(stderr, "\r\033[K%lu states, %.0f/s, %lu broken", (unsigned long)atomic_load(&t->states), rate,
	        (unsigned long)atomic_load(&t->broken));
	if (left > 0)
		fprintf(stderr, ", %.0f s left ", left);
}

static int run_arm(struct options *o, const struct cut_plan *plan, const char *work, const char *arm, struct tally *t,
                   json_t *results)
{
	uint64_t since = rt_now();
	struct work w;
	struct why why;
	int ret = cut_run(plan, work, t, &why);

	if (plan->progress)
		fprintf(stderr, "\r\033[K");
	if (ret)
		return cmd_error(CMD, "%s", why.text);
	double seconds = (double)(rt_now() - since) / 1e9;
	const char *name = work;
	if (!work_open(work, &w, &why))
		name = w.name;
	if (plan->records[0])
		report_recorded(plan, name, t, o->text);
	else
		report_work(plan, name, t, seconds, o->text);
	if (w.clamped[0])
		fprintf(o->text, "  made smaller for it:\n%s", w.clamped);
	json_array_append_new(results, report_work_json(name, arm, t, seconds));
	work_close(&w);
	return 0;
}

/* The work, and its control arm. *broken: something is, in the first arm. */
static int run_work(struct options *o, const char *work, json_t *results, bool *broken)
{
	struct tally *t = tally_new(), *control = tally_new();
	struct cut_plan plan = o->plan;
	int ret = run_arm(o, &plan, work, plan.fs.text, t, results);

	*broken |= report_is_broken(t);
	if (!ret && o->control && !stop_asked()) {
		const char *name = strcmp(o->control, "one-syncer") ? o->control : "one thread syncs";
		plan.one_syncer = !strcmp(o->control, "one-syncer");
		if (!plan.one_syncer)
			plan.fs = o->control_fs;
		ret = run_arm(o, &plan, work, name, control, results);
		if (!ret) {
			report_arms(o->plan.fs.text, t, name, control, o->text);
			json_array_append_new(o->arms, report_arms_json(work, o->plan.fs.text, t, name, control));
		}
	}
	tally_free(t);
	tally_free(control);
	return ret;
}

static void add_default(const char *name, void *arg)
{
	struct options *o = arg;

	if (o->nworks < WORKS_MAX)
		o->work[o->nworks++] = name;
}

static int check_controls(struct options *o, const struct cut_plan *plan, struct controls *c)
{
	struct why why;
	int ret = cut_run_controls(plan, c, &why);

	if (stop_asked())
		return cmd_error(CMD, "stopped before anything was judged");
	return ret ? cmd_error(CMD, "%s: %s", plan->fs.text, why.text) : 0;
}

static int write_json(struct options *o, const json_t *head)
{
	struct replace r;
	int ret;

	if (!strcmp(o->json, "-")) {
		json_dumpf(head, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		putchar('\n');
		return 0;
	}
	ret = replace_begin(&r, o->json);
	if (!ret) {
		json_dumpf(head, r.out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		fputc('\n', r.out);
		ret = replace_end(&r, true);
	}
	return ret ? cmd_error(CMD, "--json %.300s: %s", o->json, strerror(-ret)) : 0;
}

/* ---- other kernels ---- */

/* The guest's exit status, and what it came to, which may be NULL. */
static int run_guest(struct options *o, const char *kernel, json_t **result)
{
	const struct cut_guest g = { kernel, (const char *const *)o->forward, o->text == stderr, o->record,
		                     o->record ? o->record : o->plan.findings,
		                     GUEST_SECONDS + 2 * o->plan.seconds * o->nworks };

	return cut_guest_run(&g, result);
}

static uint64_t count_in(const json_t *result, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(result, name));
}

static struct tally *tally_of(const json_t *result)
{
	struct tally *t = tally_new();

	atomic_store(&t->states, count_in(result, "states"));
	atomic_store(&t->broken, count_in(result, "broken"));
	atomic_store(&t->rounds, count_in(result, "rounds"));
	atomic_store(&t->rounds_broken, count_in(result, "rounds_broken"));
	return t;
}

/* What two kernels say of one work. */
static void compare_kernels(struct options *o, const json_t *a, const char *name_a, const json_t *b,
                            const char *name_b)
{
	struct tally *ta = tally_of(a), *tb = tally_of(b);
	const char *work = json_string_value(json_object_get(a, "work"));

	fprintf(o->text, "\n%s", work);
	report_arms(name_a, ta, name_b, tb, o->text);
	json_array_append_new(o->arms, report_arms_json(work, name_a, ta, name_b, tb));
	tally_free(ta);
	tally_free(tb);
}

static void name_kernel(const char *release, char *out, size_t size)
{
	snprintf(out, size, "Linux %s", release ? release : "?");
}

/* The second arm: the same under another kernel; its results join those of the first. 0, or 2. */
static int run_second_kernel(struct options *o, const char *first_kernel, json_t *results, bool *broken)
{
	size_t i, k, n = json_array_size(results);
	char name_a[160], name_b[160];
	json_t *second, *a, *b;
	int status = run_guest(o, o->second_kernel, &second);

	if (status > 1)
		return status;
	*broken |= status;
	name_kernel(first_kernel, name_a, sizeof(name_a));
	name_kernel(json_string_value(json_object_get(second, "kernel")), name_b, sizeof(name_b));
	json_array_foreach(json_object_get(second, "results"), k, b) {
		for (i = 0; i < n; i++) {
			a = json_array_get(results, i);
			if (json_equal(json_object_get(a, "work"), json_object_get(b, "work")) &&
			    json_equal(json_object_get(a, "arm"), json_object_get(b, "arm")))
				compare_kernels(o, a, name_a, b, name_b);
		}
	}
	json_array_foreach(json_object_get(second, "results"), k, b) {
		json_object_set_new(b, "arm", json_string(name_b));
		json_array_append(results, b);
	}
	json_decref(second);
	return 0;
}

/* All of it under another kernel. The exit status. */
static int run_kernel(struct options *o)
{
	json_t *head;
	int status = run_guest(o, o->kernel, &head);
	bool broken = status == 1;

	if (status > 1 && o->record)
		rmdir(o->record);
	if (!status && o->record)
		fprintf(o->text, "they are in %s: fsyncstorm cut judge %s\n", o->record, o->record);
	if (status > 1 || !head)
		return status;
	o->arms = json_array();
	int ret = 0;
	if (o->second_kernel)
		ret = run_second_kernel(o, json_string_value(json_object_get(head, "kernel")),
		                        json_object_get(head, "results"), &broken);
	if (json_array_size(o->arms))
		json_object_set(head, "arms", o->arms);
	if (!ret && o->json)
		ret = write_json(o, head);
	json_decref(o->arms);
	json_decref(head);
	return ret ? ret : broken;
}

/* The exit status. */
static int end_run(struct options *o, const struct controls *c, json_t *results, int ret, bool broken)
{
	if (!ret && o->json) {
		json_t *head = report_head_json(&o->plan, c);
		json_object_set(head, "results", results);
		if (json_array_size(o->arms))
			json_object_set(head, "arms", o->arms);
		ret = write_json(o, head);
		json_decref(head);
	}
	json_decref(results);
	json_decref(o->arms);
	return ret ? ret : broken;
}

static int run_all(struct options *o)
{
	json_t *results = json_array();
	struct cut_plan second = o->plan;
	struct controls c, c2;
	struct utsname u;
	bool broken = false;
	int ret = check_controls(o, &o->plan, &c);

	o->arms = json_array();
	if (!ret)
		report_head(&o->plan, &c, o->text);
	if (!ret && o->control && strcmp(o->control, "one-syncer")) {
		second.fs = o->control_fs;
		ret = check_controls(o, &second, &c2);
		if (!ret)
			report_head(&second, &c2, o->text);
	}
	for (unsigned i = 0; i < o->nworks && !ret && !stop_asked(); i++)
		ret = run_work(o, o->work[i], results, &broken);
	if (!ret && o->second_kernel && !stop_asked()) {
		uname(&u);
		ret = run_second_kernel(o, u.release, results, &broken);
	}
	return end_run(o, &c, results, ret, broken);
}

/* Where findings go. */
static int choose_out(struct options *o)
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
static int check_record(struct options *o)
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
static int check_options(struct options *o)
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
	return o->record ? check_record(o) : choose_out(o);
}

static unsigned default_jobs(void)
{
	return rt_cpus() < 4 ? rt_cpus() : 4;
}

static struct options defaults(void)
{
	return (struct options){ .plan = { .holds = 3, .seed = 1, .tear = DEV_BLOCK, .check_every = 50,
		                           .findings_most = 3, .per_round = 40, .jobs = default_jobs() },
		                 .text = stdout, .via = "auto" };
}

static void begin_run(struct options *o)
{
	if (o->json && !strcmp(o->json, "-"))
		o->text = stderr;
	if (isatty(STDERR_FILENO)) {
		o->plan.progress = progress;
		o->plan.arg = o;
	}
	stop_searches_at_interrupt();
}

static int cut_command(int argc, char **argv)
{
	static const struct argp argp = { table, parse, "[JOB|SCENARIO...]",
		                          "Cuts the power under jobs and scenarios on a file system of the running "
		                          "kernel: records what the device is asked to do, builds the crash images "
		                          "that a disk may leave, lets the kernel mount each, reads every block and "
		                          "name, and holds them against what each call had promised.\v"
		                          "Without a job or scenario: the families fsync_twice, direct, mapped, and "
		                          "names beside an fsync. Exit status 1: something is broken.\n"
		                          "fsyncstorm cut judge DIR: judges what --record has kept\n"
		                          "fsyncstorm cut replay DIR: judges a finding again on the running kernel\n"
		                          "fsyncstorm cut shrink DIR: makes it simpler where it lies\n"
		                          "fsyncstorm cut export DIR FILE: its image as a log of dm-log-writes\n"
		                          "fsyncstorm cut import LOG DIR: records of a log of dm-log-writes, for "
		                          "`cut judge`",
		                          NULL, NULL, NULL };
	struct options o = defaults();

	o.table = table;
	int ret = cmd_options(&argp, argc, argv, &o);
	if (!ret)
		ret = check_options(&o);
	if (!ret) {
		begin_run(&o);
		ret = o.kernel ? run_kernel(&o) : run_all(&o);
	}
	for (unsigned i = 0; i < o.nforward; i++)
		free(o.forward[i]);
	return ret;
}

/* ---- what was recorded ---- */

/*
 * A control says of which file system and kernel all are. What was imported has none: then its first round does, and
 * controls are run on this kernel.
 */
static int open_records(struct options *o, const char *folder, struct evidence *first, glob_t *rounds)
{
	char path[sizeof(o->plan.controls)];
	struct why why;

	if (strlen(folder) + 32 > sizeof(path))
		return cmd_error(CMD " judge", "%.60s...: the path is too long", folder);
	snprintf(path, sizeof(path), "%s/round-*.zst", folder);
	int none = glob(path, 0, NULL, rounds);
	snprintf(path, sizeof(path), "%.480s/%s", folder, CONTROL_ALONE);
	if (!none && access(path, F_OK)) {
		if (evidence_load(rounds->gl_pathv[0], first, &why))
			return cmd_error(CMD " judge", "%s", why.text);
		if (first->foreign)
			return 0;
		evidence_free(first);
	}
	if (evidence_load(path, first, &why))
		return cmd_error(CMD " judge", "%s", why.text);
	strcpy(o->plan.controls, folder);
	if (!none)
		return 0;
	evidence_free(first);
	return cmd_error(CMD " judge", "%.300s: no round-*.zst is there", folder);
}

static int judge_rounds(struct options *o, const char *folder, char *const *files)
{
	json_t *results = json_array();
	struct tally *t = tally_new();
	uint64_t since = rt_now();
	struct controls c;
	struct why why;
	int ret = check_controls(o, &o->plan, &c);

	if (!ret) {
		report_head(&o->plan, &c, o->text);
		if (cut_judge(&o->plan, files, t, &why))
			ret = cmd_error(CMD " judge", "%s", why.text);
	}
	if (!ret) {
		double seconds = (double)(rt_now() - since) / 1e9;
		report_work(&o->plan, folder, t, seconds, o->text);
		json_array_append_new(results, report_work_json(folder, o->plan.fs.text, t, seconds));
	}
	bool broken = report_is_broken(t);
	tally_free(t);
	return end_run(o, &c, results, ret, broken);
}

static int judge_command(int argc, char **argv)
{
	static const struct argp argp = { judge_table, parse, "DIR",
		                          "Judges the rounds that `fsyncstorm cut --record DIR` has kept, or `cut "
		                          "import` has made, on the running kernel, which may be another: builds "
		                          "the crash images, mounts each, and holds what it reads against what "
		                          "each call had promised. Exit status 1: something is broken.",
		                          NULL, NULL, NULL };
	struct options o = defaults();
	struct evidence control;
	glob_t rounds = { 0 };
	int ret = cmd_options(&argp, argc, argv, &o);

	if (!ret && o.nworks != 1)
		ret = cmd_error(CMD " judge", "the folder of one --record, or of one import, is expected");
	if (!ret && geteuid())
		ret = cmd_error(CMD " judge", "mounting a file system needs root");
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
	if (o.json && strcmp(o.json, "-") && (ret = replace_check(o.json)))
		ret = cmd_error(CMD " judge", "--json %.300s: %s", o.json, strerror(-ret));
	if (!ret)
		ret = choose_out(&o);
	if (!ret) {
		begin_run(&o);
		ret = judge_rounds(&o, o.work[0], rounds.gl_pathv);
	}
	globfree(&rounds);
	evidence_free(&control);
	return ret;
}

int cmd_cut(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "judge"))
		return judge_command(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "replay"))
		return cut_replay(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "shrink"))
		return cut_shrink(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "export"))
		return cut_export(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "import"))
		return cut_import(argc - 1, argv + 1);
	return cut_command(argc, argv);
}
