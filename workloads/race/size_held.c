/*
 * size_held.c: the race of Linux commits 41a2ee75aab0 and 9ddc959e802b (2020), "btrfs: introduce per-inode file
 * extent tree" and "btrfs: use the file extent tree infrastructure". The fix: the size on disk stops at the first
 * block that was never written, not at the first write that is under way (disk_size.1). size_late.c has the same
 * in whole blocks.
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
	model_write(r->file[0], 0, FS_BLOCK);
	model_flush_pass(r->file[0]);
	model_commit(r->model, r->fs);
}

static const struct race_task tasks[] = { { "writer", writer } };

const struct race race_size_held = {
	.name = "size_held",
	.what = "a block that is written again holds back a size that fsync has promised",
	.story = "fsync logs a block that makes the file longer, and returns. Then the block that the file ended\n"
	         "in before is written again. The size in the inode item must not reach over data that is not\n"
	         "written yet, and stops at that block, whose write is under way, though an older write of it is\n"
	         "in the trees. A commit deletes the log. A crash now loses the size that fsync had promised,\n"
	         "and the data behind. Fixed by Linux 9ddc959e802b.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, ORACLE_SECTOR } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "rewrite_holds_size", VERDICT_BREAKS },
	            { "commit_forgets_logged", VERDICT_BREAKS }, { "flush_before_last_super", VERDICT_BREAKS },
	            { "reuses_log_blocks", VERDICT_BREAKS } },
};
