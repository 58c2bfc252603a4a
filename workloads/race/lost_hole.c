/*
 * lost_hole.c: the race of a trait that Linux has to this day, as it reads: the completion of a failed write drops
 * its extent map (btrfs_finish_ordered_io()) and asks for no full sync. The fix: it does, and the log tells of the
 * hole (ordered.3).
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_truncate(r->file[0], FS_BLOCK);
	model_fsync(r->file[0]);
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "writer", writer } };

const struct race race_lost_hole = {
	.name = "lost_hole",
	.what = "a write beyond a truncation fails, and its fsync logs the size with neither block nor hole",
	.story = "fsync makes a truncation durable. The file is written again behind its new end, and the device\n"
	         "fails the write. The fsync of that fails, too, and logs the new size all the same, with\n"
	         "neither extent nor hole: no extent map is left. In a crash, replay keeps what the committed\n"
	         "tree has there: the block that was cut off is back. Linux, as it reads, has no fix.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.fail_data_write = 1,
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "failed_write_unnoticed", VERDICT_BREAKS },
	            { "ignores_data_error", VERDICT_BREAKS }, { "misses_early_error", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
