/*
 * log_root.c: the race of Linux commit 4203e9689470 (2019), "Btrfs: fix incorrect updating of log root tree". The
 * fix: a log's root item is put under the mutex of the tree of log roots, which that tree's commit holds.
 *
 * A written block is copied before it is changed: so the second's item gives the tree a new root block, between the
 * write of the tree's blocks and that of the super. Another outcome of the same bug is a log without the second's
 * item, though its commit counts as done.
 */
#include "race/registry.h"

static void syncer(struct race_run *r)
{
	model_write(r->file[r->me], 0, FS_BLOCK);
	model_fsync(r->file[r->me]);
}

static const struct race_task tasks[] = { { "first", syncer }, { "second", syncer } };

const struct race race_log_root = {
	.name = "log_root",
	.what = "a log's root item is put into the tree of log roots between its blocks' write and its super",
	.story = "Two fsyncs in two subvolumes. The first has written the blocks of the tree of log roots. The second\n"
	         "puts its item there, which makes a new root block. The first puts that root into the super: it was\n"
	         "never written. After a crash the log cannot be read. Fixed by Linux 4203e9689470.",
	.mkfs = { .nodesize = 4096, .single = true, .subvols = 2 },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK }, { "b", 1, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "log_root_unlocked", VERDICT_BREAKS } },
};
