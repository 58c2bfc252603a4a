/*
 * direct_test.c: direct writes as a reader of the file sees them: beside buffered writes, longer files, blocks that
 * cannot be written so, no space, a failing device; and many at once on threads. What a crash leaves of them is judged
 * in oracle/ops_test.c.
 */
#include "fs/ordered.h"
#include "fs/test_fs.h"

static const struct mount_options quiet = { .no_background = true };

struct rig {
	struct fs *fs;
	struct root *root;
	struct file *f;
	struct watch watch;
};

/* File "a" of `blocks` blocks of seed 1, in the trees. */
static void rig_open(struct rig *r, const struct mount_options *o, uint32_t blocks)
{
	struct dev *dev = test_dev("ram:16m", &(struct mkfs_options){ .nodesize = 4096, .single = true });

	r->fs = test_mount(dev, o);
	r->root = fs_subvol(r->fs, 0);
	if (blocks)
		test_put(r->root, "a", blocks * FS_BLOCK, 1);
	CHECK(fs_sync(r->fs) == 0);
	r->f = test_open(r->root, "a");
	watch_start(&r->watch, dev);
}

static void rig_close(struct rig *r)
{
	fs_close(r->f);
	test_end(r->fs, true);
}

/* `shift`: how far the memory is from a place that the device likes. */
static int write_direct(struct file *f, uint64_t off, uint32_t len, uint64_t seed, unsigned shift)
{
	uint8_t *buf = aligned_alloc(4096, (len + 4096u + 4095u) / 4096u * 4096u);

	test_fill(buf + shift, off, len, seed);
	int ret = fs_write_direct(f, off, buf + shift, len);
	free(buf);
	return ret;
}

static void must_write(struct file *f, uint64_t off, uint32_t len, uint64_t seed)
{
	assert_int_equal(write_direct(f, off, len, seed, 0), (int)len);
}

static void what_is_written_is_read(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, 4);
	assert_int_equal(test_read(r.f, 0, 4 * FS_BLOCK, 1), 0); /* now all of it is in the cache */
	must_write(r.f, FS_BLOCK, 2 * FS_BLOCK, 2);
	assert_true(r.watch.seen[WATCH_DATA] == 1);
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK, 2 * FS_BLOCK, 2), 0);
	assert_int_equal(test_read(r.f, 3 * FS_BLOCK, FS_BLOCK, 1), 0);
	assert_int_equal(write_direct(r.f, 0, FS_BLOCK, 3, 512), (int)FS_BLOCK); /* from a copy */
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 3), 0);
	assert_int_equal(fs_fsync(r.f), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 3), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK, 2 * FS_BLOCK, 2), 0);
	rig_close(&r);
}

static void dirty_pages_are_older_and_later_ones_newer(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, 2);
	test_write(r.f, 0, 2 * FS_BLOCK, 2);
	must_write(r.f, 0, FS_BLOCK, 3);
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 3), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	test_write(r.f, 100, 50, 4);
	assert_int_equal(test_read(r.f, 100, 50, 4), 0);
	assert_int_equal(test_read(r.f, 0, 100, 3), 0);
	assert_int_equal(fs_sync(r.fs), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, 0, 100, 3), 0);
	assert_int_equal(test_read(r.f, 100, 50, 4), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	rig_close(&r);
}

