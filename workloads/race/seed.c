/*
 * seed.c: Linux commit 669249eea365 (2014), "Btrfs: fix fsync race leading to invalid data after
 * log replay".
 *
 * A file of two blocks is durable. fsync starts writeback of what is dirty and then takes the inode
 * lock. In between, the writer dirties a block. While fsync logs the inode, the flusher writes that
 * block back: it adds the extent map to the list that fsync logs from, and, in another step under
 * another lock, the ordered extent that fsync waits for and takes checksums from. If fsync looked for
 * ordered extents before and takes the maps after, it logs an extent whose data nobody waits for and
 * whose checksums nobody has. The log goes to the media, fsync returns 0, the power goes: replay makes
 * the file point to a block that was never written. Lost is the *old*, durable content of the block.
 *
 * Fixed by starting writeback again under the inode lock.
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, 2 * FS_BLOCK);
}

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
	.story = "The writer dirties a block after fsync has flushed and before it has the inode lock. The flusher adds the\n"
	         "block's extent map; fsync, which has already collected ordered extents, logs the map; only then does the\n"
	         "flusher add the ordered extent. Nobody waits for the data, nobody has its checksum. After a crash the\n"
	         "block cannot be read: its old, durable content is lost. Fixed by Linux 669249eea365.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
