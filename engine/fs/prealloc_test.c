/*
 * prealloc_test.c: preallocated space, files that are written over in place, files without checksums, and holes that
 * are punched, as a reader of the file and of the trees sees them. What a crash leaves of them is judged in
 * oracle/ops_test.c.
 */
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/look.h"
#include "fs/ordered.h"
#include "fs/test_fs.h"

static const struct mount_options quiet = { .no_background = true };

struct rig {
	struct fs *fs;
	struct file *f;
	struct watch watch;
};

/* An empty file "a" with these flags. */
static void rig_open(struct rig *r, uint32_t flags)
{
	struct dev *dev = test_dev("ram:16m", &(struct mkfs_options){ .nodesize = 4096, .single = true });

	r->fs = test_mount(dev, &quiet);
	r->f = test_open(fs_subvol(r->fs, 0), "a");
	if (flags)
		CHECK(fs_set_flags(r->f, flags) == 0);
	watch_start(&r->watch, dev);
}

/* After a crash that keeps what was written. */
static void rig_crash(struct rig *r)
{
	fs_close(r->f);
	r->fs->dev->faults = NULL;
	r->fs = test_crash(r->fs, &quiet);
	r->f = test_open(fs_subvol(r->fs, 0), "a");
	watch_start(&r->watch, r->fs->dev);
}

static void is_damaged(void *arg, const char *line)
{
	print_error("%s\n", line);
	++*(unsigned *)arg;
}

/* The image fits together, and its data their checksums. */
static void rig_close(struct rig *r)
{
	static const struct look_ops ops = { .damage = is_damaged };
	struct dev *dev = r->fs->dev;
	unsigned bad = 0;
	struct why why;

	fs_close(r->f);
	CHECK(fs_unmount(r->fs) == 0);
	dev->faults = NULL;
	assert_int_equal(look_image(dev, true, &ops, &bad, &why), 0);
	assert_int_equal(bad, 0);
	dev_close(dev);
}

/* The item that covers block i, in the trees. */
static struct extent item_of(struct rig *r, uint32_t i)
{
	struct extent e;

	CHECK(fs_sync(r->fs) == 0);
	CHECK(extent_at(&r->f->inode->root->tree, r->f->inode->ino, i * FS_BLOCK, &e) == 0);
	CHECK(e.start <= i * FS_BLOCK);
	return e;
}

static uint64_t place_of(struct rig *r, uint32_t i)
{
	struct extent e = item_of(r, i);

	return e.item.disk_bytenr + e.item.offset + (i * FS_BLOCK - e.start);
}

static bool summed(struct rig *r, uint32_t i)
{
	uint32_t sum;

	return csum_lookup(&r->fs->csum_tree, place_of(r, i), &sum, 1) == 0;
}

