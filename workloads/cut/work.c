/* work.c: see work.h. A job's calls (race/job_calls.h) are put into the lines of a scenario. */
#include "cut/work.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "machine/mem.h"
#include "race/job_calls.h"

/* Scenarios whose names begin so, or are so, in the order in which they are run. */
static const char *const families[] = { "fsync_twice", "direct", "mapped", "rename", "link", "replace",
	                                "fsync_beside", "log_root", "seed" };
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

/* ---- a job ---- */

static uint8_t step_of(const struct job_call *c)
{
	static const uint8_t op[] = {
		[CALL_WRITE] = SCENE_PWRITE, [CALL_WRITE_DIRECT] = SCENE_PWRITE, [CALL_STORE] = SCENE_MWRITE,
		[CALL_RANGE] = SCENE_SYNC_RANGE, [CALL_FDATASYNC] = SCENE_FDATASYNC, [CALL_FSYNC] = SCENE_FSYNC,
	};

	return op[c->kind];
}

static void add_step(struct scene_thread *t, const struct job_call *c)
{
	CHECK(t->n < SCENE_STEPS);
	t->step[t->n++] = (struct scene_step){
		.op = step_of(c), .file = c->file, .to = SCENE_NONE, .mark = SCENE_NONE, .off = c->off, .len = c->len,
		.flags = c->kind == CALL_WRITE_DIRECT ? SCENE_DIRECT : c->wait ? SCENE_WAIT : 0,
	};
}

static struct scene *scene_of(const char *name, const struct job_calls *c)
{
	struct scene *s = mem_zalloc(sizeof(*s));

	_Static_assert(JOB_CALLS_MAX + JOB_CALLS_FILES <= SCENE_STEPS && JOB_CALLS_TASKS <= SCENE_THREADS &&
	               JOB_CALLS_FILES <= SCENE_NAMES, "a job's calls fit in a scenario");
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->what = s->story = s->cites = NULL;
	s->subvols = 1;
	s->nnames = c->nfiles;
	for (uint32_t i = 0; i < c->nfiles; i++) {
		struct scene_name *f = &s->name_of[i];
		snprintf(f->name, sizeof(f->name), "%.40s", c->file[i].name);
		f->bytes = c->file[i].laid_out;
		f->there = f->made = f->opens = f->placed = true;
		if (c->file[i].space > c->file[i].laid_out)
			s->setup.step[s->setup.n++] = (struct scene_step){
				.op = SCENE_FALLOC, .file = (uint8_t)i, .to = SCENE_NONE, .mark = SCENE_NONE,
				.off = c->file[i].laid_out, .len = c->file[i].space - c->file[i].laid_out };
	}
	s->nthreads = c->ntasks;
	for (uint32_t t = 0; t < c->ntasks; t++) {
		snprintf(s->thread[t].name, sizeof(s->thread[t].name), "%.20s", c->task[t].name);
		s->thread[t].repeat = 1;
		for (uint32_t i = 0; i < c->nfiles; i++)
			if (c->file[i].mapped)
				s->thread[t].step[s->thread[t].n++] = (struct scene_step){
					.op = SCENE_MMAP, .file = (uint8_t)i, .to = SCENE_NONE, .mark = SCENE_NONE,
					.len = JOB_CALLS_BLOCKS * 4096 };
		for (uint32_t i = 0; i < c->task[t].n; i++)
			add_step(&s->thread[t], &c->task[t].call[i]);
	}
	return s;
}

static int calls_of(struct work *w, struct job_calls *c, struct why *why)
{
	int ret = job_calls(w->job, w->text, c, why);

	if (!ret) {
		scene_free(w->scene);
		w->scene = scene_of(w->name, c);
		snprintf(w->clamped, sizeof(w->clamped), "%s", c->clamped);
	}
	return ret;
}

static int open_job(const char *path, struct work *w, struct why *why)
{
	struct job_calls *c;
	int ret;

	w->text = job_read(path);
	if (!w->text)
		return why_set(why, -errno, "%.300s: %s", path, strerror(errno));
	w->job = mem_zalloc(sizeof(*w->job));
	ret = job_parse(path, w->text, w->job, why);
	if (ret) {
		free(w->job);
		w->job = NULL;
		return ret;
	}
	snprintf(w->name, sizeof(w->name), "%.*s", (int)sizeof(w->name) - 1, w->job->name);
	c = mem_alloc(sizeof(*c));
	ret = calls_of(w, c, why);
	free(c);
	return ret;
}

/* Of the calls that a job has. */
static void print_step(const struct scene *s, const struct scene_step *x, FILE *out)
{
	fprintf(out, "%s %s", s->name_of[x->file].name, scene_op_name(x->op));
	if (x->flags & SCENE_DIRECT)
		fputs(" -d", out);
	if (x->flags & SCENE_WAIT)
		fputs(" -a", out);
	if (x->op != SCENE_FSYNC && x->op != SCENE_FDATASYNC)
		fprintf(out, " %lu %lu", (unsigned long)x->off, (unsigned long)x->len);
	fputc('\n', out);
}

