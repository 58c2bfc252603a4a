/* job_calls.c: see job_calls.h. */
#include "race/job_calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "job/ops.h"
#include "machine/mem.h"

#define BLOCK  4096u
#define SECTOR 512u

__attribute__((format(printf, 2, 3))) static void say(struct job_calls *c, const char *fmt, ...)
{
	size_t n = strlen(c->clamped);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->clamped + n, sizeof(c->clamped) - n, fmt, ap);
	va_end(ap);
}

/* ---- what is refused ---- */

/* The line at which section j has got its key: its own, or that of the last [global] before it. */
static unsigned line_of(const char *text, const struct job *j, const char *key)
{
	unsigned line = 0, found = j->line;
	bool global = false;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		p += strspn(p, " \t\r");
		line++;
		if (*p == '[' && line > j->line)
			break;
		if (*p == '[')
			global = !strncmp(p, "[global]", 8);
		if ((global || line > j->line) && !strncmp(p, key, strlen(key)) && strchr(" \t=\r\n", p[strlen(key)]))
			found = line;
	}
	return found;
}

static int refuse(const struct job_file *jf, const char *text, struct why *why)
{
	for (unsigned i = 0; i < jf->n; i++) {
		const struct job *j = &jf->job[i];
		const char *key = !job_writes(j) ? "rw" : j->numa_cpu_nodes[0] ? "numa_cpu_nodes" :
		                  j->cpus_allowed[0] ? "cpus_allowed" : NULL;
		if (!key)
			continue;
		return why_set(why, -EINVAL, "%.200s:%u: %s: a hunted job has no %s", jf->path, line_of(text, j, key),
		               key,
		               !job_writes(j) ? "tasks that only read: nothing of theirs can be lost"
		                              : "processors to be placed on: its tasks are fibers");
	}
	return 0;
}

/* ---- what is made smaller ---- */

static uint32_t whole_sectors(uint64_t bytes)
{
	return (uint32_t)((bytes + SECTOR - 1) / SECTOR * SECTOR);
}

/* Files are made small enough for few writes to meet: a race needs two of one block. */
static void clamp_sizes(struct job_calls *c, struct job *j)
{
	uint64_t size = j->filesize < JOB_CALLS_BLOCKS * BLOCK ? whole_sectors(j->filesize) : JOB_CALLS_BLOCKS * BLOCK;
	uint32_t max = job_max_bs(j);

	if (size != j->filesize)
		say(c, "[%s] files of %lu bytes, not %lu\n", j->name, (unsigned long)size, (unsigned long)j->filesize);
	j->filesize = size;
	for (unsigned i = 0; i < j->writes.n; i++) {
		uint32_t bs = whole_sectors(j->writes.split[i].bs);
		j->writes.split[i].bs = bs > size ? (uint32_t)size : bs;
	}
	if (j->writes.to)
		j->writes.to = whole_sectors(j->writes.to) < size ? whole_sectors(j->writes.to) : (uint32_t)size;
	if (max != job_max_bs(j))
		say(c, "[%s] writes of up to %u bytes, not %u\n", j->name, job_max_bs(j), max);
	else if (j->writes.split[0].bs % SECTOR)
		say(c, "[%s] writes of whole sectors\n", j->name);
}

static unsigned clamp_every(struct job_calls *c, const struct job *j, const char *key, unsigned every)
{
	if (every <= j->number_ios)
		return every;
	say(c, "[%s] %s after %lu writes, not %u\n", j->name, key, (unsigned long)j->number_ios, every);
	return (unsigned)j->number_ios;
}

/* `before` is the job as the file has it, j the one whose sizes were clamped. */
static void clamp_count(struct job_calls *c, const struct job *before, struct job *j)
{
	uint64_t bytes = before->io_size ? before->io_size : before->size;
	uint64_t writes = bytes / before->writes.split[0].bs;

	if (before->number_ios && before->number_ios < writes)
		writes = before->number_ios;
	if (before->time_based || before->runtime_ns || before->ramp_ns)
		say(c, "[%s] counted, not timed\n", j->name);
	if (before->rate_iops[1] || before->rate[1] || before->thinktime_ns || before->start_ns)
		say(c, "[%s] no pauses: the scheduler makes them\n", j->name);
	j->number_ios = writes < JOB_CALLS_WRITES ? writes + !writes : JOB_CALLS_WRITES;
	j->io_size = UINT64_MAX / 2;
	j->loops = 1;
	j->openfiles = 0;
	if (writes != j->number_ios)
		say(c, "[%s] %lu writes a task, not %lu\n", j->name, (unsigned long)j->number_ios,
		    (unsigned long)writes);
	j->fsync = clamp_every(c, j, "fsync", j->fsync);
	j->fdatasync = clamp_every(c, j, "fdatasync", j->fdatasync);
	j->range_every = clamp_every(c, j, "sync_file_range", j->range_every);
}

static void clamp_files(struct job_calls *c, struct job *j, uint32_t most)
{
	j->larger = 0;
	if (j->filename[0] || j->nrfiles <= most)
		return;
	say(c, "[%s] %u files a task, not %u\n", j->name, most, j->nrfiles);
	j->nrfiles = most;
}

/*
 * Sections have their clones in the order of the file, as many as there is room for; but room for one clone of each
 * later section is kept. Number of clones.
 */
