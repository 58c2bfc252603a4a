/* world.c: see world.h. */
#include "cut/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "machine/mem.h"

/* ---- the base ---- */

static bool is_zeros(const uint8_t *p)
{
	return p[0] == 0 && !memcmp(p, p + 1, DEV_BLOCK - 1);
}

/* The content of the recorder's device becomes the base, and that of the device that will have the records. */
static int take_base(struct world *w, uint32_t tear, struct why *why)
{
	const uint8_t *now = recorder_bytes(&w->recorder);

	w->base = mmap(NULL, w->fs->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->base == MAP_FAILED) {
		w->base = NULL;
		return why_set(why, -ENOMEM, "no memory for an image of %lu MiB", (unsigned long)(w->fs->size >> 20));
	}
	int ret = ram_open(w->fs->size, &w->dev);
	if (ret)
		return why_set(why, ret, "no memory for a record");
	for (uint64_t at = 0; at < w->fs->size; at += DEV_BLOCK) {
		if (is_zeros(now + at))
			continue;
		memcpy(w->base + at, now + at, DEV_BLOCK);
		CHECK(!dev_write(w->dev, at, w->base + at, DEV_BLOCK, 0));
	}
	w->dev->tear = tear;
	powercut_start(w->dev);
	recorder_keep(&w->recorder);
	return 0;
}

static int make_files(struct world *w, struct why *why)
{
	int root = cut_fs_mount(w->fs, w->recorder.file.path, "", why);

	if (root < 0)
		return root;
	int ret = drive_set_up(w->drive, root, why);
	drive_close(w->drive);
	close(root);
	return ret;
}

static struct recovered *look(void *arg, const struct cut *c, struct dev *image)
{
	struct world *w = arg;

	slot_put(&w->slot, image);
	w->looked = true;
	return slot_look(&w->slot);
}

/* What the file system says then means nothing. */
static int server_killed(struct why *why)
{
	return why_set(why, -EIO, "the process that serves the recorded device was killed");
}

int world_open(struct world *w, const struct cut_fs *fs, struct work *work, uint32_t tear, struct why *why)
{
	*w = (struct world){ .fs = fs, .work = work };
	w->slot.loop = -1;
	int ret = recorder_open(&w->recorder, fs->size, why);
	if (ret)
		return ret;
	w->model = model_new(NULL);
	w->drive = drive_new(fs, work, w->model, &w->recorder);
	ret = cut_fs_make(fs, w->recorder.file.path, why);
	if (!ret)
		ret = make_files(w, why);
	if (!ret)
		ret = take_base(w, tear, why);
	if (!ret)
		ret = slot_open(&w->slot, fs, w->base, work->scene->subvols, why);
	if (ret) {
		if (recorder_is_gone(&w->recorder))
			ret = server_killed(why);
		world_close(w);
		return ret;
	}
	/* What the setup's calls promised holds from position 0 on: it is in the base. */
	model_mark(w->model);
	model_positions(w->model, recorder_position, &w->recorder);
	w->judge = judge_new(w->model, w->dev);
	w->judge->recover = look;
	w->judge->recover_arg = w;
	return 0;
}

void world_close(struct world *w)
{
	if (w->judge)
		judge_free(w->judge);
	if (w->slot.loop >= 0)
		slot_close(&w->slot);
	if (w->dev && w->dev->log)
		powercut_stop(w->dev);
	if (w->dev)
		dev_close(w->dev);
	if (w->base)
		munmap(w->base, w->fs->size);
	drive_free(w->drive);
	model_free(w->model);
	recorder_close(&w->recorder);
	*w = (struct world){ 0 };
}

/* ---- a round ---- */

/* No failure: when two threads make or remove one name, one of them may be refused; and a store beyond the end of a
 * mapped file gets a signal. */
static bool call_failed(const struct model_op *o)
{
	bool refused = model_is_naming(o) && (o->ret == -EEXIST || o->ret == -ENOENT);
	bool beyond_end = o->kind == OP_WRITE && o->how == WRITE_MAPPED && o->ret == -EFAULT;

	return o->ret && !refused && !beyond_end;
}

static void count_calls(const struct world *w, struct round *r, uint32_t from)
{
	r->calls = r->syncs = r->failed = 0;
	for (uint32_t i = from; i < model_nops(w->model); i++) {
		const struct model_op *o = model_op(w->model, i);
		r->calls++;
		r->syncs += model_is_sync(o) && !o->ret;
		r->failed += call_failed(o);
	}
}

static int run_recorded(struct world *w, struct round *r, struct why *why)
{
	int root = cut_fs_mount(w->fs, w->recorder.file.path, "", why);

	if (root < 0)
		return root;
	int ret = drive_open(w->drive, root, why);
	if (!ret)
		ret = drive_run(w->drive, &r->drive, why);
	if (ret == -ETIMEDOUT)
		return ret;
	drive_close(w->drive);
	close(root);
	return ret;
}

void world_reload(struct world *w, const struct round *r)
{
	struct dev_event *event = mem_alloc((r->recorded.n + 1) * sizeof(*event));

	memcpy(event, r->recorded.event, r->recorded.n * sizeof(*event));
	for (uint32_t i = 0; i < r->recorded.n; i++)
		if (event[i].kind == DEV_FSUB || event[i].kind == DEV_FCMP)
			event[i].failed = r->lies;
	powercut_rewind(w->dev);
	powercut_load(w->dev, event, r->recorded.n);
	judge_restart(w->judge);
	free(event);
}

int world_round(struct world *w, struct round *r, struct why *why)
{
	model_rewind(w->model);
	recorder_restore(&w->recorder, w->base);
	uint32_t from = model_nops(w->model);
	recorder_begin(&w->recorder, &r->recorder);
	int ret = run_recorded(w, r, why);
	if (ret == -ETIMEDOUT)
		return ret;
	if (recorder_end(&w->recorder))
		return server_killed(why);
	recorder_log(&w->recorder, &r->recorded);
	if (ret)
		return ret;
	count_calls(w, r, from);
	world_reload(w, r);
	return 0;
}