static void print_job(const struct scene *s, FILE *out)
{
	fputs("[setup]\n", out);
	for (unsigned i = 0; i < s->nnames; i++)
		fprintf(out, "file %s %u\n", s->name_of[i].name, s->name_of[i].bytes);
	for (unsigned i = 0; i < s->setup.n; i++)
		print_step(s, &s->setup.step[i], out);
	for (unsigned t = 0; t < s->nthreads; t++) {
		if (s->thread[t].n)
			fprintf(out, "[thread %s]\n", s->thread[t].name);
		for (unsigned i = 0; i < s->thread[t].n; i++)
			print_step(s, &s->thread[t].step[i], out);
	}
}

/* ---- a scenario ---- */

static const struct scene_thread *thread_of(const struct scene *s, unsigned header)
{
	for (unsigned t = 0; t < s->nthreads; t++)
		if (s->thread[t].line == header)
			return &s->thread[t];
	return NULL;
}

/* The line of a thread is what it still does (work_one_syncer), or how often. */
static bool does(const struct scene_thread *t, unsigned line, const char *text)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->step[i].line == line)
			return true;
	return t->n && (line == t->line || !strncmp(text, "repeat", strlen("repeat")));
}

static void print_scene(const struct scene *s, const char *text, FILE *out)
{
	const struct scene_thread *thread = NULL; /* whose section this is */
	char *bare = scene_bare_text(text);
	unsigned line = 1;

	for (const char *p = bare; *p; p += strcspn(p, "\n"), p += *p == '\n', line++) {
		if (*p == '[')
			thread = thread_of(s, line);
		if (*p != '\n' && (!thread || does(thread, line, p)))
			fprintf(out, "%.*s\n", (int)strcspn(p, "\n"), p);
	}
	free(bare);
}

char *work_program(const struct work *w)
{
	char *text = NULL;
	size_t size;

	if (!w->job && !w->text)
		return NULL;
	FILE *out = open_memstream(&text, &size);
	CHECK(out);
	if (w->job)
		print_job(w->scene, out);
	else
		print_scene(w->scene, w->text, out);
	fclose(out);
	return text;
}

/* ---- either ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static int open_scene(const char *path, struct work *w, struct why *why)
{
	int ret = scene_load(path, &w->scene, &w->text, why);

	if (!ret)
		strcpy(w->name, w->scene->name);
	return ret;
}

static int open_shipped(const char *name, const char *text, struct work *w, struct why *why)
{
	w->text = strdup(text);
	CHECK(w->text);
	return scene_parse(name, text, &w->scene, why);
}

static const char *shipped(const char *name)
{
	for (const struct scene_text *s = scene_shipped; s->name; s++)
		if (!strcmp(s->name, name))
			return s->text;
	return NULL;
}

static int unknown(const char *what, struct why *why)
{
	char hint[80];
	size_t n = 0;

	while (scene_shipped[n].name)
		n++;
	return why_set(why, -ENOENT, "%.100s: neither a scenario of ours, nor a job of ours, nor a file that ends in "
	               ".scn or .fio%s", what,
	               text_did_you_mean(hint, sizeof(hint), text_nearest(what, scene_shipped, n,
	                                                                  sizeof(scene_shipped[0]))));
}

int work_open(const char *what, struct work *w, struct why *why)
{
	const char *text = shipped(what);
	char path[PATH_MAX];
	int ret;

	*w = (struct work){ 0 };
	if (ends_with(what, ".scn"))
		ret = open_scene(what, w, why);
	else if (ends_with(what, ".fio"))
		ret = open_job(what, w, why);
	else if (text)
		ret = open_shipped(what, text, w, why);
	else if (!strchr(what, '/') && !job_find(what, path))
		ret = open_job(path, w, why);
	else
		return unknown(what, why);
	if (ret)
		work_close(w);
	else
		strcpy(w->name, w->scene->name);
	return ret;
}

void work_close(struct work *w)
{
	scene_free(w->scene);
	free(w->text);
	if (w->job) {
		job_free(w->job);
		free(w->job);
	}
	*w = (struct work){ 0 };
}

void work_vary(struct work *w, uint64_t seed)
{
	struct job_calls *c;
	struct why why;

	if (!w->job)
		return;
	for (unsigned i = 0; i < w->job->n; i++)
		w->job->job[i].randseed = seed + i;
	c = mem_alloc(sizeof(*c));
	CHECK(!calls_of(w, c, &why)); /* it could before */
	free(c);
}

static bool is_sync(const struct scene_step *s)
{
	return s->op == SCENE_FSYNC || s->op == SCENE_FDATASYNC || s->op == SCENE_MSYNC || s->op == SCENE_SYNC ||
	       s->op == SCENE_DIR_FSYNC;
}

bool work_one_syncer(struct work *w)
{
	struct scene *s = w->scene;
	unsigned syncers = 0;

	for (unsigned t = 0; t < s->nthreads; t++) {
		struct scene_thread *thread = &s->thread[t];
		bool syncs = false;
		unsigned kept = 0;
		for (unsigned i = 0; i < thread->n; i++)
			syncs |= is_sync(&thread->step[i]);
		syncers += syncs;
		for (unsigned i = 0; i < thread->n; i++)
			if (syncers < 2 || !is_sync(&thread->step[i]))
				thread->step[kept++] = thread->step[i];
		thread->n = kept;
	}
	return syncers > 1;
}

void work_each_default(void (*fn)(const char *name, void *arg), void *arg)
{
	for (size_t f = 0; f < NFAMILIES; f++)
		for (const struct scene_text *s = scene_shipped; s->name; s++)
			if (!strncmp(s->name, families[f], strlen(families[f])))
				fn(s->name, arg);
}
