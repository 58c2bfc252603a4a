/* log_test.c: which items logging puts into the log tree, fast and full; and when the log cannot tell the story. */
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/log.h"
#include "fs/ordered.h"
#include "fs/test_fs.h"
#include "fs/trans.h"

struct rig {
	struct fs *fs;
	struct root *root;
	struct mount_options o;
};

static void rig_open(struct rig *r, const char *options)
{
	*r = (struct rig){ .o = { .no_background = true } };
	r->o.compress = strstr(options, "compress");
	r->o.inline_max = strstr(options, "inline") ? 2048 : 0;
	r->fs = test_mount(test_dev("ram:32m", &(struct mkfs_options){ .nodesize = 4096 }), &r->o);
	r->root = fs_subvol(r->fs, 0);
}

static void rig_crash(struct rig *r)
{
	r->fs = test_crash(r->fs, &r->o);
	r->root = fs_subvol(r->fs, 0);
}

/* Commits, and begins again: inodes that nothing has happened to yet. */
static void rig_commit(struct rig *r)
{
	assert_int_equal(fs_sync(r->fs), 0);
	rig_crash(r);
}

/* What the log tree holds: of one inode, and checksums of data blocks. */
struct logged {
	uint64_t ino;
	unsigned inodes, names, others, extents, holes;
	uint64_t bytes, hole_bytes, sums, size, first;
};

static void count_extent(struct logged *l, const struct key *k, const void *data)
{
	struct extent_item it;

	memcpy(&it, data, sizeof(it));
	if (it.kind == EXTENT_REG && !it.disk_bytenr) {
		l->holes++;
		l->hole_bytes += it.len;
		return;
	}
	if (!l->extents++)
		l->first = k->offset;
	l->bytes += it.len;
}

static int count_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct logged *l = arg;
	struct inode_item item;

	if (k->type == ITEM_CSUM) {
		l->sums += len / 4;
	} else if (k->objectid != l->ino) {
		l->others++;
	} else if (k->type == ITEM_INODE) {
		memcpy(&item, data, sizeof(item));
		l->size = item.size;
		l->inodes++;
	} else if (k->type == ITEM_INODE_REF) {
		l->names++;
	} else if (k->type == ITEM_EXTENT) {
		count_extent(l, k, data);
	}
	return 0;
}

static struct logged look(struct rig *r, struct file *f)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	struct logged l = { .ino = fs_ino(f) };

	assert_true(r->root->log.exists);
	assert_int_equal(tree_scan(&r->root->log.tree, &from, &to, 0, count_item, &l), 0);
	return l;
}

/* Everything of the file is in the trees. */
static void settle(struct file *f)
{
	ordered_wait_range(f->inode, 0, UINT64_MAX);
}

static void a_new_file_is_logged_whole_with_its_name(void **state)
{
	struct rig r;

	rig_open(&r, "");
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 10000, 1);
	test_write(f, 40960, 4096, 2);
	assert_int_equal(fs_fsync(f), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.inodes, 1);
	assert_int_equal(l.names, 1);
	assert_int_equal(l.others, 0);
	assert_int_equal(l.size, 45056);
	assert_int_equal(l.bytes, 12288 + 4096);
	assert_int_equal(l.hole_bytes, 40960 - 12288);
	assert_int_equal(l.sums, 4);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(test_read(f, 0, 10000, 1), 0);
	assert_int_equal(test_read_zeros(f, 10000, 30960), 0);
	assert_int_equal(test_read(f, 40960, 4096, 2), 0);
	fs_close(f);
	test_end(r.fs, true);
}

