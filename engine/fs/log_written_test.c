/*
 * log_written_test.c: designs that wait for the data before they log: what a fast fsync waits for and what it leaves to
 * the transaction, which numbers cover an inode, and who is told of a write error.
 */
#include "fs/extent_map.h"
#include "fs/log.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/test_fs.h"
#include "fs/trans.h"
#include "fs/writeback.h"

static const char *const written_designs[] = { "complete", "complete_repaired", "modern", "modern_repaired" };

static struct mount_options quiet(const char *design)
{
	return (struct mount_options){ .no_background = true, .design = fs_design_find(design) };
}

/* A committed file of three blocks, nothing of it under way, and no log. */
static struct fs *fs_with_a_file(const char *design, struct file **f)
{
	struct mount_options o = quiet(design);
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &o);

	*f = test_open(fs_subvol(fs, 0), "a");
	test_write(*f, 0, 3 * FS_BLOCK, 1);
	assert_int_equal(fs_fsync(*f), 0); /* in full, since it is new */
	assert_int_equal(fs_sync(fs), 0);
	return fs;
}

/* An ordered extent whose data is written, and whose items are in no tree; the test completes it. */
static struct ordered *written_extent(struct fs *fs, struct inode *inode)
{
	const struct ordered_spec spec = { .len = FS_BLOCK, .disk_bytenr = fs->super.dev_size - FS_BLOCK,
					   .disk_len = FS_BLOCK, .ram_bytes = FS_BLOCK };
	struct ordered *o = writeback_add_extent(inode, fs->on.add_extent, &spec);

	memset(o->csums, 0, sizeof(*o->csums));
	atomic_store(&o->csum_left, 0);
	atomic_fetch_or(&o->flags, ORDERED_IO_DONE);
	return o;
}

static void forget_extent(struct fs *fs, struct inode *inode, struct ordered *o)
{
	em_drop(inode, 0, FS_BLOCK);
	RB_INIT(&inode->ordered);
	atomic_fetch_sub(&inode->nordered, 1);
	atomic_fetch_sub(&fs->ordered_inflight, 1);
	atomic_fetch_or(&o->flags, ORDERED_COMPLETE);
	if (o->pending_in) {
		struct trans *t = o->pending_in;
		o->pending_in = NULL;
		trans_pending_done(t);
	}
	ordered_put(o);
}

/* Nobody is there to complete the extent: an fsync that waited for that would never return. */
static void a_fast_fsync_leaves_completion_to_the_transaction(void **state)
{
	for (unsigned i = 2; i < 4; i++) {
		struct file *f;
		struct fs *fs = fs_with_a_file(written_designs[i], &f);
		struct ordered *o = written_extent(fs, f->inode);
		struct watch w;
		watch_start(&w, fs->dev);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(w.seen[WATCH_SUPER], 1);
		uint32_t flags = atomic_load(&o->flags);
		assert_true(flags & ORDERED_LOGGED && flags & ORDERED_LOGGED_CSUM && flags & ORDERED_PENDING);
		assert_ptr_equal(o->pending_in, fs->running);
		assert_int_equal(fs->running->pending_ordered, 1);
		assert_true(list_empty(&o->log_link));
		/* it has been logged: the next one neither collects it nor writes anything */
		watch_reset(&w);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(watch_writes(&w) + w.seen[WATCH_FLUSH], 0);
		fs->dev->faults = NULL;
		forget_extent(fs, f->inode, o);
		fs_close(f);
		test_end(fs, true);
	}
}

/*
 * The inode is logged in the first sub-transaction of its log, and that is not on the media: in the kernel the inode
 * counts as covered then, since that sub-transaction has the number that the last committed one begins with.
 */
static void what_is_logged_is_not_on_the_media(void **state)
{
	static const struct log_rules as_kernel = { .has = log_has_changes, .covers = log_covers_change };
	static const struct log_rules repaired = { .has = log_has_logged, .covers = log_covers_logged };

	for (unsigned i = 2; i < 4; i++) {
		const struct log_rules *rules = i == 2 ? &as_kernel : &repaired;
		struct list none;
		struct log_ctx ctx;
		struct handle h;
		struct file *f;
		struct fs *fs = fs_with_a_file(written_designs[i], &f);
		struct inode *inode = f->inode;
		test_write(f, 0, FS_BLOCK, 2);
		/* in the trees, in sub-transaction 0 of the numbers that a log of the kernel begins with */
		atomic_store(&inode->root->log.running_transid, i == 2 ? 0 : inode->root->log.transid);
		writeback_start_ordered(inode, 0, UINT64_MAX);
		ordered_wait_range(inode, 0, UINT64_MAX);
		list_init(&none);
		write_lock(&inode->lock);
		assert_int_equal(trans_start(fs, TRANS_START, &h), 0);
		assert_int_equal(log_inode_written(inode, &h, &ctx, rules, 0, UINT64_MAX, &none), 0);
		assert_int_equal(rules->has(inode, h.trans->id), i == 2);
		write_unlock(&inode->lock);
		assert_int_equal(log_sync(inode->root, &h, &ctx), 0);
		assert_true(rules->has(inode, h.trans->id));
		trans_end(&h);
		fs_close(f);
		test_end(fs, true);
	}
}

