/*
 * tree_cow_test.c: what copy on write promises: to a holder of an older root, to the allocator, to a
 * change that fails half-way, to a commit whose writes fail.
 */
#include "tree/tree_rig.h"

/* tree.1 and tree.4 */
static void an_older_root_still_reads_its_content(void **state)
{
	struct model *old = calloc(1, sizeof(*old)), *m = calloc(1, sizeof(*m));
	struct tree_ptr ptr;
	struct tree before;
	struct rng rng;
	struct rig r;

	rng_seed(&rng, 7);
	rig_open(&r, 4096, true, 4u << 20);
	rig_put(&r, m, 0, RIG_KEYS, 50);
	ptr = rig_commit(&r);
	*old = *m;
	for (unsigned round = 0; round < 3; round++) {
		struct tree_ptr unused;

		for (unsigned step = 0; step < 1500; step++)
			rig_change(&r, m, &rng, (uint32_t)rng_below(&rng, RIG_KEYS), (unsigned)rng_below(&rng, 4));
		assert_int_equal(rig_write(&r, &unused), 0); /* nothing is released: pins pile up */
		assert_int_equal(tree_open(&before, r.bl, RIG_OWNER, &ptr), 0);
		rig_compare(&before, old);
		tree_close(&before);
		rig_compare(&r.tree, m);
	}
	/* once they are released, its blocks are used for other things, and nobody is told old content */
	rig_release(&r);
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned step = 0; step < 1500; step++)
			rig_change(&r, m, &rng, (uint32_t)rng_below(&rng, RIG_KEYS), (unsigned)rng_below(&rng, 4));
		rig_commit(&r);
	}
	rig_compare(&r.tree, m);
	assert_true(tree_open(&before, r.bl, RIG_OWNER, &ptr) || tree_check(&before));
	tree_close(&before);
	rig_close(&r);
	free(old);
	free(m);
}

struct stamps {
	uint64_t newest;
	uint32_t young, all;
};

static int count_young(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	struct stamps *s = arg;

	assert_true(generation <= s->newest);
	s->all++;
	s->young += generation == s->newest;
	return 0;
}

static int count_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	++*(uint32_t *)arg;
	return 0;
}

static void a_change_stamps_its_path_and_nothing_else(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct key first = rig_key(0), last = rig_key(RIG_KEYS - 1);
	struct stamps s = { 0 };
	struct tree_ptr old;
	uint32_t told = 0;
	struct list list;
	struct rig r;

	rig_open(&r, 4096, false, 8u << 20);
	rig_put(&r, m, 0, RIG_KEYS, 300);
	old = rig_commit(&r);
	assert_int_equal(old.level, 2);
	rig_put(&r, m, 1000, 1001, 300);
	rig_put(&r, m, 1000, 1001, 200);
	s.newest = r.generation;
	assert_int_equal(tree_walk_blocks(&r.tree, count_young, &s), 0);
	assert_int_equal(s.young, 3);
	assert_null(cache_find(r.bl, old.bytenr)); /* what was given up is not kept */
	assert_true(s.all > 100);
	/* the same three are what is to be written, once, and then they are copied anew */
	assert_int_equal(r.tree.ndirty, 3);
	assert_int_equal(tree_scan(&r.tree, &first, &last, s.newest, count_item, &told), 0);
	assert_in_range(told, 1, 20);
	list_init(&list);
	assert_int_equal(tree_take_dirty(&r.tree, &list), 3);
	assert_int_equal(tree_take_dirty(&r.tree, &list), 0);
	rig_put(&r, m, 1000, 1001, 100);
	assert_int_equal(r.tree.ndirty, 3);
	tree_forget_list(&list);
	rig_close(&r);
	free(m);
}

/* A block of an older generation that was never written is copied too, and its space is free at once (alloc.2). */
static void an_unwritten_block_of_before_is_replaced(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct tree_ptr before;
	struct rig r;

	rig_open(&r, 4096, false, 1u << 20);
	rig_put(&r, m, 0, 5, 10);
	before = tree_root_ptr(&r.tree);
	r.generation++;
	rig_put(&r, m, 5, 6, 10);
	assert_int_equal(tree_root_ptr(&r.tree).generation, before.generation + 1);
	assert_int_not_equal(tree_root_ptr(&r.tree).bytenr, before.bytenr);
	assert_int_equal(r.tree.ndirty, 1);
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).free, r.meta_len - 4096);
	rig_compare(&r.tree, m);
	rig_close(&r);
	free(m);
}

