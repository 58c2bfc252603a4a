/*
 * mapped.c: the race of Linux commit 885f46d87f29 (2021), "btrfs: fix race between memory mapped writes and fsync". The
 * fix: fsync holds a lock of the inode that the fault of a mapped store needs, too.
 *
 * A fault takes no inode lock, so the window of the seed's race (seed.c) stays open for stores through a mapping when
 * fsync flushes under the inode lock: here the store makes the page dirty after that flush. The second block is written
 * in the ordinary way, so that fsync has something to log.
 */
#include "race/registry.h"

static void fsync_task(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void mapped(struct race_run *r)
{
	model_mmap(r->file[0]);
	model_mmap_store(r->file[0], 0, ORACLE_SECTOR);
}

static void flusher(struct race_run *r)
{
	model_flush_pass(r->file[0]);
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "fsync", fsync_task }, { "mapped", mapped }, { "flusher", flusher } };

const struct race race_mapped = {
	.name = "mapped",
	.what = "a store through a mapping makes a page dirty under fsync's lock, written back while fsync logs",
	.story = "A store through a mapping makes a block dirty after fsync has flushed under the inode lock: its\n"
	         "fault takes no inode lock. The flusher adds the block's extent map; fsync, which has already\n"
	         "collected ordered extents, logs the map; only then does the flusher add the ordered extent. So\n"
	         "fsync does not wait for the data and has no checksum of it. After a crash the block cannot be\n"
	         "read. Fixed by Linux 885f46d87f29.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "mmap_unlocked", VERDICT_BREAKS },
	            { "prefix", VERDICT_BREAKS }, { "flush_twice_early", VERDICT_BREAKS } },
};
