/*
 * log_reuse.c: the race of Linux commit e688b7252f78 (2012), "Btrfs: fix extent pinning bugs in the tree log". The
 * fix: what the log gives up stays pinned until the transaction is committed.
 *
 * One task is enough. It calls fsync twice: the second changes the log that the first has made durable.
 */
#include "race/registry.h"

static void syncer(struct race_run *r)
{
	for (int i = 0; i < 2; i++) {
		model_write(r->file[0], 0, FS_BLOCK);
		model_fsync(r->file[0]);
	}
}

static const struct race_task tasks[] = { { "syncer", syncer } };

const struct race race_log_reuse = {
	.name = "log_reuse",
	.what = "blocks of the log that the super on the media names are written over",
	.story = "Each fsync copies the log's blocks and gives the old ones up. They are free at once, and a later\n"
	         "block is written over them while the super on the media still names them. A crash finds a log that\n"
	         "is something else. Fixed by Linux e688b7252f78.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
