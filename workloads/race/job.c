/* job.c: see job.h. */
#include "race/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "machine/mem.h"
#include "race/job_calls.h"

#define FLUSHER_PASSES 2u

struct job_race {
	struct race race;
	struct job_calls calls;
	struct race_task task[JOB_CALLS_TASKS + 1];
	char name[JOB_NAME_MAX + 8];
	struct job_race *next;
};

/* All that were made: they live as long as the program. */
static struct job_race *made;

static const struct job_calls *calls_of(const struct race_run *r)
{
	return &container_of(r->race, struct job_race, race)->calls;
}

/* ---- the race ---- */

static void make_call(struct race_run *r, const struct job_call *call)
{
	struct model_file *f = r->file[call->file];

	switch (call->kind) {
	case CALL_WRITE:
		model_write(f, call->off, call->len);
		break;
	case CALL_WRITE_DIRECT:
		model_write_direct(f, call->off, call->len);
		break;
	case CALL_STORE:
		model_mmap_store(f, call->off, call->len);
		break;
	case CALL_RANGE:
		model_sync_range(f, call->off, call->len, call->wait);
		break;
	case CALL_FDATASYNC:
		model_fdatasync(f);
		break;
	default:
		model_fsync(f);
	}
}

static void clone_task(struct race_run *r)
{
	const struct job_calls *c = calls_of(r);

	for (uint32_t i = 0; i < c->nfiles; i++)
		if (c->file[i].mapped)
			model_mmap(r->file[i]);
	for (uint32_t i = 0; i < c->task[r->me].n; i++)
		make_call(r, &c->task[r->me].call[i]);
}

static void flusher(struct race_run *r)
{
	for (uint32_t pass = 0; pass < FLUSHER_PASSES; pass++)
		for (uint32_t i = 0; i < r->nfiles; i++)
			model_flush_pass(r->file[i]);
}

/* ---- from a file ---- */

/* The text without comments and empty lines. */
static char *bare_text(const char *text)
{
	char *out = mem_alloc(strlen(text) + 2), *end = out;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		p += strspn(p, " \t\r");
		size_t n = strcspn(p, "\n"), len = strcspn(p, "#;\n");
		while (len && strchr(" \t\r", p[len - 1]))
			len--;
		if (len) {
			memcpy(end, p, len);
			end += len;
			*end++ = '\n';
		}
		p += n;
	}
	*end = '\0';
	return out;
}

static bool calls_file(const struct job_calls *c, uint32_t task, uint32_t file)
{
	for (uint32_t i = 0; i < c->task[task].n; i++)
		if (c->task[task].call[i].file == file)
			return true;
	return false;
}

/* One task's own files are apart from another's (job.h). */
static uint32_t subvolume_of(const struct job_calls *c, uint32_t file)
{
	uint32_t users = 0, user = 0;

	for (uint32_t t = 0; t < c->ntasks; t++)
		if (calls_file(c, t, file)) {
			users++;
			user = t;
		}
	return users == 1 ? user % 2 : 0;
}

static struct job_race *build(const struct job_file *jf, const char *text, const struct job_calls *calls)
{
	struct job_race *j = mem_zalloc(sizeof(*j));

	snprintf(j->name, sizeof(j->name), "job-%s", jf->name);
	j->race = (struct race){ .name = j->name, .what = "a fio job, counted", .job = bare_text(jf->text),
		                 .story = "The calls of a fio job file, and a flusher.",
		                 .mkfs = { .nodesize = 4096, .single = true }, .mount = { .no_background = true },
		                 .tasks = j->task, .ntasks = calls->ntasks + 1 };
	j->calls = *calls;
	for (uint32_t i = 0; i < calls->nfiles; i++) {
		uint32_t bytes = calls->file[i].laid_out, space = calls->file[i].space;
		j->race.files[i] = (struct race_file){ .name = j->calls.file[i].name, .bytes = bytes,
			                               .subvol = subvolume_of(calls, i) };
		if (j->race.files[i].subvol)
			j->race.mkfs.subvols = 2;
		j->race.preallocated[i] = space > bytes ? space - bytes : 0;
	}
	for (uint32_t i = 0; i < calls->ntasks; i++)
		j->task[i] = (struct race_task){ j->calls.task[i].name, clone_task };
	j->task[calls->ntasks] = (struct race_task){ "flusher", flusher };
	j->next = made;
	made = j;
	return j;
}

/* The same as race_job_from_text(), with what was made smaller. */
static int from_text(const char *name, const char *text, const struct race **out, const char **clamped,
                     struct why *why)
{
	struct job_calls calls;
	struct job_file jf;

	int ret = job_parse(name, text, &jf, why);
	if (ret)
		return ret;
	ret = job_calls(&jf, text, &calls, why);
	if (!ret) {
		struct job_race *j = build(&jf, text, &calls);
		*out = &j->race;
		*clamped = j->calls.clamped;
	}
	job_free(&jf);
	return ret;
}

int race_job_from_text(const char *name, const char *text, const struct race **out, struct why *why)
{
	const char *clamped;

	return from_text(name, text, out, &clamped, why);
}

int race_job_from_file(const char *what, const struct race **out, const char **clamped, struct why *why)
{
	char path[PATH_MAX];

	int ret = job_find(what, path);
	char *text = ret ? NULL : job_read(path);
	if (!text) {
		ret = ret ? ret : -errno;
		return why_set(why, ret, "%.300s: %s", what, strerror(-ret));
	}
	ret = from_text(path, text, out, clamped, why);
	free(text);
	return ret;
}
