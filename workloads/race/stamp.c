/*
 * stamp.c: the race of what Linux commit 3a8b36f37806 (2015), "Btrfs: fix data loss in the fast fsync path", took
 * out of the write path: the stamp of last_trans with a transaction that the write has no handle of. The fix here:
 * such a stamp does not take last_trans back (inode.3).
 *
 * The committer makes a file so that there is a transaction to commit. The window lies between two accesses that
 * no lock guards, so it has no coarse point.
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void committer(struct race_run *r)
{
	model_create(r->model, r->fs, 0, "b", NULL);
	model_commit(r->model, r->fs);
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "writer", writer }, { "committer", committer } };

const struct race race_stamp = {
	.name = "stamp",
	.what = "a write stamps late, and takes back the stamp of a newer transaction",
	.story = "A write stamps its inode with the transaction after the newest one, when it has dropped the\n"
	         "inode lock. It reads the number and is stopped. That transaction begins and commits, while the\n"
	         "data of the write goes into the next one, whose completion stamps the inode, too. Now the\n"
	         "write stores its older stamp. Its fsync takes the inode for committed and returns 0. A crash\n"
	         "loses what it had promised. Fixed by Linux 3a8b36f37806.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.granularity = COOP_FINE,
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "stamp_goes_back", VERDICT_BREAKS },
	            { "commit_forgets_logged", VERDICT_BREAKS }, { "flush_before_last_super", VERDICT_BREAKS },
	            { "reuses_log_blocks", VERDICT_BREAKS } },
};
