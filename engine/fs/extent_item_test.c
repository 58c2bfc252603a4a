/*
 * extent_item_test.c: extent items of one inode against a plain array of blocks: extent_item.1 to extent_item.3, and
 * that space and checksums go exactly when the last item that needs them goes.
 */
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/test_fs.h"
#include "fs/trans.h"

#define BLOCKS 64u
#define INO    1000u

struct cell {
	uint64_t disk;   /* the extent's; 0: nothing there */
	uint64_t offset; /* of this block in the (uncompressed) extent */
	bool compressed;
};

struct rig {
	struct fs *fs;
	struct handle h;
	struct tree *tree;
	struct extent_drop drop;
	uint64_t used; /* data space in use before the test */
	struct cell cell[BLOCKS];
};

static uint64_t data_used(struct fs *fs)
{
	struct alloc_space s = alloc_space(fs->alloc, ALLOC_DATA);

	return s.total - s.free - s.pinned;
}

static void rig_open(struct rig *r, enum extent_drop_how how)
{
	struct mount_options o = { .no_background = true };
	struct dev *dev = test_dev("ram:64m", &(struct mkfs_options){ .nodesize = 4096 });

	memset(r, 0, sizeof(*r));
	r->fs = test_mount(dev, &o);
	assert_int_equal(trans_start(r->fs, TRANS_JOIN, &r->h), 0);
	r->tree = &fs_subvol(r->fs, 0)->tree;
	r->drop = (struct extent_drop){ .fs = r->fs, .tree = r->tree, .generation = r->h.trans->id, .ino = INO,
					.how = how };
	r->used = data_used(r->fs);
}

static void rig_close(struct rig *r)
{
	trans_end(&r->h);
	test_end(r->fs, false);
}

/* An extent of n blocks (on disk: half of it when compressed), with checksums, in place of what is there. */
static void put(struct rig *r, uint32_t at, uint32_t n, bool compressed)
{
	uint64_t disk_len = (compressed ? (n + 1) / 2 : n) * FS_BLOCK, len = disk_len, disk;
	uint32_t sums[BLOCKS] = { 0 };
	struct extent e = { .start = at * FS_BLOCK };

	assert_int_equal(alloc_get(r->fs->alloc, ALLOC_DATA, FS_BLOCK, len, &len, &disk), 0);
	e.item = (struct extent_item){ .disk_bytenr = disk, .disk_len = disk_len, .len = n * FS_BLOCK,
				       .ram_bytes = n * FS_BLOCK,
				       .kind = EXTENT_REG, .compress = compressed ? COMPRESS_ZSTD : COMPRESS_NONE };
	uint32_t nsums = (uint32_t)(disk_len / FS_BLOCK);
	assert_int_equal(csum_put(&r->fs->csum_tree, r->drop.generation, disk, sums, nsums), 0);
	assert_int_equal(extent_drop(&r->drop, e.start, extent_end(&e)), 0);
	assert_int_equal(extent_insert(r->fs, r->tree, r->drop.generation, INO, &e, true), 0);
	for (uint32_t i = 0; i < n; i++)
		r->cell[at + i] = (struct cell){ disk, i * FS_BLOCK, compressed };
}

static void drop(struct rig *r, uint32_t at, uint32_t n)
{
	assert_int_equal(extent_drop(&r->drop, at * FS_BLOCK, (at + n) * FS_BLOCK), 0);
	memset(&r->cell[at], 0, n * sizeof(r->cell[0]));
}

static int item_after(void *arg, const struct key *k, const void *data, uint32_t len)
{
	uint64_t *end = arg;
	struct extent_item it;

	memcpy(&it, data, sizeof(it));
	assert_true(k->offset >= *end); /* extent_item.1 */
	*end = k->offset + it.len;
	return 0;
}

static void compare_items(struct rig *r)
{
	struct key from = { INO, ITEM_EXTENT, 0 }, to = { INO, ITEM_EXTENT, UINT64_MAX };
	uint64_t end = 0;

	assert_int_equal(tree_scan(r->tree, &from, &to, 0, item_after, &end), 0);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct extent e;
		uint64_t off = i * FS_BLOCK;
		int ret = extent_at(r->tree, INO, off, &e);
		bool there = !ret && e.start <= off;
		assert_true(ret == 0 || ret == -ENOENT);
		assert_int_equal(there, r->cell[i].disk != 0);
		if (!there)
			continue;
		assert_int_equal(e.item.disk_bytenr, r->cell[i].disk);
		assert_int_equal(e.item.offset + (off - e.start), r->cell[i].offset);
		assert_int_equal(e.item.compress != 0, r->cell[i].compressed);
	}
}

