/*
 * join.c: the race of Linux commit 9dba8cf128ef (2014), "Btrfs: make sure we wait on logged extents when fsycning two
 * subvols". The fix: an fsync that joins the commit of the tree of log roots waits for its own logged extents, too.
 *
 * It takes three subvolumes, so three logs: one fsync writes the super of a first commit of that tree, the second
 * leads the next commit and waits for the first, and only then can the third find a commit to join.
 */
#include "race/registry.h"

#define SUBVOLS 3u

static void syncer(struct race_run *r)
{
	model_write(r->file[r->me], 0, FS_BLOCK);
	model_fsync(r->file[r->me]);
}

static const struct race_task tasks[SUBVOLS] = { { "first", syncer }, { "second", syncer }, { "third", syncer } };

const struct race race_join = {
	.name = "join",
	.what = "an fsync's log goes with a super that another fsync writes, and its data is still in flight",
	.story = "Three fsyncs in three subvolumes. One writes a super, the next leads the commit of the tree of log\n"
	         "roots after it, the third joins that commit, and returns when the leader's super is written: it\n"
	         "waits for its log, and not for its data. A crash finds a log that points to blocks that were never\n"
	         "written. Fixed by Linux 9dba8cf128ef.",
	.mkfs = { .nodesize = 4096, .single = true, .subvols = SUBVOLS },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK }, { "b", 1, FS_BLOCK }, { "c", 2, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = SUBVOLS,
	.expect = { { "postfix", VERDICT_HOLDS }, { "joiner_leaves_data", VERDICT_BREAKS },
	            { "log_root_unlocked", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
