/*
 * early_error.c: the race of Linux commit b38ef71cb102 (2014), "Btrfs: ensure ordered extent errors aren't missed on
 * fsync". The fix: fsync also looks at the error that the inode was told of.
 *
 * The completion task drops the failed extent, so that nothing points to what was not written. The flusher passes
 * twice, for its first pass may come before the write.
 */
#include "race/registry.h"

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
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "misses_early_error", VERDICT_BREAKS },
	            { "ignores_data_error", VERDICT_BREAKS } },
};
