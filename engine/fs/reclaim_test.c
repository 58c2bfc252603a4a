/*
 * reclaim_test.c: what memory pressure takes, and what it must leave: dirty and locked pages, extent maps that a fast
 * fsync needs, inodes that are in use. And that what is taken comes back from the disk.
 */
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/reclaim.h"
#include "fs/test_fs.h"

static const struct mount_options quiet = { .no_background = true };

struct rig {
	struct fs *fs;
	struct root *root;
	struct file *f;
};

/* File "a" of four blocks of seed 1, durable, with all of it in the cache; the next transaction runs. */
static void rig_open(struct rig *r, const struct mount_options *o)
{
	r->fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ .nodesize = 4096, .single = true }), o);
	r->root = fs_subvol(r->fs, 0);
	test_put(r->root, "a", 4 * FS_BLOCK, 1);
	r->f = test_open(r->root, "a");
	CHECK(fs_fsync(r->f) == 0); /* a full one, since the file is new: those after it are fast */
	CHECK(fs_sync(r->fs) == 0);
	fs_close(test_open(r->root, "b"));
	int gone = fs_evict(r->fs); /* one is open, and the other's name in no tree before a commit */
	CHECK(!gone || !o->no_background);
}

static void rig_close(struct rig *r)
{
	fs_close(r->f);
	test_end(r->fs, true);
}

static bool cached(struct rig *r, uint32_t i)
{
	return atomic_load(&r->f->inode->pages[i]->flags) & PG_UPTODATE;
}

static bool mapped(struct rig *r, uint32_t i)
{
	struct extent_map em;

	return em_lookup(r->f->inode, i * FS_BLOCK, &em);
}

static bool needs_full(struct rig *r)
{
	return atomic_load(&r->f->inode->flags) & INODE_NEEDS_FULL_SYNC;
}

/* Block i is written and in the trees, its transaction runs, and no log has it: its map is on the modified list. */
static void write_back(struct rig *r, uint32_t i, uint64_t seed)
{
	test_write(r->f, i * FS_BLOCK, FS_BLOCK, seed);
	CHECK(fs_sync_range(r->f, i * FS_BLOCK, FS_BLOCK, true) == 0);
	while (atomic_load(&r->f->inode->nordered)) /* a worker puts it into the trees */
		rt->sleep(100000);
}

static void clean_pages_go_and_come_back(void **state)
{
	struct rig r;

	rig_open(&r, &quiet);
	test_write(r.f, 2 * FS_BLOCK, 100, 2);
	assert_int_equal(fs_release(r.f), 0);
	assert_true(!cached(&r, 0) && !cached(&r, 1) && cached(&r, 2) && !cached(&r, 3));
	assert_int_equal(test_read(r.f, 0, 2 * FS_BLOCK, 1), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, 100, 2), 0);
	assert_int_equal(test_read(r.f, 3 * FS_BLOCK, FS_BLOCK, 1), 0);
	assert_true(cached(&r, 0));
	rig_close(&r);
}

static void a_map_that_a_fast_fsync_needs_stays(void **state)
{
	struct rig r;

	rig_open(&r, &quiet);
	assert_int_equal(fs_release(r.f), 0);
	assert_true(!mapped(&r, 0));
	write_back(&r, 1, 2);
	assert_int_equal(fs_release(r.f), 0);
	assert_true(!cached(&r, 1) && mapped(&r, 1) && !needs_full(&r));
	assert_int_equal(fs_fsync(r.f), 0); /* takes it off the list */
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(fs_release(r.f), 0);
	assert_true(!mapped(&r, 1) && !needs_full(&r));
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	write_back(&r, 2, 3);
	assert_int_equal(fs_commit(r.fs), 0); /* its transaction is on the media: no log needs it */
	write_back(&r, 3, 4);
	assert_int_equal(fs_release(r.f), 0);
	assert_true(!mapped(&r, 2) && mapped(&r, 3));
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, FS_BLOCK, 3), 0);
	rig_close(&r);
}

/* A task that has the lock for writing until it is told to let go. */
struct holder {
	struct rwsem *lock;
	_Atomic bool holds, done;
};

static void hold(void *arg)
{
	struct holder *h = arg;

	write_lock(h->lock);
	atomic_store(&h->holds, true);
	while (!atomic_load(&h->done))
		rt->sleep(100000);
	write_unlock(h->lock);
}