static void a_file_becomes_longer(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, 1);
	must_write(r.f, FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(fs_size(r.f), 2 * FS_BLOCK);
	must_write(r.f, 5 * FS_BLOCK, FS_BLOCK, 3); /* and skips some */
	assert_int_equal(fs_size(r.f), 6 * FS_BLOCK);
	assert_int_equal(fs_fsync(r.f), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(fs_size(r.f), 6 * FS_BLOCK);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(test_read_zeros(r.f, 2 * FS_BLOCK, 3 * FS_BLOCK), 0);
	assert_int_equal(test_read(r.f, 5 * FS_BLOCK, FS_BLOCK, 3), 0);
	rig_close(&r);
}

/* A direct write goes past a block that is dirty and stays so; a commit, and a crash. The file ends before both then,
 * and what was written directly lies in the trees, beyond the end. It is nothing that the file may show when it becomes
 * longer, in whatever way. */
static void nothing_comes_back_when_a_file_becomes_longer(void **state)
{
	for (int way = 0; way < 4; way++) {
		struct rig r;

		rig_open(&r, &quiet, 1);
		test_write(r.f, FS_BLOCK, FS_BLOCK, 2);
		must_write(r.f, 2 * FS_BLOCK, 3 * FS_BLOCK, 3);
		ordered_wait_range(r.f->inode, 2 * FS_BLOCK, 5 * FS_BLOCK); /* now it is in the trees */
		assert_int_equal(fs_commit(r.fs), 0);
		fs_close(r.f);
		r.fs = test_crash(r.fs, &quiet);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		assert_int_equal(fs_size(r.f), FS_BLOCK);
		uint64_t end = 4 * FS_BLOCK + 100;
		if (way == 0)
			assert_int_equal(fs_truncate(r.f, end), 0);
		else if (way == 1)
			assert_int_equal(fs_fallocate(r.f, 3 * FS_BLOCK, FS_BLOCK + 100, false), 0);
		else if (way == 2)
			test_write(r.f, end, 100, 4);
		else
			must_write(r.f, end = 4 * FS_BLOCK, FS_BLOCK, 4);
		uint32_t zeros = (uint32_t)end - FS_BLOCK;
		assert_int_equal(test_read_zeros(r.f, FS_BLOCK, zeros), 0);
		assert_int_equal(fs_fsync(r.f), 0);
		fs_close(r.f);
		r.fs = test_crash(r.fs, &quiet);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		assert_true(fs_size(r.f) >= end);
		assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
		assert_int_equal(test_read_zeros(r.f, FS_BLOCK, zeros), 0);
		rig_close(&r);
	}
}

/* A block that is written in place reaches further than the file did, and the power goes before the file's size does.
 * The same, with what is behind the end within the last block. */
static void nothing_comes_back_in_the_last_block(void **state)
{
	for (int way = 0; way < 5; way++) {
		struct rig r;

		rig_open(&r, &quiet, 0);
		assert_int_equal(fs_set_flags(r.f, FS_NODATACOW), 0);
		test_write(r.f, 0, 512, 1);
		assert_int_equal(fs_sync(r.fs), 0);
		must_write(r.f, 0, FS_BLOCK, 2);
		fs_close(r.f);
		r.fs = test_crash(r.fs, &quiet);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		assert_int_equal(fs_size(r.f), 512);
		uint64_t end = 2 * FS_BLOCK;
		if (way == 0)
			assert_int_equal(fs_truncate(r.f, end = 1000), 0); /* in the same block */
		else if (way == 1)
			assert_int_equal(fs_truncate(r.f, end), 0);
		else if (way == 2)
			assert_int_equal(fs_fallocate(r.f, FS_BLOCK, FS_BLOCK, false), 0);
		else if (way == 3)
			test_write(r.f, end, 100, 4);
		else
			must_write(r.f, end, FS_BLOCK, 4);
		uint32_t zeros = (uint32_t)end - 512;
		assert_int_equal(test_read(r.f, 0, 512, 2), 0); /* in place: there is no other */
		assert_int_equal(test_read_zeros(r.f, 512, zeros), 0);
		assert_int_equal(fs_fsync(r.f), 0);
		fs_close(r.f);
		r.fs = test_crash(r.fs, &quiet);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		assert_true(fs_size(r.f) >= end);
		assert_int_equal(test_read_zeros(r.f, 512, zeros), 0);
		rig_close(&r);
	}
}

/* How many pages are up to date: what went through the cache is in it. */
static unsigned cached(struct file *f)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < f->inode->npages_cap; i++)
		n += f->inode->pages[i] && (atomic_load(&f->inode->pages[i]->flags) & PG_UPTODATE);
	return n;
}

