/*
 * seed_compressed.c: the race of seed.c through compressed writeback (submit_compressed_extents() in Linux).
 *
 * Compressed writeback hands the pages to worker tasks and returns. Until a worker has added the ordered extent, the
 * pages are locked and not under writeback. So the window opens later, and one pass of writeback does not close it:
 * the second pass of fsync's flush sleeps on the page locks until the ordered extents are there.
 */
#include "race/registry.h"

static void fsync_task(struct race_run *r)
{
	model_fsync(r->file[0]);
}

/* Two blocks in each write: one block alone would save nothing, and would not be compressed. */
static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, 2 * FS_BLOCK);
	model_write(r->file[0], 2 * FS_BLOCK, 2 * FS_BLOCK);
}

static void flusher(struct race_run *r)
{
	model_flush_pass(r->file[0]);
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "fsync", fsync_task }, { "writer", writer }, { "flusher", flusher } };

const struct race race_seed_compressed = {
	.name = "seed_compressed",
	.what = "the same through compressed writeback, whose workers add extent map and ordered extent later",
	.story = "The writer dirties blocks after fsync has flushed and before it has the inode lock. The\n"
	         "flusher hands them to a compression worker. The worker adds the extent map; fsync, which has\n"
	         "already collected ordered extents, logs the map; only then does the worker add the ordered\n"
	         "extent. So fsync does not wait for the data and has no checksums of it. Fixed by Linux\n"
	         "669249eea365, whose second flush makes two passes and so waits for the workers.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true, .compress = true, .compress_workers = 1 },
	.files = { { "a", 0, 4 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
