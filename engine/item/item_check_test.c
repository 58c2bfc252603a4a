/*
 * item_check_test.c: which items can be: of each kind one that is taken, and that one with one field changed at a time,
 * refused in words.
 */
#include "item/item_check.h"
#include "item/names.h"
#include "tree/tree_rig.h"

#define DATA  (SUPER_END + (1u << 20)) /* where the data begins */
#define NDATA 1024u                    /* blocks of data */
#define GEN   9u
#define VOL   FIRST_SUBVOL_ID
#define INO   FIRST_FILE_INO

static const struct super geometry = { .dev_size = DATA + NDATA * FS_BLOCK + 512, .nodesize = 4096,
				       .meta_len = 1 << 20, .generation = GEN, .next_subvol = VOL + 1 };

/* 0, or -EIO with words. */
static int check_after(uint64_t owner, struct key k, const void *data, uint32_t len, const struct item_view *before,
                       struct why *why)
{
	struct item_view it = { &k, data, len };

	*why = WHY_NONE;
	int ret = item_check(&geometry, owner, GEN, &it, before, why);
	assert_true(ret == 0 || ret == -EIO);
	assert_int_equal(ret != 0, why->text[0] != 0);
	return ret;
}

static int check(uint64_t owner, struct key k, const void *data, uint32_t len)
{
	struct why why;

	return check_after(owner, k, data, len, NULL, &why);
}

/* An item and what may be wrong with it: 8 bytes (fewer at its end) at an offset become `value`. */
struct change {
	uint32_t at;
	uint64_t value;
};

static void only_as_it_is(uint64_t owner, struct key k, const void *good, uint32_t len, const struct change *c,
                          size_t n)
{
	uint8_t bad[512];

	assert_int_equal(check(owner, k, good, len), 0);
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, good, len);
		memcpy(bad + c[i].at, &c[i].value, len - c[i].at < 8 ? len - c[i].at : 8);
		if (!check(owner, k, bad, len))
			fail_msg("change %zu of an item of kind %u is taken", i, k.type);
	}
	/* cut short, or with something behind it */
	if (len)
		assert_int_equal(check(owner, k, good, len - 1), -EIO);
	memcpy(bad, good, len);
	assert_int_equal(check(owner, k, bad, len + 1), -EIO);
	/* in a tree that has no such items */
	for (uint64_t other = 0; other < 4; other++) {
		static const uint64_t tree[] = { ROOT_TREE_ID, CSUM_TREE_ID, VOL, LOG_TREE_ID };
		bool there = k.type == ITEM_ROOT ? other == 0 || other == 3 : k.type == ITEM_CSUM ? other % 2
			     : k.type == ITEM_ORPHAN ? other == 2 : k.type == ITEM_DIR_LOG ? other == 3 : other >= 2;
		assert_int_equal(check(tree[other], k, good, len), there ? 0 : -EIO);
	}
	k.type++;
	assert_int_equal(check(owner, k, good, len), -EIO);
}
#define ONLY(owner, key, good, len, changes) \
	only_as_it_is(owner, key, good, len, changes, sizeof(changes) / sizeof((changes)[0]))

static void roots(void **state)
{
	struct root_item r = { .bytenr = SUPER_END, .generation = GEN, .level = TREE_LEVELS - 1, .next_ino = INO };
	static const struct change c[] = { { 8, GEN + 1 }, { 8, UINT64_MAX }, { 16, TREE_LEVELS }, { 16, 256 } };
	struct key k = { VOL, ITEM_ROOT, 0 };

	ONLY(ROOT_TREE_ID, k, &r, sizeof(r), c);
	r.next_ino = INO - 1;
	assert_int_equal(check(ROOT_TREE_ID, k, &r, sizeof(r)), -EIO);
	assert_int_equal(check(LOG_TREE_ID, k, &r, sizeof(r)), 0); /* a log's root has no such number */
	r.next_ino = INO_MAX;
	assert_int_equal(check(ROOT_TREE_ID, k, &r, sizeof(r)), 0);
	r.next_ino = INO_MAX + 1;
	assert_int_equal(check(ROOT_TREE_ID, k, &r, sizeof(r)), -EIO);
	assert_int_equal(check(ROOT_TREE_ID, (struct key){ CSUM_TREE_ID, ITEM_ROOT, 0 }, &r, sizeof(r)), 0);
	assert_int_equal(check(LOG_TREE_ID, (struct key){ CSUM_TREE_ID, ITEM_ROOT, 0 }, &r, sizeof(r)), -EIO);
	r.next_ino = INO;
	assert_int_equal(check(ROOT_TREE_ID, (struct key){ VOL, ITEM_ROOT, 1 }, &r, sizeof(r)), -EIO);
	assert_int_equal(check(ROOT_TREE_ID, (struct key){ VOL - 1, ITEM_ROOT, 0 }, &r, sizeof(r)), -EIO);
	assert_int_equal(check(ROOT_TREE_ID, (struct key){ VOL + SUBVOLS_MAX, ITEM_ROOT, 0 }, &r, sizeof(r)), -EIO);
}

