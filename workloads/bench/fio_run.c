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
#include "kit/program.h"
#include "machine/mem.h"

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

/* What a bench says otherwise: fio takes a key's last value. */
static void put_tail(FILE *out, const struct fio_request *q, const struct job *j)
{
	if (syncs_in_turn(j))
		fprintf(out, "file_service_type=roundrobin:%u\n", job_sync_every(j) + 1);
	if (j->size_lent)
		fprintf(out, "size=%llu\n", (unsigned long long)j->size);
	if (q->numjobs)
		fprintf(out, "numjobs=%u\n", q->numjobs);
	if (q->seconds_ns)
		fprintf(out, "time_based=1\nruntime=%llums\n", (unsigned long long)(q->seconds_ns / 1000000));
	fprintf(out, "new_group=1\ngroup_reporting=1\n"); /* fio_run.1 */
}

static void put_lines(FILE *out, const char *at, const char *end)
{
	fwrite(at, 1, (size_t)(end - at), out);
	if (end > at && end[-1] != '\n')
		fputc('\n', out);
}

/* plan: of its tasks; NULL: where the job says. */
static void put_section(FILE *out, const struct fio_request *q, const struct job *j, const struct placement *plan,
                        const char *at, const char *end)
{
	unsigned copies = plan ? tasks_of(q, j) : 1;

	for (unsigned k = 0; k < copies; k++) {
		put_lines(out, at, end);
		put_tail(out, q, j);
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
	fprintf(out, "[global]\ndirectory=%s\nioengine=psync\nthread=1\ngroup_reporting=1\n", folder);
	for (const char *at = file, *end; *at; at = end) {
		const char *name = at + strspn(at, " \t");
		end = end_of_section(at);
		if (*name != '[' || !strncmp(name, "[global]", 8) || section == q->job->n) {
			put_lines(out, at, end);
			continue;
		}
		put_section(out, q, &q->job->job[section], plan ? &plan[task] : NULL, at, end);
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

/* fio's figures of section j (fio_run.1). */
static int add_job(const struct fio_request *q, const struct job *j, json_t *job, struct driver_result *r)
{
	json_t *write = json_object_get(job, "write"), *sync = json_object_get(job, "sync");
	uint64_t runtime = (uint64_t)json_integer_value(json_object_get(write, "runtime")) * 1000000;
	double cpu = json_number_value(json_object_get(job, "usr_cpu")) +
	             json_number_value(json_object_get(job, "sys_cpu"));

	add_latency(json_object_get(write, "clat_ns"), &r->op[OP_WRITE]);
	if (!r->syncs_unknown && job_sync_kinds(j) == 1)
		add_latency(json_object_get(sync, "lat_ns"), &r->op[kind_of_sync(j)]);
	r->promised += promised_by(q, j, count_in(json_object_get(write, "clat_ns")),
	                           count_in(json_object_get(sync, "lat_ns")));
	r->bytes += (uint64_t)json_integer_value(json_object_get(write, "io_bytes"));
	r->elapsed_ns = runtime > r->elapsed_ns ? runtime : r->elapsed_ns;
	r->cpu_ns += (uint64_t)(cpu / 100 * 1e6 * json_number_value(json_object_get(job, "job_runtime")));
	return (int)json_integer_value(json_object_get(job, "error"));
}

/* What fio does otherwise with several files (job.3). */
static void note_files(const struct job *j, struct driver_result *r)
{
	unsigned every = job_sync_every(j);

	if (!syncs_in_turn(j))
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

/* fio prints lines of its own before its JSON. */
static json_t *parse_output(const char *text)
{
	const char *from = strchr(text, '{');
	json_error_t e;

	return from ? json_loads(from, JSON_DISABLE_EOF_CHECK, &e) : NULL;
}

static int read_results(const struct fio_request *q, const char *text, struct driver_result *r, struct why *why)
{
	json_t *all = parse_output(text), *jobs = json_object_get(all, "jobs");
	int error = 0;

	if (json_array_size(jobs) != q->job->n) {
		json_decref(all);
		return why_set(why, -EIO, "fio's results cannot be read");
	}
	for (unsigned i = 0; i < q->job->n; i++) {
		note_files(&q->job->job[i], r);
		note_syncs(&q->job->job[i], r);
	}
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
	ret = program_run(argv, &text, why);
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
	int ret = make_plan(q, r, &plan, why);

	if (ret)
		return ret;
	name_tasks(r, plan);
	r->begin_ns = rt_now();
	if (t->view.begin)
		t->view.begin(instance);
	ret = run_in(q, plan, t->view.folder(instance), r, why);
	if (!ret)
		driver_facts(r, t, instance);
	r->interrupted = stop_asked();
	if (!ret && t->view.look)
		t->view.look(instance, &r->floor_after);
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
	ret = run_opened(q, instance, r, why);
	t->close(instance);
	if (ret)
		driver_free(r);
	else
		*out = r;
	return ret;
}
