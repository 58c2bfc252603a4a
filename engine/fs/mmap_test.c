/*
 * mmap_test.c: stores through a mapping as a reader of the file sees them: when they fault and when they do not, at the
 * end of the file, beside truncation, direct writes and writeback; and many at once on threads. What a crash leaves of
 * them is judged in oracle/ops_test.c.
 */
#include "fs/ordered.h"
#include "fs/test_fs.h"

static const struct mount_options quiet = { .no_background = true };

struct rig {
	struct fs *fs;
	struct root *root;
	struct file *f;
};

/* File "a" of `blocks` blocks of seed 1, in the trees, and mapped. */
static void rig_open(struct rig *r, const struct mount_options *o, uint32_t bytes)
{
	r->fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ .nodesize = 4096, .single = true }), o);
	r->root = fs_subvol(r->fs, 0);
	test_put(r->root, "a", bytes, 1);
	CHECK(fs_sync(r->fs) == 0);
	r->f = test_open(r->root, "a");
	CHECK(fs_mmap(r->f) == 0);
}

static void rig_close(struct rig *r)
{
	fs_close(r->f);
	test_end(r->fs, true);
}

static int store(struct file *f, uint64_t off, uint32_t len, uint64_t seed)
{
	uint8_t *buf = malloc(len);

	test_fill(buf, off, len, seed);
	int ret = fs_mmap_store(f, off, buf, len);
	free(buf);
	return ret;
}

static bool writable(struct file *f, uint32_t index)
{
	return atomic_load(&f->inode->pages[index]->flags) & PG_WRITABLE;
}

static void what_is_stored_is_read_and_written_back(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, 3 * FS_BLOCK);
	assert_int_equal(store(r.f, FS_BLOCK + 100, 1000, 2), 1000);
	assert_true(writable(r.f, 1) && atomic_load(&r.fs->dirty_pages) == 1);
	assert_int_equal(test_read(r.f, FS_BLOCK, 100, 1), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK + 100, 1000, 2), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK + 1100, 500, 1), 0);
	assert_int_equal(fs_fsync_range(r.f, FS_BLOCK, FS_BLOCK), 0);
	assert_true(!writable(r.f, 1));
	assert_int_equal(store(r.f, FS_BLOCK + 100, 1000, 3), 1000); /* after a fault, since the page is protected */
	assert_true(writable(r.f, 1));
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, FS_BLOCK + 100, 1000, 2), 0);
	assert_int_equal(store(r.f, 0, 100, 2), -EFAULT); /* nobody has mapped it in this mount */
	rig_close(&r);
}

static void a_store_into_a_writable_page_stamps_nothing(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, FS_BLOCK);
	store(r.f, 0, 100, 2);
	atomic_store(&r.f->inode->last_trans, 0);
	store(r.f, 100, 100, 2);
	assert_int_equal(atomic_load(&r.f->inode->last_trans), 0);
	assert_int_equal(fs_flush_pass(r.f), 0);
	store(r.f, 200, 100, 2);
	assert_int_not_equal(atomic_load(&r.f->inode->last_trans), 0);
	assert_int_equal(test_read(r.f, 0, 300, 2), 0);
	rig_close(&r);
}

static void nothing_beyond_the_end(void **state)
{
	struct rig r;

	rig_open(&r, &quiet, FS_BLOCK + 1000);
	assert_int_equal(store(r.f, FS_BLOCK, 1000, 2), 1000);
	assert_int_equal(store(r.f, FS_BLOCK + 900, 200, 2), -EFAULT);
	assert_int_equal(store(r.f, 2 * FS_BLOCK, 100, 2), -EFAULT);
	assert_int_equal(fs_truncate(r.f, 500), 0);
	assert_int_equal(store(r.f, 400, 100, 2), 100);
	assert_int_equal(store(r.f, 400, 101, 2), -EFAULT);
	assert_int_equal(fs_truncate(r.f, 2 * FS_BLOCK), 0);
	assert_int_equal(test_read_zeros(r.f, 500, 2 * FS_BLOCK - 500), 0);
	assert_int_equal(store(r.f, FS_BLOCK, FS_BLOCK, 3), FS_BLOCK); /* of a hole */
	assert_int_equal(fs_fsync(r.f), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 3), 0);
	assert_int_equal(test_read_zeros(r.f, 500, FS_BLOCK - 500), 0);
	rig_close(&r);
}