static uint32_t clamp_clones(struct job_calls *c, struct job_file *jf)
{
	uint32_t left = JOB_CALLS_TASKS, n = 0;

	for (unsigned i = 0; i < jf->n; i++) {
		uint32_t later = jf->n - 1 - i, most = left > later ? left - later : left ? 1 : 0;
		struct job *j = &jf->job[i];
		if (j->numjobs > most)
			say(c, "[%s] %u task%s, not %u\n", j->name, most, most == 1 ? "" : "s", j->numjobs);
		j->numjobs = j->numjobs < most ? j->numjobs : most;
		left -= j->numjobs;
		n += j->numjobs;
	}
	return n;
}

/* ---- the calls ---- */

/* The number of the clone's i-th file, which other clones may use, too. -EINVAL and why. */
static int add_file(struct job_calls *c, const struct job_clone *clone, unsigned i, struct why *why)
{
	const struct job *j = clone->job;
	char name[JOB_NAME_MAX + 64];
	uint32_t f = 0;

	job_file_name(clone, i, name, sizeof(name));
	while (f < c->nfiles && strcmp(c->file[f].name, name))
		f++;
	if (f == JOB_CALLS_FILES || strlen(name) >= sizeof(c->file[f].name))
		return why_set(why, -EINVAL,
		               "[%s] file %.80s: a hunted job has at most %u files, with names of at most %d "
		               "letters", j->name, name, JOB_CALLS_FILES, JOB_NAME_MAX - 1);
	if (f == c->nfiles)
		strcpy(c->file[c->nfiles++].name, name);
	if (job_layout(j) && c->file[f].laid_out < j->filesize)
		c->file[f].laid_out = (uint32_t)j->filesize;
	if (job_preallocates(j) && c->file[f].space < j->filesize)
		c->file[f].space = (uint32_t)j->filesize;
	c->file[f].mapped |= j->mapped;
	return (int)f;
}

static void add_call(struct job_calls *c, uint32_t t, struct job_call call)
{
	CHECK(c->task[t].n < JOB_CALLS_MAX);
	c->task[t].call[c->task[t].n++] = call;
}

static struct job_call call_of(const struct job *j, const struct op *op, uint8_t file)
{
	static const uint8_t kind[] = { [OP_WRITE] = CALL_WRITE, [OP_RANGE] = CALL_RANGE,
		                                [OP_FDATASYNC] = CALL_FDATASYNC, [OP_FSYNC] = CALL_FSYNC };

	uint8_t how = op->kind != OP_WRITE ? kind[op->kind] : j->direct ? CALL_WRITE_DIRECT :
		j->mapped ? CALL_STORE : CALL_WRITE;

	return (struct job_call){ .kind = how, .file = file, .off = op->off, .len = (uint32_t)op->len,
		                  .wait = op->flags & (JOB_RANGE_WAIT_BEFORE | JOB_RANGE_WAIT_AFTER) };
}

static int add_task(struct job_calls *c, const struct job_clone *clone, struct why *why)
{
	static const uint8_t sync_of[] = { [JOB_SYNC_SYNC] = CALL_FSYNC, [JOB_SYNC_DSYNC] = CALL_FDATASYNC };
	uint8_t *file = mem_alloc(clone->job->nrfiles);
	uint32_t t = c->ntasks++;
	struct op_stream ops;
	struct op op;

	snprintf(c->task[t].name, sizeof(c->task[t].name), "%.40s.%u", clone->job->name, clone->clone);
	for (unsigned i = 0; i < clone->job->nrfiles; i++) {
		int f = add_file(c, clone, i, why);
		if (f < 0) {
			free(file);
			return f;
		}
		file[i] = (uint8_t)f;
	}
	ops_begin(&ops, clone, clone->job->randseed, false);
	ops.finish = true; /* (job_calls.1) */
	while (c->task[t].n + 2 <= JOB_CALLS_MAX && ops_next(&ops, &op)) {
		if (op.kind == OP_READ || (op.kind == OP_RANGE && !op.len))
			continue;
		add_call(c, t, call_of(clone->job, &op, file[op.file]));
		if (op.kind == OP_WRITE && clone->job->sync)
			add_call(c, t, (struct job_call){ .kind = sync_of[clone->job->sync], .file = file[op.file] });
	}
	ops_end(&ops);
	free(file);
	return 0;
}

int job_calls(const struct job_file *jf, const char *text, struct job_calls *out, struct why *why)
{
	struct job_file small = *jf;
	unsigned n;

	*out = (struct job_calls){ 0 };
	int ret = refuse(jf, text, why);
	if (ret)
		return ret;
	CHECK(jf->n);
	small.job = mem_alloc(jf->n * sizeof(*jf->job));
	memcpy(small.job, jf->job, jf->n * sizeof(*jf->job));
	uint32_t tasks = clamp_clones(out, &small);
	CHECK(tasks); /* a job file has a section, and a section a clone */
	for (unsigned i = 0; i < small.n; i++) {
		clamp_sizes(out, &small.job[i]);
		clamp_count(out, &jf->job[i], &small.job[i]);
		clamp_files(out, &small.job[i], JOB_CALLS_FILES / tasks ? JOB_CALLS_FILES / tasks : 1);
	}
	struct job_clone *clones = job_clones(&small, 0, &n);
	for (unsigned i = 0; i < n && !ret; i++)
		ret = add_task(out, &clones[i], why);
	free(clones);
	free(small.job);
	return ret;
}