static void numbers_of_a_log_begin_again_or_go_on(void **state)
{
	for (unsigned i = 2; i < 4; i++) {
		struct file *f;
		struct fs *fs = fs_with_a_file(written_designs[i], &f);
		struct log *log = &f->inode->root->log;
		int64_t before = log->transid;
		for (unsigned n = 0; n < 3; n++) {
			test_write(f, 0, FS_BLOCK, 2 + n);
			assert_int_equal(fs_fsync(f), 0);
			/* the number that the next one will have */
			assert_int_equal(log->transid, i == 2 ? n + 1 : before + n + 1);
			assert_int_equal(log->last_commit, log->transid - 1);
		}
		assert_int_equal(fs_commit(fs), 0);
		test_write(f, 0, FS_BLOCK, 7);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(log->transid, i == 2 ? 1 : before + 4);
		fs_close(f);
		test_end(fs, true);
	}
}

/* The device fails a write: one fsync is told. Once the write is over the next one is not, and the old block is what a
 * crash finds. */
static void a_write_error_is_met_once(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct mount_options o = quiet(written_designs[i]);
		struct file *f;
		struct fs *fs = fs_with_a_file(written_designs[i], &f);
		struct watch w;
		watch_start(&w, fs->dev);
		w.fail[WATCH_DATA] = 1;
		test_write(f, 0, FS_BLOCK, 2);
		assert_int_equal(fs_fsync(f), -EIO);
		ordered_wait_range(f->inode, 0, UINT64_MAX); /* who waits for its completion is told, too */
		assert_int_equal(fs_fsync(f), 0);
		test_write(f, FS_BLOCK, FS_BLOCK, 3);
		assert_int_equal(fs_fsync(f), 0);
		fs->dev->faults = NULL;
		fs_close(f);
		fs = test_crash(fs, &o);
		f = test_open(fs_subvol(fs, 0), "a");
		assert_int_equal(test_read(f, 0, FS_BLOCK, 1), 0);
		assert_int_equal(test_read(f, FS_BLOCK, FS_BLOCK, 3), 0);
		fs_close(f);
		test_end(fs, true);
	}
}

/* The log tree fails to be written: each falls back to a commit of the transaction, which has everything. */
static void a_log_that_fails_is_a_commit(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct mount_options o = quiet(written_designs[i]);
		struct file *f;
		struct fs *fs = fs_with_a_file(written_designs[i], &f);
		uint64_t committed = fs->last_trans_committed;
		struct watch w;
		watch_start(&w, fs->dev);
		w.fail[WATCH_LOG] = 1;
		test_write(f, 0, FS_BLOCK, 2);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(fs->last_trans_committed, committed + 1);
		assert_null(fs->running);
		fs->dev->faults = NULL;
		fs_close(f);
		fs = test_crash(fs, &o);
		assert_false(fs->replayed);
		f = test_open(fs_subvol(fs, 0), "a");
		assert_int_equal(test_read(f, 0, FS_BLOCK, 2), 0);
		fs_close(f);
		test_end(fs, true);
	}
}

static void a_task_attaches_to_what_runs(void **state)
{
	struct file *f;
	struct fs *fs = fs_with_a_file("modern", &f);
	struct handle h;

	assert_null(fs->running);
	assert_int_equal(trans_attach_barrier(fs, &h), -ENOENT);
	assert_null(fs->running);
	assert_int_equal(trans_start(fs, TRANS_JOIN, &h), 0);
	trans_end(&h);
	uint64_t id = fs->running->id;
	assert_int_equal(trans_attach_barrier(fs, &h), 0);
	assert_int_equal(h.trans->id, id);
	assert_int_equal(trans_commit(&h), 0);
	assert_int_equal(fs->last_trans_committed, id);
	trans_abort(fs, -EIO);
	assert_int_equal(trans_attach_barrier(fs, &h), -EROFS);
	fs_close(f);
	test_end(fs, false);
}

static void pages_under_writeback_are_found(void **state)
{
	struct file *f;
	struct fs *fs = fs_with_a_file("modern", &f);
	struct inode *inode = f->inode;
	static const uint32_t at[] = { 1, 63, 64, 200 };

	assert_null(page_next_writing(inode, 0));
	for (unsigned i = 0; i < 4; i++) {
		struct page *p = page_get(inode, at[i]);
		page_lock(inode, p);
		page_start_writeback(inode, p);
		page_unlock(inode, p);
	}
	assert_int_equal(page_next_writing(inode, 0)->index, 1);
	assert_int_equal(page_next_writing(inode, 2)->index, 63);
	assert_int_equal(page_next_writing(inode, 64)->index, 64);
	page_end_writeback(inode, page_find(inode, 64));
	assert_int_equal(page_next_writing(inode, 64)->index, 200);
	page_end_writeback(inode, page_find(inode, 200));
	assert_null(page_next_writing(inode, 64));
	page_end_writeback(inode, page_find(inode, 1));
	page_end_writeback(inode, page_find(inode, 63));
	assert_null(page_next_writing(inode, 0));
	/* and once more: a mark that was taken away comes back */
	struct page *p = page_find(inode, 64);
	page_lock(inode, p);
	page_start_writeback(inode, p);
	page_unlock(inode, p);
	assert_ptr_equal(page_next_writing(inode, 0), p);
	page_end_writeback(inode, p);
	fs_close(f);
	test_end(fs, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fast_fsync_leaves_completion_to_the_transaction),
		cmocka_unit_test(what_is_logged_is_not_on_the_media),
		cmocka_unit_test(numbers_of_a_log_begin_again_or_go_on),
		cmocka_unit_test(a_write_error_is_met_once),
		cmocka_unit_test(a_log_that_fails_is_a_commit),
		cmocka_unit_test(a_task_attaches_to_what_runs),
		cmocka_unit_test(pages_under_writeback_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
