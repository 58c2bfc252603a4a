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
#include "target/image.h"
#include "machine/mem_node.h"
#include "machine/mem.h"

#define HELPERS  16          /* tasks of the engine, unless a target asks for more */
#define FLOOR_NS 50000000ull /* a look at the floor, before each trial and after it */

/* ---- what is to be done ---- */

/* Of the options after --. The job has the name of its first section. */
static int parse_fio_options(struct bench *b, struct why *why)
{
	struct bench_job *job = &b->job[0];
	char *text = job_from_options(b->opt.fio_argc, b->opt.fio_argv, why);
	int ret = text ? job_parse_any("options", text, b->opt.size, &job->file, why) : -EINVAL;

	free(text);
	strcpy(job->path, "options");
	b->njobs = 1;
	if (!ret)
		snprintf(job->label, sizeof(job->label), "%s", job->file.job[0].name);
	for (char *slash = job->label; (slash = strchr(slash, '/'));)
		*slash = '_';
	return ret;
}

static int load_job(const struct bench *b, const char *what, struct bench_job *job)
{
	struct why why;
	char *text;
	int ret;

	if (job_find(what, job->path))
		return cmd_error("bench", "%.200s: no such job file; `fsyncstorm list` names ours", what);
	text = job_read(job->path);
	if (!text)
		return cmd_error("bench", "%.200s: %s", job->path,
		                 errno == EILSEQ ? "not text: a NUL byte is in it" : strerror(errno));
	ret = job_parse_any(job->path, text, b->opt.size, &job->file, &why);
	free(text);
	strcpy(job->label, job->file.name);
	return ret ? cmd_error("bench", "%s", why.text) : 0;
}

/* The file's name with the folder that it is in. */
static void label_with_folder(struct bench_job *job)
{
	const char *file = strrchr(job->path, '/'), *folder = file;
	char label[JOB_NAME_MAX];

	while (folder && folder > job->path && folder[-1] != '/')
		folder--;
	if (!folder || folder == file)
		return;
	snprintf(label, sizeof(label), "%.*s/%.40s", (int)(file - folder < 20 ? file - folder : 20), folder,
	         job->file.name);
	strcpy(job->label, label);
}

/* Two files of one name have their folders in their labels, and where that does not help, their numbers. */
static void tell_jobs_apart(struct bench *b)
{
	for (unsigned i = 0; i < b->njobs; i++)
		for (unsigned k = 0; k < b->njobs; k++)
			if (i != k && !strcmp(b->job[i].file.name, b->job[k].file.name))
				label_with_folder(&b->job[i]);
	for (unsigned i = 1; i < b->njobs; i++)
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(b->job[i].label, b->job[k].label))
				sprintf(strchr(strncpy(b->job[i].label, b->job[i].file.name, 50), '\0'), "#%u", i + 1);
}

/* Of several each has to make its writes durable, one call after the other: nothing else is compared. */
static int check_jobs(const struct bench *b)
{
	for (unsigned i = 0; i < b->njobs && b->njobs > 1; i++) {
		const struct bench_job *job = &b->job[i];

		if (!*bench_durable_by(&job->file))
			return cmd_error("bench", "%.100s: several jobs are compared by their durable writes, and "
			                 "this one has none: it needs fsync, fdatasync or sync", job->path);
		for (unsigned k = 0; k < job->file.n; k++)
			if (job_depth(&job->file.job[k]) > 1)
				return cmd_error("bench", "%.100s:%u: several jobs are compared by their durable "
				                 "writes, which iodepth=%u has not one by one", job->path,
				                 job->file.job[k].line, job_depth(&job->file.job[k]));
	}
	if (b->njobs > 1 && b->opt.with_fio)
		return cmd_error("bench", "--with-fio: with one job only");
	return 0;
}

