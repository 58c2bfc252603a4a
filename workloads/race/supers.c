/*
 * supers.c: Linux commit 387125fc722a (2011), "Btrfs: fix barrier flushes".
 *
 * A transaction commit has written the trees, and writes two copies of the super block. The device has a
 * volatile cache: the trees are safe once it is flushed. If the flush comes before the last copy instead of
 * before the first, the first copy is durable while the trees that it names are not: a crash in between
 * leaves a file system whose newest super block points to blocks that were never written.
 *
 * Fixed by flushing before the first copy.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, FS_BLOCK);
}

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
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "flush_before_last_super", VERDICT_BREAKS } },
};
