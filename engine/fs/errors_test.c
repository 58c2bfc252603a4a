/*
 * errors_test.c: what the device does wrong, and a full device: each error is told once to each open file, nothing
 * that is named is unwritten, and what is on the media is whole afterwards.
 */
#include "fs/log.h"
#include "fs/ordered.h"
#include "fs/test_fs.h"
#include "fs/trans.h"
#include "pick/test_run.h"

#define SIZE (4 * FS_BLOCK)

static const struct mount_options quiet = { .no_background = true };

struct rig {
	struct fs *fs;
	struct root *root;
	struct dev *dev;
	struct watch w;
};

/* File "a" of SIZE bytes by seed 1, committed; the watch counts from now on. */
static void rig_open(struct rig *r)
{
	r->dev = test_dev("ram:16m", &(struct mkfs_options){ .nodesize = 4096 });
	r->fs = test_mount(r->dev, &quiet);
	test_put(fs_subvol(r->fs, 0), "a", SIZE, 1);
	CHECK(fs_sync(r->fs) == 0);
	r->fs = test_crash(r->fs, &quiet);
	r->root = fs_subvol(r->fs, 0);
	watch_start(&r->w, r->dev);
}

static void rig_crash(struct rig *r)
{
	r->dev->faults = NULL;
	r->fs = test_crash(r->fs, &quiet);
	r->root = fs_subvol(r->fs, 0);
}

static bool whole(struct rig *r, uint64_t seed)
{
	return test_is(r->root, "a", SIZE, seed);
}

static void a_data_error_is_told_once_to_each_open_file(void **state)
{
	struct rig r;

	rig_open(&r);
	struct file *f = test_open(r.root, "a"), *g = test_open(r.root, "a");
	r.w.fail[WATCH_DATA] = 1;
	test_write(f, 0, SIZE, 2);
	assert_int_equal(fs_fsync(f), -EIO);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(fs_fdatasync(g), -EIO);
	assert_int_equal(fs_fsync(g), 0);
	struct file *h = test_open(r.root, "a"); /* opened after: none of its business */
	assert_int_equal(fs_fsync(h), 0);
	fs_close(f);
	fs_close(g);
	fs_close(h);
	rig_crash(&r);
	assert_true(whole(&r, 1)); /* nothing names what was not written */
	test_end(r.fs, true);
}

/* The same when the error comes before the fsync, from a flusher's pass: f13e01b89daf, b38ef71cb102. */
static void an_error_behind_the_callers_back_is_told_too(void **state)
{
	for (unsigned settled = 0; settled < 2; settled++) {
		struct rig r;
		rig_open(&r);
		struct file *f = test_open(r.root, "a");
		r.w.fail[WATCH_DATA] = 1;
		test_write(f, 0, SIZE, 2);
		assert_int_equal(fs_flush_pass(f), 0);
		assert_int_equal(fs_sync_range(f, 0, SIZE, true), 0);
		if (settled)
			ordered_wait_range(f->inode, 0, UINT64_MAX);
		assert_int_equal(fs_fsync(f), -EIO);
		test_write(f, FS_BLOCK, FS_BLOCK, 3);
		assert_int_equal(fs_fsync(f), 0);
		fs_close(f);
		rig_crash(&r);
		f = test_open(r.root, "a");
		assert_int_equal(test_read(f, 0, FS_BLOCK, 1), 0);
		assert_int_equal(test_read(f, FS_BLOCK, FS_BLOCK, 3), 0);
		assert_int_equal(test_read(f, 2 * FS_BLOCK, 2 * FS_BLOCK, 1), 0);
		fs_close(f);
		test_end(r.fs, true);
	}
}

/* The zeros behind a new end are not on the disk: the file keeps its size, though an fsync may take the error, too. */
static void a_truncation_whose_zeros_are_not_written_fails(void **state)
{
	for (unsigned inside = 0; inside < 2; inside++) {
		struct rig r;
		rig_open(&r);
		struct file *f = test_open(r.root, "a");
		if (!inside) /* the block that fails is cut off: nobody misses it */
			test_write(f, SIZE - FS_BLOCK, FS_BLOCK, 2);
		r.w.fail[WATCH_DATA] = 1;
		assert_int_equal(fs_truncate(f, inside ? 512 : FS_BLOCK), inside ? -EIO : 0);
		assert_int_equal(fs_size(f), inside ? SIZE : FS_BLOCK);
		assert_int_equal(fs_fsync(f), -EIO);
		assert_int_equal(fs_truncate(f, 512), 0);
		assert_int_equal(fs_truncate(f, FS_BLOCK), 0);
		assert_int_equal(fs_fsync(f), 0);
		fs_close(f);
		rig_crash(&r);
		f = test_open(r.root, "a");
		assert_int_equal(fs_size(f), FS_BLOCK);
		assert_int_equal(test_read(f, 0, 512, 1), 0);
		assert_int_equal(test_read_zeros(f, 512, FS_BLOCK - 512), 0);
		fs_close(f);
		test_end(r.fs, true);
	}
}

