/*
 * disk_size_test.c: the size on disk against a model that keeps one flag a block, with writes that extend, skip, end in
 * any order, and fail.
 */
#include "fs/disk_size.h"
#include "fs/test_fs.h"

#define BLOCKS 64u

static struct fs fs = { .on = { .size_reaches = disk_size_to_unwritten } };
static struct root root = { .fs = &fs };
static struct inode inode;
static bool unwritten[BLOCKS]; /* the model */

static void inode_make(void)
{
	inode = (struct inode){ .root = &root };
	rwsem_init(&inode.lock, L_INODE, 0);
	spin_init(&inode.ordered_lock, L_ORDERED_TREE);
	list_init(&inode.unwritten);
	memset(unwritten, 0, sizeof(unwritten));
}

static void extend(uint64_t off, uint64_t end)
{
	uint64_t old = (inode.size + FS_BLOCK - 1) / FS_BLOCK;

	write_lock(&inode.lock);
	disk_size_extend(&inode, off, end);
	write_unlock(&inode.lock);
	for (uint64_t i = off / FS_BLOCK; i * FS_BLOCK < end; i++)
		if (i >= old)
			unwritten[i] = true;
}

static void end_blocks(uint64_t first, uint64_t n, bool fails)
{
	uint64_t start = first * FS_BLOCK, end = start + n * FS_BLOCK;

	if (fails)
		disk_size_failed(&inode, start, end);
	else
		disk_size_written(&inode, start, end, NULL);
	memset(unwritten + first, 0, n * sizeof(*unwritten));
}

/* What the size on disk has to be after a write that did not fail. */
static uint64_t due(void)
{
	for (uint64_t i = 0; i < BLOCKS; i++)
		if (unwritten[i])
			return i * FS_BLOCK > inode.disk_size ? i * FS_BLOCK : inode.disk_size;
	return inode.size;
}

static void it_stops_at_the_first_new_block_that_was_never_written(void **state)
{
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned round = 0; round < 2000; round++) {
		inode_make();
		for (unsigned i = 0; i < 40; i++) {
			uint64_t at = rng_below(&rng, BLOCKS);
			uint64_t n = 1 + rng_below(&rng, BLOCKS - at < 6 ? BLOCKS - at : 6);
			uint64_t cut = rng_below(&rng, FS_BLOCK);
			if (rng_below(&rng, 3) == 0 && (at + n) * FS_BLOCK - cut > inode.size)
				extend(at * FS_BLOCK + rng_below(&rng, FS_BLOCK - cut), (at + n) * FS_BLOCK - cut);
			end_blocks(at, n, rng_below(&rng, 5) == 0);
			uint64_t expected = due();
			end_blocks(at, n, false); /* changes nothing but that the size follows, after a failure, too */
			assert_int_equal(inode.disk_size, expected);
			if (inode.size < BLOCKS * FS_BLOCK && rng_below(&rng, 2))
				extend(inode.size, inode.size + 1 + rng_below(&rng, BLOCKS * FS_BLOCK - inode.size));
		}
		disk_size_free(&inode);
	}
}

static void a_block_that_is_written_again_holds_nothing_back(void **state)
{
	inode_make();
	extend(0, 512);
	end_blocks(0, 1, false);
	assert_int_equal(inode.disk_size, 512);
	extend(FS_BLOCK, 2 * FS_BLOCK);
	/* block 0 is dirty and under way again, and nobody is told */
	end_blocks(1, 1, false);
	assert_int_equal(inode.disk_size, 2 * FS_BLOCK);
	disk_size_truncate(&inode, FS_BLOCK);
	assert_int_equal(inode.disk_size, FS_BLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stops_at_the_first_new_block_that_was_never_written),
		cmocka_unit_test(a_block_that_is_written_again_holds_nothing_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