static int count_reads(void *arg, const struct bio *bio)
{
	*(uint32_t *)arg += !(bio->flags & BIO_WRITE);
	return 0;
}

static void a_scan_for_what_is_young_does_not_read_what_is_old(void **state)
{
	struct key first = rig_key(0), last = rig_key(RIG_KEYS - 1);
	struct model *m = calloc(1, sizeof(*m));
	uint32_t reads = 0, told = 0;
	struct dev_faults faults = { .fail = count_reads, .arg = &reads };
	struct tree_ptr ptr;
	struct rig r;

	rig_open(&r, 4096, false, 8u << 20);
	rig_put(&r, m, 0, RIG_KEYS, 300);
	rig_commit(&r);
	rig_put(&r, m, 1000, 1001, 300);
	rig_put(&r, m, 2500, 2501, 300);
	ptr = rig_commit(&r);
	rig_unmount(&r);
	rig_mount(&r);
	r.dev->faults = &faults;
	assert_int_equal(tree_open(&r.tree, r.bl, RIG_OWNER, &ptr), 0);
	assert_int_equal(tree_scan(&r.tree, &first, &last, ptr.generation, count_item, &told), 0);
	assert_in_range(told, 2, 40);
	assert_int_equal(reads, 5); /* the root, two below it, two leaves */
	r.dev->faults = NULL;
	rig_close(&r);
	free(m);
}

/* Takes space away until this many blocks are free. */
static void eat_until(struct rig *r, uint32_t blocks)
{
	while (alloc_space(r->alloc, ALLOC_META).free > (uint64_t)blocks * r->nodesize) {
		uint64_t len = r->nodesize, start;

		assert_int_equal(alloc_get(r->alloc, ALLOC_META, len, len, &len, &start), 0);
	}
}

/* A full leaf below a full root: the insert splits both. It fails at each of its allocations in turn. */
static void no_space_leaves_the_tree_as_it_was(void **state)
{
	bool done = false;

	for (uint32_t left = 0; !done; left++) {
		struct model *m = calloc(1, sizeof(*m));
		struct key k = rig_key(200);
		uint8_t data[900] = { 0 };
		struct rig r;
		int ret;

		rig_open(&r, 4096, false, 8u << 20);
		rig_put(&r, m, 0, 121 * 4 + 1, 950);
		assert_int_equal(tree_root_ptr(&r.tree).level, 1);
		assert_int_equal(rig_blocks(&r), 123); /* the root is full, and so is each leaf but the last */
		k.offset++; /* in the middle of it all */
		rig_commit(&r);
		eat_until(&r, left);
		ret = tree_insert(&r.tree, r.generation, &k, data, sizeof(data));
		done = !ret;
		if (ret) {
			assert_int_equal(ret, -ENOSPC);
			rig_compare(&r.tree, m);
			assert_int_equal(tree_lookup(&r.tree, &k, data, sizeof(data), NULL), -ENOENT);
		} else {
			/* copies: root, leaf; new: a root above, an inner node, a leaf beside */
			assert_int_equal(left, 5);
			assert_int_equal(tree_check(&r.tree), 0);
			assert_int_equal(tree_lookup(&r.tree, &k, data, sizeof(data), NULL), 0);
		}
		rig_close(&r);
		free(m);
	}
}

static void no_space_fails_a_delete_and_nothing_else(void **state)
{
	for (uint32_t left = 0; left < 3; left++) {
		struct model *m = calloc(1, sizeof(*m));
		struct key k = rig_key(7);
		struct rig r;

		rig_open(&r, 4096, false, 8u << 20);
		rig_put(&r, m, 0, RIG_KEYS, 300);
		rig_commit(&r);
		eat_until(&r, left);
		assert_int_equal(tree_delete(&r.tree, r.generation, &k), -ENOSPC);
		rig_compare(&r.tree, m);
		rig_close(&r);
		free(m);
	}
}