/* Of the error of a write that was before it, and of one of its own; once. */
static void a_sync_tells_of_each_data_error_once(void **state)
{
	for (unsigned before = 0; before < 2; before++) {
		struct rig r;
		rig_open(&r);
		struct file *f = test_open(r.root, "a");
		r.w.fail[WATCH_DATA] = 1;
		test_write(f, 0, SIZE, 2);
		if (before) {
			assert_int_equal(fs_flush_pass(f), 0);
			ordered_wait_range(f->inode, 0, UINT64_MAX);
			assert_int_equal(fs_fsync(f), -EIO); /* that an open file was told is another matter */
		}
		assert_int_equal(fs_sync(r.fs), -EIO);
		assert_int_equal(fs_sync(r.fs), 0);
		fs_close(f);
		rig_crash(&r);
		assert_true(whole(&r, 1));
		test_end(r.fs, true);
	}
}

static void a_log_block_that_cannot_be_written_costs_a_commit(void **state)
{
	for (uint32_t skip = 0; skip < 4; skip++) {
		struct rig r;
		struct fs_info info;
		rig_open(&r);
		struct file *f = test_open(r.root, "a");
		r.w.skip[WATCH_LOG] = skip;
		r.w.fail[WATCH_LOG] = 1;
		test_write(f, 0, SIZE, 2);
		assert_int_equal(fs_fsync(f), 0);
		fs_info(r.fs, &info);
		assert_int_equal(info.error, 0);
		assert_int_equal(r.w.seen[WATCH_SUPER], 2); /* a commit's, no log's */
		watch_reset(&r.w);
		r.w.fail[WATCH_LOG] = 0;
		test_write(f, 0, SIZE, 3);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(r.w.seen[WATCH_SUPER], 1); /* logged again */
		fs_close(f);
		rig_crash(&r);
		assert_true(whole(&r, 3));
		test_end(r.fs, true);
	}
}

/* The nth write of this kind fails during a commit: the file system stops, and what was committed before is whole. */
static void commit_fails(enum watch_kind kind, uint32_t nth, bool may_be_new)
{
	struct rig r;
	struct file *f, *other;

	rig_open(&r);
	f = test_open(r.root, "a");
	test_write(f, 0, SIZE, 2);
	r.w.skip[kind] = nth;
	r.w.fail[kind] = 1;
	assert_int_equal(fs_sync(r.fs), -EIO);
	assert_int_equal(fs_create(r.root, "b", &other), -EROFS);
	assert_int_equal(fs_write(f, 0, "x", 1), -EROFS);
	assert_int_equal(fs_truncate(f, 10), -EROFS);
	assert_int_equal(fs_unlink(r.root, "a"), -EROFS);
	assert_true(fs_fsync(f) < 0);
	assert_true(fs_sync(r.fs) < 0);
	assert_true(test_is(r.root, "a", SIZE, 2)); /* reading goes on */
	fs_close(f);
	rig_crash(&r);
	assert_true(whole(&r, 1) || (may_be_new && whole(&r, 2)));
	test_put(r.root, "a", SIZE, 4);
	assert_int_equal(fs_sync(r.fs), 0);
	rig_crash(&r);
	assert_true(whole(&r, 4));
	test_end(r.fs, true);
}

static void a_tree_block_that_cannot_be_written_stops_the_file_system(void **state)
{
	for (uint32_t nth = 0; nth < 6; nth++)
		commit_fails(WATCH_TREE, nth, false);
}

static void a_super_block_that_cannot_be_written_stops_the_file_system(void **state)
{
	commit_fails(WATCH_SUPER, 0, false);
	commit_fails(WATCH_SUPER, 1, true); /* the first copy is there */
}

static void a_flush_that_fails_stops_the_file_system(void **state)
{
	commit_fails(WATCH_FLUSH, 0, false);
}