static void preallocated_space_is_zeros_until_it_is_written(void **state)
{
	struct rig r;
	uint64_t place;

	rig_open(&r, 0);
	assert_int_equal(fs_fallocate(r.f, 0, 8 * FS_BLOCK, false), 0);
	assert_int_equal(fs_size(r.f), 8 * FS_BLOCK);
	place = place_of(&r, 3);
	assert_int_equal(item_of(&r, 3).item.kind, EXTENT_PREALLOC);
	assert_int_equal(r.watch.seen[WATCH_DATA], 0);
	assert_int_equal(test_read_zeros(r.f, 0, 8 * FS_BLOCK), 0);
	test_write(r.f, 3 * FS_BLOCK, 2 * FS_BLOCK, 2);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_true(alloc_in_use(r.fs->alloc, ALLOC_DATA, place)); /* the file's still, and by no mistake given up */
	test_write(r.f, 4 * FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(fs_fsync(r.f), 0);
	rig_crash(&r);
	assert_int_equal(test_read_zeros(r.f, 0, 3 * FS_BLOCK), 0);
	assert_int_equal(test_read(r.f, 3 * FS_BLOCK, 2 * FS_BLOCK, 2), 0);
	assert_int_equal(test_read_zeros(r.f, 5 * FS_BLOCK, 3 * FS_BLOCK), 0);
	assert_int_equal(place_of(&r, 3), place);
	assert_int_equal(item_of(&r, 3).item.kind, EXTENT_REG);
	assert_int_equal(item_of(&r, 2).item.kind, EXTENT_PREALLOC);
	assert_int_equal(item_of(&r, 5).item.kind, EXTENT_PREALLOC);
	assert_true(summed(&r, 3) && !summed(&r, 2));
	test_write(r.f, 6 * FS_BLOCK, FS_BLOCK, 4); /* into what is left of the extent behind it */
	assert_int_equal(place_of(&r, 6), place + 3 * FS_BLOCK);
	assert_int_equal(item_of(&r, 7).item.kind, EXTENT_PREALLOC);
	test_write(r.f, 3 * FS_BLOCK, FS_BLOCK, 3); /* it has data now: a copy */
	assert_int_not_equal(place_of(&r, 3), place);
	rig_close(&r);
}

static void only_holes_get_space(void **state)
{
	struct rig r;
	uint64_t place;

	rig_open(&r, 0);
	test_write(r.f, FS_BLOCK, FS_BLOCK, 1);
	place = place_of(&r, 1);
	assert_int_equal(fs_fallocate(r.f, 100, 3 * FS_BLOCK, true), 0); /* of four blocks */
	assert_int_equal(fs_size(r.f), 2 * FS_BLOCK);
	assert_int_equal(place_of(&r, 1), place);
	assert_int_equal(item_of(&r, 0).item.kind, EXTENT_PREALLOC);
	assert_int_equal(item_of(&r, 3).item.kind, EXTENT_PREALLOC);
	place = place_of(&r, 2);
	assert_int_equal(fs_fallocate(r.f, 0, 4 * FS_BLOCK, true), 0);
	assert_int_equal(place_of(&r, 2), place);
	test_write(r.f, 2 * FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(place_of(&r, 2), place);
	assert_int_equal(fs_truncate(r.f, 3 * FS_BLOCK), 0); /* space beyond the end goes */
	struct extent e;
	assert_int_equal(extent_at(&r.f->inode->root->tree, r.f->inode->ino, 3 * FS_BLOCK, &e), -ENOENT);
	assert_int_equal(fs_fallocate(r.f, 0, 0, false), -EINVAL);
	assert_int_equal(fs_fallocate(r.f, FILE_SIZE_MAX, 1, false), -EFBIG);
	rig_close(&r);
}

static void a_fast_fsync_logs_what_was_preallocated(void **state)
{
	struct rig r;
	uint64_t place;

	rig_open(&r, 0);
	test_write(r.f, 0, FS_BLOCK, 1);
	assert_int_equal(fs_fsync(r.f), 0); /* a full one, since the file is new */
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(fs_fallocate(r.f, 0, 3 * FS_BLOCK, false), 0);
	assert_true(!(atomic_load(&r.f->inode->flags) & INODE_NEEDS_FULL_SYNC));
	assert_int_equal(fs_fsync(r.f), 0);
	rig_crash(&r);
	assert_true(r.fs->replayed);
	assert_int_equal(fs_size(r.f), 3 * FS_BLOCK);
	assert_int_equal(test_read_zeros(r.f, FS_BLOCK, 2 * FS_BLOCK), 0);
	place = place_of(&r, 2);
	assert_int_equal(item_of(&r, 2).item.kind, EXTENT_PREALLOC);
	test_write(r.f, 2 * FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(place_of(&r, 2), place);
	rig_close(&r);
}

/* Beyond the end, in an item that crosses it, and though it was there before the transaction that the log is of. */
static void a_fast_fsync_keeps_what_is_preallocated_beyond_the_end(void **state)
{
	static const char *const designs[] = { "postfix", "modern", "complete", "oneflush" };
	struct rig r;

	for (unsigned i = 0; i < sizeof(designs) / sizeof(designs[0]); i++) {
		const struct mount_options o = { .no_background = true, .design = fs_design_find(designs[i]) };
		rig_open(&r, 0);
		fs_close(r.f);
		assert_int_equal(fs_sync(r.fs), 0);
		r.fs = test_crash(r.fs, &o);
		r.f = test_open(fs_subvol(r.fs, 0), "a");
		test_write(r.f, 0, FS_BLOCK, 1);
		assert_int_equal(fs_fallocate(r.f, FS_BLOCK, 3 * FS_BLOCK, true), 0);
		assert_int_equal(fs_fallocate(r.f, 8 * FS_BLOCK, FS_BLOCK, true), 0);
		assert_int_equal(fs_sync(r.fs), 0);
		uint64_t place = place_of(&r, 3);
		test_write(r.f, FS_BLOCK, FS_BLOCK + 100, 2);
		assert_true(!(atomic_load(&r.f->inode->flags) & INODE_NEEDS_FULL_SYNC));
		assert_int_equal(fs_fsync(r.f), 0);
		rig_crash(&r);
		assert_true(r.fs->replayed);
		assert_int_equal(fs_size(r.f), 2 * FS_BLOCK + 100);
		assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
		assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK + 100, 2), 0);
		assert_int_equal(item_of(&r, 3).item.kind, EXTENT_PREALLOC);
		assert_int_equal(place_of(&r, 3), place);
		assert_int_equal(item_of(&r, 8).item.kind, EXTENT_PREALLOC);
		rig_close(&r);
	}
}

static void a_failed_write_leaves_preallocated_space(void **state)
{
	struct rig r;

	rig_open(&r, 0);
	assert_int_equal(fs_fallocate(r.f, 0, 3 * FS_BLOCK, false), 0);
	uint64_t place = place_of(&r, 1);
	r.watch.fail[WATCH_DATA] = 1;
	test_write(r.f, FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(fs_fsync(r.f), -EIO);
	rig_crash(&r);
	assert_int_equal(place_of(&r, 1), place);
	assert_int_equal(item_of(&r, 1).item.kind, EXTENT_PREALLOC);
	assert_int_equal(test_read_zeros(r.f, 0, 3 * FS_BLOCK), 0);
	test_write(r.f, FS_BLOCK, FS_BLOCK, 3);
	assert_int_equal(place_of(&r, 1), place);
	rig_close(&r);
}

static void a_file_is_written_over_in_place(void **state)
{
	uint8_t *buf = aligned_alloc(4096, FS_BLOCK);
	struct rig r;

	rig_open(&r, FS_NODATACOW);
	test_write(r.f, 0, 3 * FS_BLOCK, 1);
	uint64_t place = place_of(&r, 1);
	assert_true(!summed(&r, 1));
	test_write(r.f, FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(fs_fsync(r.f), 0);
	assert_int_equal(place_of(&r, 1), place);
	rig_crash(&r);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, FS_BLOCK, 1), 0);
	test_fill(buf, FS_BLOCK, FS_BLOCK, 3);
	assert_int_equal(fs_write_direct(r.f, FS_BLOCK, buf, FS_BLOCK), FS_BLOCK);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 3), 0);
	assert_int_equal(place_of(&r, 1), place);
	r.watch.fail[WATCH_DATA] = 1;
	atomic_store(&r.watch.seen[WATCH_DATA], 0);
	test_write(r.f, FS_BLOCK, FS_BLOCK, 4);
	assert_int_equal(fs_fsync(r.f), -EIO);
	rig_crash(&r);
	assert_int_equal(place_of(&r, 1), place); /* what is on the disk nobody knows, but it is still the file's */
	free(buf);
	rig_close(&r);
}

