/*
 * tree_damage_test.c: blocks that are not what they should be: every byte flipped, and blocks that are
 * wrong under a right checksum, as only a hostile image has them. -EIO, or the other copy; never a crash.
 */
#include "base/crc32c.h"
#include "machine/mem.h"
#include "tree/tree_rig.h"

/* A tree of two levels on the device, and where its blocks are. */
struct victim {
	struct rig r;
	struct model m;
	struct tree_ptr ptr;
	uint64_t block[64];
	uint32_t nblocks;
};

static int note_block(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	struct victim *v = arg;

	assert_true(v->nblocks < 64);
	v->block[v->nblocks++] = bytenr;
	return 0;
}

static struct victim *victim_open(bool dup)
{
	struct victim *v = calloc(1, sizeof(*v));

	rig_open(&v->r, 4096, dup, 1u << 20);
	rig_put(&v->r, &v->m, 0, 60, 250);
	v->ptr = rig_commit(&v->r);
	assert_int_equal(v->ptr.level, 1);
	assert_int_equal(tree_walk_blocks(&v->r.tree, note_block, v), 0);
	return v;
}

static void victim_close(struct victim *v)
{
	rig_close(&v->r);
	free(v);
}

static void read_block(struct victim *v, uint64_t bytenr, uint8_t *buf)
{
	assert_int_equal(dev_read(v->r.dev, bytenr, buf, 4096), 0);
}

static void write_block(struct victim *v, uint64_t bytenr, const uint8_t *buf)
{
	assert_int_equal(dev_write(v->r.dev, bytenr, buf, 4096, 0), 0);
}

static void fix_csum(uint8_t *buf)
{
	uint32_t csum = crc32c(0, buf + 4, 4096 - 4);

	memcpy(buf, &csum, sizeof(csum));
}

/* As a mount does: nothing in memory, open the tree, mark its blocks. */
static int remount(struct victim *v)
{
	int ret;

	rig_unmount(&v->r);
	rig_mount(&v->r);
	ret = tree_open(&v->r.tree, v->r.bl, RIG_OWNER, &v->ptr);
	return ret ? ret : tree_walk_blocks(&v->r.tree, rig_mark, &v->r);
}

/* What was damaged first is told, in these words. */
static void told(struct victim *v, const char *words)
{
	struct why why;

	assert_true(blocks_damage(v->r.bl, &why));
	if (!strstr(why.text, words))
		fail_msg("\"%s\", not \"%s\"", why.text, words);
}

/* Every key: 0 with the right content, or -EIO. How many of the latter. */
static uint32_t lost_keys(struct victim *v)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < 60; i++) {
		struct key k = rig_key(i);
		uint8_t data[1024];
		uint32_t len;
		int ret = tree_lookup(&v->r.tree, &k, data, sizeof(data), &len);

		assert_true(ret == 0 || ret == -EIO);
		if (ret)
			lost++;
		else
			rig_expect(&v->m.row[i], data, len);
	}
	return lost;
}

static void flip_each_byte(bool dup)
{
	struct victim *v = victim_open(dup);
	uint8_t *buf = mem_alloc_pages(4096);
	uint64_t at[2] = { v->block[0], v->block[2] };

	for (int root = 1; root >= 0; root--) {
		for (uint32_t i = 0; i < 4096; i++) {
			int ret;

			read_block(v, at[!root], buf);
			buf[i] ^= 1u << i % 8;
			write_block(v, at[!root], buf);
			ret = remount(v);
			if (dup)
				assert_int_equal(ret || lost_keys(v), 0);
			else if (root)
				assert_int_equal(ret, -EIO);
			else
				assert_in_range(lost_keys(v), 10, 20);
			buf[i] ^= 1u << i % 8;
			write_block(v, at[!root], buf);
		}
	}
	assert_int_equal(remount(v), 0);
	assert_int_equal(lost_keys(v), 0);
	free(buf);
	victim_close(v);
}

static void a_flipped_byte_is_an_error(void **state)
{
	flip_each_byte(false);
}

static void a_flipped_byte_leaves_the_other_copy(void **state)
{
	flip_each_byte(true);
}

/* The right block of an older time, of another place, of another file system: whole, and wrong. */
static void a_whole_block_that_is_not_meant_is_an_error(void **state)
{
	struct victim *v = victim_open(false);
	uint8_t *stale = mem_alloc_pages(4096);

	read_block(v, v->block[2], stale);
	write_block(v, v->block[3], stale);
	assert_int_equal(remount(v), 0);
	assert_in_range(lost_keys(v), 10, 20);
	free(stale);
	victim_close(v);

	v = victim_open(false);
	rig_unmount(&v->r);
	rig_mount(&v->r);
	blocks_set_fsid(v->r.bl, 78);
	assert_int_equal(tree_open(&v->r.tree, v->r.bl, RIG_OWNER, &v->ptr), -EIO);
	assert_int_equal(tree_open(&v->r.tree, v->r.bl, RIG_OWNER + 1, &v->ptr), -EIO);
	victim_close(v);
}

