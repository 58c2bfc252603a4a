/*
 * bench.c: `fsyncstorm bench JOB --target A --target B`: checks everything first, runs the trials in turn, prints the
 * tables, keeps the run's folder, and lets analysis/ say what the figures come to.
 *
 * What is wrong with the options, the job or a target is told before the first trial, in one line, and nothing is left
 * behind. Ctrl-C ends the running trial; what was measured until then is printed and kept. The exit status is then
 * 128 + the signal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "bench/bench.h"
#include "bench/dry.h"
#include "bench/options.h"
#include "bench/shape.h"
#include "cmd/analysis.h"
#include "cmd/cmd.h"
#include "job/files.h"
#include "kit/interrupt.h"
#include "recipe/results.h"
#include "machine/mem_node.h"
#include "machine/mem.h"

#define HELPERS  16          /* tasks of the engine, unless a target asks for more */
#define FLOOR_NS 50000000ull /* a look at the floor, before each trial and after it */

/* ---- what is to be done ---- */

/* Of the options after --. The job has the name of its first section. */
static int parse_fio_options(struct bench *b, struct why *why)
{
	char *text = job_from_options(b->opt.fio_argc, b->opt.fio_argv, why);
	int ret = text ? job_parse_any("options", text, b->opt.size, &b->job, why) : -EINVAL;

	free(text);
	strcpy(b->job_path, "options");
	if (!ret)
		snprintf(b->job.name, sizeof(b->job.name), "%s", b->job.job[0].name);
	for (char *slash = b->job.name; (slash = strchr(slash, '/'));)
		*slash = '_';
	return ret;
}

static int load_job(struct bench *b)
{
	struct why why;
	char *text;
	int ret;

	if (b->opt.fio_argv)
		return parse_fio_options(b, &why) ? cmd_error("bench", "%s", why.text) : 0;
	if (job_find(b->opt.job, b->job_path))
		return cmd_error("bench", "%.200s: no such job file; `fsyncstorm list` names ours", b->opt.job);
	text = job_read(b->job_path);
	if (!text)
		return cmd_error("bench", "%.200s: %s", b->job_path,
		                 errno == EILSEQ ? "not text: a NUL byte is in it" : strerror(errno));
	ret = job_parse_any(b->job_path, text, b->opt.size, &b->job, &why);
	free(text);
	return ret ? cmd_error("bench", "%s", why.text) : 0;
}

static int choose_driver(struct bench *b)
{
	struct why why;

	return bench_choose_driver(b, &why) ? cmd_error("bench", "%s", why.text) : 0;
}

/* 0, or CMD_ERROR when a run could not be made. */
static int dry_run(struct bench *b)
{
	bool to_stdout = b->opt.json && !strcmp(b->opt.json, "-");
	unsigned threads = b->opt.nthreads ? b->opt.threads[0] : 0;
	int ret = choose_driver(b), ret2 = 0;
	json_t *o = b->opt.json ? dry_json(&b->job, threads, b->by_fio) : NULL;
	struct why why;

	if (to_stdout) {
		json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		dry_print(&b->job, threads, b->by_fio, stdout);
	}
	if (o && !to_stdout && results_json_file(b->opt.json, o, &why))
		ret2 = cmd_error("bench", "--json: %s", why.text);
	json_decref(o);
	return ret ? ret : ret2;
}

/* The design alone where that tells targets apart, else the whole text. */
static void make_labels(struct bench *b)
{
	bool apart = true;

	for (unsigned i = 0; i < b->opt.ntargets; i++)
		for (unsigned k = 0; k < i; k++)
			apart &= strcmp(b->spec[i].design, b->spec[k].design) != 0;
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		snprintf(b->label[i], sizeof(b->label[i]), "%c %.90s", 'A' + i,
		         apart ? b->spec[i].design : b->spec[i].text);
}

static uint64_t bytes_of(const struct bench_level *l)
{
	struct job_files files;
	uint64_t bytes;

	job_files(l->clones, l->n, &files);
	bytes = files.bytes;
	job_files_free(&files);
	return bytes;
}

