/*
 * fsync.c: THE DESIGN SEAM: every design of fsync as a score, side by side, over shared verbs; and the
 * public door. Read one score from top to bottom to know the protocol; compare two to know the fix.
 *
 * Only this file and mount.c name `design`. A choice inside a verb is an argument that the score
 * passes, or two verbs named for what they do; where designs differ in an event that no score calls,
 * the design has a verb for that event (state.h: fs_events, which also says what that costs: a call through
 * a pointer for each such event, about 8 in one fsync that leads its log commit).
 *
 * prefix   Linux 3.17: without a full sync, nothing is done about pages that were dirtied between the
 *          first flush and the inode lock. Writeback that gets at them while the inode is logged adds
 *          an extent map first and its ordered extent later; logging that falls in between logs an
 *          extent whose data nobody waits for and whose checksums nobody has.
 * postfix  Linux 3.18, commit 669249eea365: the flush is done again under the lock.
 * ordered_first, flush_twice_early   Another way to close that window, and one that does not.
 *
 * The rest is the corpus: postfix with one known bug each, in one member or one line. The race that
 * tells them apart from postfix (workloads/scenarios) has the story, and cites the commit.
 */
#include "fs/cost.h"
#include "fs/dir.h"
#include "fs/direct.h"
#include "fs/disk_size.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/mmap.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/reclaim.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* ---- verbs of the scores ---- */

/*
 * The size that is logged must not reach over pages that no map tells of: blocks that a truncation took away would come
 * back there. So when the file is longer than at its last log, the range of this fsync becomes the whole file.
 */
static void fsync_lock_inode(struct sync *s)
{
	write_lock_in(&s->inode->lock, PH_INODE_LOCK);
	if ((s->start || s->end != UINT64_MAX) && atomic_load(&s->inode->size) > s->inode->logged_size) {
		s->start = 0;
		s->end = UINT64_MAX;
	}
}

/* The same, and no mapped store makes a page dirty from here on (885f46d87f29). */
static void fsync_lock(struct sync *s)
{
	fsync_lock_inode(s);
	mmap_keep_out(s->inode, PH_INODE_LOCK);
}

static void fsync_unlock(struct inode *inode)
{
	mmap_let_in(inode);
	write_unlock(&inode->lock);
}

static void fsync_flush(const struct sync *s)
{
	phase(PH_FLUSH);
	writeback_start_ordered(s->inode, s->start, s->end);
}

static void fsync_reflush(const struct sync *s)
{
	phase(PH_REFLUSH);
	writeback_start_ordered(s->inode, s->start, s->end);
}

/* What fsync_lock() says about the size holds for a score that flushes once, too: what makes the file longer is
 * flushed under the lock. */
static void fsync_flush_tail(struct inode *inode)
{
	phase(PH_REFLUSH);
	writeback_start_ordered(inode, inode->logged_size, UINT64_MAX);
}

/* kernel: btrfs_wait_ordered_range(): flushes, and waits until all is in the trees. */
static void fsync_wait_complete(const struct sync *s)
{
	phase(PH_WAIT_DATA);
	writeback_start_ordered(s->inode, s->start, s->end);
	ordered_wait_range(s->inode, s->start, s->end);
}

/*
 * The early-outs. Ordered extents are looked for before last_trans is read (affc0ff902d5): one that
 * completes in between has stamped it. last_trans alone proves nothing while one is under way
 * (3a8b36f37806). Unlike 3.17, nothing is reset here: a writer may be stamping.
 */
static bool fsync_nothing_to_do(struct inode *inode, bool full)
{
	bool under_way = ordered_any(inode);

	rt_access(inode->stamps_id, POINT_READ);
	if (atomic_load(&inode->unlinked))
		return inode->root->fs->on.fsync_of_unlinked(inode);
	if (log_has_inode(inode))
		return true;
	return atomic_load(&inode->last_trans) <= fs_committed(inode->root->fs) && (full || !under_way);
}

/* The log could not do it: with no handle held (bf7ba8ee759b), data into the trees, then the transaction onto the
 * media. */
static int fsync_commit(struct inode *inode, uint64_t transid)
{
	struct fs *fs = inode->root->fs;

	phase(PH_WAIT_DATA);
	writeback_start_ordered(inode, 0, UINT64_MAX);
	int err = ordered_wait_range(inode, 0, UINT64_MAX);
	CHECK(!write_held(&inode->lock)); /* a commit may take long: writers go on */
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	int ret = trans_commit_id(fs, transid);
	/* data that completed after `transid` had begun to commit is in the next one */
	rt_access(inode->stamps_id, POINT_READ);
	if (!ret && atomic_load(&inode->last_trans) > fs_committed(fs))
		ret = trans_commit_running(fs);
	return ret ? ret : err;
}