static int load_jobs(struct bench *b)
{
	struct why why;
	int ret = 0;

	if (b->opt.fio_argv)
		return parse_fio_options(b, &why) ? cmd_error("bench", "%s", why.text) : 0;
	while (b->njobs < b->opt.njobs && !ret) {
		ret = load_job(b, b->opt.job[b->njobs], &b->job[b->njobs]);
		b->njobs++;
	}
	if (ret)
		return ret;
	tell_jobs_apart(b);
	return check_jobs(b);
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
	json_t *o = b->opt.json ? dry_json(&b->job[0].file, threads, b->by_fio) : NULL;
	struct why why;

	if (b->opt.json && b->njobs > 1) {
		json_t *list = json_pack("[o]", o);

		for (unsigned i = 1; i < b->njobs; i++)
			json_array_append_new(list, dry_json(&b->job[i].file, threads, b->by_fio));
		o = list;
	}
	if (to_stdout) {
		json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	for (unsigned i = 0; i < b->njobs && !to_stdout; i++) {
		if (b->njobs > 1)
			printf("%s%s: %s\n", i ? "\n" : "", b->job[i].label, b->job[i].path);
		dry_print(&b->job[i].file, threads, b->by_fio, stdout);
	}
	if (o && !to_stdout && results_json_file(b->opt.json, o, &why))
		ret2 = cmd_error("bench", "--json: %s", why.text);
	json_decref(o);
	return ret ? ret : ret2;
}

/* With several jobs each target is there once for each: a target's jobs beside each other, to take turns. */
static int spread_jobs(struct bench *b)
{
	unsigned n = b->opt.ntargets;

	if (n * b->njobs > BENCH_TARGETS_MAX)
		return cmd_error("bench", "%u jobs on %u targets are more than %d", b->njobs, n, BENCH_TARGETS_MAX);
	for (unsigned i = n * b->njobs; i-- > 0;) {
		b->of[i] = i % b->njobs;
		b->spec[i] = b->spec[i / b->njobs];
	}
	b->opt.ntargets = n * b->njobs;
	return 0;
}

/* The design alone where that tells targets apart, else the whole text; of several jobs also the job. */
static void make_labels(struct bench *b)
{
	bool apart = true;

	for (unsigned i = 0; i < b->opt.ntargets && b->njobs > 1; i++) {
		bool one = b->opt.ntargets == b->njobs;

		snprintf(b->label[i], sizeof(b->label[i]), "%c %.63s%s%.20s", 'A' + i, b->job[b->of[i]].label,
		         one ? "" : " on ", one ? "" : b->spec[i].design);
	}
	if (b->njobs > 1)
		return;

	for (unsigned i = 0; i < b->opt.ntargets; i++)
		for (unsigned k = 0; k < i; k++)
			apart &= strcmp(b->spec[i].design, b->spec[k].design) != 0;
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		snprintf(b->label[i], sizeof(b->label[i]), "%c %.90s", 'A' + i,
		         apart ? b->spec[i].design : b->spec[i].text);
}

static uint64_t bytes_of(const struct bench_level *l, unsigned job)
{
	struct job_files files;
	uint64_t bytes;

	job_files(l->clones[job], l->n[job], &files);
	bytes = files.bytes;
	job_files_free(&files);
	return bytes;
}

/* What the job asks for and this target has not: space. */
static int check_fits(const struct bench *b, unsigned target, void *instance)
{
	const struct target_spec *s = &b->spec[target];
	const struct job_file *jf = bench_job(b, target);
	uint64_t need = 0, room = s->target->view.room ? s->target->view.room(instance) : UINT64_MAX;

	for (unsigned i = 0; i < b->nlevels; i++)
		if (bytes_of(&b->level[i], b->of[target]) > need)
			need = bytes_of(&b->level[i], b->of[target]);
	if (need > room)
		return cmd_error("bench", "--target %.100s: the job's files take %llu MiB, and there is room for %llu "
		                 "MiB: free some, or make the job's size smaller", s->text,
		                 (unsigned long long)(need >> 20), (unsigned long long)(room >> 20));
	for (unsigned i = 0; i < jf->n; i++)
		if (jf->job[i].mapped && s->target->kernel && !s->fio)
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

/*
 * Images without a name lie beside what they are compared with: in the folder of the first path: target, else in that
 * of the first file that is a design's device. In another one there may be another disk below, or memory.
 */
static void place_images(struct bench *b)
{
	const struct target_spec *beside = NULL;
	char folder[TARGET_TEXT_MAX] = "", *slash;

	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		const struct target_spec *s = &b->spec[i];

		if (s->target == &target_path && (!beside || beside->target != &target_path))
			beside = s;
		else if (s->target == &target_engine && s->path[0] && !beside)
			beside = s;
	}
	if (beside)
		strcpy(folder, beside->path);
	slash = strrchr(folder, '/');
	if (beside && beside->target == &target_engine && (!slash || !strncmp(folder, "/dev/", 5)))
		folder[0] = '\0'; /* a file of the current folder, or a block device */
	else if (beside && beside->target == &target_engine)
		slash[slash == folder] = '\0';
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		strcpy(b->spec[i].folder, folder);
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
		if (image_wanted(s, &why) < 0)
			return cmd_error("bench", "--target: %s", why.text);
	}
	place_images(b);
	if (spread_jobs(b))
		return CMD_ERROR;
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

	if (image_use(b->spec, b->opt.ntargets, &why))
		return stop_asked() ? CMD_ERROR : cmd_error("bench", "--target %s", why.text);
	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		const struct target_spec *s = &b->spec[i];

		if (b->twin[i] >= 0) /* opened as its twin */
			continue;
		if (s->target->open(s, &instance, &why))
			return stop_asked() ? CMD_ERROR : cmd_error("bench", "--target %.100s: %s", s->text, why.text);
		fits = check_fits(b, i, instance);
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
		for (unsigned k = 0; k < b->njobs; k++) {
			const struct job_file *jf = &b->job[k].file;

			if ((uint64_t)l->threads * jf->n > JOB_CLONES_MAX)
				return cmd_error("bench", "--threads: %u for each of %u sections is more than %d tasks",
				                 l->threads, jf->n, JOB_CLONES_MAX);
			l->clones[k] = job_clones(jf, l->threads, &l->n[k]);
		}
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
		for (unsigned k = 0; k < b->njobs; k++)
			most = b->level[i].n[k] > most ? b->level[i].n[k] : most;
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
static int check_plan(struct bench *b, const struct bench_level *l, unsigned target)
{
	struct driver_config cfg = { .spec = &b->spec[target], .placement = b->opt.placement,
		                     .clones = l->clones[b->of[target]], .n = bench_tasks(b, l, target) };
	struct placement *plan = mem_zalloc(sizeof(*plan) * cfg.n);
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
			ret = check_plan(b, &b->level[i], t);
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
		for (unsigned k = 0; k < b->njobs; k++)
			free(l->clones[k]);
	}
	for (unsigned k = 0; k < b->njobs; k++)
		job_free(&b->job[k].file);
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
		    !shape_record(&b->spec[t], &bench_job(b, t)->job[0], &s, NULL)) {
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
	uint64_t judged;
	int ret = 0;

	if (to_stdout) {
		json_dumpf(run, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		bench_print(b, stdout);
		for (unsigned i = 0; i < b->njobs; i++)
			dry_print_taken(&b->job[i].file, stdout);
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
	for (unsigned t = 0; t < b->opt.ntargets && !ret; t++)
		ret = bench_early(b, t, &judged) > 0; /* a promise was broken */
	return ret;
}

/* ---- the whole ---- */

static int begin_results(struct bench *b, struct results *r)
{
	char *out = (char *)b->opt.out, name[128];
	struct why why;

	while (out && strlen(out) > 1 && out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = '\0';
	if (b->opt.json && strcmp(b->opt.json, "-") && results_json_check(b->opt.json, &why))
		return cmd_error("bench", "--json: %s", why.text);
	if (b->opt.no_results)
		return 0;
	for (unsigned i = 0, n = 0; i < b->njobs && n < sizeof(name); i++)
		n += (unsigned)snprintf(name + n, sizeof(name) - n, "%s%.30s", i ? "-" : "", b->job[i].file.name);
	if (b->opt.fio_argv)
		snprintf(name, sizeof(name), "%s", b->job[0].label);
	return results_begin(r, out, name, &why) ? cmd_error("bench", "--out: %s", why.text) : 0;
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
		ret = load_jobs(b);
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