/* One field of a block is set to a value that cannot be; the checksum fits. */
struct wrong {
	const char *what;
	bool leaf;
	uint32_t at, size;
	uint64_t value;
};

#define HEADER ((uint32_t)sizeof(struct node_header))
#define ITEM   ((uint32_t)sizeof(struct disk_item))
#define PTR    ((uint32_t)sizeof(struct disk_ptr))

static const struct wrong wrongs[] = {
	{ "magic", true, 4, 4, 0 },
	{ "fsid", true, 8, 8, 78 },
	{ "address", true, 16, 8, SUPER_END },
	{ "older", true, 24, 8, 0 },
	{ "newer", true, 24, 8, 2 },
	{ "owner", true, 32, 8, 6 },
	{ "no item", true, 40, 4, 0 },
	{ "an item too many", true, 40, 4, 17 },
	{ "items beyond the end", true, 40, 4, 163 },
	{ "items without end", true, 40, 4, UINT32_MAX },
	{ "leaf as inner node", true, 44, 1, 1 },
	{ "level without end", true, 44, 1, 255 },
	{ "keys out of order", true, HEADER + 2 * ITEM, 8, UINT64_MAX },
	{ "key below its pointer", true, HEADER + 8, 1, 0 },
	{ "data in the headers", true, HEADER + 17, 4, HEADER },
	{ "data beyond the end", true, HEADER + 17, 4, 4096 },
	{ "data far beyond the end", true, HEADER + 17, 4, UINT32_MAX },
	{ "data overlap", true, HEADER + ITEM + 17, 4, 4096 - 250 },
	{ "a gap in the data", true, HEADER + 21, 4, 249 },
	{ "length beyond the end", true, HEADER + 21, 4, 251 },
	{ "length without end", true, HEADER + 21, 4, UINT32_MAX },
	{ "pointers beyond the end", false, 40, 4, 123 },
	{ "no pointer", false, 40, 4, 0 },
	{ "inner node as leaf", false, 44, 1, 0 },
	{ "pointer to itself", false, HEADER + 17, 8, 0 /* its own address */ },
	{ "pointer to the super block", false, HEADER + 17, 8, SUPER_COPY_0 },
	{ "pointer beyond the metadata", false, HEADER + 17, 8, SUPER_END + (1u << 20) },
	{ "pointer beyond the device", false, HEADER + 17, 8, 1ull << 62 },
	{ "pointer that is not aligned", false, HEADER + 17, 8, SUPER_END + 512 },
	{ "pointer to an older child", false, HEADER + 25, 8, 0 },
	{ "pointer to a newer child", false, HEADER + 25, 8, 2 },
	{ "pointers out of order", false, HEADER + PTR, 8, UINT64_MAX },
};

static void a_wrong_field_is_an_error(void **state)
{
	uint8_t *buf = mem_alloc_pages(4096);

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct victim *v = victim_open(false);
		uint64_t at = v->block[wrongs[i].leaf ? 2 : 0], value = wrongs[i].value;
		int ret;

		if (!strcmp(wrongs[i].what, "pointer to itself"))
			value = at;
		read_block(v, at, buf);
		memcpy(buf + wrongs[i].at, &value, wrongs[i].size);
		fix_csum(buf);
		write_block(v, at, buf);
		ret = remount(v);
		if (!ret && !lost_keys(v))
			fail_msg("%s: not noticed", wrongs[i].what);
		assert_true(ret == 0 || ret == -EIO);
		if (!ret)
			assert_int_equal(tree_check(&v->r.tree), -EIO);
		if (strcmp(wrongs[i].what, "pointer to itself")) /* that one is the allocator's to find */
			told(v, "block ");
		victim_close(v);
	}
	free(buf);
}

/* ---- blocks made from nothing, right except for one thing ---- */

