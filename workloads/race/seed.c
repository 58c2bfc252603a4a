/*
 * seed.c: the race of Linux commit 669249eea365 (2014), "Btrfs: fix fsync race leading to invalid data after log
 * replay". The fix: fsync starts writeback once more under the inode lock.
 *
 * The extent map and the ordered extent are added in two steps under two locks: between them lies the window. The
 * writer makes both blocks dirty and the flusher passes twice, so that there is more than one chance to meet it.
 */
#include "race/registry.h"

static void fsync_task(struct race_run *r)
{
	model_fsync(r->file[0]);
}

static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
}

static void flusher(struct race_run *r)
{
	model_flush_pass(r->file[0]);
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "fsync", fsync_task }, { "writer", writer }, { "flusher", flusher } };

const struct race race_seed = {
	.name = "seed",
	.what = "a page dirtied between fsync's flush and its lock, written back while fsync logs",
	.story = "The writer dirties a block after fsync has flushed and before it has the inode lock. The\n"
	         "flusher adds the block's extent map; fsync, which has already collected ordered extents, logs\n"
	         "the map; only then does the flusher add the ordered extent. So fsync does not wait for the\n"
	         "data and has no checksum of it. After a crash the block cannot be read: its old, durable\n"
	         "content is lost. Fixed by Linux 669249eea365.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
