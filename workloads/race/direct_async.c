/*
 * direct_async.c: a direct write that nobody waits for is on its way to preallocated space of a file without checksums
 * while another task's fsync logs the file. Its extent map says that the block is written; it carries no mark of
 * preallocated space while the write is under way. An fsync that waits for dirty pages alone does not wait for it, and with
 * no checksums there is nothing to tell what is in the block then: whatever was on the disk there before.
 */
#include "race/registry.h"

static void direct(struct race_run *r)
{
	struct model_direct *d = model_write_direct_start(r->file[0], FS_BLOCK, FS_BLOCK);

	model_direct_wait(d);
}

static void fsync_task(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "direct", direct }, { "fsync", fsync_task } };

const struct race race_direct_async = {
	.name = "direct_async",
	.what = "an asynchronous direct write into preallocated space is on its way when fsync logs its map",
	.story = "A direct write into preallocated space of a file without checksums has returned to its caller\n"
	         "with its data on the way to the disk. fsync logs its extent map, which says that the block is\n"
	         "written, and does not wait for the data. After a crash the block is what was on the disk there\n"
	         "before: of a file that was deleted, perhaps.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK, .preallocated = FS_BLOCK, .flags = FS_NODATASUM } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "direct_unlocked", VERDICT_BREAKS },
	            { "direct_prealloc_map_first", VERDICT_BREAKS } },
};
