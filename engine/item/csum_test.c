/* csum_test.c: checksums of disk blocks against a plain array: csum.1, ranges of any size, both sizes of node. */
#include "tree/tree_rig.h"

#include "base/crc32c.h"
#include "item/csum.h"

#define BLOCKS 4000u
#define DISK   (1ull << 24)

struct sums { /* there: what the tree must know */
	bool there[BLOCKS];
	uint32_t sum[BLOCKS];
};

static void put(struct rig *r, struct sums *s, struct rng *rng, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		s->there[at + i] = true;
		s->sum[at + i] = (uint32_t)rng_next(rng);
	}
	assert_int_equal(csum_put(&r->tree, r->generation, DISK + at * FS_BLOCK, s->sum + at, n), 0);
}

static void delete(struct rig *r, struct sums *s, uint32_t at, uint32_t n)
{
	memset(s->there + at, 0, n * sizeof(s->there[0]));
	assert_int_equal(csum_delete(&r->tree, r->generation, DISK + at * FS_BLOCK, n), 0);
}

static void lookup(struct rig *r, const struct sums *s, uint32_t at, uint32_t n)
{
	uint32_t *got = calloc(n, sizeof(*got)), whole = 0;

	while (whole < n && s->there[at + whole])
		whole++;
	assert_int_equal(csum_lookup(&r->tree, DISK + at * FS_BLOCK, got, n), whole == n ? 0 : -ENOENT);
	assert_memory_equal(got, s->sum + at, whole * sizeof(*got));
	free(got);
}

struct cover {
	uint64_t end;
	uint32_t blocks;
};

static int cover_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct cover *c = arg;

	assert_true(k->offset >= c->end); /* csum.1 */
	assert_true(len > 0 && len % 4 == 0);
	c->end = k->offset + len / 4 * FS_BLOCK;
	c->blocks += len / 4;
	return 0;
}

static void items_do_not_overlap(struct rig *r, const struct sums *s)
{
	struct key from = { CSUM_OBJECTID, ITEM_CSUM, 0 }, to = { CSUM_OBJECTID, ITEM_CSUM, UINT64_MAX };
	struct cover c = { 0 };
	uint32_t want = 0;

	for (uint32_t i = 0; i < BLOCKS; i++)
		want += s->there[i];
	assert_int_equal(tree_scan(&r->tree, &from, &to, 0, cover_item, &c), 0);
	assert_int_equal(c.blocks, want);
}

static void sums_follow_a_plain_array(void **state)
{
	static struct sums s;

	for (uint64_t seed = 0; seed < 6; seed++) {
		struct rig r;
		struct rng rng;
		memset(&s, 0, sizeof(s));
		rng_seed(&rng, seed);
		rig_open(&r, seed % 2 ? 4096 : 16384, false, 4 << 20);
		for (unsigned step = 0; step < 600; step++) {
			uint32_t at = (uint32_t)rng_below(&rng, BLOCKS);
			uint32_t n = 1 + (uint32_t)rng_below(&rng, step % 10 ? 40 : 2000);
			n = n > BLOCKS - at ? BLOCKS - at : n;
			if (rng_below(&rng, 3))
				put(&r, &s, &rng, at, n);
			else
				delete(&r, &s, at, n);
			lookup(&r, &s, (uint32_t)rng_below(&rng, BLOCKS - 50), 50);
			lookup(&r, &s, at, n);
			if (step % 50 == 0) {
				items_do_not_overlap(&r, &s);
				rig_commit(&r);
			}
		}
		items_do_not_overlap(&r, &s);
		for (uint32_t i = 0; i < BLOCKS; i++)
			lookup(&r, &s, i, 1);
		rig_close(&r);
	}
}

static void the_sum_is_crc32c_of_the_whole_block(void **state)
{
	uint8_t block[FS_BLOCK] = { 0 };

	assert_int_equal(csum_of_block(block), 0x98f94189u); /* of 4 KiB of zeros: what Btrfs has for such a block */
	for (unsigned i = 0; i < FS_BLOCK; i++)
		block[i] = (uint8_t)(i * 31);
	assert_int_equal(csum_of_block(block), crc32c(0, block, FS_BLOCK));
	block[FS_BLOCK - 1] ^= 1;
	assert_int_equal(csum_of_block(block), crc32c(0, block, FS_BLOCK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_follow_a_plain_array),
		cmocka_unit_test(the_sum_is_crc32c_of_the_whole_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
