/*
 * fsync_test.c: when fsync may skip, how many log commits several fsyncers share, what the door costs in writes and
 * flushes, and both designs through it.
 */
#include "fs/extent_map.h"
#include "fs/log.h"
#include "fs/ordered.h"
#include "fs/test_fs.h"
#include "fs/trans.h"
#include "fs/writeback.h"
#include "pick/test_run.h"

static const struct mount_options quiet = { .no_background = true };

static uint64_t counted(enum counter c)
{
	uint64_t n[C_NR];

	rt_totals(n);
	return n[c];
}

/* A file that is committed, with a block written since, and synced. Nothing is under way. */
static struct file *synced_file(struct fs *fs, const char *name)
{
	struct file *f = test_open(fs_subvol(fs, 0), name);

	test_write(f, 0, 3 * FS_BLOCK, 1);
	CHECK(fs_sync(fs) == 0);
	CHECK(fs_fsync(f) == 0);
	test_write(f, FS_BLOCK, FS_BLOCK, 2);
	CHECK(fs_fsync(f) == 0);
	ordered_wait_range(f->inode, 0, UINT64_MAX);
	CHECK(fs_fsync(f) == 0); /* the completion has changed the inode item */
	return f;
}

static void fsync_without_a_change_does_no_io(void **state)
{
	for (const struct design *const *d = fs_designs; *d; d++) {
		struct mount_options o = { .no_background = true, .design = *d };
		struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &o);
		struct file *f = synced_file(fs, "a");
		struct watch w;
		watch_start(&w, fs->dev);
		uint64_t before = counted(C_FSYNC_SKIPPED);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(fs_fdatasync(f), 0);
		assert_int_equal(counted(C_FSYNC_SKIPPED) - before, 2);
		assert_int_equal(watch_writes(&w), 0);
		assert_int_equal(w.seen[WATCH_FLUSH], 0);
		/* and once a commit has taken it over, too */
		assert_int_equal(fs_commit(fs), 0);
		watch_reset(&w);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(watch_writes(&w) + w.seen[WATCH_FLUSH], 0);
		fs_close(f);
		test_end(fs, true);
	}
}

/* Each change, after everything was quiet and synced: the fsync that follows writes, and what it wrote survives. */
static void fsync_after_a_change_is_never_skipped(void **state)
{
	for (unsigned what = 0; what < 5; what++) {
		struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
		struct file *f = synced_file(fs, "a");
		struct watch w;
		watch_start(&w, fs->dev);
		uint64_t size = 3 * FS_BLOCK;
		if (what == 0)
			test_write(f, 0, 1, 3);
		else if (what == 1)
			test_write(f, size++, 1, 3);
		else if (what == 2)
			assert_int_equal(fs_truncate(f, size = 5000), 0);
		else if (what == 3)
			assert_int_equal(fs_truncate(f, size = 50000), 0);
		else
			test_write(f, FS_BLOCK, FS_BLOCK, 2); /* the same bytes once more */
		assert_int_equal(fs_fsync(f), 0);
		assert_true(w.seen[WATCH_SUPER] == 1 && w.seen[WATCH_FLUSH] >= 1);
		fs->dev->faults = NULL;
		fs_close(f);
		fs = test_crash(fs, &quiet);
		f = test_open(fs_subvol(fs, 0), "a");
		assert_int_equal(fs_size(f), size);
		assert_int_equal(test_read(f, 0, 1, what == 0 ? 3 : 1), 0);
		assert_int_equal(test_read(f, 1, 4095, 1), 0);
		if (what == 1)
			assert_int_equal(test_read(f, size - 1, 1, 3), 0);
		fs_close(f);
		test_end(fs, true);
	}
}

/* A range goes to the media whole blocks at a time, and what is outside of it stays dirty; a longer file is synced
 * whole. */
