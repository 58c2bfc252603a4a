/*
 * check_whole_test.c: rules.14 and rules.15: images of a workload that is right are whole, and can be lived with; an
 * image that holds all that was promised, and more than it should, is told.
 */
#include "base/crc32c.h"
#include "item/csum.h"
#include "fs/inode.h"
#include "fs/trans.h"
#include "oracle/test_rig.h"
#include "rt/sanitize.h"
#include "tree/super.h"

static struct rig *run_judged(void (*workload)(struct rig *r), uint32_t whole_every, bool errors)
{
	struct rig like = { .mkfs = { .subvols = 2, .single = true }, .budget = { .all_up_to = 3, .seed = 1 } };
	struct rig *r = run_rig(workload, &like, 1);

	r->judge->whole_every = whole_every;
	r->judge->errors = errors;
	judge_all(r);
	return r;
}

static struct rig *run(void (*workload)(struct rig *r), uint32_t whole_every)
{
	return run_judged(workload, whole_every, false);
}

static void right(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL), *b = model_create(r->m, r->fs, 1, "b", NULL);

	model_write(a, 0, 3 * FS_BLOCK);
	assert_int_equal(model_sync(r->m, r->fs), 0);
	model_write(a, FS_BLOCK, FS_BLOCK + 512);
	model_truncate(a, 2 * FS_BLOCK + 1024);
	assert_int_equal(model_fsync(a), 0);
	model_write(b, 0, 512);
	assert_int_equal(model_fsync(b), 0);
	model_rename(r->m, r->fs, 0, "a", "c");
	assert_int_equal(model_fsync_dir(r->m, r->fs, 0), 0);
}

static void images_of_what_is_right_are_whole(void **state)
{
	struct rig *r = run(right, 1);

	if (r->broken)
		fail_msg("%s", r->first.text);
	assert_true(r->images > 10);
	free_rig(r);
}

/* It holds all promises, and is told all the same. */
static void is_told(void (*workload)(struct rig *r), const char *what)
{
	struct rig *r = run(workload, 0);

	if (r->broken)
		fail_msg("%s", r->first.text);
	free_rig(r);
	r = run(workload, 1);
	assert_true(r->broken > 0);
	assert_int_equal(r->first.kind, BROKEN_WHOLE);
	assert_non_null(strstr(r->first.text, what));
	free_rig(r);
}

/* A block of data with its checksum, which no file has. */
static uint64_t put_block(struct rig *r, struct handle *h)
{
	uint64_t len = FS_BLOCK, disk;
	void *data = mem_alloc_pages(FS_BLOCK);

	memset(data, 0x77, FS_BLOCK);
	uint32_t sum = csum_of_block(data);
	assert_int_equal(alloc_get(r->fs->alloc, ALLOC_DATA, FS_BLOCK, FS_BLOCK, &len, &disk), 0);
	assert_int_equal(dev_write(r->dev, disk, data, FS_BLOCK, BIO_WRITE), 0);
	assert_int_equal(csum_put(&r->fs->csum_tree, h->trans->id, disk, &sum, 1), 0);
	free(data);
	return disk;
}

static void a_checksum_stays(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);
	struct handle h;

	model_write(a, 0, FS_BLOCK);
	assert_int_equal(trans_start(r->fs, TRANS_START, &h), 0);
	put_block(r, &h);
	trans_end(&h);
	assert_int_equal(model_sync(r->m, r->fs), 0);
}

static void a_checksum_of_what_no_file_has_is_told(void **state)
{
	is_told(a_checksum_stays, "which no file has");
}

/* The second copy names a tree whose space has been used again: as if a commit did not write it. */
static void the_second_super_stays_behind(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);
	void *copy = mem_alloc_pages(SUPER_SIZE), *again = mem_alloc_pages(FS_BLOCK);
	struct super old;

	assert_int_equal(model_sync(r->m, r->fs), 0);
	assert_int_equal(super_read_copy(r->dev, 1, &old, NULL), 0);
	assert_int_equal(dev_read(r->dev, SUPER_COPY_1, copy, SUPER_SIZE), 0);
	for (unsigned i = 0; i < 3; i++) {
		model_write(a, 0, FS_BLOCK);
		assert_int_equal(model_sync(r->m, r->fs), 0);
	}
	memset(again, 0, FS_BLOCK);
	assert_int_equal(dev_write(r->dev, old.root_tree.bytenr, again, FS_BLOCK, BIO_WRITE | BIO_META), 0);
	assert_int_equal(dev_write(r->dev, SUPER_COPY_1, copy, SUPER_SIZE, BIO_WRITE | BIO_META), 0);
	free(copy);
	free(again);
	for (unsigned i = 0; i < 8; i++) { /* log commits: some of their images are without copy 0 */
		model_write(a, 0, FS_BLOCK);
		assert_int_equal(model_fsync(a), 0);
	}
}

