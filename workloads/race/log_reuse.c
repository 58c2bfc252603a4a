/*
 * log_reuse.c: Linux commit e688b7252f78 (2012), "Btrfs: fix extent pinning bugs in the tree log".
 *
 * An fsync has written its log, and the super block names it. The next fsync changes the log: its blocks are
 * copied, and the old ones given up. If they are free at once, and not only when the transaction has been
 * committed, the next log or tree block is written over them, while the super block on the media still
 * names the old log. A crash before the next super finds a log of which a part is something else.
 *
 * Fixed by pinning what the log gives up until the commit.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, FS_BLOCK);
}

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
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "reuses_log_blocks", VERDICT_BREAKS } },
};