static void fsync_of_a_range_syncs_that_range(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = synced_file(fs, "a");

	test_write(f, 0, 3 * FS_BLOCK, 7);
	assert_int_equal(fs_fsync_range(f, FS_BLOCK + 1, 1), 0);
	assert_int_equal(atomic_load(&fs->dirty_pages), 2);
	fs_close(f);
	fs = test_crash(fs, &quiet);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, FS_BLOCK, FS_BLOCK, 7), 0);
	assert_int_equal(test_read(f, 0, FS_BLOCK, 1), 0);

	test_write(f, 0, FS_BLOCK, 8);
	test_write(f, 3 * FS_BLOCK, FS_BLOCK, 8); /* longer */
	assert_int_equal(fs_fsync_range(f, 3 * FS_BLOCK, UINT64_MAX), 0);
	assert_int_equal(fs_fsync_range(f, UINT64_MAX, 1), 0);
	fs_close(f);
	fs = test_crash(fs, &quiet);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 3 * FS_BLOCK, FS_BLOCK, 8), 0);
	assert_int_equal(test_read(f, 0, FS_BLOCK, 8), 0);
	fs_close(f);
	test_end(fs, true);
}

/*
 * A truncation is in the log alone, the file is longer again, and a block of what was cut off is dirty: a sync of
 * another range must not log the new length without that block, or the old one, committed before the truncation, would
 * be back.
 */
static void fsync_of_a_range_brings_nothing_back(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = synced_file(fs, "a");

	assert_int_equal(fs_sync(fs), 0);
	assert_int_equal(fs_truncate(f, FS_BLOCK), 0);
	assert_int_equal(fs_fsync(f), 0);
	test_write(f, FS_BLOCK, 2 * FS_BLOCK, 4);
	assert_int_equal(fs_sync_range(f, FS_BLOCK, FS_BLOCK, true), 0);
	ordered_wait_range(f->inode, 0, UINT64_MAX); /* one of the new blocks is in the trees, the other is dirty */
	assert_int_equal(fs_fsync_range(f, 0, FS_BLOCK), 0);
	fs_close(f);
	fs = test_crash(fs, &quiet);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(fs_size(f), 3 * FS_BLOCK);
	assert_int_equal(test_read(f, FS_BLOCK, 2 * FS_BLOCK, 4), 0);
	fs_close(f);
	test_end(fs, true);
}

/*
 * 3a8b36f37806: a write stamps the inode with a transaction that has nothing to do with it; that one is committed
 * while the data is on its way: the inode looks committed, and is not. Stepped: the page is taken for writing
 * (dirty bit gone, tag there), as by a flusher; then its ordered extent exists.
 */
static void a_stamp_ahead_of_its_data_does_not_skip(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = synced_file(fs, "a"), *other;

	assert_int_equal(fs_commit(fs), 0);
	test_write(f, 0, FS_BLOCK, 5);
	assert_int_equal(f->inode->last_trans, atomic_load(&fs->generation) + 1);
	/* that transaction begins and ends without the data */
	assert_int_equal(fs_create(fs_subvol(fs, 0), "b", &other), 0);
	assert_int_equal(fs_commit(fs), 0);
	assert_true(f->inode->last_trans <= fs->last_trans_committed);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_close(other);
	fs = test_crash(fs, &quiet);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 0, FS_BLOCK, 5), 0);
	fs_close(f);
	test_end(fs, true);
}

