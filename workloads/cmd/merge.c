/*
 * merge.c: `fsyncstorm merge RUN...`: several runs of one job on the same targets become one, with the
 * trials of all: for a figure far out in the tail, or from machines that take turns.
 *
 * (M1) Trials are taken over as they are, with numbers that go on; what is derived from them is derived anew.
 * (M2) A trial counts once: one that is there twice would make intervals narrower than they are. Folders may have been
 *      moved, and merged before, so a trial is known by all that was measured in it (M1 keeps that), to the nanosecond.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "cmd/cmd.h"
#include "kit/interrupt.h"
#include "recipe/results.h"
#include "machine/mem.h"

#define RUNS_MAX 64

struct merge_options {
	const char *run[RUNS_MAX];
	unsigned n;
	const char *out;
};

static const struct argp_option merge_table[] = {
	{ "out", 'o', "FOLDER", 0, "Where the merged run goes (default: results/<date>-<host>-merge)", 0 },
	{ 0 },
};

static error_t parse_merge(int key, char *arg, struct argp_state *state)
{
	struct merge_options *o = state->input;

	if (key == 'o') {
		o->out = arg;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (o->n == RUNS_MAX) {
		cmd_error("merge", "more than %d runs", RUNS_MAX);
		return EINVAL;
	}
	o->run[o->n++] = arg;
	return 0;
}

/* ---- reading ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static uint64_t int_of(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* A file of a run that was named by its folder or by its run.json. NULL after a line on stderr. */
static json_t *load(const char *run, const char *file)
{
	char path[PATH_MAX];
	size_t len = strlen(run);
	json_error_t why;
	json_t *o;

	if (len > 9 && !strcmp(run + len - 9, "/run.json"))
		len -= 9;
	snprintf(path, sizeof(path), "%.*s/%s", (int)len, run, file);
	o = json_load_file(path, 0, &why);
	if (!o && why.line > 0)
		cmd_error("merge", "%.300s:%d: %s; the file is damaged", path, why.line, why.text);
	else if (!o)
		cmd_error("merge", "%s; a run is a results folder", why.text);
	return o;
}

static int check_schema(const char *run, const json_t *o)
{
	const char *schema = text_of(o, "schema");

	if (strcmp(schema, "fsyncstorm-bench"))
		return cmd_error("merge", "%.300s: not a bench's run (schema `%.40s`)", run, schema);
	if (int_of(o, "schema_version") != 1)
		return cmd_error("merge", "%.300s: schema version %llu, this program reads version 1", run,
		                 (unsigned long long)int_of(o, "schema_version"));
	if (!json_array_size(json_object_get(o, "runs")) || !json_array_size(json_object_get(o, "targets")))
		return cmd_error("merge", "%.300s: no trial in it", run);
	return 0;
}

/* The same job on the same targets, or the sum would be of nothing. */
static int check_alike(const char *run, const json_t *first, const json_t *o)
{
	const json_t *a = json_object_get(first, "targets"), *b = json_object_get(o, "targets");
	const char *job = text_of(json_object_get(first, "job"), "name"), *other = text_of(json_object_get(o, "job"), "name");

	if (strcmp(job, other))
		return cmd_error("merge", "%.300s: its job is `%.40s`, the first run's is `%.40s`", run, other, job);
	for (size_t i = 0; i < json_array_size(a) || i < json_array_size(b); i++) {
		const char *x = text_of(json_array_get(a, i), "text"), *y = text_of(json_array_get(b, i), "text");
		if (strcmp(x, y))
			return cmd_error("merge", "%.300s: target %c is `%.80s`, in the first run `%.80s`", run, 'A' + (int)i, y, x);
	}
	return 0;
}

/* What was measured in a trial, as text (M2). */
static char *measured_in(const json_t *trial)
{
	json_t *copy = json_copy((json_t *)trial);
	char *text;

	json_object_del(copy, "trial");
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(copy);
	return text;
}

