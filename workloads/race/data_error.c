/*
 * data_error.c: the race of Linux commit 8407f553268a (2014), "Btrfs: fix data corruption after fast fsync and
 * writeback error". The fix: an error of logged data fails the log commit; the fsync then commits the transaction, in
 * which the old extent is still there, and returns the error.
 *
 * It depends on whether the completion task tells the inode of the error before fsync looks: the flusher's pass lets
 * the I/O begin earlier.
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
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "flusher", flusher } };

const struct race race_data_error = {
	.name = "data_error",
	.what = "the data of a logged extent fails to be written, and the log is written all the same",
	.story = "The device fails the write of a block. fsync has logged the extent, waits for the write to end, and\n"
	         "does not ask how it ended. The log points to a block that was never written. A crash loses the new\n"
	         "content, and the old content, which was durable. Fixed by Linux 8407f553268a.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 1,
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "ignores_data_error", VERDICT_BREAKS },
	            { "misses_early_error", VERDICT_BREAKS } },
};
