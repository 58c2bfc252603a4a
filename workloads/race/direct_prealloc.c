/*
 * direct_prealloc.c: direct.c for a write into preallocated space: the race that "Btrfs: fix race between fsync and direct
 * IO writes for prealloc extents" (2016) closes. de0ee0edb21f had put the ordered extent before the extent map for writes
 * into new space alone. 5f9a8a51d8b9 then closed both in another way.
 */
#include "race/registry.h"

static void direct(struct race_run *r)
{
	model_write_direct(r->file[0], FS_BLOCK, FS_BLOCK);
}

static void fsync_task(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "direct", direct }, { "fsync", fsync_task } };

const struct race race_direct_prealloc = {
	.name = "direct_prealloc",
	.what = "a direct write into preallocated space makes its extent while fsync logs",
	.story = "A direct write into preallocated space holds no inode lock. It adds the extent map of a block\n"
	         "that is written; fsync, which has already collected ordered extents, logs it; only then does\n"
	         "the direct write add the ordered extent. So the log says that the block is written, nobody\n"
	         "waits for that, and nobody has its checksum. Fixed by a twin of Linux de0ee0edb21f.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.preallocated = { FS_BLOCK },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "direct_unlocked", VERDICT_BREAKS },
	            { "direct_prealloc_map_first", VERDICT_BREAKS }, { "direct_ordered_first", VERDICT_HOLDS } },
};