/* From the handle to the end. inode->lock is held on entry, dropped before any log I/O. */
static int fsync_log_or_commit(const struct sync *s, enum log_first first)
{
	const struct log_what what = { first, s->start, s->end };
	struct inode *inode = s->inode;
	struct log_ctx ctx;
	struct handle h;

	phase(PH_LOG_ITEMS);
	int ret = trans_start(inode->root->fs, TRANS_START, &h);
	if (ret) {
		fsync_unlock(inode);
		return ret;
	}
	CHECK(write_held(&inode->lock));
	uint64_t transid = h.trans->id;
	ret = log_inode_parent(inode, &h, &ctx, &what);
	fsync_unlock(inode);
	if (!ret)
		ret = log_sync(inode->root, &h, &ctx);
	trans_end(&h);
	return ret ? fsync_commit(inode, transid) : 0;
}

/* Nothing to do: inode->lock is dropped here. */
static int fsync_skip(struct inode *inode)
{
	count(C_FSYNC_SKIPPED);
	fsync_unlock(inode);
	return 0;
}

/* ---- the scores ---- */

static int fsync_prefix(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_lock(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);

	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

static int fsync_postfix(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_lock(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	else
		fsync_reflush(s);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

/* When nobody can see a map without its ordered extent, one flush is enough, except for what makes the file longer. */
static int fsync_ordered_first(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_lock(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	else
		fsync_flush_tail(inode);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_MAPS_FIRST);
}

/* What a direct write outside of the inode lock adds while maps are taken is looked for after that: its ordered extent
 * comes before its map (de0ee0edb21f). */
static int fsync_collect_twice(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_lock(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	else
		fsync_reflush(s);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_TWICE);
}

/* As postfix, but faults are not kept out: a mapped store can make a page dirty while the inode is logged. */
static int fsync_beside_faults(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_lock_inode(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	else
		fsync_reflush(s);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

/* Twice, and both times too early: a page can still be dirtied before the lock is taken. */
static int fsync_flush_twice_early(struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(s);
	fsync_reflush(s);
	fsync_lock(s);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);

	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

/* ---- events ---- */

/*
 * Once the unlink is on the media no crash leaves a way to the file. Until then a crash brings its name back, and what
 * fsync promises has to be there; the transaction is committed, since no log has an inode without a name
 * (log_item.c). So the unlink is durable then, as in Linux since 5e85262e542d, which logs a link count of 0.
 */
static bool unlink_is_committed(struct inode *inode)
{
	return atomic_load(&inode->last_unlink_trans) <= fs_committed(inode->root->fs);
}

static bool unlinked_is_gone(struct inode *inode)
{
	return true;
}

/* Are there errors that have not been seen? They have been now. What has been seen never becomes less: another call may
 * have seen more meanwhile. */
static bool errors_are_new(_Atomic uint32_t *errors, _Atomic uint32_t *seen)
{
	uint32_t now = atomic_load(errors), old = atomic_load(seen);

	while (old < now && !atomic_compare_exchange_weak(seen, &old, now))
		;
	return old < now;
}

/* A write error reaches each open file once (the kernel's errseq_t). */
static int file_report_error(struct file *f)
{
	rt_access(f->inode->flags_id, POINT_READ);
	return errors_are_new(&f->inode->wb_errors, &f->seen_errors) ? atomic_load(&f->inode->wb_error) : 0;
}

static int file_report_nothing(struct file *f)
{
	return 0;
}

/* And one sync of the file system (kernel: the super block's errseq_t, seen by syncfs() since 735e4ae5ba28). */
static int fs_report_error(struct fs *fs)
{
	rt_access(fs->numbers_id, POINT_READ);
	return errors_are_new(&fs->wb_errors, &fs->synced_errors) ? atomic_load(&fs->wb_error) : 0;
}

static int fs_report_nothing(struct fs *fs)
{
	return 0;
}

static const struct fs_events events_postfix = {
	.add_extent = writeback_map_first,
	.direct_has_range = direct_keep_lock,
	.release_maps = release_unneeded,
	.wrote = inode_touch_if_newer,
	.size_reaches = disk_size_to_unwritten,
	.write_failed = inode_needs_holes,
	.log_lacks = log_lacks_in_place,
	.commit_logged = trans_wait_pending,
	.logged_io = ordered_wait_io,
	.put_log_root = log_sync_parent,
	.joined_log_root = log_wait_own,
	.give_up_log_block = alloc_pin,
	.write_super = super_flush_and_write,
	.logged_in_full = em_forget_range,
	.rename = rename_pinned,
	.names_decline = names_are_taken,
	.log_names = log_own_names,
	.logged_exists = inode_logged_names,
	.fsync_of_unlinked = unlink_is_committed,
	.fsync_returns = file_report_error,
	.sync_returns = fs_report_error,
};

struct fs_events design_events(const struct design *d)
{
	const struct fs_events none = { 0 }, *on = d->on ? d->on : &none, *postfix = &events_postfix;
	add_extent_fn add_extent = on->add_extent ? on->add_extent : postfix->add_extent;

	return (struct fs_events){
		.add_extent = add_extent,
		.add_direct_extent = on->add_direct_extent ? on->add_direct_extent : add_extent,
		.add_direct_prealloc = on->add_direct_prealloc ? on->add_direct_prealloc :
			on->add_direct_extent ? on->add_direct_extent : add_extent,
		.direct_has_range = on->direct_has_range ? on->direct_has_range : postfix->direct_has_range,
		.release_maps = on->release_maps ? on->release_maps : postfix->release_maps,
		.wrote = on->wrote ? on->wrote : postfix->wrote,
		.size_reaches = on->size_reaches ? on->size_reaches : postfix->size_reaches,
		.write_failed = on->write_failed ? on->write_failed : postfix->write_failed,
		.log_lacks = on->log_lacks ? on->log_lacks : postfix->log_lacks,
		.commit_logged = on->commit_logged ? on->commit_logged : postfix->commit_logged,
		.logged_io = on->logged_io ? on->logged_io : postfix->logged_io,
		.put_log_root = on->put_log_root ? on->put_log_root : postfix->put_log_root,
		.joined_log_root = on->joined_log_root ? on->joined_log_root : postfix->joined_log_root,
		.give_up_log_block = on->give_up_log_block ? on->give_up_log_block : postfix->give_up_log_block,
		.write_super = on->write_super ? on->write_super : postfix->write_super,
		.logged_in_full = on->logged_in_full ? on->logged_in_full : postfix->logged_in_full,
		.rename = on->rename ? on->rename : postfix->rename,
		.names_decline = on->names_decline ? on->names_decline : postfix->names_decline,
		.log_names = on->log_names ? on->log_names : postfix->log_names,
		.logged_exists = on->logged_exists ? on->logged_exists : postfix->logged_exists,
		.fsync_of_unlinked = on->fsync_of_unlinked ? on->fsync_of_unlinked : postfix->fsync_of_unlinked,
		.fsync_returns = on->fsync_returns ? on->fsync_returns : postfix->fsync_returns,
		.sync_returns = on->sync_returns ? on->sync_returns : postfix->sync_returns,
	};
}

/* ---- the table ---- */

const struct design *const fs_designs[] = {
	&(const struct design){
		.name = "prefix",
		.what = "Linux 3.17: data is flushed before the inode lock only",
		.fsync = fsync_prefix,
	},
	&(const struct design){
		.name = "postfix",
		.what = "Linux 3.18 (669249eea365): flushed again under the inode lock",
		.fsync = fsync_postfix,
	},
	&(const struct design){
		.name = "ordered_first",
		.what = "flushed once; an extent's ordered extent comes before its map, and fsync takes maps first",
		.fsync = fsync_ordered_first,
		.on = &(const struct fs_events){ .add_extent = writeback_ordered_first },
	},
	&(const struct design){
		.name = "flush_twice_early",
		.what = "flushed twice, both times before the inode lock",
		.fsync = fsync_flush_twice_early,
	},
	&(const struct design){
		.name = "commit_forgets_logged",
		.what = "a commit deletes the log and does not wait for what only the log has (as before 50d9aa99bd35)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .commit_logged = trans_leave_pending },
	},
	&(const struct design){
		.name = "ignores_data_error",
		.what = "a log commit waits for logged data and ignores its write errors (as before 8407f553268a)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_io = ordered_wait_io_blindly },
	},
	&(const struct design){
		.name = "misses_early_error",
		.what = "fsync reports only write errors of the data that it waits for (as before b38ef71cb102)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .fsync_returns = file_report_nothing },
	},
	&(const struct design){
		.name = "joiner_leaves_data",
		.what = "a task that joins a log-root commit does not wait for its data (as before 9dba8cf128ef)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .joined_log_root = log_wait_own_blocks },
	},
	&(const struct design){
		.name = "log_root_unlocked",
		.what = "a log's root item is put without the mutex of the tree of log roots (as before 4203e9689470)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_unlocked },
	},
	&(const struct design){
		.name = "flush_before_last_super",
		.what = "of a commit's two supers, the flush comes before the last (as before 387125fc722a)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .write_super = super_flush_before_last },
	},
	&(const struct design){
		.name = "reuses_log_blocks",
		.what = "written blocks of the log are free again before the commit (as before e688b7252f78)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .give_up_log_block = alloc_free_written },
	},
	&(const struct design){
		.name = "ranged_forgets_all",
		.what = "a full fsync of a range forgets what changed outside of it, too (as before 49dae1bc1c66)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_in_full = em_forget_all },
	},
	&(const struct design){
		.name = "rewrite_holds_size",
		.what = "a block that is written again holds back the size on disk (as before 9ddc959e802b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .size_reaches = ordered_first_below },
	},
	&(const struct design){
		.name = "stamp_goes_back",
		.what = "a write that stamps late takes an inode's last transaction back (as before 3a8b36f37806)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .wrote = inode_touch },
	},
	&(const struct design){
		.name = "failed_write_unnoticed",
		.what = "after a failed write the inode is logged as if its extent maps told all (as in Linux)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .write_failed = inode_needs_nothing },
	},
	&(const struct design){
		.name = "sync_misses_error",
		.what = "a sync of the file system does not tell of write errors (as before 735e4ae5ba28)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .sync_returns = fs_report_nothing },
	},
	&(const struct design){
		.name = "skips_in_place",
		.what = "an inode in the log is skipped while its data is under way in place (as before 626e9f41f7c2)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .log_lacks = log_lacks_nothing },
	},
	&(const struct design){
		.name = "skips_unlinked",
		.what = "fsync of an unlinked file does nothing before the unlink is durable (as before 5e85262e542d)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .fsync_of_unlinked = unlinked_is_gone },
	},
	&(const struct design){
		.name = "rename_unpinned",
		.what = "a rename lets the log be committed before that has the new name (as before 12fcfd22fe5b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .rename = rename_unpinned },
	},
	&(const struct design){
		.name = "rename_pins_late",
		.what = "the same before it has told the log, and fsync logs the directory (as before 3ca864de852b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .rename = rename_pinned_late, .names_decline = names_go_with_others,
						 .log_names = log_names_of_parent },
	},
	&(const struct design){
		.name = "names_count_as_log",
		.what = "an inode of which only the names are logged counts as logged (as before 9acc8103ab59)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_exists = inode_logged_all },
	},
	&(const struct design){
		.name = "direct_unlocked",
		.what = "a direct write inside a file drops the inode lock, map first (as before de0ee0edb21f)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock },
	},
	&(const struct design){
		.name = "direct_ordered_first",
		.what = "the same, its ordered extent comes first, and fsync looks twice (as before 5f9a8a51d8b9)",
		.fsync = fsync_collect_twice,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock,
						 .add_direct_extent = writeback_ordered_first },
	},
	&(const struct design){
		.name = "direct_prealloc_map_first",
		.what = "the same, but into preallocated space the map comes first (before a twin of de0ee0edb21f)",
		.fsync = fsync_collect_twice,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock,
						 .add_direct_extent = writeback_ordered_first,
						 .add_direct_prealloc = writeback_map_first },
	},
	&(const struct design){
		.name = "mmap_unlocked",
		.what = "an fsync does not keep faults of mapped stores out while it logs (as before 885f46d87f29)",
		.fsync = fsync_beside_faults,
	},
	NULL
};

const struct design *fs_design_find(const char *name)
{
	for (const struct design *const *d = fs_designs; *d; d++)
		if (!strcmp((*d)->name, name))
			return *d;
	return NULL;
}

/* ---- the door ---- */

static int file_sync(struct file *f, uint64_t start, uint64_t end)
{
	struct inode *inode = f->inode;

	if (inode->root->fs->opt.read_only)
		return 0;
	count(C_FSYNC);
	enum phase was = phase(PH_FLUSH);
	fs_cost(COST_CALL);
	background_make_space(inode->root->fs);
	struct sync s = { .file = f, .inode = inode, .start = start, .end = end };
	int ret = inode->root->fs->design->fsync(&s);
	int err = inode->root->fs->on.fsync_returns(f);
	phase(was);
	trace(EV_FSYNC_RETURNS, inode->ino, (uint64_t)(int64_t)(err ? err : ret));
	return err ? err : ret;
}

int fs_fsync(struct file *f)
{
	return file_sync(f, 0, UINT64_MAX);
}

int fs_fdatasync(struct file *f)
{
	return file_sync(f, 0, UINT64_MAX);
}

int fs_fsync_range(struct file *f, uint64_t off, uint64_t len)
{
	uint64_t end = len > FILE_SIZE_MAX - off ? UINT64_MAX : (off + len + FS_BLOCK - 1) / FS_BLOCK * FS_BLOCK;

	return off > FILE_SIZE_MAX ? 0 : file_sync(f, off / FS_BLOCK * FS_BLOCK, end);
}