/* The same with the last step held: an ordered extent whose data is written, and whose items are in no tree yet. */
static void data_on_its_way_forbids_to_skip(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = synced_file(fs, "a");
	const struct ordered_spec spec = { .len = FS_BLOCK, .disk_bytenr = fs->super.dev_size - FS_BLOCK,
		                           .disk_len = FS_BLOCK, .ram_bytes = FS_BLOCK };
	struct watch w;

	assert_int_equal(fs_commit(fs), 0);
	assert_int_equal(fs_fsync(f), 0);
	struct ordered *o = writeback_add_extent(f->inode, writeback_map_first, &spec);
	memset(o->csums, 0, sizeof(*o->csums));
	atomic_store(&o->csum_left, 0);
	atomic_fetch_or(&o->flags, ORDERED_IO_DONE);
	watch_start(&w, fs->dev);
	assert_true(f->inode->last_trans <= fs->last_trans_committed);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(w.seen[WATCH_SUPER], 1);
	assert_ptr_equal(o->pending_in, fs->running); /* 50d9aa99bd35: whose commit waits for it */
	assert_int_equal(fs->running->pending_ordered, 1);
	/* it completes; what it wrote is not looked at */
	em_drop(f->inode, 0, FS_BLOCK);
	RB_INIT(&f->inode->ordered);
	atomic_fetch_sub(&f->inode->nordered, 1);
	atomic_fetch_sub(&fs->ordered_inflight, 1);
	atomic_fetch_or(&o->flags, ORDERED_COMPLETE);
	o->pending_in = NULL;
	trans_pending_done(fs->running);
	ordered_put(o);
	fs_close(f);
	test_end(fs, true);
}

/* bc0939fcfab0: a change while sub-transaction n is being committed is not covered by it, whenever it is looked at. */
static void a_change_behind_a_log_commit_is_not_covered_by_it(void **state)
{
	struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ 0 }), &quiet);
	struct file *f = synced_file(fs, "a"), *other = test_open(fs_subvol(fs, 0), "b");

	assert_true(log_has_inode(f->inode));
	test_write(f, 0, FS_BLOCK, 7); /* dirty only: nothing in the lists of what is to be logged */
	assert_false(log_has_inode(f->inode));
	test_write(other, 0, FS_BLOCK, 1);
	assert_int_equal(fs_fsync(other), 0); /* log commits that have nothing of it */
	test_write(other, 0, FS_BLOCK, 2);
	assert_int_equal(fs_fsync(other), 0);
	assert_false(log_has_inode(f->inode));
	fs_close(f);
	fs_close(other);
	test_end(fs, false);
}

/* One fsync of one block: a data write, log blocks, one flush, one super; nothing of the trees. */
static void one_fsync_costs_one_flush_and_one_super(void **state)
{
	for (unsigned single = 0; single < 2; single++) {
		struct fs *fs = test_mount(test_dev("ram:16m", &(struct mkfs_options){ .single = single }), &quiet);
		struct file *f = synced_file(fs, "a");
		struct watch w;
		watch_start(&w, fs->dev);
		test_write(f, 0, FS_BLOCK, 9);
		assert_int_equal(fs_fsync(f), 0);
		assert_int_equal(w.seen[WATCH_DATA], 1);
		assert_int_equal(w.seen[WATCH_LOG], single ? 2 : 4); /* the log's block and the log roots' block */
		assert_int_equal(w.seen[WATCH_FLUSH], 1);
		assert_int_equal(w.seen[WATCH_SUPER], 1);
		assert_int_equal(w.seen[WATCH_TREE], 0);
		fs_close(f);
		test_end(fs, true);
	}
}

/* ---- several at once, under the controlled scheduler ---- */

struct crowd {
	unsigned ntasks, rounds;
	uint32_t subvols;
	struct fs *fs;
	_Atomic uint32_t next;
	uint64_t led, joined, root_joined, fsyncs, commits;
};

static void fsyncer(void *arg)
{
	struct crowd *c = arg;
	uint32_t me = atomic_fetch_add(&c->next, 1);
	char name[16];

	snprintf(name, sizeof(name), "f%u", me);
	struct file *f = test_open(fs_subvol(c->fs, me % c->subvols), name);
	for (unsigned i = 0; i < c->rounds; i++) {
		test_write(f, 0, FS_BLOCK, 10 + i);
		CHECK(fs_fsync(f) == 0);
	}
	fs_close(f);
}