static void freed_log_blocks_are_free_or_pinned(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct tree_ptr ptr;
	uint32_t written, young;
	struct rig r;

	rig_open(&r, 4096, false, 8u << 20);
	rig_put(&r, m, 0, 500, 300);
	ptr = rig_commit(&r);
	written = rig_blocks(&r);
	rig_reopen(&r, &ptr); /* its leaves are not in memory */
	rig_put(&r, m, 0, 1, 300);
	young = r.tree.ndirty;
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).pinned, (uint64_t)young * 4096);
	assert_int_equal(tree_free_all(&r.tree), 0);
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).pinned, (uint64_t)written * 4096);
	assert_int_equal(alloc_space(r.alloc, ALLOC_META).free, r.meta_len - (uint64_t)written * 4096);
	rig_close(&r);
	free(m);
}

struct faults {
	uint32_t countdown; /* writes until one fails */
	uint32_t writes;
};

static int fail_one(void *arg, const struct bio *bio)
{
	struct faults *f = arg;

	if (!(bio->flags & BIO_WRITE))
		return 0;
	f->writes++;
	return f->countdown-- == 0 ? -EIO : 0;
}

static void a_failed_write_is_remembered(void **state)
{
	for (uint32_t i = 0; i < 7; i++) {
		struct model *m = calloc(1, sizeof(*m));
		struct faults f = { .countdown = i };
		struct dev_faults faults = { .fail = fail_one, .arg = &f };
		struct tree_ptr ptr;
		struct rig r;

		rig_open(&r, 16384, true, 8u << 20);
		rig_put(&r, m, 0, 40, 600);
		assert_int_equal(rig_blocks(&r), 3);
		r.dev->faults = &faults;
		assert_int_equal(rig_write(&r, &ptr), i < 6 ? -EIO : 0);
		assert_int_equal(blocks_error(r.bl), i < 6 ? -EIO : 0);
		assert_int_equal(f.writes, 6); /* one bio a block and copy */
		r.dev->faults = NULL;
		rig_put(&r, m, 3, 4, 600);
		rig_commit(&r);
		assert_int_equal(blocks_error(r.bl), i < 6 ? -EIO : 0);
		rig_close(&r);
		free(m);
	}
}

static int expect_ascending(void *arg, const struct bio *bio)
{
	uint64_t *last = arg;

	assert_true(bio->off > *last);
	*last = bio->off;
	return 0;
}

static bool is_ascending(const struct list *list)
{
	uint64_t last = 0;
	struct list *pos;

	list_for_each(pos, list) {
		if (list_entry(pos, struct node, dirty)->bytenr < last)
			return false;
		last = list_entry(pos, struct node, dirty)->bytenr;
	}
	return true;
}

/* Also when the allocator began at the front again in the middle of it. */
static void blocks_go_out_in_ascending_order(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t last;
	struct dev_faults faults = { .fail = expect_ascending, .arg = &last };
	uint32_t wrapped = 0;
	struct rig r;

	rig_open(&r, 4096, true, 1u << 20);
	r.dev->faults = &faults;
	for (uint32_t i = 0; i < 200; i++) {
		struct list list;
		struct batch b;

		list_init(&list);
		batch_init(&b, r.dev);
		rig_put(&r, m, 0, 60, 200);
		tree_take_dirty(&r.tree, &list);
		wrapped += !is_ascending(&list);
		last = 0;
		tree_write_list(r.bl, &list, &b);
		assert_int_equal(batch_wait(&b), 0);
		rig_release(&r);
	}
	assert_true(wrapped > 0);
	r.dev->faults = NULL;
	rig_close(&r);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_root_still_reads_its_content),
		cmocka_unit_test(a_change_stamps_its_path_and_nothing_else),
		cmocka_unit_test(an_unwritten_block_of_before_is_replaced),
		cmocka_unit_test(a_scan_for_what_is_young_does_not_read_what_is_old),
		cmocka_unit_test(no_space_leaves_the_tree_as_it_was),
		cmocka_unit_test(no_space_fails_a_delete_and_nothing_else),
		cmocka_unit_test(freed_log_blocks_are_free_or_pinned),
		cmocka_unit_test(a_failed_write_is_remembered),
		cmocka_unit_test(blocks_go_out_in_ascending_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