static void a_changed_block_is_logged_alone(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 200000, 1);
	test_put(r.root, "b", 5000, 2);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	test_write(f, 8192, 4096, 3);
	assert_int_equal(fs_fsync(f), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.inodes, 1);
	assert_int_equal(l.names, 0); /* committed long ago */
	assert_int_equal(l.others, 0);
	assert_int_equal(l.extents, 1);
	assert_int_equal(l.first, 8192);
	assert_int_equal(l.bytes, 4096);
	assert_int_equal(l.sums, 1);
	assert_int_equal(l.size, 200000);
	/* the next one adds to it: both are there, each once */
	settle(f);
	test_write(f, 65536, 8192, 4);
	assert_int_equal(fs_fsync(f), 0);
	l = look(&r, f);
	assert_int_equal(l.bytes, 4096 + 8192);
	assert_int_equal(l.sums, 3);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(test_read(f, 0, 8192, 1), 0);
	assert_int_equal(test_read(f, 8192, 4096, 3), 0);
	assert_int_equal(test_read(f, 65536, 8192, 4), 0);
	assert_int_equal(test_read(f, 73728, 200000 - 73728, 1), 0);
	fs_close(f);
	test_end(r.fs, true);
}

/* An overwrite of what is in the log replaces its item; the old checksum stays, its block may not be reused before
 * the commit. */
static void an_overwrite_replaces_the_item_in_the_log(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 40960, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	for (uint64_t seed = 2; seed < 6; seed++) {
		test_write(f, 4096, 12288, seed);
		assert_int_equal(fs_fsync(f), 0);
		settle(f);
	}
	struct logged l = look(&r, f);
	assert_int_equal(l.extents, 1);
	assert_int_equal(l.bytes, 12288);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(test_read(f, 4096, 12288, 5), 0);
	fs_close(f);
	test_end(r.fs, true);
}

static void a_truncated_file_is_logged_whole_with_its_holes(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 65536, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	struct file *f = test_open(r.root, "a");
	assert_int_equal(fs_truncate(f, 16384), 0);
	assert_int_equal(fs_truncate(f, 50000), 0);
	assert_int_equal(fs_fsync(f), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.size, 50000);
	assert_int_equal(l.bytes, 16384);
	assert_int_equal(l.hole_bytes, 53248 - 16384);
	assert_int_equal(l.sums, 4);
	fs_close(f);
	rig_crash(&r);
	f = test_open(r.root, "a");
	assert_int_equal(fs_size(f), 50000);
	assert_int_equal(test_read(f, 0, 16384, 1), 0);
	assert_int_equal(test_read_zeros(f, 16384, 50000 - 16384), 0);
	fs_close(f);
	test_end(r.fs, true);
}

static void a_compressed_extent_is_logged_with_the_sums_of_all_its_blocks(void **state)
{
	struct rig r;

	rig_open(&r, "compress");
	test_put(r.root, "a", 131072, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 131072, 2);
	assert_int_equal(fs_fsync(f), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.bytes, 131072);
	assert_true(l.sums > 0 && l.sums < 16);
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "a", 131072, 2));
	test_end(r.fs, true);
}

static void an_inline_file_is_logged_from_the_tree(void **state)
{
	struct rig r;

	rig_open(&r, "inline");
	test_put(r.root, "a", 700, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 700, 2);
	assert_int_equal(fs_fsync(f), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.extents, 1);
	assert_int_equal(l.sums, 0);
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "a", 700, 2));
	test_end(r.fs, true);
}

