/*
 * tree_test.c: one task and one tree against a model: every call, several node sizes, from memory and
 * from disk; and that the tree has the shape that it should.
 */
#include "tree/tree_rig.h"

/* Grows, then shrinks, then grows ...: each phase prefers one way. */
static unsigned pick_change(struct rng *rng, unsigned step)
{
	bool grow = step / 3000 % 2 == 0;

	if (rng_below(rng, 10) < 6)
		return grow ? 0 : 3;
	return (unsigned)rng_below(rng, 4);
}

static uint32_t next_there(const struct model *m, uint32_t i)
{
	while (i < RIG_KEYS && !m->row[i].there)
		i++;
	return i;
}

static uint32_t prev_there(const struct model *m, uint32_t i)
{
	while (i < RIG_KEYS && !m->row[i].there)
		i--; /* wraps below 0 */
	return i;
}

static void compare_neighbours(struct rig *r, const struct model *m, uint32_t i)
{
	uint32_t next = next_there(m, i), prev = prev_there(m, i), len;
	uint8_t data[NODE_SIZE_MAX / 4];
	struct key k = rig_key(i);
	int ret = tree_next(&r->tree, &k, data, sizeof(data), &len);

	assert_int_equal(ret, next < RIG_KEYS ? 0 : -ENOENT);
	assert_int_equal(rig_index(&k), next < RIG_KEYS ? next : i);
	if (!ret)
		rig_expect(&m->row[next], data, len);
	k = rig_key(i);
	ret = tree_prev(&r->tree, &k, data, sizeof(data), &len);
	assert_int_equal(ret, prev < RIG_KEYS ? 0 : -ENOENT);
	assert_int_equal(rig_index(&k), prev < RIG_KEYS ? prev : i);
	if (!ret)
		rig_expect(&m->row[prev], data, len);
}

struct scan_state {
	const struct model *m;
	uint32_t from, to, told;
	bool seen[RIG_KEYS];
};

static int scan_one(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct scan_state *s = arg;
	uint32_t i = rig_index(k);

	assert_true(i >= s->from && i <= s->to);
	s->from = i + 1; /* in order, each once */
	rig_expect(&s->m->row[i], data, len);
	s->seen[i] = true;
	s->told++;
	return 0;
}

/* All that is young enough is told; what else is told is true, too. */
static uint32_t compare_scan(struct rig *r, const struct model *m, uint32_t from, uint32_t to, uint64_t min_generation)
{
	struct scan_state s = { .m = m, .from = from, .to = to };
	struct key a = rig_key(from), b = rig_key(to);

	assert_int_equal(tree_scan(&r->tree, &a, &b, min_generation, scan_one, &s), 0);
	for (uint32_t i = from; i <= to; i++)
		if (m->row[i].there && m->row[i].generation >= min_generation)
			assert_true(s.seen[i]);
	return s.told;
}

static void compare_scans(struct rig *r, const struct model *m, struct rng *rng)
{
	uint32_t a = (uint32_t)rng_below(rng, RIG_KEYS), b = (uint32_t)rng_below(rng, RIG_KEYS);

	compare_scan(r, m, 0, RIG_KEYS - 1, 0);
	if (a <= b)
		compare_scan(r, m, a, b, 0);
	compare_scan(r, m, 0, RIG_KEYS - 1, r->generation - rng_below(rng, 3));
}

static void random_changes_match_the_model(uint32_t nodesize, bool dup, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct tree_ptr ptr;
	struct rng rng;
	struct rig r;

	rng_seed(&rng, seed);
	rig_open(&r, nodesize, dup, 32u << 20);
	for (unsigned step = 0; step < 15000; step++) {
		rig_change(&r, m, &rng, (uint32_t)rng_below(&rng, RIG_KEYS), pick_change(&rng, step));
		compare_neighbours(&r, m, (uint32_t)rng_below(&rng, RIG_KEYS));
		if (step % 700 == 0)
			ptr = rig_commit(&r);
		if (step % 1500 == 1499) {
			compare_scans(&r, m, &rng);
			rig_compare(&r.tree, m);
		}
		if (step % 2100 == 0 && step) {
			rig_reopen(&r, &ptr); /* step % 700 == 0: nothing was changed since */
			rig_compare(&r.tree, m);
		}
	}
	assert_int_equal(blocks_error(r.bl), 0);
	rig_close(&r);
	free(m);
}

static void small_nodes_match_the_model(void **state)
{
	random_changes_match_the_model(4096, false, 1);
}

static void common_nodes_match_the_model(void **state)
{
	random_changes_match_the_model(16384, true, 2);
}

static void large_nodes_match_the_model(void **state)
{
	random_changes_match_the_model(65536, false, 3);
}

