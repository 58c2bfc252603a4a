/*
 * replay_test.c: what a mount makes of a log: sizes, holes, names, compressed and inline extents, several subvolumes;
 * the same again when the power goes during the replay; and space that is accounted as if it had never been replayed.
 */
#include "dev/powercut.h"
#include "fs/test_fs.h"

struct rig {
	struct fs *fs;
	struct root *root;
	struct mount_options o;
};

static void rig_open(struct rig *r, bool compress, uint32_t inline_max, uint32_t subvols)
{
	struct mkfs_options mk = { .nodesize = 4096, .subvols = subvols };

	*r = (struct rig){ .o = { .no_background = true, .compress = compress, .inline_max = inline_max } };
	r->fs = test_mount(test_dev("ram:8m", &mk), &r->o);
	r->root = fs_subvol(r->fs, 0);
}

static int count_sums(void *arg, const struct key *k, const void *data, uint32_t len)
{
	*(uint64_t *)arg += len / 4;
	return 0;
}

/* As many checksums as blocks in use: none lost, and none left behind of what the replay took away. */
static void expect_sums_of_data(struct fs *fs)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	struct alloc_space s = alloc_space(fs->alloc, ALLOC_DATA);
	uint64_t n = 0;

	assert_int_equal(tree_scan(&fs->csum_tree, &from, &to, 0, count_sums, &n), 0);
	assert_int_equal(n * FS_BLOCK, s.total - s.free - s.pinned);
}

/* Free space now is what a mount that finds no log makes of the same trees. */
static void expect_fresh_account(struct rig *r)
{
	struct fs_info now, fresh;
	struct dev *dev = r->fs->dev;

	fs_info(r->fs, &now);
	assert_int_equal(fs_unmount(r->fs), 0);
	r->fs = test_mount(dev, &r->o);
	r->root = fs_subvol(r->fs, 0);
	fs_info(r->fs, &fresh);
	assert_false(fresh.replayed);
	expect_sums_of_data(r->fs);
	assert_int_equal(now.data_free + now.data_pinned, fresh.data_free + fresh.data_pinned);
}

static void rig_crash(struct rig *r)
{
	struct fs_info info;

	r->fs = test_crash(r->fs, &r->o);
	r->root = fs_subvol(r->fs, 0);
	fs_info(r->fs, &info);
	assert_true(info.replayed);
}

/* Commits, and begins again: inodes that nothing has happened to yet. */
static void rig_commit(struct rig *r)
{
	assert_int_equal(fs_sync(r->fs), 0);
	r->fs = test_crash(r->fs, &r->o);
	r->root = fs_subvol(r->fs, 0);
}

/* Random work on one file, all fsynced, against a plain array; then a crash. Many times over the same file. */
static void fsync_then_crash(struct rig *r, struct rng *rng, uint8_t *want, uint64_t *size, uint32_t max)
{
	struct file *f = test_open(r->root, "a");
	unsigned n = 1 + (unsigned)rng_below(rng, 6);

	for (unsigned i = 0; i < n; i++) {
		uint64_t off = rng_below(rng, max);
		uint32_t len = 1 + (uint32_t)rng_below(rng, max - off);
		if (rng_below(rng, 3)) {
			uint64_t seed = rng_next(rng) >> 40;
			len = rng_below(rng, 2) && len > 5000 ? 5000 : len;
			test_fill(want + off, off, len, seed);
			test_write(f, off, len, seed);
			*size = off + len > *size ? off + len : *size;
		} else {
			assert_int_equal(fs_truncate(f, off), 0);
			memset(want + off, 0, max - off);
			*size = off;
		}
		if (rng_below(rng, 3) == 0)
			assert_int_equal(fs_fsync(f), 0);
		if (rng_below(rng, 5) == 0)
			assert_int_equal(fs_commit(r->fs), 0);
	}
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	r->fs = test_crash(r->fs, &r->o);
	r->root = fs_subvol(r->fs, 0);
}