static void what_cannot_be_written_so_goes_through_the_cache(void **state)
{
	struct mount_options compressed = quiet, small = quiet, checked = quiet;
	struct rig r;

	rig_open(&r, &quiet, 4);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet); /* with an empty cache */
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	must_write(r.f, 0, FS_BLOCK, 2);
	assert_int_equal(cached(r.f), 0);
	assert_int_equal(write_direct(r.f, 2 * FS_BLOCK, 512, 2, 0), 512);
	assert_int_equal(write_direct(r.f, 3 * FS_BLOCK + 512, FS_BLOCK / 2, 2, 0), (int)FS_BLOCK / 2);
	assert_int_equal(cached(r.f), 2);
	assert_int_equal(atomic_load(&r.fs->dirty_pages), 0); /* it was written before the call returned */
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, 512, 2), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK + 512, FS_BLOCK - 512, 1), 0);
	assert_int_equal(write_direct(r.f, 0, 0, 2, 0), 0);
	rig_close(&r);

	compressed.compress = true;
	small.inline_max = 2048;
	checked.direct_buffered = true;
	const struct mount_options *o[] = { &compressed, &small, &checked };
	for (unsigned i = 0; i < 3; i++) {
		rig_open(&r, o[i], 0);
		test_write(r.f, 0, o[i]->inline_max ? 500 : 4 * FS_BLOCK, 1);
		assert_int_equal(fs_sync(r.fs), 0);
		fs_close(r.f);
		r.fs = test_crash(r.fs, o[i]);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		must_write(r.f, 0, 2 * FS_BLOCK, 2);
		assert_int_equal(cached(r.f), 2);
		assert_int_equal(test_read(r.f, 0, 2 * FS_BLOCK, 2), 0);
		if (!o[i]->inline_max)
			assert_int_equal(test_read(r.f, 2 * FS_BLOCK, 2 * FS_BLOCK, 1), 0);
		rig_close(&r);
	}
}

static void one_that_is_waited_for_later(void **state)
{
	uint8_t *buf = aligned_alloc(4096, 2 * FS_BLOCK);
	struct fs_direct *first, *second;
	struct rig r;

	rig_open(&r, &quiet, 2);
	test_fill(buf, 0, 2 * FS_BLOCK, 2);
	assert_int_equal(fs_write_direct_start(r.f, 0, buf, FS_BLOCK, &first), 0);
	assert_int_equal(fs_write_direct_start(r.f, FS_BLOCK, buf + FS_BLOCK, FS_BLOCK, &second), 0);
	assert_int_equal(fs_fsync(r.f), 0); /* it waits for what is under way, and needs no wait before */
	assert_int_equal(fs_truncate(r.f, FS_BLOCK), 0);
	assert_int_equal(fs_direct_wait(second), FS_BLOCK);
	assert_int_equal(fs_direct_wait(first), FS_BLOCK);
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 2), 0);
	free(buf);
	rig_close(&r);
}

static void errors_reach_the_caller(void **state)
{
	struct rig r;
	uint8_t *big = aligned_alloc(4096, 20 << 20);

	rig_open(&r, &quiet, 2);
	r.watch.fail[WATCH_DATA] = 1;
	assert_int_equal(write_direct(r.f, 0, FS_BLOCK, 2, 0), -EIO);
	assert_int_equal(test_read(r.f, 0, 2 * FS_BLOCK, 1), 0); /* the old block is where it was */
	assert_int_equal(fs_fsync(r.f), -EIO);
	assert_int_equal(fs_fsync(r.f), 0);
	memset(big, 7, 20 << 20);
	assert_int_equal(fs_write_direct(r.f, 0, big, 20 << 20), -ENOSPC);
	assert_int_equal(fs_write_direct(r.f, FILE_SIZE_MAX, big, FS_BLOCK), -EFBIG);
	free(big);
	fs_close(r.f);
	test_end(r.fs, false);
}