/* What the job asks for and this target has not: space. */
static int check_fits(const struct bench *b, const struct target_spec *s, void *instance)
{
	uint64_t need = 0, room = s->target->view.room ? s->target->view.room(instance) : UINT64_MAX;

	for (unsigned i = 0; i < b->nlevels; i++)
		if (bytes_of(&b->level[i]) > need)
			need = bytes_of(&b->level[i]);
	if (need > room)
		return cmd_error("bench", "--target %.100s: the job's files take %llu MiB, and there is room for %llu "
		                 "MiB: free some, or make the job's size smaller", s->text,
		                 (unsigned long long)(need >> 20), (unsigned long long)(room >> 20));
	for (unsigned i = 0; i < b->job.n; i++)
		if (b->job.job[i].mapped && s->target->kernel && !s->fio)
			return cmd_error("bench", "--target %.100s: the job has ioengine=mmap, which is for designs: "
			                 "leave that target out, or that key", s->text);
	return 0;
}

/* Each target with a folder gets a twin that fio drives. */
static int add_fio(struct bench *b)
{
	unsigned ours = b->opt.ntargets;

	for (unsigned i = 0; i < ours; i++) {
		unsigned at = b->opt.ntargets;

		if (!b->spec[i].target->view.folder)
			continue;
		if (at == BENCH_TARGETS_MAX)
			return cmd_error("bench", "--with-fio: %d targets at most, fio's own with them",
			                 BENCH_TARGETS_MAX);
		b->spec[at] = b->spec[i];
		b->spec[at].fio = true;
		b->twin[at] = (int)i;
		snprintf(b->label[at], sizeof(b->label[at]), "%c fio on %c", 'A' + at, 'A' + i);
		b->opt.ntargets++;
	}
	return ours == b->opt.ntargets ? cmd_error("bench", "--with-fio: needs a target path:DIR or fs:TYPE") : 0;
}

static int parse_targets(struct bench *b)
{
	struct why why;

	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		struct target_spec *s = &b->spec[i];

		if (target_parse(b->opt.target[i], s, &why))
			return cmd_error("bench", "--target: %s", why.text);
		s->keep = b->opt.keep;
		s->force = b->opt.force;
	}
	make_labels(b);
	for (unsigned i = 0; i < BENCH_TARGETS_MAX; i++)
		b->twin[i] = -1;
	if (choose_driver(b))
		return CMD_ERROR;
	if (b->opt.with_fio && add_fio(b))
		return CMD_ERROR;
	return 0;
}

/* Opens each once and lays nothing out: what cannot be opened is told now. */
static int check_targets(struct bench *b)
{
	struct why why;
	void *instance;
	int ret, fits;

	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		const struct target_spec *s = &b->spec[i];

		if (b->twin[i] >= 0) /* opened as its twin */
			continue;
		if (s->target->open(s, &instance, &why))
			return stop_asked() ? CMD_ERROR : cmd_error("bench", "--target %.100s: %s", s->text, why.text);
		fits = check_fits(b, s, instance);
		ret = s->target->close(instance);
		if (fits)
			return fits;
		if (ret)
			return cmd_error("bench", "--target %.100s: %s", s->text, strerror(-ret));
	}
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		b->spec[i].floor_ns = FLOOR_NS;
	return 0;
}

static int make_levels(struct bench *b)
{
	b->nlevels = b->opt.nthreads ? b->opt.nthreads : 1;
	for (unsigned i = 0; i < b->nlevels; i++) {
		struct bench_level *l = &b->level[i];

		l->threads = b->opt.nthreads ? b->opt.threads[i] : 0;
		if ((uint64_t)l->threads * b->job.n > JOB_CLONES_MAX)
			return cmd_error("bench", "--threads: %u for each of %u sections is more than %d tasks",
			                 l->threads, b->job.n, JOB_CLONES_MAX);
		l->clones = job_clones(&b->job, l->threads, &l->n);
		for (unsigned t = 0; t < BENCH_TARGETS_MAX; t++)
			l->trial[t] = mem_zalloc(sizeof(*l->trial[t]) * b->opt.trials);
	}
	return 0;
}