static void a_file_without_checksums_is_copied(void **state)
{
	struct rig r;

	rig_open(&r, FS_NODATASUM);
	test_write(r.f, 0, 3 * FS_BLOCK, 1);
	uint64_t place = place_of(&r, 1);
	assert_true(!summed(&r, 1));
	test_write(r.f, FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(fs_fsync(r.f), 0);
	assert_int_not_equal(place_of(&r, 1), place);
	rig_crash(&r);
	assert_int_equal(test_read(r.f, 0, FS_BLOCK, 1), 0);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(fs_set_flags(r.f, FS_NODATACOW), -EINVAL);
	assert_int_equal(fs_set_flags(r.f, 64), -EINVAL);
	rig_close(&r);
}

static void holes_are_punched(void **state)
{
	struct rig r;

	rig_open(&r, 0);
	test_write(r.f, 0, 6 * FS_BLOCK, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(test_read(r.f, 0, 6 * FS_BLOCK, 1), 0);
	assert_int_equal(fs_punch(r.f, FS_BLOCK + 1000, 3 * FS_BLOCK), 0);
	assert_int_equal(fs_punch(r.f, 5 * FS_BLOCK + 100, 50), 0);
	for (int crashed = 0; crashed < 2; crashed++) {
		assert_int_equal(fs_size(r.f), 6 * FS_BLOCK);
		assert_int_equal(test_read(r.f, 0, FS_BLOCK + 1000, 1), 0);
		assert_int_equal(test_read_zeros(r.f, FS_BLOCK + 1000, 3 * FS_BLOCK), 0);
		assert_int_equal(test_read(r.f, 4 * FS_BLOCK + 1000, FS_BLOCK - 900, 1), 0);
		assert_int_equal(test_read_zeros(r.f, 5 * FS_BLOCK + 100, 50), 0);
		assert_int_equal(test_read(r.f, 5 * FS_BLOCK + 150, 1000, 1), 0);
		if (!crashed) {
			assert_int_equal(fs_fsync(r.f), 0);
			rig_crash(&r);
		}
	}
	struct extent e;
	assert_int_equal(extent_at(&r.f->inode->root->tree, r.f->inode->ino, 2 * FS_BLOCK, &e), 0);
	assert_int_equal(e.start, 4 * FS_BLOCK);
	assert_int_equal(fs_punch(r.f, 5 * FS_BLOCK, 100 * FS_BLOCK), 0); /* the end, and what is not there */
	assert_int_equal(fs_size(r.f), 6 * FS_BLOCK);
	assert_int_equal(test_read_zeros(r.f, 5 * FS_BLOCK, FS_BLOCK), 0);
	assert_int_equal(fs_punch(r.f, 0, 0), -EINVAL);
	rig_close(&r);
}

/* Each item is one; holes, and what is dirty alone, are none. */
static void fiemap_counts_the_extents_in_the_trees(void **state)
{
	struct rig r;

	rig_open(&r, 0);
	assert_int_equal(fs_fiemap(r.f), 0);
	test_write(r.f, 0, FS_BLOCK, 1);
	assert_int_equal(fs_fiemap(r.f), 0);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(fs_fiemap(r.f), 1);
	assert_int_equal(fs_fallocate(r.f, 4 * FS_BLOCK, 2 * FS_BLOCK, false), 0);
	assert_int_equal(fs_fiemap(r.f), 2);
	test_write(r.f, 5 * FS_BLOCK, FS_BLOCK, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(fs_fiemap(r.f), 3);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preallocated_space_is_zeros_until_it_is_written),
		cmocka_unit_test(only_holes_get_space),
		cmocka_unit_test(a_fast_fsync_logs_what_was_preallocated),
		cmocka_unit_test(a_fast_fsync_keeps_what_is_preallocated_beyond_the_end),
		cmocka_unit_test(a_failed_write_leaves_preallocated_space),
		cmocka_unit_test(a_file_is_written_over_in_place),
		cmocka_unit_test(a_file_without_checksums_is_copied),
		cmocka_unit_test(holes_are_punched),
		cmocka_unit_test(fiemap_counts_the_extents_in_the_trees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