/* Each trial of a run, into `seen`: by what was measured, the run that it is of. */
static int check_new(const char *run, const json_t *o, json_t *seen)
{
	const json_t *trial;
	size_t i;

	json_array_foreach(json_object_get(o, "runs"), i, trial) {
		char *text = measured_in(trial);
		const json_t *first = json_object_get(seen, text);
		if (!first)
			json_object_set_new(seen, text, json_string(run));
		free(text);
		if (first)
			return cmd_error("merge", "%.300s: trial %llu of target %c is also in %.300s: a trial counts once, leave one of "
			                 "them out", run, (unsigned long long)int_of(trial, "trial"),
			                 'A' + (int)int_of(trial, "target"), json_string_value(first));
	}
	return 0;
}

static int add_run(json_t *into, const json_t *o)
{
	json_int_t trials = (json_int_t)int_of(into, "trials");
	json_t *runs = json_object_get(into, "runs"), *trial;
	size_t i;

	json_array_foreach(json_object_get(o, "runs"), i, trial) {
		json_t *copy = json_deep_copy(trial);
		json_object_set_new(copy, "trial", json_integer((json_int_t)int_of(trial, "trial") + trials));
		json_array_append_new(runs, copy);
	}
	return json_object_set_new(into, "trials", json_integer(trials + (json_int_t)int_of(o, "trials")));
}

/* All runs as one; NULL after a line on stderr. */
static json_t *load_all(const struct merge_options *m)
{
	json_t *all = load(m->run[0], "run.json"), *seen = json_object();
	bool bad = !all || check_schema(m->run[0], all) || check_new(m->run[0], all, seen);

	for (unsigned i = 1; !bad && i < m->n; i++) {
		json_t *o = load(m->run[i], "run.json");
		bad = !o || check_schema(m->run[i], o) || check_alike(m->run[i], all, o) || check_new(m->run[i], o, seen) ||
		      add_run(all, o);
		json_decref(o);
	}
	json_decref(seen);
	if (!bad)
		return all;
	json_decref(all);
	return NULL;
}

/* ---- figures of a trial, and of all trials of one target at one number of tasks ---- */

static void add_bins(struct hist *h, const json_t *from)
{
	struct hist *one = mem_alloc(sizeof(*one));
	json_t *bin;
	size_t i;

	hist_init(one);
	json_array_foreach(json_object_get(from, "bins"), i, bin) {
		uint64_t count = (uint64_t)json_integer_value(json_array_get(bin, 1));
		one->bucket[hist_bucket_of((uint64_t)json_integer_value(json_array_get(bin, 0)))] += count;
		one->n += count;
	}
	one->sum = int_of(from, "sum_ns");
	one->min = one->n ? int_of(from, "min_ns") : UINT64_MAX;
	one->max = int_of(from, "max_ns");
	hist_merge(h, one);
	free(one);
}

/* A trial as bench_value() wants it: its operations and how long it took. */
static void trial_result(const json_t *trial, struct driver_result *r)
{
	const json_t *ops = json_object_get(trial, "ops");

	memset(r, 0, sizeof(*r));
	hist_init(&r->sync);
	r->elapsed_ns = int_of(trial, "elapsed_ns");
	r->interrupted = json_is_true(json_object_get(trial, "interrupted"));
	r->error = json_object_get(trial, "error") ? -EIO : 0;
	for (int op = 0; op < OP_KINDS; op++) {
		hist_init(&r->op[op]);
		add_bins(&r->op[op], json_object_get(ops, op_name[op]));
	}
	hist_merge(&r->sync, &r->op[OP_FSYNC]);
	hist_merge(&r->sync, &r->op[OP_FDATASYNC]);
	hist_init(&r->service);
	hist_init(&r->response);
	add_bins(&r->service, json_object_get(ops, "service"));
	add_bins(&r->response, json_object_get(ops, "response"));
}

struct level {
	unsigned threads, tasks;
};

