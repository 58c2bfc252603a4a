/*
 * cut.c: `fsyncstorm cut`: power cuts under a work on a real file system of the running kernel, or of another.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/check.h"
#include "base/replace.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/cut_finding.h"
#include "cmd/cut_import.h"
#include "cmd/cut_kernel.h"
#include "cmd/cut_run.h"
#include "cut/report.h"
#include "cut/work.h"
#include "kit/interrupt.h"
#include "rt/rt.h"

#define CMD           "cut"
#define GUEST_SECONDS 3600 /* for a guest, besides --states TIME of each work */

/* ---- a run ---- */

static void progress(const struct tally *t, double seconds, void *arg)
{
	const struct cut_options *o = arg;
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

static int run_arm(struct cut_options *o, const struct cut_plan *plan, const char *work, const char *arm,
                   struct tally *t, json_t *results)
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
static int run_work(struct cut_options *o, const char *work, json_t *results, bool *broken)
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

int cut_run_check_controls(struct cut_options *o, const struct cut_plan *plan, struct controls *c)
{
	struct why why;
	int ret = cut_run_controls(plan, c, &why);

	if (stop_asked())
		return cmd_error(CMD, "stopped before anything was judged");
	return ret ? cmd_error(CMD, "%s: %s", plan->fs.text, why.text) : 0;
}

static int write_json(struct cut_options *o, const json_t *head)
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
static int run_guest(struct cut_options *o, const char *kernel, json_t **result)
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
static void compare_kernels(struct cut_options *o, const json_t *a, const char *name_a, const json_t *b,
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
static int run_second_kernel(struct cut_options *o, const char *first_kernel, json_t *results, bool *broken)
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
static int run_kernel(struct cut_options *o)
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

int cut_run_end(struct cut_options *o, const struct controls *c, json_t *results, int ret, bool broken)
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

static int run_all(struct cut_options *o)
{
	json_t *results = json_array();
	struct cut_plan second = o->plan;
	struct controls c, c2;
	struct utsname u;
	bool broken = false;
	int ret = cut_run_check_controls(o, &o->plan, &c);

	o->arms = json_array();
	if (!ret)
		report_head(&o->plan, &c, o->text);
	if (!ret && o->control && strcmp(o->control, "one-syncer")) {
		second.fs = o->control_fs;
		ret = cut_run_check_controls(o, &second, &c2);
		if (!ret)
			report_head(&second, &c2, o->text);
	}
	for (unsigned i = 0; i < o->nworks && !ret && !stop_asked(); i++)
		ret = run_work(o, o->work[i], results, &broken);
	if (!ret && o->second_kernel && !stop_asked()) {
		uname(&u);
		ret = run_second_kernel(o, u.release, results, &broken);
	}
	return cut_run_end(o, &c, results, ret, broken);
}

void cut_run_begin(struct cut_options *o)
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
	struct cut_options o;
	int ret = cut_options_read(argc, argv, &o);

	if (!ret) {
		cut_run_begin(&o);
		ret = o.kernel ? run_kernel(&o) : run_all(&o);
	}
	cut_options_free(&o);
	return ret;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} subs[] = {
	{ "judge", cut_judge_command }, { "replay", cut_replay }, { "shrink", cut_shrink },
	{ "export", cut_export },       { "import", cut_import },
};

int cmd_cut(int argc, char **argv)
{
	char title[64];

	for (size_t i = 0; argc > 1 && i < sizeof(subs) / sizeof(subs[0]); i++) {
		if (strcmp(subs[i].name, argv[1]))
			continue;
		snprintf(title, sizeof(title), "fsyncstorm cut %s", argv[1]);
		argv[1] = title;
		return subs[i].run(argc - 1, argv + 1);
	}
	return cut_command(argc, argv);
}
