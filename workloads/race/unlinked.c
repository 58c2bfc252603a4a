/*
 * unlinked.c: the race of Linux commit 5e85262e542d (2025, 6.16), with which an inode is logged though its link
 * count is 0. The fix here: an fsync of a file without a name commits the transaction until the unlink is durable.
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_unlink(r->file[0], r->fs);
	model_fsync(r->file[0]);
}

static void committer(struct race_run *r)
{
	model_commit(r->model, r->fs);
}

static const struct race_task tasks[] = { { "writer", writer }, { "committer", committer } };

const struct race race_unlinked = {
	.name = "unlinked",
	.what = "an fsync of an open file that was unlinked, while the unlink is not durable",
	.story = "A file is written, then unlinked, then synced while it is open. fsync finds that it has no\n"
	         "name, takes it for something that no crash leaves a way to, and returns 0. The unlink is not\n"
	         "durable. In a crash the name is back, without what fsync had promised of the file. Fixed by\n"
	         "Linux 5e85262e542d.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "skips_unlinked", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS } },
};