/* A leaf of n items of `len` bytes each; what lies beyond the block is not there at all. */
static int check_crafted_leaf(uint32_t n, uint32_t len)
{
	struct node_want want = { .bytenr = SUPER_END, .generation = 1, .owner = RIG_OWNER };
	struct node_header h = { .magic = NODE_MAGIC, .bytenr = SUPER_END, .generation = 1, .owner = RIG_OWNER,
					 .nritems = n };
	uint8_t *buf = calloc(1, 4096);
	struct why why = WHY_NONE;
	int ret;

	memcpy(buf, &h, sizeof(h));
	for (uint32_t i = 0, at = HEADER; i < n && at < 4096; i++, at += ITEM) {
		struct disk_item item = { .key = { .objectid = i }, .at = 4096 - (i + 1) * len, .len = len };

		memcpy(buf + at, &item, at + ITEM <= 4096 ? ITEM : 4096 - at);
	}
	fix_csum(buf);
	struct blocks *bl = blocks_open(NULL, NULL, 4096, false, 1 << 20);
	ret = node_check(bl, buf, &want, &why);
	assert_int_equal(!ret, !why.text[0]);
	blocks_close(bl);
	free(buf);
	return ret;
}

static void a_leaf_holds_what_fits_and_no_more(void **state)
{
	static const struct {
		uint32_t n, len;
		int ret;
	} leaf[] = {
		{ 0, 0, -EIO }, { 1, 987, 0 }, { 1, 988, -EIO }, { 1, 4023, -EIO }, { 161, 0, 0 }, { 162, 0, -EIO },
		{ 163, 0, -EIO }, { 4, 987, 0 }, { 5, 784, 0 }, { 5, 785, -EIO }, { 5, 820, -EIO }, { 16, 228, 0 },
		{ 16, 229, -EIO }, { UINT32_MAX, 0, -EIO }, { UINT32_MAX / ITEM, 0, -EIO },
	};

	for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
		assert_int_equal(check_crafted_leaf(leaf[i].n, leaf[i].len), leaf[i].ret);
}

static void patch(struct victim *v, uint64_t bytenr, uint32_t at, uint64_t value)
{
	uint8_t *buf = mem_alloc_pages(4096);

	read_block(v, bytenr, buf);
	memcpy(buf + at, &value, sizeof(value));
	fix_csum(buf);
	write_block(v, bytenr, buf);
	free(buf);
}

/* Against node.3, the child and its pointer agree, but the parent is older than both. */
static void a_child_younger_than_its_parent_is_an_error(void **state)
{
	struct victim *v = victim_open(false);

	patch(v, v->block[2], 24, 9);
	patch(v, v->block[0], HEADER + PTR + 25, 9);
	assert_int_equal(remount(v), -EIO);
	victim_close(v);
}

/* A leaf that is the last of its parent, but has a key beyond where the parent ends: it would be found twice. */
static void a_key_beyond_the_end_of_the_parent_is_an_error(void **state)
{
	struct victim *v = malloc(sizeof(*v));
	struct key beyond = { UINT32_MAX, 1, 2 };
	uint8_t *buf = mem_alloc_pages(4096);
	struct node_header h;
	struct disk_item last;
	struct disk_ptr p;

	*v = (struct victim){ 0 };
	rig_open(&v->r, 4096, false, 1u << 22);
	rig_put(&v->r, &v->m, 0, 2900, 250); /* three levels */
	v->ptr = rig_commit(&v->r);
	assert_int_equal(v->ptr.level, 2);
	read_block(v, v->ptr.bytenr, buf);
	memcpy(&p, buf + HEADER, sizeof(p)); /* the root's first child */
	read_block(v, p.bytenr, buf);
	memcpy(&h, buf, sizeof(h));
	memcpy(&p, buf + HEADER + (h.nritems - 1) * PTR, sizeof(p)); /* that one's last */
	read_block(v, p.bytenr, buf);
	memcpy(&h, buf, sizeof(h));
	memcpy(&last, buf + HEADER + (h.nritems - 1) * ITEM, sizeof(last));
	last.key = disk_key_of(&beyond);
	memcpy(buf + HEADER + (h.nritems - 1) * ITEM, &last, sizeof(last));
	fix_csum(buf);
	write_block(v, p.bytenr, buf);
	assert_int_equal(remount(v), 0); /* leaves are not read */
	assert_int_equal(tree_check(&v->r.tree), -EIO);
	told(v, "its key is out of order");
	free(buf);
	victim_close(v);
}

/* A block that is whole in every way, but lies among the data of files, where a user may have put it. */
static void a_block_among_the_data_is_an_error(void **state)
{
	struct victim *v = victim_open(false);
	uint64_t there = SUPER_END + (1u << 20);
	uint8_t *buf = mem_alloc_pages(4096);

	read_block(v, v->block[2], buf);
	write_block(v, there, buf);
	patch(v, there, 16, there);
	patch(v, v->block[0], HEADER + PTR + 17, there);
	assert_int_equal(remount(v), -EIO);
	assert_null(v->r.tree.root); /* a pointer that cannot be makes a block that is not believed */
	told(v, "pointer 1: 1310720 is no address of a block");
	free(buf);
	victim_close(v);
}