static void space_is_exactly_what_the_tree_uses(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct rng rng;
	struct rig r;

	rng_seed(&rng, 9);
	rig_open(&r, 4096, false, 8u << 20);
	for (unsigned step = 0; step < 12000; step++) {
		rig_change(&r, m, &rng, (uint32_t)rng_below(&rng, RIG_KEYS), pick_change(&rng, step));
		if (step % 500 == 0)
			rig_expect_no_leak(&r);
		if (step % 777 == 0)
			rig_commit(&r);
	}
	rig_commit(&r);
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).pinned, 0);
	assert_int_equal(tree_free_all(&r.tree), 0);
	rig_release(&r);
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).free, r.meta_len);
	blocks_close(r.bl);
	alloc_close(r.alloc);
	dev_close(r.dev);
	free(m);
}

static void delete_all(struct rig *r, struct rng *rng)
{
	uint32_t order[RIG_KEYS];

	for (uint32_t i = 0; i < RIG_KEYS; i++)
		order[i] = i;
	for (uint32_t i = RIG_KEYS - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rng_below(rng, i + 1), tmp = order[i];

		order[i] = order[j];
		order[j] = tmp;
	}
	for (uint32_t i = 0; i < RIG_KEYS; i++) {
		struct key k = rig_key(order[i]);

		assert_int_equal(tree_delete(&r->tree, r->generation, &k), 0);
		if (i % 100 == 0)
			assert_int_equal(tree_check(&r->tree), 0);
	}
}

static void a_tree_that_loses_all_items_is_one_empty_leaf(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct key k = rig_key(0);
	struct rng rng;
	struct rig r;

	rng_seed(&rng, 4);
	rig_open(&r, 4096, false, 8u << 20);
	for (int round = 0; round < 3; round++) {
		rig_put(&r, m, 0, RIG_KEYS, 300);
		assert_int_equal(tree_root_ptr(&r.tree).level, 2);
		delete_all(&r, &rng);
		assert_int_equal(tree_root_ptr(&r.tree).level, 0);
		assert_int_equal(rig_blocks(&r), 1);
		rig_expect_no_leak(&r);
		assert_int_equal(tree_next(&r.tree, &k, NULL, 0, NULL), -ENOENT);
	}
	rig_close(&r);
	free(m);
}

/* A root over one child has no reason to be: from the left, from the right. */
static void a_tree_that_loses_one_end_gets_lower(void **state)
{
	for (int from_left = 0; from_left < 2; from_left++) {
		struct model *m = calloc(1, sizeof(*m));
		struct rig r;

		rig_open(&r, 4096, false, 8u << 20);
		rig_put(&r, m, 0, RIG_KEYS, 300);
		for (uint32_t i = 0; i < RIG_KEYS - 5; i++) {
			struct key k = rig_key(from_left ? i : RIG_KEYS - 1 - i);

			assert_int_equal(tree_delete(&r.tree, r.generation, &k), 0);
		}
		assert_int_equal(tree_root_ptr(&r.tree).level, 0);
		rig_expect_no_leak(&r);
		rig_close(&r);
		free(m);
	}
}

static void appending_fills_the_leaves(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	uint32_t per_leaf, leaves;
	struct rig r;

	rig_open(&r, 4096, false, 8u << 20);
	per_leaf = (4096 - (uint32_t)sizeof(struct node_header)) / leaf_need(40);
	leaves = (RIG_KEYS + per_leaf - 1) / per_leaf;
	rig_put(&r, m, 0, RIG_KEYS, 40);
	assert_int_equal(rig_blocks(&r), leaves + 1);
	rig_close(&r);
	free(m);
}

static void the_largest_item_always_fits(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct rng rng;
	struct rig r;

	rng_seed(&rng, 6);
	rig_open(&r, 4096, false, 16u << 20);
	for (unsigned step = 0; step < 6000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, RIG_KEYS);
		bool large = rng_below(&rng, 2);

		rig_put(&r, m, i, i + 1, large ? tree_item_max(&r.tree) : (uint32_t)rng_below(&rng, 8));
	}
	rig_compare(&r.tree, m);
	rig_close(&r);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_nodes_match_the_model),
		cmocka_unit_test(common_nodes_match_the_model),
		cmocka_unit_test(large_nodes_match_the_model),
		cmocka_unit_test(space_is_exactly_what_the_tree_uses),
		cmocka_unit_test(a_tree_that_loses_all_items_is_one_empty_leaf),
		cmocka_unit_test(a_tree_that_loses_one_end_gets_lower),
		cmocka_unit_test(appending_fills_the_leaves),
		cmocka_unit_test(the_largest_item_always_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
