/*
 * direct_async.c: a direct write that nobody waits for yet is on its way, in a file without checksums, while another
 * task's fsync logs the file. An fsync that waits for the pages that it has flushed, and for nothing else, logs the map of
 * that write and does not wait for its data; and with no checksums nothing tells what the block holds then: whatever was
 * on the disk there before.
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
	.what = "an asynchronous direct write is on its way when fsync logs its map",
	.story = "A direct write in a file without checksums has returned to its caller with its data on the way to\n"
	         "the disk. fsync logs its extent map, and does not wait for the data. After a crash the block is\n"
	         "what was on the disk there before: of a file that was deleted, perhaps. The old, durable content\n"
	         "of the block is lost.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, 2 * FS_BLOCK } },
	.file_flags = { FS_NODATASUM },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "direct_unlocked", VERDICT_BREAKS } },
};