static int look_at(void *arg, const struct key *k, const void *data, uint32_t len)
{
	const uint8_t *bytes = data;
	uint32_t *sum = arg;

	for (uint32_t i = 0; i < len; i++)
		*sum += bytes[i];
	return 0;
}

/* All calls, on whatever came through the mount: none may crash, none may return what is not in the contract. */
static void use_tree(struct victim *v, struct rng *rng)
{
	static const struct key zero, max = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	uint8_t data[1024] = { 0 };
	struct rig *r = &v->r;
	uint32_t sum = 0, steps = 0;
	struct key k = zero;
	int ret;

	while (!(ret = tree_next(&r->tree, &k, data, sizeof(data), NULL)) && key_inc(&k))
		assert_true(++steps < 10000);
	assert_true(ret == -ENOENT || ret == -EIO || ret == 0);
	k = max;
	while (!(ret = tree_prev(&r->tree, &k, data, sizeof(data), NULL)) && key_dec(&k))
		assert_true(++steps < 20000);
	assert_true(ret == -ENOENT || ret == -EIO || ret == 0);
	ret = tree_scan(&r->tree, &zero, &max, 0, look_at, &sum);
	assert_true(ret == 0 || ret == -EIO);
	for (unsigned i = 0; i < 40; i++) {
		k = rig_key((uint32_t)rng_below(rng, 100));
		ret = tree_put(&r->tree, r->generation, &k, data, (uint32_t)rng_below(rng, tree_item_max(&r->tree)));
		assert_true(ret == 0 || ret == -EIO);
		k = rig_key((uint32_t)rng_below(rng, 100));
		ret = tree_delete(&r->tree, r->generation, &k);
		assert_true(ret == 0 || ret == -EIO || ret == -ENOENT);
	}
	tree_check(&r->tree);
	if (rng_below(rng, 2))
		tree_free_all(&r->tree);
}

/* Random bytes at the places that matter (the header, the item headers), the checksum made to fit. */
static void random_damage_never_crashes(void **state)
{
	uint8_t *good = mem_alloc_pages(4096), *bad = mem_alloc_pages(4096);
	uint32_t mounted = 0;
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned round = 0; round < 2000; round++) {
		struct victim *v = victim_open(false);
		uint64_t at = v->block[rng_below(&rng, 3)];

		read_block(v, at, good);
		memcpy(bad, good, 4096);
		for (uint64_t n = 1 + rng_below(&rng, 3); n; n--) {
			uint32_t where = 40 + (uint32_t)rng_below(&rng, rng_below(&rng, 2) ? 60 : 600);

			bad[where] = rng_below(&rng, 2) ? (uint8_t)rng_next(&rng) : bad[where] ^ 1;
		}
		fix_csum(bad);
		write_block(v, at, bad);
		if (!remount(v)) {
			use_tree(v, &rng);
			mounted++;
		}
		victim_close(v);
	}
	assert_true(mounted > 250);
	free(good);
	free(bad);
}

static int fail_reads(void *arg, const struct bio *bio)
{
	uint64_t bad = *(uint64_t *)arg;

	return !(bio->flags & BIO_WRITE) && bio->off == bad ? -EIO : 0;
}

/* A sector that cannot be read now, and can be later: the error does not stick. */
static void a_read_error_lasts_as_long_as_its_cause(void **state)
{
	struct victim *v = victim_open(false);
	struct dev_faults faults = { .fail = fail_reads, .arg = &v->block[2] };

	assert_int_equal(remount(v), 0);
	v->r.dev->faults = &faults;
	assert_in_range(lost_keys(v), 10, 20);
	v->r.dev->faults = NULL;
	assert_int_equal(lost_keys(v), 0);
	victim_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_byte_is_an_error),
		cmocka_unit_test(a_flipped_byte_leaves_the_other_copy),
		cmocka_unit_test(a_whole_block_that_is_not_meant_is_an_error),
		cmocka_unit_test(a_wrong_field_is_an_error),
		cmocka_unit_test(a_leaf_holds_what_fits_and_no_more),
		cmocka_unit_test(a_child_younger_than_its_parent_is_an_error),
		cmocka_unit_test(a_key_beyond_the_end_of_the_parent_is_an_error),
		cmocka_unit_test(a_block_among_the_data_is_an_error),
		cmocka_unit_test(random_damage_never_crashes),
		cmocka_unit_test(a_read_error_lasts_as_long_as_its_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
