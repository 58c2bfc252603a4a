/* fio_run.c: see fio_run.h. */
#include "bench/fio_run.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/stop.h"
#include "bench/fio_report.h"
#include "kit/program.h"
#include "machine/mem.h"
#include "recipe/ours.h"

/* Each of several sections may say the same. */
__attribute__((format(printf, 2, 3))) static void add_notice(struct driver_result *r, const char *fmt, ...)
{
	size_t at = strlen(r->notice);
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!strstr(r->notice, line))
		snprintf(r->notice + at, sizeof(r->notice) - at, "%s%s", at ? "; " : "", line);
}

/* ---- the job, as fio gets it ---- */

static unsigned tasks_of(const struct fio_request *q, const struct job *j)
{
	return q->numjobs ? q->numjobs : j->numjobs;
}

/* Several files, and one kind of sync: which must be of a file that was written (job.3). */
static bool syncs_in_turn(const struct job *j)
{
	return j->nrfiles > 1 && job_sync_kinds(j) == 1;
}

int fio_engine_path(char *out)
{
	return ours_beside("fsyncstorm-fio.so", out);
}

/*
 * Where its files are: the last words of a section. fio runs in the folder; with a log of calls and a directory it
 * crashes (3.33).
 */
static void put_place(FILE *out, const struct fio_request *q, const struct job *j, const char *folder)
{
	char engine[PATH_MAX];

	if (folder && j->iolog[0])
		return;
	if (folder)
		fprintf(out, "directory=%s\n", folder);
	else if (!fio_engine_path(engine))
		fprintf(out, "ioengine=external:%s\nthread=1\ndesign=%s\ndevice=%s\nreport=/dev/stdout\n", engine,
		        q->spec->design, strchr(q->spec->text, '@') + 1);
}

/* What a bench says otherwise: fio takes a key's last value. */
static void put_tail(FILE *out, const struct fio_request *q, const struct job *j, const char *folder)
{
	if (q->beside && syncs_in_turn(j))
		fprintf(out, "file_service_type=roundrobin:%u\n", job_sync_every(j) + 1);
	if (j->size_lent)
		fprintf(out, "size=%llu\n", (unsigned long long)j->size);
	if (q->numjobs)
		fprintf(out, "numjobs=%u\n", q->numjobs);
	if (q->seconds_ns)
		fprintf(out, "time_based=1\nruntime=%llums\n", (unsigned long long)(q->seconds_ns / 1000000));
	fprintf(out, "new_group=1\ngroup_reporting=1\n"); /* fio_run.1 */
	for (unsigned i = 0; i < q->job->nsaid; i++)
		if (!strcmp(q->job->said[i].key, "stats")) {
			fprintf(out, "stats=1\n"); /* a section without figures would be missing */
			break;
		}
	put_place(out, q, j, folder);
}

/* A key that makes fio write a file beside its work. */
static bool is_log(const char *line)
{
	return !strncmp(line, "write_", 6) && strstr(line, "_log") && strcspn(line, "=\n") < 20;
}

static bool has_key(const char *line, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(line, key, len) && line[len + strspn(line + len, " \t")] == '=';
}

/* A file that fio reads: an engine, or a log of calls. It is found from where we run; fio runs in the folder. */
static bool put_read_file(FILE *out, const char *line, size_t len)
{
	char name[PATH_MAX], full[PATH_MAX];
	const char *value = memchr(line, '=', len);
	bool engine = has_key(line, "ioengine");

	if (!value || (!engine && !has_key(line, "read_iolog")))
		return false;
	value += 1 + strspn(value + 1, " \t");
	if (engine && !strncmp(value, "external:", 9))
		value += 9;
	snprintf(name, sizeof(name), "%.*s", (int)(line + len - value), value);
	if ((engine && !strchr(name, '/')) || !realpath(name, full))
		return false;
	fprintf(out, "%s%s\n", engine ? "ioengine=external:" : "read_iolog=", full);
	return true;
}

/* The lines from `at` to `end`: the job's own, its files in one folder (fio_run.3). */
static void put_lines(FILE *out, const char *at, const char *end)
{
	for (size_t len; at < end; at += len + (at[len] == '\n')) {
		const char *line = at + strspn(at, " \t");
		bool name = has_key(line, "filename") || has_key(line, "filename_format");

		len = strcspn(at, "\n");
		if (is_log(line) || has_key(line, "directory") || has_key(line, "dir") ||
		    put_read_file(out, line, len - (size_t)(line - at)))
			continue;
		for (size_t i = 0; i < len; i++)
			fputc(name && at[i] == '/' ? '%' : at[i], out);
		fputc('\n', out);
	}
}