static void crowd_main(void *arg)
{
	struct crowd *c = arg;
	char name[16];

	struct dev *dev = test_dev("ram:16m", &(struct mkfs_options){ .subvols = c->subvols, .nodesize = 4096 });
	dev->async = true;
	c->fs = test_mount(dev, &quiet);
	for (uint32_t i = 0; i < c->ntasks; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		test_put(fs_subvol(c->fs, i % c->subvols), name, FS_BLOCK, 1);
	}
	CHECK(fs_sync(c->fs) == 0);
	rt_reset_totals();
	run_tasks(c->ntasks, fsyncer, c);
	c->led += counted(C_LOG_LED);
	c->joined += counted(C_LOG_JOINED);
	c->root_joined += counted(C_LOG_ROOT_JOINED);
	c->fsyncs += counted(C_FSYNC);
	c->commits += counted(C_FSYNC_COMMIT);
	/* each returned: everything of each is in the log, whoever wrote it */
	c->fs = test_crash(c->fs, &quiet);
	for (uint32_t i = 0; i < c->ntasks; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		CHECK(test_is(fs_subvol(c->fs, i % c->subvols), name, FS_BLOCK, 10 + c->rounds - 1));
	}
	test_end(c->fs, false);
}

static void crowd_run(struct crowd *c, unsigned seeds)
{
	const char *err = NULL;
	struct coop_config cfg = { .picker = &pick_random, .steps_max = 200000 };
	struct coop_result res;

	cfg.picker_state = pick_random.create("", &err);
	for (cfg.seed = 1; cfg.seed <= seeds; cfg.seed++) {
		atomic_store(&c->next, 0);
		coop_run(&cfg, crowd_main, c, &res);
		if (res.end != COOP_FINISHED)
			print_error("seed %lu: %s\n", (unsigned long)cfg.seed, res.why);
		assert_int_equal(res.end, COOP_FINISHED);
	}
	pick_random.destroy(cfg.picker_state);
}

static void a_lone_fsyncer_leads_every_commit(void **state)
{
	struct crowd c = { .ntasks = 1, .rounds = 4, .subvols = 1 };

	skip_under_tsan();
	crowd_run(&c, 5);
	assert_int_equal(c.fsyncs, 20);
	assert_int_equal(c.led, 20);
	assert_int_equal(c.joined, 0);
	assert_int_equal(c.commits, 0);
}

static void fsyncers_of_one_subvolume_share_commits(void **state)
{
	struct crowd c = { .ntasks = 5, .rounds = 3, .subvols = 1 };

	skip_under_tsan();
	crowd_run(&c, 30);
	assert_int_equal(c.fsyncs, 30 * 15);
	assert_int_equal(c.led + c.joined, c.fsyncs); /* each leads or joins, none falls back */
	assert_int_equal(c.commits, 0);
	assert_true(c.joined > c.fsyncs / 8);
	assert_int_equal(c.root_joined, 0); /* one log only */
}

static void fsyncs_of_two_subvolumes_share_commits_of_the_log_roots(void **state)
{
	struct crowd c = { .ntasks = 4, .rounds = 3, .subvols = 4 };

	skip_under_tsan();
	crowd_run(&c, 30);
	assert_int_equal(c.led, c.fsyncs); /* each leads its own log */
	assert_int_equal(c.joined, 0);
	assert_true(c.root_joined > 0);
	assert_int_equal(c.commits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fsync_without_a_change_does_no_io),
		cmocka_unit_test(fsync_after_a_change_is_never_skipped),
		cmocka_unit_test(fsync_of_a_range_syncs_that_range),
		cmocka_unit_test(fsync_of_a_range_brings_nothing_back),
		cmocka_unit_test(a_stamp_ahead_of_its_data_does_not_skip),
		cmocka_unit_test(data_on_its_way_forbids_to_skip),
		cmocka_unit_test(a_change_behind_a_log_commit_is_not_covered_by_it),
		cmocka_unit_test(one_fsync_costs_one_flush_and_one_super),
		cmocka_unit_test(a_lone_fsyncer_leads_every_commit),
		cmocka_unit_test(fsyncers_of_one_subvolume_share_commits),
		cmocka_unit_test(fsyncs_of_two_subvolumes_share_commits_of_the_log_roots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