static void a_commit_frees_the_log(void **state)
{
	struct rig r;
	struct fs_info before, after;

	rig_open(&r, "");
	test_put(r.root, "a", 4096, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_int_equal(fs_sync(r.fs), 0);
	fs_info(r.fs, &before);
	struct file *f = test_open(r.root, "a");
	for (uint64_t seed = 2; seed < 10; seed++) {
		test_write(f, 0, 4096, seed);
		assert_int_equal(fs_fsync(f), 0);
	}
	assert_true(r.root->log.exists);
	settle(f);
	assert_int_equal(fs_sync(r.fs), 0);
	assert_false(r.root->log.exists);
	assert_false(r.fs->log_root.exists);
	fs_info(r.fs, &after);
	assert_int_equal(after.meta_free, before.meta_free);
	assert_int_equal(after.data_free, before.data_free);
	assert_int_equal(after.meta_pinned, 0);
	fs_close(f);
	rig_crash(&r);
	fs_info(r.fs, &after);
	assert_false(after.replayed);
	assert_true(test_is(r.root, "a", 4096, 9));
	test_end(r.fs, true);
}

/* ---- what only a commit can tell ---- */

static uint64_t commits_of_fsync(struct file *f)
{
	uint64_t before[C_NR], after[C_NR];

	rt_totals(before);
	assert_int_equal(fs_fsync(f), 0);
	rt_totals(after);
	return after[C_FSYNC_COMMIT] - before[C_FSYNC_COMMIT];
}

/* Replay takes the name from who has it in the committed tree: that one is gone anyway. */
static void a_name_used_again_is_logged(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 5000, 1);
	rig_commit(&r);
	assert_int_equal(fs_unlink(r.root, "a"), 0);
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 3000, 2);
	assert_int_equal(commits_of_fsync(f), 0);
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "a", 3000, 2));
	test_end(r.fs, true);
}

/* 56f23fdbb600, 44f714dae50a: that one lives, and its new name is in no log (log_name.3). */
static void a_name_taken_from_a_file_that_lives_needs_a_commit(void **state)
{
	struct rig r;

	for (unsigned linked = 0; linked < 2; linked++) {
		rig_open(&r, "");
		test_put(r.root, "a", 5000, 1);
		rig_commit(&r);
		if (linked) {
			assert_int_equal(fs_link(r.root, "a", "b", NULL), 0);
			assert_int_equal(fs_unlink(r.root, "a"), 0);
		} else {
			assert_int_equal(fs_rename(r.root, "a", "b", NULL), 0);
		}
		struct file *f = test_open(r.root, "a");
		test_write(f, 0, 3000, 2);
		assert_int_equal(commits_of_fsync(f), 1);
		test_write(f, 0, 3000, 3);
		assert_int_equal(commits_of_fsync(f), 0); /* in the next transaction that is the past */
		fs_close(f);
		rig_crash(&r);
		assert_true(test_is(r.root, "a", 3000, 3));
		assert_true(test_is(r.root, "b", 5000, 1));
		test_end(r.fs, true);
	}
}

/* Who has been logged under a name that is taken, or comes to have another, is logged again, for whoever commits the
 * log next. */
static void a_log_that_has_told_of_a_file_is_told_its_new_names(void **state)
{
	struct rig r;

	rig_open(&r, "");
	struct file *f = test_open(r.root, "a"), *o = test_open(r.root, "o");
	test_write(f, 0, 5000, 1);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(fs_rename(r.root, "a", "b", NULL), 0);
	assert_int_equal(fs_link(r.root, "b", "c", NULL), 0);
	struct logged l = look(&r, f);
	assert_int_equal(l.names, 1);
	assert_int_equal(l.bytes, 8192); /* as it was logged */
	assert_int_equal(l.size, 5000);
	assert_int_equal(commits_of_fsync(o), 0);
	fs_close(f);
	fs_close(o);
	rig_crash(&r);
	assert_true(test_is(r.root, "b", 5000, 1) && test_is(r.root, "c", 5000, 1));
	assert_false(test_exists(r.root, "a"));
	test_end(r.fs, true);
}

/* A file whose names have changed stays in memory until they are in a committed tree. */
static void a_renamed_file_is_not_evicted_before_the_commit(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 5000, 1);
	rig_commit(&r);
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 5000, 2);
	assert_int_equal(fs_rename(r.root, "a", "b", NULL), 0);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_evict(r.fs);
	assert_int_equal(fs_rename(r.root, "b", "c", NULL), 0); /* the log knows it as b */
	f = test_open(r.root, "b");
	assert_int_equal(commits_of_fsync(f), 1); /* and b was c's, which lives */
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "c", 5000, 2) && test_is(r.root, "b", 0, 0));
	assert_false(test_exists(r.root, "a"));
	fs_evict(r.fs);
	test_end(r.fs, true);
}