static void the_shrinker_asks_for_a_full_sync(void **state)
{
	struct rig r;

	rig_open(&r, &quiet);
	assert_int_equal(fs_shrink_maps(r.fs), 0);
	assert_true(!mapped(&r, 0) && !needs_full(&r));
	write_back(&r, 1, 2);
	assert_int_equal(fs_shrink_maps(r.fs), 0);
	assert_true(!mapped(&r, 1) && needs_full(&r));
	assert_int_equal(fs_fsync(r.f), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);

	/* an fsync that keeps faults out keeps it out */
	write_back(&r, 2, 3);
	struct holder h = { .lock = &r.f->inode->mmap_lock };
	struct task *t = rt_spawn("holder", hold, &h, NULL);
	while (!atomic_load(&h.holds))
		rt->sleep(100000);
	assert_int_equal(fs_shrink_maps(r.fs), 0);
	assert_true(mapped(&r, 2));
	atomic_store(&h.done, true);
	rt_join(t);
	assert_int_equal(fs_shrink_maps(r.fs), 0);
	assert_true(!mapped(&r, 2));
	rig_close(&r);
}

static void an_idle_inode_goes(void **state)
{
	struct rig r;

	rig_open(&r, &quiet);
	assert_int_equal(fs_evict(r.fs), 0); /* it is open */
	write_back(&r, 1, 2);
	test_write(r.f, 2 * FS_BLOCK, FS_BLOCK, 3);
	fs_close(r.f);
	assert_int_equal(fs_evict(r.fs), 0); /* it has a dirty page */
	struct file *f = test_open(r.root, "a");
	CHECK(fs_sync_range(f, 0, 4 * FS_BLOCK, true) == 0);
	while (atomic_load(&f->inode->refs))
		rt->sleep(100000);
	fs_close(f);
	assert_int_equal(fs_evict(r.fs), 1);
	assert_int_equal(fs_evict(r.fs), 0);
	r.f = test_open(r.root, "a");
	assert_true(needs_full(&r)); /* its last change is on no media, and no map tells of it */
	assert_int_equal(atomic_load(&r.f->inode->logged_trans), 0);
	assert_int_equal(fs_size(r.f), 4 * FS_BLOCK);
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, FS_BLOCK, 3), 0);
	assert_int_equal(fs_fsync(r.f), 0);
	fs_close(r.f);
	r.fs = test_crash(r.fs, &quiet);
	r.f = test_open(fs_subvol(r.fs, 0), "a");
	assert_int_equal(test_read(r.f, FS_BLOCK, FS_BLOCK, 2), 0);
	assert_int_equal(test_read(r.f, 2 * FS_BLOCK, FS_BLOCK, 3), 0);
	assert_int_equal(test_read(r.f, 3 * FS_BLOCK, FS_BLOCK, 1), 0);
	rig_close(&r);
}

/* ---- by itself ---- */

/* The reclaim task has nothing to do. */
static void reclaim_rests(struct rig *r)
{
	while (atomic_load(&r->fs->reclaim_due) || atomic_load(&r->fs->reclaim.queued))
		rt->sleep(100000);
}

/* A page comes, of file "c", that is in no page's way: nobody has a page of this file while reclaim looks at it. */
static void page_comes(struct rig *r)
{
	struct file *f = test_open(r->root, "c");

	test_write(f, 0, FS_BLOCK, 5);
	CHECK(fs_truncate(f, 0) == 0); /* the next one comes, too */
	fs_close(f);
	reclaim_rests(r);
}

/* Pages come until this one has left; false: it has not after so many. The first one does it, unless reclaim was at
 * work already and had passed the page. */
static bool goes_in_time(struct rig *r, uint32_t i)
{
	for (unsigned turn = 0; turn < 1000 && cached(r, i); turn++)
		page_comes(r);
	return !cached(r, i);
}

static void what_is_clean_goes_when_memory_is_short(void **state)
{
	const struct mount_options few = { .no_background = true, .memory_limit = 2 };
	const struct mount_options many = { .no_background = true, .memory_limit = 100 };
	struct rig r;

	rig_open(&r, &many);
	assert_int_equal(test_read(r.f, 0, 4 * FS_BLOCK, 1), 0);
	reclaim_rests(&r);
	assert_true(cached(&r, 0) && cached(&r, 3) && mapped(&r, 0)); /* as many as that are few */
	rig_close(&r);

	rig_open(&r, &few);
	test_write(r.f, 2 * FS_BLOCK, FS_BLOCK, 2);
	assert_int_equal(test_read(r.f, 0, 2 * FS_BLOCK, 1), 0);
	assert_true(goes_in_time(&r, 0) && goes_in_time(&r, 1));
	assert_true(cached(&r, 2)); /* it is dirty */
	assert_int_equal(test_read(r.f, 0, 2 * FS_BLOCK, 1), 0);
	assert_int_equal(fs_fsync(r.f), 0);
	rig_close(&r);
}