/* The numbers of tasks there are, in the order in which they come. */
static unsigned levels_of(const json_t *all, struct level *level)
{
	const json_t *trial;
	unsigned n = 0;
	size_t i;

	json_array_foreach(json_object_get(all, "runs"), i, trial) {
		struct level l = { (unsigned)int_of(trial, "threads"), (unsigned)int_of(trial, "tasks_n") };
		unsigned k = 0;
		while (k < n && level[k].tasks != l.tasks)
			k++;
		if (k == n && n < BENCH_LEVELS_MAX)
			level[n++] = l;
	}
	return n;
}

static const json_t *find_trial(const json_t *all, struct level l, unsigned target, unsigned trial)
{
	const json_t *t;
	size_t i;

	json_array_foreach(json_object_get(all, "runs"), i, t)
		if (int_of(t, "tasks_n") == l.tasks && int_of(t, "target") == target && int_of(t, "trial") == trial)
			return t;
	return NULL;
}

static struct comparison compare_targets(const json_t *all, struct level l, unsigned other, enum bench_metric m)
{
	unsigned trials = (unsigned)int_of(all, "trials"), blocks = 0;
	double *a = mem_zalloc(sizeof(*a) * (trials + 1) * 2), *z = a + trials + 1;
	struct driver_result *ra = mem_alloc(sizeof(*ra) * 2), *rz = ra + 1;
	struct comparison c;

	for (unsigned i = 0; i < trials; i++) {
		const json_t *ta = find_trial(all, l, 0, i), *tz = find_trial(all, l, other, i);
		if (!ta || !tz)
			continue;
		trial_result(ta, ra);
		trial_result(tz, rz);
		if (ra->interrupted || rz->interrupted || ra->error || rz->error)
			continue;
		a[blocks] = bench_value(ra, m);
		z[blocks++] = bench_value(rz, m);
	}
	compare(a, z, blocks, int_of(all, "seed"), &c);
	free(ra);
	free(a);
	return c;
}

static void compare_again(json_t *all)
{
	json_t *list = json_array();
	struct level level[BENCH_LEVELS_MAX];
	unsigned n = levels_of(all, level), targets = (unsigned)json_array_size(json_object_get(all, "targets"));

	for (unsigned l = 0; l < n; l++)
		for (unsigned t = 1; t < targets; t++)
			for (enum bench_metric m = 0; m < BENCH_METRICS; m++) {
				struct comparison c = compare_targets(all, level[l], t, m);
				json_array_append_new(list, bench_comparison_json(level[l].threads, level[l].tasks, t, m, &c));
			}
	json_object_set_new(all, "comparisons", list);
}

/* ---- what comes out ---- */

/* All trials of one target at one number of tasks. */
static void sum_of(const json_t *all, struct level l, unsigned target, struct driver_result *sum)
{
	struct driver_result *r = mem_alloc(sizeof(*r));

	trial_result(NULL, sum);
	for (unsigned i = 0; i < int_of(all, "trials"); i++) {
		const json_t *t = find_trial(all, l, target, i);
		if (!t)
			continue;
		trial_result(t, r);
		for (int op = 0; op < OP_KINDS; op++)
			hist_merge(&sum->op[op], &r->op[op]);
		hist_merge(&sum->sync, &r->sync);
		hist_merge(&sum->service, &r->service);
		hist_merge(&sum->response, &r->response);
		sum->elapsed_ns += r->elapsed_ns;
	}
	free(r);
}

static void print_row(const char *label, unsigned tasks, const char *op, const struct driver_result *sum, const struct hist *h)
{
	printf("%7u  %-28.28s %-9s %10llu %9.1f %9.1f %9.1f %9.1f %9.0f\n", tasks, label, op, (unsigned long long)h->n,
	       (double)hist_percentile(h, 50) / 1e3, (double)hist_percentile(h, 99) / 1e3,
	       (double)hist_percentile(h, 99.9) / 1e3, h->n ? (double)h->max / 1e3 : 0, driver_rate(sum, h));
}

static void print_rows(const json_t *all, struct level l, unsigned target, const struct driver_result *sum)
{
	const char *label = text_of(json_array_get(json_object_get(all, "targets"), target), "label");

	print_row(label, l.tasks, text_of(json_object_get(all, "job"), "subject"), sum, bench_subject(sum));
	if (!sum->response.n)
		return;
	print_row(label, l.tasks, "service", sum, &sum->service);
	print_row(label, l.tasks, "response", sum, &sum->response);
}

