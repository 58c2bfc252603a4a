/*
 * seed_smallest.c: the race of seed.c in the least that still breaks: small enough for all of its schedules to be tried
 * (`race prove`).
 */
#include "race/registry.h"

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
	.story = "As seed, with nothing that it does not need: one page, one write, one fsync and one flusher\n"
	         "pass. The writer dirties the file's only block after fsync has flushed and before it has the\n"
	         "inode lock; the flusher adds the extent map, fsync logs it, and does not wait for the data.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