/* What a failed flush or super write of a log has lost, nobody can tell: kernel: btrfs_sync_log() aborts, too. */
static void a_failed_log_super_is_never_a_success(void **state)
{
	static const enum watch_kind kinds[] = { WATCH_FLUSH, WATCH_SUPER };

	for (unsigned i = 0; i < 2; i++) {
		struct rig r;
		rig_open(&r);
		struct file *f = test_open(r.root, "a");
		test_write(f, 0, SIZE, 2);
		r.w.fail[kinds[i]] = 1;
		assert_true(fs_fsync(f) < 0);
		assert_true(fs_fsync(f) < 0);
		fs_close(f);
		rig_crash(&r);
		assert_true(whole(&r, 1));
		test_end(r.fs, true);
	}
}

static void an_error_of_the_device_reaches_who_reads(void **state)
{
	struct rig r;

	rig_open(&r);
	struct file *f = test_open(r.root, "a");
	r.w.fail[WATCH_READ] = 1;
	assert_int_equal(test_read(f, 0, FS_BLOCK, 1), -EIO);
	assert_int_equal(test_read(f, 0, FS_BLOCK, 1), 0); /* asked again, the device has it */
	fs_close(f);
	test_end(r.fs, true);
}

/* ---- joiners of a commit whose data fails, under the controlled scheduler ---- */

struct crowd {
	struct rig r;
	_Atomic uint32_t next, failed;
};

static void writer(void *arg)
{
	struct crowd *c = arg;
	char name[16];

	snprintf(name, sizeof(name), "j%u", atomic_fetch_add(&c->next, 1));
	struct file *f = test_open(c->r.root, name);
	test_write(f, 0, SIZE, 2);
	int ret = fs_fsync(f);
	CHECK(ret == 0 || ret == -EIO);
	atomic_fetch_add(&c->failed, ret != 0);
	fs_close(f);
}

static void crowd_main(void *arg)
{
	struct crowd *c = arg;
	struct rig *r = &c->r;
	char name[16];
	unsigned old = 0;

	rig_open(r);
	r->dev->async = true;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "j%u", i);
		test_put(r->root, name, SIZE, 1);
	}
	CHECK(fs_sync(r->fs) == 0);
	watch_reset(&r->w);
	r->w.skip[WATCH_DATA] = 1;
	r->w.fail[WATCH_DATA] = 1;
	run_tasks(4, writer, c);
	CHECK(c->failed == 1); /* its own fsync, and no other */
	rig_crash(r);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "j%u", i);
		bool is_old = test_is(r->root, name, SIZE, 1);
		CHECK(is_old || test_is(r->root, name, SIZE, 2));
		old += is_old;
	}
	CHECK(old == 1);
	test_end(r->fs, false);
}

static void who_joined_a_commit_whose_data_failed_is_safe(void **state)
{
	struct crowd c;

	skip_under_tsan();
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const char *err = NULL;
		struct coop_config cfg = { .picker = &pick_random, .seed = seed,
					   .picker_state = pick_random.create("", &err) };
		struct coop_result res;
		memset(&c, 0, sizeof(c));
		coop_run(&cfg, crowd_main, &c, &res);
		pick_random.destroy(cfg.picker_state);
		assert_int_equal(res.end, COOP_FINISHED);
	}
}

/* ---- a full device ---- */

static void data_that_finds_no_space_is_an_error_of_fsync(void **state)
{
	static uint8_t big[1 << 20];
	struct rig r;
	struct fs_info before, after;
	uint64_t off = 0;
	int ret = 0;

	rig_open(&r);
	fs_info(r.fs, &before);
	struct file *f = test_open(r.root, "full");
	for (; !ret && off < 32u << 20; off += sizeof(big)) {
		assert_int_equal(fs_write(f, off, big, sizeof(big)), sizeof(big));
		ret = fs_fsync(f);
	}
	assert_int_equal(ret, -ENOSPC);
	fs_info(r.fs, &after);
	assert_int_equal(after.error, 0);
	assert_true(whole(&r, 1));
	/* and is there again when the file goes */
	fs_close(f);
	assert_int_equal(fs_unlink(r.root, "full"), 0);
	assert_int_equal(fs_sync(r.fs), -ENOSPC); /* syncs of the file system are told, too */
	assert_int_equal(fs_sync(r.fs), 0);
	fs_info(r.fs, &after);
	assert_int_equal(after.data_free, before.data_free);
	test_put(r.root, "b", SIZE, 5);
	assert_int_equal(fs_sync(r.fs), 0);
	rig_crash(&r);
	assert_true(whole(&r, 1) && test_is(r.root, "b", SIZE, 5));
	test_end(r.fs, true);
}