static void inodes(void **state)
{
	struct inode_item i = { .generation = 7, .transid = GEN, .size = FILE_SIZE_MAX,
				.nlink = LINKS_MAX };
	static const struct change c[] = { { 0, GEN + 1 }, { 8, GEN + 1 }, { 8, 6 }, { 16, FILE_SIZE_MAX + 1 },
					   { 16, UINT64_MAX }, { 24, LINKS_MAX + 1 }, { 24, 8ull << 32 | 1 } };

	ONLY(VOL, ((struct key){ INO, ITEM_INODE, 0 }), &i, sizeof(i), c);
	assert_int_equal(check(VOL, (struct key){ INO, ITEM_INODE, 1 }, &i, sizeof(i)), -EIO);
	i.flags = INODE_ITEM_EXISTS;
	assert_int_equal(check(VOL, (struct key){ INO, ITEM_INODE, 0 }, &i, sizeof(i)), -EIO);
	assert_int_equal(check(LOG_TREE_ID, (struct key){ INO, ITEM_INODE, 0 }, &i, sizeof(i)), 0);
	i.flags = 0;
	assert_int_equal(check(VOL, (struct key){ INO - 1, ITEM_INODE, 0 }, &i, sizeof(i)), -EIO);
	assert_int_equal(check(VOL, (struct key){ INO_MAX - 1, ITEM_INODE, 0 }, &i, sizeof(i)), 0);
	assert_int_equal(check(VOL, (struct key){ INO_MAX, ITEM_INODE, 0 }, &i, sizeof(i)), -EIO);
}

static void names(void **state)
{
	char name[FS_NAME_MAX] = "a name";
	struct dir_item d = { .ino = INO, .name = "a name" };
	static const struct change cn[] = { { 0, 0 }, { 0, '/' } };
	static const struct change cd[] = { { 0, INO - 1 }, { 0, INO_MAX }, { 8, 0 }, { 8, 'b' } };
	struct key kn = { INO, ITEM_INODE_REF, DIR_INO }, kd = { DIR_INO, ITEM_DIR, name_hash("a name") };

	ONLY(VOL, kn, name, sizeof(name), cn);
	ONLY(VOL, kd, &d, sizeof(d), cd);
	memset(name, 'x', sizeof(name));
	assert_int_equal(check(VOL, kn, name, sizeof(name)), -EIO); /* no end */
	memset(name, 0, sizeof(name));
	assert_int_equal(check(VOL, kn, name, 0), -EIO);
	/* more than one */
	char many[LINKS_MAX + 1][FS_NAME_MAX] = { "a", "b" };
	kn.offset = DIR_INO;
	assert_int_equal(check(VOL, kn, many, 2 * FS_NAME_MAX), 0);
	assert_int_equal(check(VOL, kn, many, 3 * FS_NAME_MAX), -EIO); /* one is empty */
	strcpy(many[1], "a");
	assert_int_equal(check(VOL, kn, many, 2 * FS_NAME_MAX), -EIO); /* one is there twice */
	for (unsigned i = 0; i <= LINKS_MAX; i++)
		snprintf(many[i], FS_NAME_MAX, "%u", i);
	assert_int_equal(check(VOL, kn, many, LINKS_MAX * FS_NAME_MAX), 0);
	assert_int_equal(check(VOL, kn, many, (LINKS_MAX + 1) * FS_NAME_MAX), -EIO);
	kn.offset = 0;
	assert_int_equal(check(VOL, kn, d.name, FS_NAME_MAX), -EIO);
	kd.objectid++;
	assert_int_equal(check(VOL, kd, &d, sizeof(d)), -EIO);
}

static void ranges_of_names(void **state)
{
	struct dir_log_item d = { .last = 9 };
	static const struct change c[] = { { 0, 8 }, { 0, 0 } };
	struct key k = { DIR_INO, ITEM_DIR_LOG, 9 };

	ONLY(LOG_TREE_ID, k, &d, sizeof(d), c);
	k.objectid++;
	assert_int_equal(check(LOG_TREE_ID, k, &d, sizeof(d)), -EIO);
}

