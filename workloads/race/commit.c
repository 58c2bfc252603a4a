/*
 * commit.c: Linux commit 50d9aa99bd35 (2014), "Btrfs: make sure logged extents complete in the
 * current transaction".
 *
 * fsync logs an extent whose data is written, but whose item is not in the tree yet: that is the work of a
 * completion task. fsync returns 0: the log has it. A transaction commit comes. It deletes the log, and
 * puts on the media trees that lack the extent, which the completion task will insert into the next
 * transaction. The power goes: what fsync had promised is in no tree and in no log.
 *
 * Fixed by letting the commit wait for every ordered extent that was logged in its transaction.
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

static void committer(struct race_run *r)
{
	fs_commit(r->fs);
	fs_commit(r->fs);
}

static const struct race_task tasks[] = { { "syncer", syncer }, { "committer", committer } };

const struct race race_commit = {
	.name = "commit",
	.what = "a commit deletes the log while what only the log has is on its way to the trees",
	.story = "fsync logs an extent whose data is written and whose item is not in the tree yet, and returns. A\n"
	         "commit deletes the log and does not wait for the item, which goes into the next transaction. A crash\n"
	         "now loses what fsync had promised. Fixed by Linux 50d9aa99bd35.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "commit_forgets_logged", VERDICT_BREAKS },
	            { "flush_before_last_super", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
