/*
 * ranged.c: Linux commit 49dae1bc1c66 (2014), "Btrfs: fix fsync data loss after a ranged fsync".
 *
 * A file has been truncated, so the next fsync logs all of it that is in the tree. That fsync is one of a
 * range, the first block, and flushes and waits for that alone. The second block is on its way meanwhile:
 * its extent map is on the modified list, its item is not in the tree. When all is logged, the modified
 * list is emptied: nothing is left to be logged, is the belief. The second block's own fsync waits for
 * its data, finds no map, logs nothing, and returns 0. A crash loses the block.
 *
 * Fixed by taking only those maps off the list that lie in the range.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, 2 * FS_BLOCK);
}

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
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "ranged_forgets_all", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
