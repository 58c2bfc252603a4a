/*
 * sync_error.c: the race of Linux commit 735e4ae5ba28 (2020), "vfs: track per-sb writeback errors and report them
 * to syncfs". The fix: write errors of all files are counted, and a sync tells of those that no sync has told of.
 */
#include "race/registry.h"

static void syncer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_sync(r->model, r->fs);
}

static void flusher(struct race_run *r)
{
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "flusher", flusher } };

const struct race race_sync_error = {
	.name = "sync_error",
	.what = "a block fails to be written, and a sync of the file system does not tell of it",
	.story = "The flusher, or a sync of the file system, writes a block back, and the device fails the\n"
	         "write. The sync does not ask how it ended, commits and returns 0: what it promised is lost in\n"
	         "a crash. Fixed by Linux 735e4ae5ba28.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 1,
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "sync_misses_error", VERDICT_BREAKS } },
};
