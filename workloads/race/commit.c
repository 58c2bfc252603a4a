/*
 * commit.c: the race of Linux commit 50d9aa99bd35 (2014), "Btrfs: make sure logged extents complete in the current
 * transaction". The fix: a transaction commit waits for every ordered extent that was logged in that transaction.
 *
 * The committer commits twice: the first may come before the fsync has logged anything.
 */
#include "race/registry.h"

static void syncer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void committer(struct race_run *r)
{
	fs_commit(r->fs);
	fs_commit(r->fs);
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "committer", committer } };

const struct race race_commit = {
	.name = "commit",
	.what = "a commit deletes the log while what only the log has is on its way to the trees",
	.story = "fsync logs an extent whose data is written and whose item is not in the tree yet, and returns.\n"
	         "A commit deletes the log and does not wait for the item, which goes into the next transaction.\n"
	         "A crash now finds what fsync had promised in no tree and in no log. Fixed by Linux\n"
	         "50d9aa99bd35.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "commit_forgets_logged", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