/* 9acc8103ab59: that an inode's names are logged does not mean that the rest of it is. */
static void what_is_written_before_a_link_is_logged_after_it(void **state)
{
	struct rig r;

	rig_open(&r, "");
	struct file *f = test_open(r.root, "a"), *o = test_open(r.root, "o");
	test_write(f, 0, 5000, 1);
	assert_int_equal(fs_fsync(f), 0);
	test_write(f, 0, 9000, 2);
	assert_int_equal(fs_link(r.root, "a", "b", NULL), 0);
	assert_int_equal(fs_fsync(o), 0); /* the log, with the names, is on the media */
	assert_int_equal(commits_of_fsync(f), 0);
	fs_close(f);
	fs_close(o);
	rig_crash(&r);
	assert_true(test_is(r.root, "b", 9000, 2));
	test_end(r.fs, true);
}

/* A new file that only the directory's log knows is there, empty: its content was never synced. */
static void an_fsync_of_the_directory_logs_names_alone(void **state)
{
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 5000, 1);
	test_put(r.root, "b", 5000, 2);
	rig_commit(&r);
	test_put(r.root, "new", 5000, 3);
	assert_int_equal(fs_unlink(r.root, "a"), 0);
	assert_int_equal(fs_rename(r.root, "b", "c", NULL), 0);
	uint64_t before = atomic_load(&r.fs->last_trans_committed);
	assert_int_equal(fs_fsync_dir(r.root), 0);
	assert_int_equal(atomic_load(&r.fs->last_trans_committed), before);
	rig_crash(&r);
	assert_true(test_is(r.root, "new", 0, 0) && test_is(r.root, "c", 5000, 2));
	assert_false(test_exists(r.root, "a") || test_exists(r.root, "b"));
	test_end(r.fs, true);
}

static void an_fsync_of_a_directory_without_changes_writes_nothing(void **state)
{
	struct rig r;
	struct watch w;

	rig_open(&r, "");
	test_put(r.root, "a", 5000, 1);
	assert_int_equal(fs_fsync_dir(r.root), 0);
	watch_start(&w, r.fs->dev);
	assert_int_equal(fs_fsync_dir(r.root), 0);
	assert_int_equal(watch_writes(&w) + w.seen[WATCH_FLUSH], 0);
	assert_int_equal(fs_sync(r.fs), 0);
	watch_reset(&w);
	assert_int_equal(fs_fsync_dir(r.root), 0);
	assert_int_equal(watch_writes(&w) + w.seen[WATCH_FLUSH], 0);
	assert_int_equal(fs_rename(r.root, "a", "b", NULL), 0);
	assert_int_equal(fs_fsync_dir(r.root), 0);
	assert_true(w.seen[WATCH_LOG] > 0);
	test_end(r.fs, true);
}

static void a_transaction_that_may_not_be_logged_is_committed(void **state)
{
	struct rig r;

	rig_open(&r, "");
	struct file *f = test_open(r.root, "a");
	test_write(f, 0, 5000, 1);
	trans_no_log(r.fs, atomic_load(&r.fs->generation));
	assert_int_equal(commits_of_fsync(f), 1);
	test_write(f, 0, 5000, 2);
	assert_int_equal(commits_of_fsync(f), 0); /* the next one may */
	fs_close(f);
	rig_crash(&r);
	assert_true(test_is(r.root, "a", 5000, 2));
	test_end(r.fs, true);
}

/* Unlinked and committed while it was open: its fsync must not bring the name back, nor take it from the file that
 * has it now. */