/* plan: of its tasks; NULL: where the job says. */
static void put_section(FILE *out, const struct fio_request *q, const struct job *j, const struct placement *plan,
                        const char *folder, const char *at, const char *end)
{
	unsigned copies = plan ? tasks_of(q, j) : 1;

	for (unsigned k = 0; k < copies; k++) {
		put_lines(out, at, end);
		put_tail(out, q, j, folder);
		if (plan) /* task k, the first of which begins the group (fio_run.2) */
			fprintf(out, "numjobs=1\nfilename_format=$jobname.%u.$filenum\ncpus_allowed=%d\nnew_group=%d\n",
			        k,
			        plan[k].pu, !k);
	}
}

/* Where the next section begins, or the end. */
static const char *end_of_section(const char *at)
{
	do {
		at += strcspn(at, "\n");
		at += *at == '\n';
	} while (*at && at[strspn(at, " \t")] != '[');
	return at;
}

char *fio_job_text(const struct fio_request *q, const struct placement *plan, const char *folder)
{
	const char *file = q->job->text;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned section = 0, task = 0;

	if (!out)
		return NULL;
	/* what holds for every section, before the file's own words */
	fprintf(out, "[global]\nioengine=psync\nthread=1\ngroup_reporting=1\nverify_state_save=0\n");
	for (const char *at = file, *end; *at; at = end) {
		const char *name = at + strspn(at, " \t");
		end = end_of_section(at);
		if (*name != '[' || !strncmp(name, "[global]", 8) || section == q->job->n) {
			put_lines(out, at, end);
			continue;
		}
		put_section(out, q, &q->job->job[section], plan ? &plan[task] : NULL, folder, at, end);
		task += tasks_of(q, &q->job->job[section++]);
	}
	fclose(out);
	return text;
}

/* ---- its results ---- */

static void add_bins(json_t *latency, struct hist *h)
{
	const char *ns;
	json_t *count;

	json_object_foreach(json_object_get(latency, "bins"), ns, count) {
		uint64_t value = strtoull(ns, NULL, 10), n = (uint64_t)json_integer_value(count);
		struct hist one;

		if (!n)
			continue;
		hist_init(&one);
		hist_add(&one, value);
		one.n = n;
		one.sum = n * value;
		one.bucket[hist_bucket_of(value)] = n;
		hist_merge(h, &one);
	}
}

/* The exact sum and extremes are in fio's summary; its bins are within 1 %, as ours. */
static void add_latency(json_t *latency, struct hist *h)
{
	struct hist part;

	hist_init(&part);
	add_bins(latency, &part);
	if (part.n) {
		part.min = (uint64_t)json_number_value(json_object_get(latency, "min"));
		part.max = (uint64_t)json_number_value(json_object_get(latency, "max"));
		part.sum = (uint64_t)(json_number_value(json_object_get(latency, "mean")) * (double)part.n);
	}
	hist_merge(h, &part);
}

static enum op_kind kind_of_sync(const struct job *j)
{
	return j->fsync ? OP_FSYNC : j->fdatasync ? OP_FDATASYNC : OP_RANGE;
}

/* Of several kinds that are due at once fio makes one, fsync before the others. */
static bool ends_durable(const struct job *j, uint64_t write)
{
	return (j->fsync && write % j->fsync == 0) || (j->fdatasync && write % j->fdatasync == 0);
}

/*
 * At least so many: each task may have ended before the last that was due, and have begun between two of either kind.
 */
static uint64_t durable_syncs(const struct fio_request *q, const struct job *j, uint64_t writes)
{
	uint64_t n = 0, unsure = 3 * (uint64_t)tasks_of(q, j);

	for (uint64_t i = 1; i <= writes; i++)
		n += ends_durable(j, i);
	return n > unsure ? n - unsure : 0;
}

/*
 * What section j promised, by its own calls: sync_file_range promises nothing; for writes see add_task() of driver.c.
 */
static uint64_t promised_by(const struct fio_request *q, const struct job *j, uint64_t writes, uint64_t syncs)
{
	uint64_t n = 0;

	if (job_sync_kinds(j) > 1)
		n = durable_syncs(q, j, writes);
	else if (kind_of_sync(j) != OP_RANGE)
		n = syncs;
	return j->sync && !j->direct ? n + writes : n;
}

static uint64_t count_in(json_t *latency)
{
	return (uint64_t)json_integer_value(json_object_get(latency, "N"));
}

/* Milliseconds that a kind of call went on. */
static uint64_t runtime_of(json_t *kind)
{
	return (uint64_t)json_integer_value(json_object_get(kind, "runtime"));
}

