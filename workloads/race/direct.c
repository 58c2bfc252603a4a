/*
 * direct.c: the race of Linux commits de0ee0edb21f and 5f9a8a51d8b9 (2016), "Btrfs: fix race between fsync and lockless
 * direct IO writes" and "Btrfs: add semaphore to synchronize direct IO writes with fsync". The fixes: the ordered extent
 * of a direct write comes before its extent map, and fsync looks for ordered extents once more after it has taken the
 * maps; then, in their place, a semaphore that fsync has while it takes both.
 *
 * The second block is written in the ordinary way, so that fsync has something to log.
 */
#include "race/registry.h"

static void direct(struct race_run *r)
{
	model_write_direct(r->file[0], 0, FS_BLOCK);
}

static void fsync_task(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "direct", direct }, { "fsync", fsync_task } };

const struct race race_direct = {
	.name = "direct",
	.what = "a direct write makes its extent while fsync logs",
	.story = "A direct write inside the file holds no inode lock. It adds its block's extent map; fsync, which\n"
	         "has already collected ordered extents, logs the map; only then does the direct write add the\n"
	         "ordered extent. So fsync does not wait for the data and has no checksum of it. After a crash the\n"
	         "block cannot be read. Fixed by Linux de0ee0edb21f.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "direct_unlocked", VERDICT_BREAKS },
	            { "direct_ordered_first", VERDICT_HOLDS } },
};