static void fsync_of_an_unlinked_file_leaves_its_old_name_alone(void **state)
{
	struct rig r;

	for (unsigned taken = 0; taken < 2; taken++) {
		rig_open(&r, "");
		test_put(r.root, "a", 9000, 1);
		assert_int_equal(fs_sync(r.fs), 0);
		struct file *f = test_open(r.root, "a");
		assert_int_equal(fs_unlink(r.root, "a"), 0);
		if (taken)
			test_put(r.root, "a", 7000, 2);
		assert_int_equal(fs_sync(r.fs), 0);
		assert_int_equal(fs_truncate(f, 100), 0);
		assert_int_equal(fs_fsync(f), 0);
		fs_close(f);
		rig_crash(&r);
		assert_int_equal(test_exists(r.root, "a"), taken);
		if (taken)
			assert_true(test_is(r.root, "a", 7000, 2));
		test_end(r.fs, true);
	}
}

/* A full log copies from the tree: what is on its way is not there yet, and must not be taken for a hole. */
static void a_full_log_does_not_overtake_data_on_its_way(void **state)
{
	struct log_ctx ctx;
	struct handle h;
	struct rig r;

	rig_open(&r, "");
	test_put(r.root, "a", 4096, 1);
	assert_int_equal(fs_sync(r.fs), 0);
	struct file *f = test_open(r.root, "a");
	/* in the inode's tree, not submitted: as between cow_file_range() and its completion */
	struct ordered *o = ordered_add(f->inode, &(struct ordered_spec){ .file_off = 4096, .len = 4096,
					.disk_bytenr = r.fs->super.dev_size - 4096, .disk_len = 4096,
						       .ram_bytes = 4096 });
	atomic_fetch_or(&f->inode->flags, INODE_NEEDS_FULL_SYNC);
	write_lock(&f->inode->lock);
	assert_int_equal(trans_start(r.fs, TRANS_START, &h), 0);
	const struct log_what all = { LOG_ORDERED_FIRST, 0, UINT64_MAX };
	assert_int_equal(log_inode_parent(f->inode, &h, &ctx, &all), LOG_NEED_COMMIT);
	trans_end(&h);
	write_unlock(&f->inode->lock);
	assert_true(inode_flag(f->inode, INODE_NEEDS_FULL_SYNC));
	spin_lock(&f->inode->ordered_lock);
	RB_INIT(&f->inode->ordered); /* it was the only one */
	atomic_fetch_sub(&f->inode->nordered, 1);
	spin_unlock(&f->inode->ordered_lock);
	atomic_fetch_sub(&r.fs->ordered_inflight, 1);
	atomic_fetch_or(&o->flags, ORDERED_COMPLETE);
	ordered_put(o);
	fs_close(f);
	test_end(r.fs, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file_is_logged_whole_with_its_name),
		cmocka_unit_test(a_changed_block_is_logged_alone),
		cmocka_unit_test(an_overwrite_replaces_the_item_in_the_log),
		cmocka_unit_test(a_truncated_file_is_logged_whole_with_its_holes),
		cmocka_unit_test(a_compressed_extent_is_logged_with_the_sums_of_all_its_blocks),
		cmocka_unit_test(an_inline_file_is_logged_from_the_tree),
		cmocka_unit_test(a_commit_frees_the_log),
		cmocka_unit_test(a_name_used_again_is_logged),
		cmocka_unit_test(a_name_taken_from_a_file_that_lives_needs_a_commit),
		cmocka_unit_test(a_log_that_has_told_of_a_file_is_told_its_new_names),
		cmocka_unit_test(a_renamed_file_is_not_evicted_before_the_commit),
		cmocka_unit_test(what_is_written_before_a_link_is_logged_after_it),
		cmocka_unit_test(an_fsync_of_the_directory_logs_names_alone),
		cmocka_unit_test(an_fsync_of_a_directory_without_changes_writes_nothing),
		cmocka_unit_test(a_transaction_that_may_not_be_logged_is_committed),
		cmocka_unit_test(fsync_of_an_unlinked_file_leaves_its_old_name_alone),
		cmocka_unit_test(a_full_log_does_not_overtake_data_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
