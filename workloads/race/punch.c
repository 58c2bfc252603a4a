/*
 * punch.c: a hole is punched where another task writes, beside fsyncs, in a file that is written over in place and has
 * preallocated space. There is no known bug behind it: each design whose fault lies in what it does with a full sync, or
 * with its blocks, can break it.
 */
#include "race/registry.h"

static void puncher(struct race_run *r)
{
	model_punch(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static void writer(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, 2 * FS_BLOCK);
	model_fdatasync(r->file[0]);
}

static void flusher(struct race_run *r)
{
	model_flush_pass(r->file[0]);
}

static const struct race_task tasks[] = { { "punch", puncher }, { "writer", writer }, { "flusher", flusher } };

const struct race race_punch = {
	.name = "punch",
	.what = "a hole is punched while another task writes in place, into preallocated space, and syncs",
	.story = "A task punches a hole into a file, and syncs. Another one writes the next two blocks, one over\n"
	         "where it lies and one into preallocated space, and syncs. What either sync has promised is\n"
	         "there after every crash.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.preallocated = { FS_BLOCK },
	.file_flags = { FS_NODATACOW },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS } },
};
