/*
 * log_root.c: Linux commit 4203e9689470 (2019), "Btrfs: fix incorrect updating of log root tree".
 *
 * Two subvolumes, two logs, one tree of log roots. The first fsync leads that tree's commit: it has taken
 * the tree's blocks and written them, and is about to put the tree's root into the super block. The second
 * puts its log's root item into the tree: a written block is copied before it is changed, so the tree has
 * another root now, which nobody has written. The super names that one. A crash finds a super whose log
 * cannot be read, and nothing can be mounted; or a log without the second's item, though its commit is said
 * to be done.
 *
 * Fixed by putting the item under the mutex of the tree of log roots, which its commit holds.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	static const char *const name[] = { "a", "b" };

	for (uint32_t i = 0; i < 2; i++) {
		r->file[r->nfiles++] = model_create(r->model, r->fs, i, name[i], NULL);
		model_write(r->file[i], 0, FS_BLOCK);
	}
}

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
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "log_root_unlocked", VERDICT_BREAKS } },
};
