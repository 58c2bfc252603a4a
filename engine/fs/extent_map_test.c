/* extent_map_test.c: extent maps against a plain array of blocks: extent_map.1 to extent_map.3, and splits of what
 * is modified. */
#include "fs/extent_map.h"
#include "fs/test_fs.h"

#define BLOCKS 96u

struct cell {
	uint64_t disk; /* 0: no map */
	uint64_t generation;
	bool modified;
};

struct model {
	struct cell cell[BLOCKS];
	uint64_t next_disk;
};

static struct inode *inode_make(void)
{
	static struct fs fs;
	static struct root root = { .fs = &fs, .id = 1 };
	struct inode *inode = mem_zalloc(sizeof(*inode));

	inode->root = &root;
	rwsem_init(&inode->em_lock, L_EM_TREE, 0);
	RB_INIT(&inode->ems);
	list_init(&inode->modified);
	return inode;
}

static uint64_t em_disk_at(const struct extent_map *em, uint64_t off)
{
	return em->disk_bytenr + em->offset + (off - em->start);
}

static bool pinned(const struct cell *c)
{
	return c->disk && c->generation == EM_GENERATION_PINNED;
}

/* The map around `at`, if it is in flight: its write ends in `generation`. */
static void unpin(struct inode *inode, struct model *m, uint32_t at, uint64_t generation)
{
	struct extent_map em;

	if (!em_lookup(inode, at * FS_BLOCK, &em) || !(em.flags & EM_PINNED))
		return;
	em_unpin(inode, em.start, em.len, generation);
	for (uint64_t i = em.start / FS_BLOCK; i < (em.start + em.len) / FS_BLOCK; i++)
		m->cell[i].generation = generation;
}

/* Nobody cuts a map that is in flight: a write waits for the ordered extent first. So its write ends when it lies
 * over the cut. */
static void before_cut(struct inode *inode, struct model *m, uint32_t at)
{
	struct extent_map em;

	if (em_lookup(inode, at * FS_BLOCK, &em) && em.start < at * FS_BLOCK)
		unpin(inode, m, at, 4);
}

static void add(struct inode *inode, struct model *m, uint32_t at, uint32_t n)
{
	struct extent_map em = { .start = at * FS_BLOCK, .len = n * FS_BLOCK, .disk_bytenr = m->next_disk,
				 .disk_len = n * FS_BLOCK, .ram_bytes = n * FS_BLOCK,
				 .generation = EM_GENERATION_PINNED, .flags = EM_PINNED };

	before_cut(inode, m, at);
	before_cut(inode, m, at + n);
	em_add(inode, &em);
	for (uint32_t i = 0; i < n; i++)
		m->cell[at + i] = (struct cell){ m->next_disk + i * FS_BLOCK, EM_GENERATION_PINNED, true };
	m->next_disk += n * FS_BLOCK;
}

static void drop(struct inode *inode, struct model *m, uint32_t at, uint32_t n)
{
	before_cut(inode, m, at);
	before_cut(inode, m, at + n);
	em_drop(inode, at * FS_BLOCK, (at + n) * FS_BLOCK);
	memset(&m->cell[at], 0, n * sizeof(m->cell[0]));
}

static void take(struct inode *inode, struct model *m, uint64_t committed)
{
	struct extent_map *ems;
	uint64_t end = 0;
	uint32_t n;

	assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, committed, &ems, &n), 0);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(ems[i].start >= end); /* sorted, and extent_map.3 */
		end = ems[i].start + ems[i].len;
		for (uint64_t off = ems[i].start; off < end; off += FS_BLOCK) {
			struct cell *c = &m->cell[off / FS_BLOCK];
			assert_true(c->modified && c->generation > committed);
			assert_int_equal(em_disk_at(&ems[i], off), c->disk);
			c->modified = false;
		}
	}
	free(ems);
	/* what was not handed out is older, and left the list too */
	for (uint32_t i = 0; i < BLOCKS; i++) {
		assert_true(!m->cell[i].modified || m->cell[i].generation <= committed);
		m->cell[i].modified = false;
	}
}

static void forget(struct inode *inode, struct model *m)
{
	em_forget_range(inode, 0, UINT64_MAX);
	for (uint32_t i = 0; i < BLOCKS; i++)
		m->cell[i].modified &= pinned(&m->cell[i]);
}

static void compare(struct inode *inode, const struct model *m)
{
	bool modified = false;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		const struct cell *c = &m->cell[i];
		struct extent_map em;
		bool found = em_lookup(inode, i * FS_BLOCK, &em);
		assert_int_equal(found, c->disk != 0);
		modified |= c->modified;
		if (!found)
			continue;
		assert_int_equal(em_disk_at(&em, i * FS_BLOCK), c->disk);
		assert_int_equal(em.generation, c->generation);
		assert_int_equal(em.flags & EM_PINNED, pinned(c) ? EM_PINNED : 0);
	}
	assert_int_equal(em_modified_empty(inode), !modified);
}

