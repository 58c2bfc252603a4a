/* page_test.c: the page cache against a plain array of states: page.1, page.2, the counts, truncation. */
#include "fs/page.h"
#include "fs/test_fs.h"
#include "rt/test_abort.h"

#define PAGES 200u

enum state { CLEAN, DIRTY, TAKEN, WRITING }; /* TAKEN: locked, dirty bit taken, not yet under I/O */

struct rig {
	struct fs *fs;
	struct file *f;
	struct inode *inode;
	enum state want[PAGES];
};

static void rig_open(struct rig *r)
{
	struct mount_options o = { .no_background = true };

	memset(r, 0, sizeof(*r));
	r->fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &o);
	r->f = test_open(fs_subvol(r->fs, 0), "a");
	r->inode = r->f->inode;
}

static void rig_close(struct rig *r)
{
	fs_close(r->f);
	test_end(r->fs, false);
}

static bool tagged(enum state s)
{
	return s == DIRTY || s == TAKEN; /* page.1 */
}

static void compare(struct rig *r, uint32_t from, uint32_t to)
{
	uint32_t first = UINT32_MAX, ntagged = 0, ndirty = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		ntagged += tagged(r->want[i]);
		ndirty += r->want[i] == DIRTY;
		if (i >= from && i < to && tagged(r->want[i]) && first == UINT32_MAX)
			first = i;
	}
	assert_int_equal(page_next_tagged(r->inode, from, to), first);
	assert_int_equal(atomic_load(&r->inode->nr_tagged), ntagged);
	assert_int_equal(atomic_load(&r->fs->dirty_pages), ndirty);
}

/* One step of the life of a page. */
static void step(struct rig *r, uint32_t i)
{
	struct page *p = page_get(r->inode, i);
	enum state *s = &r->want[i];

	switch (*s) {
	case CLEAN:
		page_lock(r->inode, p);
		assert_false(page_take_dirty(r->inode, p));
		page_dirty(r->inode, p);
		page_unlock(r->inode, p);
		*s = DIRTY;
		break;
	case DIRTY:
		page_lock(r->inode, p);
		page_dirty(r->inode, p); /* once more changes nothing */
		assert_false(page_trylock_dirty(r->inode, p));
		assert_true(page_take_dirty(r->inode, p));
		*s = TAKEN;
		break;
	case TAKEN:
		page_start_writeback(r->inode, p);
		page_unlock(r->inode, p);
		*s = WRITING;
		break;
	default:
		page_end_writeback(r->inode, p);
		page_wait_writeback(r->inode, p);
		*s = CLEAN;
	}
}

/* Every page to its rest: no lock, no I/O. */
static void settle(struct rig *r)
{
	for (uint32_t i = 0; i < PAGES; i++)
		while (r->want[i] == TAKEN || r->want[i] == WRITING)
			step(r, i);
}

static void pages_follow_a_plain_array(void **state)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct rig r;
		struct rng rng;
		rig_open(&r);
		rng_seed(&rng, seed);
		for (unsigned n = 0; n < 2000; n++) {
			step(&r, (uint32_t)rng_below(&rng, n < 1000 ? 80 : PAGES));
			uint32_t from = (uint32_t)rng_below(&rng, PAGES), to = from + (uint32_t)rng_below(&rng, PAGES);
			compare(&r, from, to);
		}
		settle(&r);
		compare(&r, 0, UINT32_MAX);
		rig_close(&r);
	}
}

static void truncation_cleans_pages_from_an_index_on(void **state)
{
	struct rig r;

	rig_open(&r);
	for (uint32_t i = 0; i < PAGES; i += 3)
		step(&r, i);
	for (uint32_t i = 100; i < PAGES; i++)
		while (r.want[i] != CLEAN) /* a truncation has written all */
			step(&r, i);
	page_invalidate_from(r.inode, 100);
	for (uint32_t i = 100; i < PAGES; i++) {
		struct page *p = page_find(r.inode, i);
		r.want[i] = CLEAN;
		assert_false(p && (atomic_load(&p->flags) & PG_UPTODATE));
	}
	assert_true(atomic_load(&page_find(r.inode, 99)->flags) & PG_UPTODATE);
	compare(&r, 0, PAGES);
	rig_close(&r);
}

static void dirty_a_page_under_writeback(void)
{
	struct rig r;

	rig_open(&r);
	struct page *p = page_get(r.inode, 0);
	page_lock(r.inode, p);
	page_start_writeback(r.inode, p);
	page_dirty(r.inode, p);
}

static void dirty_a_page_without_its_lock(void)
{
	struct rig r;

	rig_open(&r);
	page_dirty(r.inode, page_get(r.inode, 0));
}

static void what_the_invariants_forbid_stops_the_program(void **state)
{
	assert_true(aborts_with(dirty_a_page_under_writeback, "PG_WRITEBACK"));
	assert_true(aborts_with(dirty_a_page_without_its_lock, "PG_LOCKED"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_a_plain_array),
		cmocka_unit_test(truncation_cleans_pages_from_an_index_on),
		cmocka_unit_test(what_the_invariants_forbid_stops_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