static void orphans(void **state)
{
	static const struct key bad[] = { { ORPHAN_INO, ITEM_ORPHAN, INO - 1 }, { ORPHAN_INO, ITEM_ORPHAN, INO_MAX },
					  { INO, ITEM_ORPHAN, INO } };

	only_as_it_is(VOL, (struct key){ ORPHAN_INO, ITEM_ORPHAN, INO }, "", 0, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(check(VOL, bad[i], "", 0), -EIO);
}

static struct extent_item regular(uint64_t at, uint32_t blocks)
{
	return (struct extent_item){ .generation = GEN, .disk_bytenr = at, .disk_len = blocks * FS_BLOCK,
				     .len = blocks * FS_BLOCK, .ram_bytes = blocks * FS_BLOCK, .kind = EXTENT_REG };
}

static void extents(void **state)
{
	struct extent_item x = regular(DATA, NDATA), z = regular(DATA + FS_BLOCK, 4);
	static const struct change c[] = {
		{ 0, GEN + 1 }, { 8, 0 }, { 8, DATA - FS_BLOCK }, { 8, DATA + FS_BLOCK }, { 8, DATA + 1 }, { 8, 1 },
		{ 8, UINT64_MAX - 4095 }, { 16, 0 }, { 16, 4097 }, { 16, (NDATA - 1) * FS_BLOCK },
		{ 16, (NDATA + 1) * FS_BLOCK }, { 16, UINT64_MAX - 4095 }, { 24, FS_BLOCK }, { 24, 1 },
		{ 24, UINT64_MAX - 4095 }, { 32, 0 }, { 32, 1 }, { 32, (NDATA + 1) * FS_BLOCK },
		{ 32, 0xeaeaeaeaeaeae000 }, { 32, UINT64_MAX - 4095 }, { 40, 100 }, { 48, 3 }, { 48, 0x102 },
		{ 48, 0x101 }, { 48, 0x401 },
	};
	static const struct change cz[] = { { 40, 0 }, { 40, 8 * FS_BLOCK }, { 40, (128u << 20) + FS_BLOCK },
					    { 40, UINT64_MAX - 4095 }, { 24, 7 * FS_BLOCK }, { 32, 15 * FS_BLOCK } };
	struct key k = { INO, ITEM_EXTENT, 0 };

	ONLY(VOL, k, &x, sizeof(x), c);
	z.compress = COMPRESS_ZSTD;
	z.ram_bytes = 16 * FS_BLOCK;
	z.len = 10 * FS_BLOCK;
	z.offset = 6 * FS_BLOCK;
	ONLY(VOL, k, &z, sizeof(z), cz);
	/* where it is in the file */
	static const uint64_t bad[] = { 1, 100, FILE_SIZE_MAX, UINT64_MAX - 4095,
					UINT64_MAX - 4095 - NDATA * FS_BLOCK };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(check(VOL, (struct key){ INO, ITEM_EXTENT, bad[i] }, &x, sizeof(x)), -EIO);
	k.offset = FILE_SIZE_MAX - x.len;
	assert_int_equal(check(VOL, k, &x, sizeof(x)), 0);
	k.objectid = DIR_INO;
	assert_int_equal(check(VOL, k, &x, sizeof(x)), -EIO);
}

static void preallocated_extents(void **state)
{
	struct extent_item x = regular(DATA, NDATA);
	static const struct change c[] = { { 8, 0 }, { 8, DATA - FS_BLOCK }, { 32, (NDATA + 1) * FS_BLOCK } };
	struct key k = { INO, ITEM_EXTENT, 0 };

	x.kind = EXTENT_PREALLOC;
	ONLY(VOL, k, &x, sizeof(x), c);
	assert_int_equal(check(LOG_TREE_ID, k, &x, sizeof(x)), 0);
	x.compress = COMPRESS_ZSTD; /* nothing is written, so nothing is packed */
	assert_int_equal(check(VOL, k, &x, sizeof(x)), -EIO);
}

static void holes_and_inline_extents(void **state)
{
	struct key k = { INO, ITEM_EXTENT, 0 };
	struct extent_item hole = { .generation = GEN, .len = FILE_SIZE_MAX, .kind = EXTENT_REG };
	struct { struct extent_item it; uint8_t bytes[EXTENT_INLINE_MAX + 1]; } in = {
		.it = { .generation = GEN, .len = FS_BLOCK, .ram_bytes = 100, .kind = EXTENT_INLINE },
	};
	uint32_t head = sizeof(in.it);

	assert_int_equal(check(LOG_TREE_ID, k, &hole, sizeof(hole)), 0);
	assert_int_equal(check(VOL, k, &hole, sizeof(hole)), -EIO);
	hole.len += FS_BLOCK;
	assert_int_equal(check(LOG_TREE_ID, k, &hole, sizeof(hole)), -EIO);
	hole.len = 0;
	assert_int_equal(check(LOG_TREE_ID, k, &hole, sizeof(hole)), -EIO);
	assert_int_equal(check(VOL, k, &in, head + 1), 0);
	assert_int_equal(check(VOL, k, &in, head + EXTENT_INLINE_MAX), 0);
	assert_int_equal(check(VOL, k, &in, head + EXTENT_INLINE_MAX + 1), -EIO);
	assert_int_equal(check(VOL, k, &in, 10), -EIO);
	assert_int_equal(check(VOL, (struct key){ INO, ITEM_EXTENT, FS_BLOCK }, &in, head + 100), -EIO);
	in.it.len = 2 * FS_BLOCK;
	assert_int_equal(check(VOL, k, &in, head + 100), -EIO);
	in.it.len = FS_BLOCK;
	in.it.compress = COMPRESS_ZSTD;
	assert_int_equal(check(VOL, k, &in, head + 100), -EIO);
}

static void checksums(void **state)
{
	static const uint32_t bad_len[] = { 0, 3, 5, 257 * 4 };
	static const uint64_t bad_at[] = { 0, DATA - FS_BLOCK, DATA + 1, DATA + (NDATA - 255) * FS_BLOCK,
					   DATA + NDATA * FS_BLOCK, UINT64_MAX - 4095, UINT64_MAX };
	uint8_t sums[257 * 4] = { 0 };
	struct key k = { CSUM_OBJECTID, ITEM_CSUM, DATA };

	assert_int_equal(check(CSUM_TREE_ID, k, sums, 256 * 4), 0);
	assert_int_equal(check(LOG_TREE_ID, k, sums, 4), 0);
	assert_int_equal(check(VOL, k, sums, 4), -EIO);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(check(CSUM_TREE_ID, k, sums, bad_len[i]), -EIO);
	for (unsigned i = 0; i < 7; i++) {
		k.offset = bad_at[i];
		assert_int_equal(check(CSUM_TREE_ID, k, sums, 256 * 4), -EIO);
	}
	k.offset = DATA + (NDATA - 256) * FS_BLOCK;
	assert_int_equal(check(CSUM_TREE_ID, k, sums, 256 * 4), 0);
	k.objectid--;
	assert_int_equal(check(CSUM_TREE_ID, k, sums, 256 * 4), -EIO);
}

/* extent_item.1, csum.1: as far as two items are in one leaf. */
static void an_item_and_the_one_before_it(void **state)
{
	struct extent_item x = regular(DATA, 4), y = regular(DATA + 4 * FS_BLOCK, 4);
	struct key kx = { INO, ITEM_EXTENT, FS_BLOCK }, ky = { INO, ITEM_EXTENT, 5 * FS_BLOCK };
	struct item_view before = { &kx, &x, sizeof(x) };
	uint8_t sums[64] = { 0 };
	struct why why;

	assert_int_equal(check_after(VOL, ky, &y, sizeof(y), &before, &why), 0);
	ky.offset -= FS_BLOCK;
	assert_int_equal(check_after(VOL, ky, &y, sizeof(y), &before, &why), -EIO);
	assert_string_equal(why.text, "the extent before it covers a part of it");
	ky.objectid++; /* of another file */
	assert_int_equal(check_after(VOL, ky, &y, sizeof(y), &before, &why), 0);
	kx = (struct key){ CSUM_OBJECTID, ITEM_CSUM, DATA };
	before = (struct item_view){ &kx, sums, sizeof(sums) };
	ky = (struct key){ CSUM_OBJECTID, ITEM_CSUM, DATA + 16 * FS_BLOCK };
	assert_int_equal(check_after(CSUM_TREE_ID, ky, sums, 4, &before, &why), 0);
	ky.offset -= FS_BLOCK;
	assert_int_equal(check_after(CSUM_TREE_ID, ky, sums, 4, &before, &why), -EIO);
	assert_string_equal(why.text, "the checksums before it are of the same blocks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots),
		cmocka_unit_test(inodes),
		cmocka_unit_test(names),
		cmocka_unit_test(ranges_of_names),
		cmocka_unit_test(orphans),
		cmocka_unit_test(extents),
		cmocka_unit_test(preallocated_extents),
		cmocka_unit_test(holes_and_inline_extents),
		cmocka_unit_test(checksums),
		cmocka_unit_test(an_item_and_the_one_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