static void maps_follow_a_plain_array(void **state)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct inode *inode = inode_make();
		struct model m = { .next_disk = 1 << 20 };
		struct rng rng;
		rng_seed(&rng, seed);
		for (unsigned step = 0; step < 400; step++) {
			uint32_t at = (uint32_t)rng_below(&rng, BLOCKS), n = 1 + (uint32_t)rng_below(&rng, BLOCKS - at);
			uint64_t what = rng_below(&rng, 20), generation = 5 + step / 50;
			n = n > 12 ? 12 : n;
			if (what < 9)
				add(inode, &m, at, n);
			else if (what < 12)
				drop(inode, &m, at, n);
			else if (what < 18)
				unpin(inode, &m, at, generation);
			else if (what < 19)
				take(inode, &m, generation - rng_below(&rng, 3));
			else
				forget(inode, &m);
			compare(inode, &m);
		}
		em_free_all(inode);
		assert_true(em_modified_empty(inode));
		free(inode);
	}
}

static void a_map_in_flight_is_newer_than_any_transaction(void **state)
{
	struct inode *inode = inode_make();
	struct model m = { .next_disk = 1 << 20 };
	struct extent_map *ems;
	uint32_t n;

	add(inode, &m, 3, 2);
	assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, UINT64_MAX - 1, &ems, &n), 0);
	assert_int_equal(n, 1);
	free(ems);
	em_free_all(inode);
	free(inode);
}

static void the_end_of_a_write_does_not_list_its_map_again(void **state)
{
	struct inode *inode = inode_make();
	struct model m = { .next_disk = 1 << 20 };

	add(inode, &m, 0, 4);
	take(inode, &m, 7);
	unpin(inode, &m, 0, 8);
	assert_true(em_modified_empty(inode));
	em_free_all(inode);
	free(inode);
}

/* Nor is it listed twice, where it comes back (a28046956c71). */
static void a_map_that_comes_back_is_listed_once(void **state)
{
	struct inode *inode = inode_make();
	struct model m = { .next_disk = 1 << 20 };
	struct extent_map *ems;
	uint32_t n;

	for (unsigned taken = 0; taken < 2; taken++) {
		add(inode, &m, 0, 4);
		if (taken)
			take(inode, &m, 7);
		em_unpin_relist(inode, 0, 4 * FS_BLOCK, 8);
		assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, 7, &ems, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(ems[0].generation, 8);
		free(ems);
		assert_true(em_modified_empty(inode));
	}
	em_free_all(inode);
	free(inode);
}

static void both_halves_of_a_split_map_are_modified(void **state)
{
	struct inode *inode = inode_make();
	struct model m = { .next_disk = 1 << 20 };
	struct extent_map *ems;
	uint32_t n;

	add(inode, &m, 0, 9);
	drop(inode, &m, 4, 1);
	assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, 1, &ems, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(ems[0].len, 4 * FS_BLOCK);
	assert_int_equal(ems[1].start, 5 * FS_BLOCK);
	assert_int_equal(ems[1].offset, 5 * FS_BLOCK);
	free(ems);
	em_free_all(inode);
	free(inode);
}

static void too_many_for_one_log_are_left_as_they_are(void **state)
{
	struct inode *inode = inode_make();
	struct extent_map em = { .len = FS_BLOCK, .generation = EM_GENERATION_PINNED, .flags = EM_PINNED };
	struct extent_map *ems;
	uint32_t n;

	for (uint32_t i = 0; i <= 32768; i++) {
		em.start = (uint64_t)i * FS_BLOCK;
		em_add(inode, &em);
	}
	assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, 1, &ems, &n), -EFBIG);
	assert_null(ems);
	assert_false(em_modified_empty(inode));
	em_drop(inode, 0, FS_BLOCK);
	assert_int_equal(em_take_modified(inode, 0, UINT64_MAX, 1, &ems, &n), 0);
	assert_int_equal(n, 32768);
	free(ems);
	em_free_all(inode);
	free(inode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_follow_a_plain_array),
		cmocka_unit_test(a_map_in_flight_is_newer_than_any_transaction),
		cmocka_unit_test(the_end_of_a_write_does_not_list_its_map_again),
		cmocka_unit_test(a_map_that_comes_back_is_listed_once),
		cmocka_unit_test(both_halves_of_a_split_map_are_modified),
		cmocka_unit_test(too_many_for_one_log_are_left_as_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
