/*
 * supers.c: the race of Linux commit 387125fc722a (2011), "Btrfs: fix barrier flushes". The fix: the device is
 * flushed before the first copy of the super block, and not only before the last.
 *
 * The writer's flusher pass gives the commit a new tree to write.
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	fs_flush_pass(r->file[0]->f);
}

static void committer(struct race_run *r)
{
	model_sync(r->model, r->fs);
}

static const struct race_task tasks[] = { { "writer", writer }, { "committer", committer } };

const struct race race_supers = {
	.name = "supers",
	.what = "the first copy of a commit's super is durable before the trees that it names",
	.story = "A commit writes its trees, then the first copy of the super, then flushes the device, then writes\n"
	         "the second copy. A crash after the first copy finds a super that names blocks that were never\n"
	         "written: nothing can be mounted. Fixed by Linux 387125fc722a.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "flush_before_last_super", VERDICT_BREAKS } },
};