static void expect_content(struct rig *r, const uint8_t *want, uint64_t size)
{
	struct file *f = test_open(r->root, "a");
	uint8_t *got = malloc(size + 1);

	assert_int_equal(fs_size(f), size);
	assert_int_equal(fs_read(f, 0, got, (uint32_t)size), size);
	assert_memory_equal(got, want, size);
	fs_close(f);
	free(got);
}

static void what_was_synced_is_there_byte_by_byte(void **state)
{
	static uint8_t want[200000];

	for (uint64_t seed = 0; seed < 24; seed++) {
		struct rig r;
		struct rng rng;
		uint64_t size = 0;
		memset(want, 0, sizeof(want));
		rng_seed(&rng, seed);
		rig_open(&r, seed % 2, seed % 4 < 2 ? 2048 : 0, 1);
		for (unsigned round = 0; round < 8; round++) {
			fsync_then_crash(&r, &rng, want, &size, seed % 3 ? sizeof(want) : 6000);
			expect_content(&r, want, size);
			if (round % 4 == 3)
				expect_fresh_account(&r);
		}
		expect_content(&r, want, size);
		assert_int_equal(fs_unlink(r.root, "a"), 0);
		expect_fresh_account(&r);
		struct fs_info info;
		fs_info(r.fs, &info);
		assert_int_equal(info.data_free, alloc_space(r.fs->alloc, ALLOC_DATA).total); /* nothing leaked */
		test_end(r.fs, true);
	}
}

static void what_was_cut_off_stays_cut_off(void **state)
{
	struct rig r;

	rig_open(&r, false, 0, 1);
	test_put(r.root, "a", 65536, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	assert_int_equal(fs_truncate(f, 10000), 0);
	assert_int_equal(fs_truncate(f, 65536), 0);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(fs_size(f), 65536);
	assert_int_equal(test_read(f, 0, 10000, 1), 0);
	assert_int_equal(test_read_zeros(f, 10000, 55536), 0);
	fs_close(f);
	expect_fresh_account(&r);
	test_end(r.fs, true);
}

static void a_part_of_a_compressed_extent_is_replaced(void **state)
{
	struct rig r;

	rig_open(&r, true, 0, 1);
	test_put(r.root, "a", 131072, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	test_write(f, 40960, 20000, 2);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(test_read(f, 0, 40960, 1), 0);
	assert_int_equal(test_read(f, 40960, 20000, 2), 0);
	assert_int_equal(test_read(f, 60960, 131072 - 60960, 1), 0);
	fs_close(f);
	expect_fresh_account(&r);
	test_end(r.fs, true);
}

static void an_inline_file_grows(void **state)
{
	struct rig r;

	rig_open(&r, false, 2048, 1);
	test_put(r.root, "a", 900, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	test_write(f, 900, 9000, 1);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "a", 9900, 1));
	expect_fresh_account(&r);
	test_end(r.fs, true);
}

static void new_files_of_several_subvolumes_come_back_with_their_names(void **state)
{
	struct rig r;
	char name[16];

	rig_open(&r, false, 2048, 3);
	for (uint32_t s = 0; s < 3; s++) {
		for (uint32_t i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "f%u", i);
			struct file *f = test_open(fs_subvol(r.fs, s), name);
			test_write(f, 0, 100 + 700 * i, s + i);
			if (i % 3 == s)
				assert_int_equal(fs_fsync(f), 0);
			fs_close(f);
		}
	}
	rig_crash(&r);
	for (uint32_t s = 0; s < 3; s++) {
		for (uint32_t i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "f%u", i);
			assert_int_equal(test_is(fs_subvol(r.fs, s), name, 100 + 700 * i, s + i), i % 3 == s);
			assert_int_equal(test_exists(fs_subvol(r.fs, s), name), i % 3 == s);
		}
		/* inode numbers go on behind those that came back */
		test_put(fs_subvol(r.fs, s), "new", 5000, 99);
		assert_true(test_is(fs_subvol(r.fs, s), "f18", 100 + 700 * 18, s + 18) == (s == 0));
	}
	assert_int_equal(fs_sync(r.fs), 0);
	expect_fresh_account(&r);
	test_end(r.fs, true);
}