/* What comes is counted, and what goes: nothing is left when no inode is. */
static void what_is_in_memory_is_counted(void **state)
{
	const struct mount_options many = { .no_background = true, .memory_limit = 100 };
	struct rig r;

	rig_open(&r, &many);
	assert_true(atomic_load(&r.fs->in_memory) >= 5); /* four pages and a map */
	write_back(&r, 1, 2);
	assert_int_equal(fs_punch(r.f, 0, FS_BLOCK), 0);
	assert_int_equal(fs_truncate(r.f, 2 * FS_BLOCK + 100), 0);
	assert_int_equal(fs_release(r.f), 0);
	assert_int_equal(fs_sync(r.fs), 0);
	fs_close(r.f);
	while (fs_evict(r.fs))
		;
	assert_true(list_empty(&r.root->inodes));
	assert_int_equal(atomic_load(&r.fs->in_memory), 0);
	r.f = test_open(r.root, "a");
	rig_close(&r);
}

/* ---- on threads ---- */

#define TASKS 3u

struct job {
	struct fs *fs;
	uint32_t id;
	_Atomic bool *stop;
};

static void reclaimer(void *arg)
{
	struct job *j = arg;

	while (!atomic_load(j->stop)) {
		struct file *f = test_open(fs_subvol(j->fs, 0), "f0");
		fs_release(f);
		fs_close(f);
		fs_shrink_maps(j->fs);
		fs_evict(j->fs);
	}
}

static void user(void *arg)
{
	struct job *j = arg;
	char name[8];
	struct rng rng;

	snprintf(name, sizeof(name), "f%u", j->id);
	rng_seed(&rng, j->id);
	for (unsigned i = 0; i < (getenv("FAST_TESTS") ? 200 : 1500); i++) {
		uint64_t seed = rng_next(&rng) >> 40, off = rng_below(&rng, 16) * FS_BLOCK;
		struct file *f = test_open(fs_subvol(j->fs, 0), name);
		test_write(f, off, FS_BLOCK, seed);
		if (rng_below(&rng, 2))
			CHECK(fs_fsync(f) == 0);
		CHECK(test_read(f, off, FS_BLOCK, seed) == 0);
		fs_close(f);
		f = test_open(fs_subvol(j->fs, 0), name);
		CHECK(test_read(f, off, FS_BLOCK, seed) == 0);
		fs_close(f);
	}
}

static void beside_users(uint64_t memory_limit)
{
	struct mount_options o = { .dirty_age_ns = 100000, .commit_interval_ns = 1000000, .compress = true,
				   .memory_limit = memory_limit };
	struct job job[TASKS + 1];
	struct task *t[TASKS + 1];
	_Atomic bool stop = false;
	struct rig r;

	rig_open(&r, &o);
	fs_close(test_open(fs_subvol(r.fs, 0), "f0")); /* two tasks open it: only one could make it */
	for (uint32_t i = 0; i <= TASKS; i++) {
		job[i] = (struct job){ r.fs, i, &stop };
		t[i] = rt_spawn("task", i < TASKS ? user : reclaimer, &job[i], NULL);
	}
	for (uint32_t i = 0; i < TASKS; i++)
		rt_join(t[i]);
	atomic_store(&stop, true);
	rt_join(t[TASKS]);
	rig_close(&r);
}

static void beside_everything(void **state)
{
	beside_users(0);
}

static void beside_everything_while_memory_is_short(void **state)
{
	beside_users(4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_pages_go_and_come_back),
		cmocka_unit_test(a_map_that_a_fast_fsync_needs_stays),
		cmocka_unit_test(the_shrinker_asks_for_a_full_sync),
		cmocka_unit_test(an_idle_inode_goes),
		cmocka_unit_test(what_is_clean_goes_when_memory_is_short),
		cmocka_unit_test(what_is_in_memory_is_counted),
		cmocka_unit_test(beside_everything),
		cmocka_unit_test(beside_everything_while_memory_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