static void buffered_and_direct_writes_of_the_same_page(void **state)
{
	uint8_t *buf = aligned_alloc(4096, FS_BLOCK);
	struct rig r;

	rig_open(&r, &quiet, 2 * FS_BLOCK);
	store(r.f, 0, 1000, 2);
	test_write(r.f, 500, 1000, 3);
	store(r.f, 1000, 100, 4);
	assert_int_equal(test_read(r.f, 0, 500, 2), 0);
	assert_int_equal(test_read(r.f, 500, 500, 3), 0);
	assert_int_equal(test_read(r.f, 1000, 100, 4), 0);
	test_fill(buf, 0, FS_BLOCK, 5);
	assert_int_equal(fs_write_direct(r.f, 0, buf, FS_BLOCK), FS_BLOCK);
	assert_true(!writable(r.f, 0));
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 5), 0);
	store(r.f, 100, 100, 6);
	assert_int_equal(test_read(r.f, 100, 100, 6), 0);
	assert_int_equal(test_read(r.f, 200, 100, 5), 0);
	free(buf);
	rig_close(&r);
}

/* ---- on threads ---- */

#define TASKS  4u
#define BLOCKS 16u

struct job {
	struct file *f;
	uint32_t id;
};

/* Of each page a task owns the sectors i with i % TASKS == id. Whatever the others do, they are as it has stored them.
 * */
static void storer(void *arg)
{
	struct job *j = arg;
	uint64_t seed[BLOCKS * 8] = { 0 };
	struct rng rng;

	rng_seed(&rng, j->id);
	for (unsigned step = 0; step < (getenv("FAST_TESTS") ? 500 : 5000); step++) {
		uint32_t i = (uint32_t)rng_below(&rng, BLOCKS * 8 / TASKS) * TASKS + j->id;
		uint64_t off = (uint64_t)i * 512, what = rng_below(&rng, 40);
		if (what < 30) {
			seed[i] = rng_next(&rng) >> 40;
			CHECK(store(j->f, off, 512, seed[i]) == 512);
		} else if (what < 37 && seed[i]) {
			CHECK(test_read(j->f, off, 512, seed[i]) == 0);
		} else if (what == 37) {
			CHECK(fs_fsync_range(j->f, off, 512) == 0);
		} else {
			CHECK(fs_sync_range(j->f, 0, BLOCKS * FS_BLOCK, rng_below(&rng, 2)) == 0);
		}
	}
	CHECK(fs_fsync(j->f) == 0);
	for (uint32_t i = j->id; i < BLOCKS * 8; i += TASKS)
		if (seed[i])
			CHECK(test_read(j->f, (uint64_t)i * 512, 512, seed[i]) == 0);
}

/* What is written back has the checksum of what is written back: a page does not change under its I/O. */
static void many_at_once(void **state)
{
	struct mount_options o = { .dirty_age_ns = 100000 };
	struct task *t[TASKS];
	struct job job[TASKS];
	uint8_t buf[FS_BLOCK];
	struct rig r;

	rig_open(&r, &o, BLOCKS * FS_BLOCK);
	for (uint32_t i = 0; i < TASKS; i++) {
		job[i] = (struct job){ r.f, i };
		t[i] = rt_spawn("storer", storer, &job[i], NULL);
	}
	for (uint32_t i = 0; i < TASKS; i++)
		rt_join(t[i]);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &o);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(fs_read(r.f, i * FS_BLOCK, buf, FS_BLOCK), FS_BLOCK);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_is_read_and_written_back),
		cmocka_unit_test(a_store_into_a_writable_page_stamps_nothing),
		cmocka_unit_test(nothing_beyond_the_end),
		cmocka_unit_test(buffered_and_direct_writes_of_the_same_page),
		cmocka_unit_test(many_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