/* What an extent that cell i begins (its first cell still there) holds of the disk. */
static uint64_t held_by(const struct rig *r, uint32_t i)
{
	const struct cell *c = &r->cell[i];

	if (!c->disk)
		return 0;
	if (!c->compressed)
		return FS_BLOCK;
	for (uint32_t j = 0; j < i; j++)
		if (r->cell[j].disk == c->disk)
			return 0;
	struct extent e;
	assert_int_equal(extent_at(r->tree, INO, i * FS_BLOCK, &e), 0);
	return e.item.disk_len;
}

/* In use (extent_item.3) are exactly the blocks that an item needs; and each has its checksum. */
static void compare_space(struct rig *r)
{
	uint64_t held = 0;
	uint32_t sum;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		const struct cell *c = &r->cell[i];
		held += held_by(r, i);
		if (!c->disk)
			continue;
		uint64_t at = c->compressed ? c->disk : c->disk + c->offset;
		assert_int_equal(csum_lookup(&r->fs->csum_tree, at, &sum, 1), 0);
		assert_true(alloc_in_use(r->fs->alloc, ALLOC_DATA, at));
		assert_int_equal(compressed_in_use(r->fs, c->disk), c->compressed);
	}
	assert_int_equal(data_used(r->fs) - r->used, held);
}

static int count_sums(void *arg, const struct key *k, const void *data, uint32_t len)
{
	*(uint64_t *)arg += len / 4;
	return 0;
}

static uint64_t all_sums(struct rig *r)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	uint64_t n = 0;

	assert_int_equal(tree_scan(&r->fs->csum_tree, &from, &to, 0, count_sums, &n), 0);
	return n;
}

static void items_and_space_follow_a_plain_array(void **state)
{
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct rig r;
		struct rng rng;
		rig_open(&r, DROP_RELEASE);
		rng_seed(&rng, seed);
		for (unsigned step = 0; step < 150; step++) {
			uint32_t at = (uint32_t)rng_below(&rng, BLOCKS), n = 1 + (uint32_t)rng_below(&rng, 10);
			n = n > BLOCKS - at ? BLOCKS - at : n;
			if (rng_below(&rng, 3))
				put(&r, at, n, rng_below(&rng, 2));
			else
				drop(&r, at, n);
			compare_items(&r);
			compare_space(&r);
		}
		drop(&r, 0, BLOCKS);
		compare_space(&r);
		assert_int_equal(all_sums(&r), 0); /* checksums went with the space */
		rig_close(&r);
	}
}

static void a_logs_items_own_nothing(void **state)
{
	struct rig r;

	rig_open(&r, DROP_RELEASE);
	put(&r, 0, 8, false);
	put(&r, 8, 8, true);
	uint64_t used = data_used(r.fs), sums = all_sums(&r);
	r.drop.how = DROP_IN_LOG;
	drop(&r, 2, 10);
	compare_items(&r);
	assert_int_equal(data_used(r.fs), used);
	assert_int_equal(all_sums(&r), sums);
	rig_close(&r);
}

static void collect(void *arg, uint64_t bytenr, uint64_t len)
{
	*(uint64_t *)arg += len;
}

static void replay_is_handed_what_goes(void **state)
{
	struct rig r;
	uint64_t collected = 0;

	rig_open(&r, DROP_RELEASE);
	put(&r, 0, 8, false);
	put(&r, 8, 8, true);
	uint64_t used = data_used(r.fs);
	r.drop.how = DROP_COLLECT;
	r.drop.collect = collect;
	r.drop.arg = &collected;
	drop(&r, 5, 6); /* three blocks of the first, a part of the second */
	compare_items(&r);
	assert_int_equal(collected, 3 * FS_BLOCK + 4 * FS_BLOCK);
	assert_int_equal(data_used(r.fs), used);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_and_space_follow_a_plain_array),
		cmocka_unit_test(a_logs_items_own_nothing),
		cmocka_unit_test(replay_is_handed_what_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