/* Space for so many pieces of data, and then there is none. */
static int some_space(void *arg, bool data)
{
	unsigned *left = arg;

	return !data || (*left && (*left)--) ? 0 : -ENOSPC;
}

/* Two blocks behind a gap, in pieces of one block: the file is as long as what was written reaches. */
static void a_write_that_finds_no_space_makes_the_file_no_longer(void **state)
{
	static const uint64_t size[] = { FS_BLOCK, 4 * FS_BLOCK, 5 * FS_BLOCK };

	for (unsigned pieces = 0; pieces < 3; pieces++) {
		unsigned left = 1 + pieces; /* the first is for the block that is there before */
		struct mount_options o = quiet;
		struct rig r;
		o.data_piece = FS_BLOCK;
		o.space = some_space;
		o.space_arg = &left;
		rig_open(&r, &o, 1);
		assert_int_equal(left, pieces);
		assert_int_equal(write_direct(r.f, 3 * FS_BLOCK, 2 * FS_BLOCK, 2, 0),
				 pieces < 2 ? -ENOSPC : 2 * (int)FS_BLOCK);
		assert_int_equal(fs_size(r.f), size[pieces]);
		assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
		if (pieces)
			assert_int_equal(test_read(r.f, 3 * FS_BLOCK, pieces * FS_BLOCK, 2), 0);
		left = 10;
		rig_close(&r);
	}
}

/* ---- on threads ---- */

#define TASKS  4u
#define BLOCKS 64u

struct job {
	struct file *f;
	uint32_t id;
};

/* Block i belongs to task i % TASKS. It is written either way, alone or with what its owner does not have: nothing. */
static void writer(void *arg)
{
	struct job *j = arg;
	uint64_t seed[BLOCKS] = { 0 };
	struct rng rng;

	rng_seed(&rng, j->id);
	for (unsigned step = 0; step < (getenv("FAST_TESTS") ? 300 : 2000); step++) {
		uint32_t i = (uint32_t)rng_below(&rng, BLOCKS / TASKS) * TASKS + j->id;
		uint64_t off = (uint64_t)i * FS_BLOCK, what = rng_below(&rng, 10);
		if (what < 4) {
			seed[i] = rng_next(&rng) >> 40;
			CHECK(write_direct(j->f, off, FS_BLOCK, seed[i], what % 2 * 512) == (int)FS_BLOCK);
		} else if (what < 6) {
			seed[i] = rng_next(&rng) >> 40;
			test_write(j->f, off, FS_BLOCK, seed[i]);
		} else if (what < 8 && seed[i]) {
			CHECK(test_read(j->f, off, FS_BLOCK, seed[i]) == 0);
		} else if (what == 8) {
			CHECK(fs_fsync(j->f) == 0);
		} else {
			CHECK(fs_sync_range(j->f, 0, BLOCKS * FS_BLOCK, rng_below(&rng, 2)) == 0);
		}
	}
	for (uint32_t i = j->id; i < BLOCKS; i += TASKS)
		if (seed[i])
			CHECK(test_read(j->f, (uint64_t)i * FS_BLOCK, FS_BLOCK, seed[i]) == 0);
}

static void many_at_once(void **state)
{
	static const char *const design[] = { "postfix", "direct_ordered_first" };

	for (unsigned d = 0; d < 2; d++) {
		struct mount_options o = { .design = fs_design_find(design[d]), .dirty_age_ns = 100000 };
		struct task *t[TASKS];
		struct job job[TASKS];
		struct rig r;
		rig_open(&r, &o, BLOCKS);
		for (uint32_t i = 0; i < TASKS; i++) {
			job[i] = (struct job){ r.f, i };
			t[i] = rt_spawn("writer", writer, &job[i], NULL);
		}
		for (uint32_t i = 0; i < TASKS; i++)
			rt_join(t[i]);
		rig_close(&r);
	}
}

