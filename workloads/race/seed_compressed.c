/*
 * seed_compressed.c: the seed's race on its other road: submit_compressed_extents().
 *
 * Compressed writeback hands the pages to worker tasks and returns with the pages locked, neither under
 * writeback nor with an ordered extent. A worker compresses, adds the extent map, and only then the
 * ordered extent. So here the window of seed.c opens later, in a task that nobody of the story
 * called, and one pass of writeback is not enough to close it: the second pass of fsync's flush sleeps
 * on the page locks until the ordered extents are there.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, 4 * FS_BLOCK);
}

static void fsync_task(struct race_run *r)
{
	model_fsync(r->file[0]);
}

/* Two blocks at once: one alone saves nothing and would not be written compressed. */
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
	.story = "The writer dirties blocks after fsync has flushed and before it has the inode lock. The flusher hands them to a\n"
	         "compression worker. The worker adds the extent map; fsync, which has already collected ordered extents, logs\n"
	         "the map; only then does the worker add the ordered extent. Nobody waits for the data, nobody has its checksums.\n"
	         "Fixed by Linux 669249eea365, whose second flush makes two passes and so waits for the workers.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true, .compress = true, .compress_workers = 1 },
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
