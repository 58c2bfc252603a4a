/*
 * ranged.c: the race of Linux commit 49dae1bc1c66 (2014), "Btrfs: fix fsync data loss after a ranged fsync". The fix:
 * of the modified list, a full fsync drops only the maps that lie in its range.
 *
 * The truncation makes the next fsync a full one. The writer's flusher pass adds the second block's map to the list
 * before its item is in the tree.
 */
#include "race/registry.h"

static void ranged(struct race_run *r)
{
	model_truncate(r->file[0], 2 * FS_BLOCK);
	model_fsync_range(r->file[0], 0, FS_BLOCK);
}

static void writer(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	fs_flush_pass(r->file[0]->f);
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "ranged", ranged }, { "writer", writer } };

const struct race race_ranged = {
	.name = "ranged",
	.what = "a full fsync of one block forgets another block that is on its way to the tree",
	.story = "After a truncation, an fsync of the first block logs what is in the tree, and then takes every map\n"
	         "off the modified list. The second block is on its way: its map was on the list, its item is not in\n"
	         "the tree. Its own fsync finds nothing to log. A crash loses it. Fixed by Linux 49dae1bc1c66.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "ranged_forgets_all", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