/* Rows and percentile files of each. */
static int put_each(const json_t *all, struct results *r, struct why *why)
{
	struct driver_result *sum = mem_alloc(sizeof(*sum));
	struct level level[BENCH_LEVELS_MAX];
	unsigned n = levels_of(all, level);
	int ret = 0;

	printf("latency in us, all trials\n%7s  %-28s %-9s %10s %9s %9s %9s %9s %9s\n", "threads", "target", "operation", "n", "p50",
	       "p99", "p99.9", "max", "per s");
	for (unsigned l = 0; l < n; l++)
		for (unsigned t = 0; t < json_array_size(json_object_get(all, "targets")) && !ret; t++) {
			sum_of(all, level[l], t, sum);
			print_rows(all, level[l], t, sum);
			ret = bench_keep_hgrms(r, level[l].tasks, t, sum, why);
		}
	free(sum);
	return ret;
}

/* The first run's, and with it those of the others. */
static json_t *merged_env(const struct merge_options *m)
{
	json_t *env = load(m->run[0], "env.json"), *others = json_array();

	for (unsigned i = 1; env && i < m->n; i++) {
		json_t *o = load(m->run[i], "env.json");
		if (!o) {
			json_decref(env);
			env = NULL;
		}
		json_array_append_new(others, o);
	}
	if (env)
		json_object_set(env, "merged_with", others);
	json_decref(others);
	return env;
}

static void say_where_from(json_t *all, const struct merge_options *m, const char *date)
{
	json_t *from = json_array();

	for (unsigned i = 0; i < m->n; i++)
		json_array_append_new(from, json_string(m->run[i]));
	json_object_set_new(all, "merged_from", from);
	json_object_set_new(all, "date", json_string(date));
}

static int keep(json_t *all, json_t *env, const struct merge_options *m)
{
	char command[RUNS_MAX * 64];
	struct why why;
	struct results r;
	size_t at;
	int ret;

	watch_interrupts(); /* heeded when it is done: it takes a moment */
	if (results_begin(&r, m->out, "merge", &why))
		return cmd_error("merge", "--out: %s", why.text);
	say_where_from(all, m, r.date);
	at = (size_t)snprintf(command, sizeof(command), "fsyncstorm merge");
	for (unsigned i = 0; i < m->n && at < sizeof(command); i++)
		at += (size_t)snprintf(command + at, sizeof(command) - at, " %s%s", m->run[i], i + 1 == m->n ? "\n" : "");
	ret = results_text(&r, "cmd.txt", command, &why);
	if (!ret)
		ret = results_json(&r, "env.json", env, &why);
	if (!ret)
		ret = results_json(&r, "run.json", all, &why);
	if (!ret)
		ret = put_each(all, &r, &why);
	if (!ret)
		ret = results_commit(&r, &why);
	if (!ret)
		printf("\nresults: %s\n", r.final);
	results_abandon(&r);
	return ret ? cmd_error("merge", "%s", why.text) : 0;
}

int cmd_merge(int argc, char **argv)
{
	static const struct argp argp = { merge_table, parse_merge, "RUN...",
		                          "Several runs of one job on the same targets as one, with the trials of all. "
		                          "RUN: a results folder.", NULL, NULL, NULL };
	struct merge_options m = { 0 };
	json_t *all, *env = NULL;
	int ret = cmd_options(&argp, argc, argv, &m);

	if (ret)
		return ret;
	if (m.n < 2)
		return cmd_error("merge", "two or more runs are expected: results folders of one job on the same targets");
	all = load_all(&m);
	if (all)
		env = merged_env(&m);
	if (!all || !env) {
		ret = CMD_ERROR;
	} else {
		compare_again(all);
		ret = keep(all, env, &m);
	}
	json_decref(env);
	json_decref(all);
	return ret;
}
