/*
 * tail_error.c: the race of an error that a truncation drops. Linux has not got it: btrfs_truncate() returns what
 * its wait for ordered extents returns. No design has it; mutants of file.c do.
 *
 * The first write gives the syncer something to log, so that its fsync is under way when the zeros fail to be
 * written: theirs is the second write of data.
 */
#include "race/registry.h"

static void truncater(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_truncate(r->file[0], ORACLE_SECTOR);
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void syncer(struct race_run *r)
{
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "truncater", truncater }, { "syncer", syncer } };

const struct race race_tail_error = {
	.name = "tail_error",
	.what = "the zeros of a truncation's last block fail to be written, and another task's fsync takes the error",
	.story = "A truncation to the middle of a block writes zeros to the rest of it, and the device fails\n"
	         "that write. Another fsync of the same open file tells of the error. The truncation does not,\n"
	         "and returns 0. The file is made longer and synced: what was cut off is zeros now, it is\n"
	         "promised. A crash brings the old bytes back. Linux tells.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 2,
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "ignores_data_error", VERDICT_BREAKS },
	            { "misses_early_error", VERDICT_BREAKS }, { "flush_before_last_super", VERDICT_BREAKS },
	            { "reuses_log_blocks", VERDICT_BREAKS } },
};