/* One of `len` bytes at `off`, with O_DSYNC; *held: it had the inode lock for itself when it came to sync. */
static int write_dsync(struct file *f, uint64_t off, uint32_t len, uint64_t seed, bool *held)
{
	uint8_t *buf = aligned_alloc(4096, (len + 4095u) / 4096u * 4096u);
	struct fs_direct *io;

	test_fill(buf, off, len, seed);
	int ret = fs_write_direct_dsync(f, off, buf, len, &io);
	free(buf);
	*held = write_held(&f->inode->lock);
	assert_true((ret < 0) == !io);
	if (ret < 0)
		return ret;
	assert_int_equal(ret, (int)len);
	ret = fs_direct_sync(io);
	assert_false(write_held(&f->inode->lock) || write_held(&f->inode->mmap_lock));
	assert_false(f->sync_skips_lock);
	write_lock(&f->inode->lock); /* nor is it shared */
	write_unlock(&f->inode->lock);
	return ret;
}

/* Inside the file, behind its end, and a part of a block, which goes through the page cache: whoever has the lock
 * meanwhile. */
static void a_write_with_o_dsync_is_durable(void **state)
{
	static const char *const designs[] = { "postfix", "modern", "dsync_shares_lock", "dsync_marks_file",
		                               "oneflush" };
	static const struct { uint32_t off, len; bool held; } writes[] = {
		{ FS_BLOCK, FS_BLOCK, false }, { 4 * FS_BLOCK, FS_BLOCK, true }, { 2 * FS_BLOCK, FS_BLOCK / 2, false },
	};
	struct rig r;
	bool held;

	for (unsigned i = 0; i < 5 * 3; i++) {
		struct mount_options o = { .no_background = true, .design = fs_design_find(designs[i / 3]) };
		rig_open(&r, &o, 4);
		assert_int_equal(write_dsync(r.f, writes[i % 3].off, writes[i % 3].len, 2, &held), 0);
		assert_int_equal(held, writes[i % 3].held);
		fs_close(r.f);
		r.fs = test_crash(r.fs, &o);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
		assert_int_equal(test_read(r.f, writes[i % 3].off, writes[i % 3].len, 2), 0);
		rig_close(&r);
	}
}

/* Nothing is to be synced, and nothing is held, after a write that failed. */
static void a_write_with_o_dsync_that_fails_holds_nothing(void **state)
{
	struct mount_options o = { .no_background = true, .design = fs_design_find("modern") };
	struct rig r;
	bool held;

	rig_open(&r, &o, 4);
	r.watch.fail[WATCH_DATA] = 1;
	assert_int_equal(write_dsync(r.f, 4 * FS_BLOCK, FS_BLOCK, 2, &held), -EIO);
	assert_false(held);
	assert_int_equal(fs_fsync(r.f), -EIO);
	assert_int_equal(write_dsync(r.f, 4 * FS_BLOCK, FS_BLOCK, 3, &held), 0);
	fs_close(r.f);
	test_end(r.fs, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(dirty_pages_are_older_and_later_ones_newer),
		cmocka_unit_test(a_file_becomes_longer),
		cmocka_unit_test(nothing_comes_back_when_a_file_becomes_longer),
		cmocka_unit_test(nothing_comes_back_in_the_last_block),
		cmocka_unit_test(what_cannot_be_written_so_goes_through_the_cache),
		cmocka_unit_test(one_that_is_waited_for_later),
		cmocka_unit_test(errors_reach_the_caller),
		cmocka_unit_test(a_write_that_finds_no_space_makes_the_file_no_longer),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(a_write_with_o_dsync_is_durable),
		cmocka_unit_test(a_write_with_o_dsync_that_fails_holds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