/* Those of the job, and what a design has beside them. They are tried in a process that ends with them. */
static int check_threads(const struct bench *b)
{
	unsigned most = 0;
	int status = 0;

	for (unsigned i = 0; i < b->nlevels; i++)
		most = b->level[i].n > most ? b->level[i].n : most;
	pid_t pid = fork();
	if (!pid)
		_exit(-rt_threads_fit(most + HELPERS));
	if (pid < 0)
		return cmd_error("bench", "no process can be started: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || !WEXITSTATUS(status))
		return 0;
	return cmd_error("bench", "%u tasks cannot be started: %s; fewer (--threads), or a higher limit (`ulimit -u`, "
	                 "`ulimit -v`), may do", most, strerror(WEXITSTATUS(status)));
}

/* After the targets: near and far depend on their drives. */
static int check_plan(struct bench *b, const struct bench_level *l, const struct target_spec *spec)
{
	struct driver_config cfg = { .spec = spec, .placement = b->opt.placement, .clones = l->clones, .n = l->n };
	struct placement *plan = mem_zalloc(sizeof(*plan) * l->n);
	struct why why;
	int ret = driver_plan(&cfg, plan, &why);

	free(plan);
	return ret ? cmd_error("bench", "%s%s", b->opt.placement ? "--placement: " : "", why.text) : 0;
}

static int check_plans(struct bench *b)
{
	int ret = 0;

	for (unsigned i = 0; i < b->nlevels; i++)
		for (unsigned t = 0; t < b->opt.ntargets && !ret; t++)
			ret = check_plan(b, &b->level[i], &b->spec[t]);
	return ret;
}

static void free_bench(struct bench *b)
{
	for (unsigned i = 0; i < b->nlevels; i++) {
		struct bench_level *l = &b->level[i];

		for (unsigned t = 0; t < BENCH_TARGETS_MAX; t++) {
			for (unsigned k = 0; l->trial[t] && k < b->opt.trials; k++)
				driver_free(l->trial[t][k]);
			free(l->trial[t]);
		}
		free(l->clones);
	}
	job_free(&b->job);
	free(b);
}

/* ---- what comes out ---- */

static char *command_line(const struct bench *b)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int i = 0; i < b->argc; i++) {
		const char *a = b->argv[i];
		fputs(i ? " " : "", out);
		if (i &&
		    (!*a || a[strspn(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%")])) {
			fputc('\'', out); /* to be pasted into a shell */
			for (; *a; a++)
				fputs(*a == '\'' ? "'\\''" : (char[]){ *a, 0 }, out);
			fputc('\'', out);
		} else {
			fputs(a, out);
		}
	}
	fputc('\n', out);
	fclose(out);
	return text;
}

/* What each design asks of its device, to be played again by `fsyncstorm floor`. */
static int keep_shapes(const struct bench *b, struct results *r, struct why *why)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:s,s:i,s:O}", "schema", "fsyncstorm-shape", "schema_version", 1, "shapes", list);
	int ret = 0;

	for (unsigned t = 0; t < b->opt.ntargets && !stop_asked(); t++) {
		struct driver_result *sum = bench_sum(b, &b->level[0], t);
		struct shape s;

		if (sum && b->spec[t].target == &target_engine && !b->spec[t].fio &&
		    !shape_record(&b->spec[t], &b->job.job[0], &s, NULL)) {
			snprintf(s.label, sizeof(s.label), "%s", b->label[t]);
			s.p50_ns = bench_request_ns(sum);
			json_array_append_new(list, shape_json(&s));
			shape_free(&s);
		}
		driver_free(sum);
	}
	if (json_array_size(list))
		ret = results_json(r, "shape.json", all, why);
	json_decref(list);
	json_decref(all);
	return ret;
}

static int write_folder(const struct bench *b, struct results *r, const json_t *run)
{
	char *command = command_line(b);
	struct why why;
	json_t *env = bench_env(b);
	int ret;

	ret = results_text(r, "cmd.txt", command ? command : "", &why);
	if (!ret)
		ret = results_json(r, "env.json", env, &why);
	if (!ret)
		ret = results_json(r, "run.json", run, &why);
	if (!ret)
		ret = keep_shapes(b, r, &why);
	json_decref(env);
	free(command);
	return ret ? cmd_error("bench", "%s", why.text) : 0;
}