static void a_file_unlinked_while_open_goes_at_the_next_mount(void **state)
{
	struct rig r;
	struct fs_info before, after;

	rig_open(&r, false, 0, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	fs_info(r.fs, &before);
	test_put(r.root, "a", 100000, 1);
	struct file *f = test_open(r.root, "a");
	assert_int_equal(fs_unlink(r.root, "a"), 0);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(test_read(f, 0, 100000, 1), 0); /* still there for a task that has it open */
	fs_info(r.fs, &after);
	assert_true(after.data_free <= before.data_free - 100000);
	fs_close(f);
	r.fs = test_crash(r.fs, &r.o); /* before the deletion is committed */
	assert_int_equal(fs_sync(r.fs), 0);
	fs_info(r.fs, &after);
	assert_int_equal(after.data_free, before.data_free);
	assert_false(test_exists(fs_subvol(r.fs, 0), "a"));
	test_end(r.fs, true);
}

/* ---- the power goes during the replay ---- */

struct judge {
	struct dev *dev;
	const struct mount_options *o;
	unsigned images;
};

static int judge_cut(void *arg, const struct cut *c)
{
	struct judge *j = arg;
	struct mount_options ro = *j->o;
	struct dev *image;

	ro.read_only = j->images++ % 2;
	assert_int_equal(powercut_image(j->dev, c, &image), 0);
	struct fs *fs = test_mount(image, &ro);
	assert_true(test_is(fs_subvol(fs, 0), "a", 70000, 2));
	assert_true(test_is(fs_subvol(fs, 1), "b", 9000, 3));
	assert_true(test_is(fs_subvol(fs, 0), "tiny", 300, 4));
	fs_abandon(fs);
	dev_close(image);
	return 0;
}

static int judge_epoch(void *arg, const struct epoch *e)
{
	struct judge *j = arg;
	struct cut_budget budget = { .all_up_to = 6, .sampled = 12, .tears = true, .seed = e->pos };

	return powercut_cuts(j->dev, e, &budget, judge_cut, j);
}

static void a_replay_that_is_cut_short_is_replayed_again(void **state)
{
	struct rig r;

	rig_open(&r, false, 2048, 2);
	test_put(r.root, "a", 70000, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a"), *g = test_open(fs_subvol(r.fs, 1), "b");
	struct file *t = test_open(r.root, "tiny");
	test_write(f, 0, 70000, 2);
	test_write(g, 0, 9000, 3);
	test_write(t, 0, 300, 4);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(fs_fsync(g), 0);
	assert_int_equal(fs_fsync(t), 0);
	fs_close(f);
	fs_close(g);
	fs_close(t);
	struct judge j = { .dev = r.fs->dev, .o = &r.o };
	fs_abandon(r.fs);
	powercut_start(j.dev);
	r.fs = test_mount(j.dev, &r.o);
	assert_int_equal(powercut_epochs(j.dev, judge_epoch, &j), 0);
	assert_true(j.images > 10);
	powercut_stop(j.dev);
	r.root = fs_subvol(r.fs, 0);
	expect_fresh_account(&r);
	test_end(r.fs, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_synced_is_there_byte_by_byte),
		cmocka_unit_test(what_was_cut_off_stays_cut_off),
		cmocka_unit_test(a_part_of_a_compressed_extent_is_replaced),
		cmocka_unit_test(an_inline_file_grows),
		cmocka_unit_test(new_files_of_several_subvolumes_come_back_with_their_names),
		cmocka_unit_test(a_file_unlinked_while_open_goes_at_the_next_mount),
		cmocka_unit_test(a_replay_that_is_cut_short_is_replayed_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