/* The row of a section. */
static void add_section(const struct fio_request *q, const struct job *j, json_t *job, struct driver_section *s)
{
	json_t *write = json_object_get(job, "write"), *read = json_object_get(job, "read");

	*s = (struct driver_section){ .tasks = tasks_of(q, j) };
	snprintf(s->name, sizeof(s->name), "%s", j->name);
	for (int k = 0; k < OP_KINDS; k++)
		hist_init(&s->op[k]);
	add_latency(json_object_get(write, "clat_ns"), &s->op[OP_WRITE]);
	add_latency(json_object_get(read, "clat_ns"), &s->op[OP_READ]);
	if (job_sync_kinds(j) == 1)
		add_latency(json_object_get(json_object_get(job, "sync"), "lat_ns"), &s->op[kind_of_sync(j)]);
	s->bytes = (uint64_t)json_integer_value(json_object_get(write, "io_bytes"));
	s->read_bytes = (uint64_t)json_integer_value(json_object_get(read, "io_bytes"));
	s->end_ns = (runtime_of(write) > runtime_of(read) ? runtime_of(write) : runtime_of(read)) * 1000000;
}

/* fio's figures of section j (fio_run.1). */
static int add_job(const struct fio_request *q, const struct job *j, json_t *job, struct driver_result *r)
{
	json_t *write = json_object_get(job, "write"), *sync = json_object_get(job, "sync");
	struct driver_section *s = &r->section[r->nsections++];
	double cpu = json_number_value(json_object_get(job, "usr_cpu")) +
	             json_number_value(json_object_get(job, "sys_cpu"));

	add_section(q, j, job, s);
	for (int k = 0; k < OP_KINDS; k++)
		if (!r->syncs_unknown || k == OP_WRITE || k == OP_READ)
			hist_merge(&r->op[k], &s->op[k]);
	r->promised += promised_by(q, j, count_in(json_object_get(write, "clat_ns")),
	                           count_in(json_object_get(sync, "lat_ns")));
	r->bytes += s->bytes;
	r->read_bytes += s->read_bytes;
	r->elapsed_ns = s->end_ns > r->elapsed_ns ? s->end_ns : r->elapsed_ns;
	r->cpu_ns += (uint64_t)(cpu / 100 * 1e6 * json_number_value(json_object_get(job, "job_runtime")));
	return (int)json_integer_value(json_object_get(job, "error"));
}

/* What fio does otherwise with several files (job.3). */
static void note_files(const struct fio_request *q, const struct job *j, struct driver_result *r)
{
	unsigned every = job_sync_every(j);

	if (!q->beside || !syncs_in_turn(j))
		return;
	if (every > 1)
		add_notice(r, "fio writes %u times to a file, syncs it and takes the next; here each write is of the "
		           "next file", every);
	if (j->rw == JOB_WRITE)
		add_notice(r, "fio starts over when all files are full: by a sync of a clean one, then each is synced "
		           "before its write");
}

/* fio_run.1 */
static void note_syncs(const struct job *j, struct driver_result *r)
{
	if (job_sync_kinds(j) < 2)
		return;
	r->syncs_unknown = true;
	add_notice(r, "fio has one histogram for fsync, fdatasync and sync_file_range of a task, and of those due at "
	           "once makes one: no latency or rate of its syncs");
}

/* fio prints lines of its own before its JSON. NULL: there is no more of it; else *text is behind it. */
static json_t *next_json(const char **text)
{
	const char *from = strchr(*text, '{');
	json_error_t e;
	json_t *o = from ? json_loads(from, JSON_DISABLE_EOF_CHECK, &e) : NULL;

	if (o)
		*text = from + e.position;
	return o;
}

/* fio's own JSON; a design's report, which comes before it, goes into r. NULL: there is none. */
static json_t *parse_output(const char *text, struct driver_result *r)
{
	json_t *o;

	while ((o = next_json(&text)) && !json_object_get(o, "jobs")) {
		fio_report_take(o, r);
		json_decref(o);
	}
	return o;
}

static int read_results(const struct fio_request *q, const char *text, struct driver_result *r, struct why *why)
{
	json_t *all = parse_output(text, r), *jobs = json_object_get(all, "jobs");
	int error = 0;

	if (json_array_size(jobs) != q->job->n) {
		json_decref(all);
		return why_set(why, -EIO, "fio's results cannot be read");
	}
	for (unsigned i = 0; i < q->job->n; i++) {
		note_files(q, &q->job->job[i], r);
		note_syncs(&q->job->job[i], r);
	}
	r->section = mem_zalloc(sizeof(*r->section) * q->job->n);
	for (unsigned i = 0; i < q->job->n && !error; i++)
		error = add_job(q, &q->job->job[i], json_array_get(jobs, i), r);
	json_decref(all);
	hist_merge(&r->sync, &r->op[OP_FSYNC]);
	hist_merge(&r->sync, &r->op[OP_FDATASYNC]);
	return error ? why_set(why, -error, "fio: %s", strerror(error)) : 0;
}