/* Where the rest is. */
static void say_more(const struct bench *b, const struct results *r)
{
	if (b->opt.no_results && b->opt.verbose)
		return;
	printf("\nmore: ");
	if (!b->opt.verbose)
		printf("bench --verbose%s", b->opt.no_results ? "\n" : "; ");
	if (!b->opt.no_results)
		printf("fsyncstorm report %s\nresults: %s\n", r->final, r->final);
}

/* The tables come first: they are there whatever happens next. */
static int put_out(const struct bench *b, struct results *r)
{
	bool to_stdout = b->opt.json && !strcmp(b->opt.json, "-");
	json_t *run = bench_json(b, r->date);
	struct why why;
	int ret = 0;

	if (to_stdout) {
		json_dumpf(run, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		bench_print(b, stdout);
		dry_print_taken(&b->job, stdout);
	}
	if (b->opt.json && !to_stdout && results_json_file(b->opt.json, run, &why))
		ret = cmd_error("bench", "--json: %s", why.text);
	if (!ret && !b->opt.no_results)
		ret = write_folder(b, r, run);
	if (!ret && !(b->opt.no_results && to_stdout))
		analysis_finish(b->opt.no_results ? NULL : r->temp, run,
		                to_stdout ? ANALYSIS_QUIET : b->opt.verbose ? ANALYSIS_ALL : ANALYSIS_SHORT);
	if (!ret && !b->opt.no_results && results_commit(r, &why))
		ret = cmd_error("bench", "%s", why.text);
	if (!ret && !to_stdout)
		say_more(b, r);
	json_decref(run);
	return ret;
}

/* ---- the whole ---- */

static int begin_results(struct bench *b, struct results *r)
{
	char *out = (char *)b->opt.out;
	struct why why;

	while (out && strlen(out) > 1 && out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = '\0';
	if (b->opt.json && strcmp(b->opt.json, "-") && results_json_check(b->opt.json, &why))
		return cmd_error("bench", "--json: %s", why.text);
	if (b->opt.no_results)
		return 0;
	return results_begin(r, out, b->job.name, &why) ? cmd_error("bench", "--out: %s", why.text) : 0;
}

static bool any_trial(const struct bench *b)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (b->level[0].trial[t][0])
			return true;
	return false;
}

static int run(struct bench *b)
{
	struct results r = { .temp = "" };
	struct why why;
	int ret;

	ret = begin_results(b, &r);
	if (ret)
		return ret;
	ret = bench_run(b, &why);
	if (ret && !stop_asked())
		ret = cmd_error("bench", "%s", why.text);
	else if (!any_trial(b))
		ret = cmd_error("bench", "interrupted before anything was measured");
	else
		ret = put_out(b, &r);
	results_abandon(&r);
	return interrupted() ? interrupted() : ret;
}

int cmd_bench(int argc, char **argv)
{
	struct bench *b = mem_zalloc(sizeof(*b));
	char err[PMU_ERR_MAX];
	int ret;

	b->opt = (struct bench_options){ .trials = 5, .seed = 1 };
	b->argc = argc;
	b->argv = argv;
	ret = cmd_options(&bench_argp, argc, argv, &b->opt);
	if (!ret)
		ret = load_job(b);
	if (!ret && b->opt.dry_run) {
		ret = dry_run(b);
		free_bench(b);
		return ret;
	}
	if (!ret && bench_events(b->opt.events, &b->events, err))
		ret = cmd_error("bench", "--events: %s", err);
	if (!ret)
		ret = make_levels(b);
	if (!ret)
		ret = check_threads(b);
	watch_interrupts();
	if (!ret)
		ret = parse_targets(b);
	if (!ret)
		ret = check_targets(b);
	if (!ret)
		ret = check_plans(b);
	if (stop_asked()) {
		cmd_error("bench", "interrupted before anything was measured");
		ret = interrupted();
	} else if (!ret) {
		mem_init();
		ret = run(b);
	}
	free_bench(b);
	return ret;
}
