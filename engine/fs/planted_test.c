/*
 * planted_test.c: what the nets are for. A lock taken out of order, a flush that lies, a checksum that is gone: each is
 * planted, and each is caught.
 */
#include "dev/powercut.h"
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/ordered.h"
#include "fs/test_fs.h"
#include "fs/trans.h"
#include "rt/test_abort.h"

static const struct mount_options quiet = { .no_background = true };
static const struct mount_options judge = { .read_only = true };

/* ---- a lock out of order ---- */

static void inode_lock_under_the_log_mutex(void)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = test_open(fs_subvol(fs, 0), "a");

	mutex_lock(&f->inode->root->log.mutex);
	write_lock(&f->inode->lock);
}

static void fsync_inside_a_handle(void)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct handle h;

	CHECK(trans_start(fs, TRANS_JOIN, &h) == 0);
	fs_fsync(f);
}

/* bf7ba8ee759b: data may be waited for only with no handle open. */
static void data_waited_for_inside_a_handle(void)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct handle h;

	CHECK(trans_start(fs, TRANS_START, &h) == 0);
	ordered_wait_range(f->inode, 0, UINT64_MAX);
}

static void a_lock_out_of_order_stops_the_program(void **state)
{
	assert_true(aborts_with(inode_lock_under_the_log_mutex, lock_info[L_LOG].name));
	assert_true(aborts_with(inode_lock_under_the_log_mutex, lock_info[L_INODE].name));
	assert_true(aborts_with(fsync_inside_a_handle, lock_info[L_TRANS_WRITERS].name));
	assert_true(aborts_with(data_waited_for_inside_a_handle, lock_info[L_ORDERED].name));
}

/* ---- a flush that lies ---- */

/* Whether the file reads as of `seed` when the power goes now, and nothing is kept that need not be. */
static bool survives_the_worst_cut(struct dev *dev, uint32_t pos, const char *name, uint64_t seed)
{
	static const uint64_t none[1024];
	struct dev *image;
	struct epoch e;
	struct fs *fs;
	struct why why;

	powercut_epoch_at(dev, pos, &e);
	CHECK(e.npending <= sizeof(none) * 8);
	struct cut c = { .pos = pos, .pending = e.pending, .npending = e.npending, .keep = none };
	CHECK(powercut_image(dev, &c, &image) == 0);
	bool is = false;
	if (!fs_mount(image, &judge, &fs, &why)) {
		is = test_is(fs_subvol(fs, 0), name, 4 * FS_BLOCK, seed);
		fs_abandon(fs);
	}
	dev_close(image);
	return is;
}

static void a_flush_that_lies_is_seen(void **state)
{
	for (unsigned lies = 0; lies < 2; lies++) {
		for (unsigned commit = 0; commit < 2; commit++) {
			struct dev *dev = test_dev("ram:8m", &(struct mkfs_options){ .nodesize = 4096 });
			struct dev_faults faults = { .lying_flush = lies };
			struct fs *fs = test_mount(dev, &quiet);
			test_put(fs_subvol(fs, 0), "a", 4 * FS_BLOCK, 1);
			assert_int_equal(fs_sync(fs), 0);
			fs = test_crash(fs, &quiet);
			powercut_start(dev);
			dev->faults = &faults;
			struct file *f = test_open(fs_subvol(fs, 0), "a");
			test_write(f, 0, 4 * FS_BLOCK, 2);
			assert_int_equal(commit ? fs_sync(fs) : fs_fsync(f), 0);
			assert_int_equal(survives_the_worst_cut(dev, powercut_position(dev), "a", 2), !lies);
			fs_close(f);
			fs_abandon(fs);
			powercut_stop(dev);
			dev_close(dev);
		}
	}
}

/* ---- a checksum that is gone ---- */

static void data_without_its_checksum_is_never_read(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:8m", &(struct mkfs_options){ 0 }), &quiet);
	struct handle h;
	struct extent e;

	test_put(fs_subvol(fs, 0), "a", 4 * FS_BLOCK, 1);
	assert_int_equal(fs_sync(fs), 0);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(extent_at(&f->inode->root->tree, fs_ino(f), 0, &e), 0);
	fs_close(f);
	assert_int_equal(trans_start(fs, TRANS_JOIN, &h), 0);
	assert_int_equal(csum_delete(&fs->csum_tree, h.trans->id, e.item.disk_bytenr + FS_BLOCK, 1), 0);
	trans_end(&h);
	assert_int_equal(fs_commit(fs), 0);
	fs = test_crash(fs, &quiet);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 0, FS_BLOCK, 1), 0);
	assert_int_equal(test_read(f, FS_BLOCK, FS_BLOCK, 1), -EIO);
	assert_int_equal(test_read(f, 2 * FS_BLOCK, 2 * FS_BLOCK, 1), 0);
	fs_close(f);
	test_end(fs, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_out_of_order_stops_the_program),
		cmocka_unit_test(a_flush_that_lies_is_seen),
		cmocka_unit_test(data_without_its_checksum_is_never_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
