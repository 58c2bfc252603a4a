/*
 * data_error.c: Linux commit 8407f553268a (2014), "Btrfs: fix data corruption after fast fsync and
 * writeback error".
 *
 * The device fails a write of data. fsync has logged the extent and waits until its data is written; that
 * it was not, is not asked. The log goes to the media and points to a block that was never written, and
 * fsync returns 0 if the completion task has not told the inode of the error yet. A crash now loses the new
 * content, which may have been promised, and the old one, which was durable.
 *
 * Fixed by failing the log commit: the fsync commits the transaction, which keeps the old extent, and returns
 * the error.
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
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "flusher", flusher } };

const struct race race_data_error = {
	.name = "data_error",
	.what = "the data of a logged extent fails to be written, and the log is written all the same",
	.story = "The device fails the write of a block. fsync has logged the extent, waits for the write to end, and\n"
	         "does not ask how it ended. The log points to a block that was never written: a crash loses the old\n"
	         "content of the block too. Fixed by Linux 8407f553268a.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 1,
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "ignores_data_error", VERDICT_BREAKS },
	            { "misses_early_error", VERDICT_BREAKS } },
};
