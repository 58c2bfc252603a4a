/*
 * size_late.c: what size_held.c has of a file that ends inside a block, of one of whole blocks, whose writes end
 * out of order.
 */
#include "race/registry.h"

static void writer(struct race_run *r)
{
	model_write(r->file[0], FS_BLOCK, FS_BLOCK);
	model_flush_pass(r->file[0]);
	model_write(r->file[0], 2 * FS_BLOCK, FS_BLOCK);
	model_fsync(r->file[0]);
	model_write(r->file[0], 2 * FS_BLOCK, FS_BLOCK);
	model_flush_pass(r->file[0]);
	model_commit(r->model, r->fs);
}

static const struct race_task tasks[] = { { "writer", writer } };

const struct race race_size_late = {
	.name = "size_late",
	.what = "of two appended blocks the later completes first, is written again, and holds back the size",
	.story = "Two blocks are appended, one after the other. fsync logs both, and returns. The second\n"
	         "completes first, and is written again. When the first completes, the size on disk stops at the\n"
	         "second, whose new write is under way. A commit deletes the log. A crash now loses what fsync\n"
	         "had promised. Fixed by Linux 9ddc959e802b.",
	.mkfs = { .nodesize = 4096, .single = true },
	.mount = { .no_background = true },
	.files = { { "a", 0, FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "postfix", VERDICT_HOLDS }, { "rewrite_holds_size", VERDICT_BREAKS },
	            { "commit_forgets_logged", VERDICT_BREAKS }, { "flush_before_last_super", VERDICT_BREAKS },
	            { "reuses_log_blocks", VERDICT_BREAKS } },
};
