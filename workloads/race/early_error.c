/*
 * early_error.c: Linux commit b38ef71cb102 (2014), "Btrfs: ensure ordered extent errors aren't missed
 * on fsync".
 *
 * The flusher writes a dirty block back, and the device fails the write. The completion task drops the
 * extent, so that nothing points to what was not written. All this is over before fsync looks for ordered
 * extents: it finds none, has nothing to wait for, and learns of no error. fsync returns 0, and the
 * content that it promised is nowhere but in memory.
 *
 * Fixed by looking at the error that the inode was told of.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, FS_BLOCK);
}

static void syncer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void flusher(struct race_run *r)
{
	fs_flush_pass(r->file[0]->f);
	fs_flush_pass(r->file[0]->f);
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "flusher", flusher } };

const struct race race_early_error = {
	.name = "early_error",
	.what = "a write error is over and done with before fsync looks for what it must wait for",
	.story = "The flusher writes a block, the device fails the write, the completion drops the extent; only then\n"
	         "does fsync look for ordered extents. It finds none, and returns 0: what it promised is lost in a\n"
	         "crash. Fixed by Linux b38ef71cb102.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 1,
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "misses_early_error", VERDICT_BREAKS },
	            { "ignores_data_error", VERDICT_BREAKS } },
};