static void metadata_that_finds_no_space_is_an_error_and_no_damage(void **state)
{
	struct dev *dev = test_dev("ram:1m", &(struct mkfs_options){ .nodesize = 4096, .single = true });
	struct fs *fs = test_mount(dev, &quiet);
	struct file *f;
	char name[FS_NAME_MAX];
	unsigned made = 0, found = 0;
	int ret = 0;

	while (!ret && made < 5000) {
		snprintf(name, sizeof(name), "a-file-with-a-long-name-%u", made);
		ret = fs_create(fs_subvol(fs, 0), name, &f);
		if (ret)
			break;
		fs_close(f);
		if (++made % 50 == 0)
			ret = fs_commit(fs);
	}
	assert_true(ret == -ENOSPC || ret == -EROFS);
	assert_true(made > 50);
	fs = test_crash(fs, &quiet);
	for (unsigned i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "a-file-with-a-long-name-%u", i);
		found += test_exists(fs_subvol(fs, 0), name);
	}
	assert_true(found >= made / 50 * 50 - 50);
	test_end(fs, false);
}

static void many_short_lives_leave_nothing(void **state)
{
	struct dev *dev = test_dev("ram:4m", &(struct mkfs_options){ .nodesize = 4096 });

	for (unsigned i = 0; i < 100; i++) {
		struct mount_options o = { .no_background = i % 2, .compress = i % 3 == 0, .read_only = i % 5 == 4 };
		struct fs *fs = test_mount(dev, &o);
		if (!o.read_only)
			test_put(fs_subvol(fs, 0), "a", 10000, i);
		if (i % 7 == 3)
			fs_abandon(fs);
		else
			assert_int_equal(fs_unmount(fs), 0);
	}
	dev_close(dev);
}

/* A judge's mount writes nothing, whatever is asked of it. */
static void a_read_only_mount_writes_nothing(void **state)
{
	struct mount_options ro = { .read_only = true };
	struct rig r;
	struct file *f, *g;

	rig_open(&r);
	f = test_open(r.root, "a");
	test_write(f, 0, SIZE, 2);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_abandon(r.fs);
	watch_reset(&r.w);
	r.fs = test_mount(r.dev, &ro);
	r.root = fs_subvol(r.fs, 0);
	assert_true(whole(&r, 2));
	f = test_open(r.root, "a");
	assert_int_equal(fs_create(r.root, "b", &g), -EROFS);
	assert_int_equal(fs_unlink(r.root, "a"), -EROFS);
	assert_int_equal(fs_truncate(f, 5), -EROFS);
	assert_int_equal(fs_write(f, 0, "x", 1), -EROFS);
	fs_fsync(f);
	fs_sync(r.fs);
	fs_commit(r.fs);
	assert_true(whole(&r, 2));
	fs_close(f);
	assert_int_equal(fs_unmount(r.fs), 0);
	assert_int_equal(watch_writes(&r.w) + r.w.seen[WATCH_FLUSH], 0);
	dev_close(r.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_data_error_is_told_once_to_each_open_file),
		cmocka_unit_test(an_error_behind_the_callers_back_is_told_too),
		cmocka_unit_test(a_truncation_whose_zeros_are_not_written_fails),
		cmocka_unit_test(a_sync_tells_of_each_data_error_once),
		cmocka_unit_test(a_log_block_that_cannot_be_written_costs_a_commit),
		cmocka_unit_test(a_tree_block_that_cannot_be_written_stops_the_file_system),
		cmocka_unit_test(a_super_block_that_cannot_be_written_stops_the_file_system),
		cmocka_unit_test(a_flush_that_fails_stops_the_file_system),
		cmocka_unit_test(a_failed_log_super_is_never_a_success),
		cmocka_unit_test(an_error_of_the_device_reaches_who_reads),
		cmocka_unit_test(who_joined_a_commit_whose_data_failed_is_safe),
		cmocka_unit_test(data_that_finds_no_space_is_an_error_of_fsync),
		cmocka_unit_test(metadata_that_finds_no_space_is_an_error_and_no_damage),
		cmocka_unit_test(many_short_lives_leave_nothing),
		cmocka_unit_test(a_read_only_mount_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