/* ---- the whole ---- */

static int run_in(const struct fio_request *q, const struct placement *plan, const char *folder,
                  struct driver_result *r, struct why *why)
{
	char path[64];
	char *argv[] = { "fio", "--output-format=json+", path, NULL };
	char *job = fio_job_text(q, plan, folder), *text = NULL;
	int fd = memfd_create("fio job", MFD_CLOEXEC), ret; /* nothing is left behind, however we end */

	if (!job || fd < 0 || write(fd, job, strlen(job)) != (ssize_t)strlen(job)) {
		ret = why_set(why, -errno, "the job cannot be given to fio: %s", strerror(errno));
		goto free_job;
	}
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	ret = program_run_in(folder, argv, &text, why);
	if (!ret)
		ret = read_results(q, text, r, why);
	free(text);
free_job:
	if (fd >= 0)
		close(fd);
	free(job);
	return ret;
}

static void name_tasks(struct driver_result *r, const struct placement *plan)
{
	for (unsigned i = 0; i < r->n; i++) {
		snprintf(r->task[i].name, sizeof(r->task[i].name), "fio.%u", i);
		r->task[i].grouped = true;
		r->task[i].where = plan ? plan[i] : (struct placement){ .pu = -1, .node = -1 };
	}
}

/* fio binds by numa_cpu_nodes last, whatever CPUs are allowed. */
static bool placed_by_nodes(const struct job_file *jf)
{
	for (unsigned i = 0; i < jf->n; i++)
		if (jf->job[i].numa_cpu_nodes[0])
			return true;
	return false;
}

/* The plan of all tasks (fio_run.2), to free; NULL when there is none, or none that fio can follow. */
static int make_plan(const struct fio_request *q, struct driver_result *r, struct placement **plan, struct why *why)
{
	struct driver_config cfg = { .spec = q->spec, .clones = q->clones, .n = q->n, .placement = q->placement };
	int ret;

	*plan = NULL;
	if (!q->placement)
		return 0;
	if (placed_by_nodes(q->job)) {
		add_notice(r, "fio's tasks are where the job's numa_cpu_nodes says, not where --placement does");
		return 0;
	}
	*plan = mem_zalloc(sizeof(**plan) * q->n);
	ret = driver_plan(&cfg, *plan, why);
	if (ret || !place_topology()->real) {
		free(*plan);
		*plan = NULL;
	}
	return ret;
}

static int run_opened(const struct fio_request *q, void *instance, struct driver_result *r, struct why *why)
{
	const struct target *t = q->spec->target;
	struct placement *plan;
	char folder[PATH_MAX];
	const char *where;
	int ret = make_plan(q, r, &plan, why);

	if (ret)
		return ret;
	name_tasks(r, plan);
	r->begin_ns = rt_now();
	if (t->view.begin)
		t->view.begin(instance);
	where = t->view.folder(instance);
	if (where[0] != '/') /* fio will be there */
		where = realpath(where, folder);
	ret = where ? run_in(q, plan, where, r, why) : why_set(why, -errno, "%s", strerror(errno));
	if (!ret)
		driver_facts(r, t, instance);
	r->interrupted = stop_asked();
	if (!ret && t->view.look)
		t->view.look(instance, &r->floor_after);
	free(plan);
	return ret;
}

/* The design lives in fio's process: here it is opened for its floor and its drive alone, and closed before. */
static int run_design(const struct fio_request *q, void *instance, struct driver_result *r, struct why *why)
{
	const struct target *t = q->spec->target;
	struct placement *plan = NULL;
	int ret;

	driver_facts(r, t, instance);
	r->has_barriers = r->has_device = false;
	ret = t->close(instance);
	if (ret)
		return why_set(why, ret, "unmount: %s", strerror(-ret));
	ret = make_plan(q, r, &plan, why);
	if (ret)
		return ret;
	name_tasks(r, plan);
	r->begin_ns = rt_now();
	ret = run_in(q, plan, NULL, r, why);
	r->interrupted = stop_asked();
	if (!ret)
		driver_check_flushes(r);
	free(plan);
	return ret;
}

int fio_run(const struct fio_request *q, struct driver_result **out, struct why *why)
{
	const struct target *t = q->spec->target;
	struct driver_result *r;
	void *instance;
	int ret = t->open(q->spec, &instance, why);

	if (ret)
		return ret;
	r = driver_new(q->n);
	if (t->view.folder) {
		ret = run_opened(q, instance, r, why);
		t->close(instance);
	} else {
		ret = run_design(q, instance, r, why);
	}
	if (ret)
		driver_free(r);
	else
		*out = r;
	return ret;
}
