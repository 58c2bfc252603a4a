/*
 * seed_smallest.c: the race of seed.c (Linux commit 669249eea365) in as little as still breaks: a
 * file of one block, one write, one fsync, one pass of the flusher. Small enough for all of its
 * schedules to be tried (`race prove`).
 */
#include "race/registry.h"

static void setup(struct race_run *r)
{
	r->file[r->nfiles++] = model_create(r->model, r->fs, 0, "a", NULL);
	model_write(r->file[0], 0, FS_BLOCK);
}

static void fsync_task(struct race_run *r)
{
	model_fsync(r->file[0]);
}

static void writer(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
}

static void flusher(struct race_run *r)
{
	fs_flush_pass(r->file[0]->f);
}

static const struct race_task tasks[] = { { "fsync", fsync_task }, { "writer", writer }, { "flusher", flusher } };

const struct race race_seed_smallest = {
	.name = "seed_smallest",
	.what = "the seed race with one page, one write, one fsync and one flusher pass",
	.story = "As seed, with nothing that it does not need: the writer dirties the file's only block after fsync has flushed and\n"
	         "before it has the inode lock; the flusher adds the extent map, fsync logs it, and nobody waits for the data.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.setup = setup,
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
