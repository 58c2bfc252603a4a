/*
 * join.c: Linux commit 9dba8cf128ef (2014), "Btrfs: make sure we wait on logged extents when fsycning
 * two subvols".
 *
 * Three subvolumes, so three logs, and one tree of log roots above them. Of three fsyncs one writes the super
 * for the first commit of that tree, the second leads the next commit and waits for the first, and the third
 * finds that its commit is led already: it joins, and the leader's super names its log too. The leader
 * waits for its own data. If who joins does not wait for its own, fsync returns 0 with data in flight,
 * and a crash finds a log that points to blocks that were never written.
 *
 * Fixed by waiting for the logged extents in that case too.
 */
#include "race/registry.h"

#define SUBVOLS 3u

static void setup(struct race_run *r)
{
	static const char *const name[SUBVOLS] = { "a", "b", "c" };

	for (uint32_t i = 0; i < SUBVOLS; i++) {
		r->file[r->nfiles++] = model_create(r->model, r->fs, i, name[i], NULL);
		model_write(r->file[i], 0, FS_BLOCK);
	}
}

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
	.setup = setup,
	.tasks = tasks,
	.ntasks = SUBVOLS,
	.expect = { { "postfix", VERDICT_HOLDS }, { "joiner_leaves_data", VERDICT_BREAKS },
	            { "log_root_unlocked", VERDICT_BREAKS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
