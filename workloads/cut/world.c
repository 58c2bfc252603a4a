/* world.c: see world.h. */
#include "cut/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/rt.h"

/* ---- the base ---- */

/* The content of the recorder's device becomes the base, and that of the device that will have the records. */
static int take_base(struct world *w, uint32_t tear, struct why *why)
{
	const uint8_t *now = recorder_bytes(&w->recorder);
	struct evidence *e = &w->e;

	int ret = evidence_new_base(e, why);
	if (ret)
		return ret;
	ret = ram_open(e->fs.size, &e->dev);
	if (ret)
		return why_set(why, ret, "no memory for a record");
	for (uint64_t at = 0; at < e->fs.size; at += DEV_BLOCK) {
		if (!recorder_wrote(&w->recorder, at / DEV_BLOCK) || base_is_zeros(now + at))
			continue;
		memcpy(e->base + at, now + at, DEV_BLOCK);
		CHECK(!dev_write(e->dev, at, e->base + at, DEV_BLOCK, 0));
	}
	e->dev->tear = tear;
	powercut_start(e->dev);
	recorder_keep(&w->recorder);
	return 0;
}

static int make_files(struct world *w, struct why *why)
{
	int root = cut_fs_mount(&w->e.fs, w->recorder.path, "", why);

	if (root < 0)
		return root;
	int ret = drive_set_up(w->drive, root, why);
	drive_close(w->drive);
	close(root);
	return ret;
}

/* What the file system says then means nothing. */
static int server_killed(struct why *why)
{
	return why_set(why, -EIO, "the process that serves the recorded device was killed");
}

int world_open(struct world *w, const struct cut_fs *fs, struct work *work, uint32_t tear, struct why *why)
{
	struct evidence *e = &w->e;
	struct utsname u;

	*w = (struct world){ .e = { .fs = *fs, .subvols = work->scene->subvols, .slot.loop = -1 }, .work = work };
	snprintf(e->work, sizeof(e->work), "%s", work->name);
	uname(&u);
	snprintf(e->kernel, sizeof(e->kernel), "%s", u.release);
	snprintf(e->recorder, sizeof(e->recorder), "%s", recorder_name());
	int ret = recorder_open(&w->recorder, fs->size, why);
	if (ret)
		return ret;
	e->model = model_new(NULL);
	w->drive = drive_new(&e->fs, work, e->model, &w->recorder);
	ret = cut_fs_make(fs, w->recorder.path, why);
	if (!ret)
		ret = make_files(w, why);
	if (!ret)
		ret = take_base(w, tear, why);
	if (!ret)
		ret = evidence_open_slot(e, why);
	if (ret) {
		if (recorder_is_gone(&w->recorder))
			ret = server_killed(why);
		world_close(w);
		return ret;
	}
	/* What the setup's calls promised holds from position 0 on: it is in the base. */
	model_mark(e->model);
	model_positions(e->model, recorder_position, &w->recorder);
	return 0;
}

void world_close(struct world *w)
{
	drive_free(w->drive);
	evidence_free(&w->e);
	recorder_close(&w->recorder);
	*w = (struct world){ 0 };
}

/* ---- a round ---- */

/* Which tasks the threads were. */
static void name_threads(struct world *w)
{
	struct evidence *e = &w->e;

	e->nthreads = 0;
	for (uint32_t i = 0; i < model_nops(e->model); i++) {
		uint32_t task = model_op(e->model, i)->task;
		const char *name = drive_thread(w->drive, task);
		if (!name || evidence_thread(e, task) || e->nthreads == EVIDENCE_THREADS)
			continue;
		e->thread[e->nthreads].task = task;
		snprintf(e->thread[e->nthreads++].name, sizeof(e->thread[0].name), "%s", name);
	}
}

static int run_recorded(struct world *w, struct round *r, struct why *why)
{
	int root = cut_fs_mount(&w->e.fs, w->recorder.path, "", why);

	if (root < 0)
		return root;
	int ret = drive_open(w->drive, root, why);
	uint64_t since = rt_now();
	if (!ret)
		ret = drive_run(w->drive, &r->drive, why);
	r->ran_ns = rt_now() - since;
	if (ret == -ETIMEDOUT)
		return ret;
	drive_close(w->drive);
	close(root);
	return ret;
}

int world_round(struct world *w, struct round *r, struct why *why)
{
	struct evidence *e = &w->e;
	struct recorded recorded;

	model_rewind(e->model);
	recorder_restore(&w->recorder, e->base);
	if (!r->unrecorded)
		recorder_begin(&w->recorder, &r->recorder);
	int ret = run_recorded(w, r, why);
	if (ret == -ETIMEDOUT)
		return recorder_is_gone(&w->recorder) ? server_killed(why), ret : ret;
	if (r->unrecorded ? recorder_is_gone(&w->recorder) : recorder_end(&w->recorder))
		return server_killed(why);
	recorder_log(&w->recorder, &recorded);
	if (ret)
		return ret;
	if (r->unrecorded)
		recorded.n = 0;
	e->seed = r->drive.seed;
	free(e->program);
	e->program = work_program(w->work);
	name_threads(w);
	evidence_record(e, recorded.event, recorded.n);
	r->cut_short = recorded.full;
	evidence_count(e, &r->counts);
	return 0;
}