static void a_super_that_cannot_stand_alone_is_told(void **state)
{
	is_told(the_second_super_stays_behind, "with copy 0 of the super block lost");
}

/* (rules.15) Two blocks are appended and stay in memory, and the size on disk goes over them. */
static void the_size_goes_ahead(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);
	struct inode *inode;
	struct handle h;

	model_write(a, 0, FS_BLOCK);
	assert_int_equal(model_sync(r->m, r->fs), 0);
	model_write(a, FS_BLOCK, 2 * FS_BLOCK);
	inode = a->f->inode;
	assert_int_equal(trans_start(r->fs, TRANS_START, &h), 0);
	atomic_store(&inode->disk_size, 3 * FS_BLOCK);
	assert_int_equal(inode_update(inode, &h), 0);
	trans_end(&h);
	assert_int_equal(fs_commit(r->fs), 0);
}

static void a_size_ahead_of_its_data_is_told(void **state)
{
	is_told(the_size_goes_ahead, "and its block 1, which only writes have brought, reads as zeros");
}

/* After a failed write there is a hole, and it is no fault of the size. */
static void a_hole_that_an_error_leaves_is_none(void **state)
{
	struct rig *r = run_judged(the_size_goes_ahead, UINT32_MAX, true);

	if (r->broken)
		fail_msg("%s", r->first.text);
	free_rig(r);
}

/* A super block whose checksum is in another sector than what changes: it is written once more as it is, but for a byte
 * at its end that means nothing. Only the first copy names the log, so it may be lost as a whole, and not in part. */
static void the_super_is_two_sectors(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);
	uint8_t *super = mem_alloc_pages(SUPER_SIZE);
	const size_t sum_at = 8, from = sum_at + 4; /* magic, checksum */

	assert_int_equal(model_sync(r->m, r->fs), 0);
	for (unsigned i = 0; i < 12; i++) {
		model_write(a, 0, FS_BLOCK);
		assert_int_equal(model_fsync(a), 0);
		assert_int_equal(dev_read(r->dev, SUPER_COPY_0, super, SUPER_SIZE), 0);
		super[SUPER_SIZE - 1] = (uint8_t)(i + 1);
		uint32_t sum = crc32c(0, super + from, SUPER_SIZE - from);
		memcpy(super + sum_at, &sum, sizeof(sum));
		assert_int_equal(dev_write(r->dev, SUPER_COPY_0, super, SUPER_SIZE, BIO_WRITE | BIO_META), 0);
	}
	free(super);
}

static void what_a_torn_write_breaks_is_told(void **state)
{
	is_told(the_super_is_two_sectors, "is neither lost nor whole");
}

/* Sectors of two writes in one block: in a file that is written in place that is as it should be. */
static void in_place(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);

	assert_int_equal(model_set_flags(a, FS_NODATACOW), 0);
	a->in_place = true;
	for (unsigned i = 0; i < 8; i++) {
		model_write(a, 0, FS_BLOCK + 3 * ORACLE_SECTOR);
		assert_int_equal(i % 2 ? model_fsync(a) : model_sync(r->m, r->fs), 0);
	}
}

static void sectors_of_two_writes_in_place_are_no_damage(void **state)
{
	struct rig *r = run(in_place, 1);

	if (r->broken)
		fail_msg("%s", r->first.text);
	free_rig(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_of_what_is_right_are_whole),
		cmocka_unit_test(a_checksum_of_what_no_file_has_is_told),
		cmocka_unit_test(a_super_that_cannot_stand_alone_is_told),
		cmocka_unit_test(what_a_torn_write_breaks_is_told),
		cmocka_unit_test(sectors_of_two_writes_in_place_are_no_damage),
		cmocka_unit_test(a_size_ahead_of_its_data_is_told),
		cmocka_unit_test(a_hole_that_an_error_leaves_is_none),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
