/*
 * fsync.c: THE DESIGN SEAM: every design of fsync as a score, side by side, over shared verbs; and the
 * public door. Read one score from top to bottom to know the protocol; compare two to know the fix.
 *
 * A choice inside a verb is an argument that the score passes, or two verbs named for what they do; where designs
 * differ in an event that no score calls, the design has a verb for that event (state.h: fs_events, which also says
 * what that costs). Which design has which score and which verbs is the table in designs.c. Only these two files and
 * mount.c name `design`.
 *
 * prefix   Linux 3.17: without a full sync, nothing is done about pages that were dirtied between the
 *          first flush and the inode lock. Writeback that gets at them while the inode is logged adds
 *          an extent map first and its ordered extent later; logging that falls in between logs an
 *          extent whose data nobody waits for and whose checksums nobody has.
 * postfix  Linux 3.18, commit 669249eea365: the flush is done again under the lock.
 * complete Linux 4.19: everything of the range is in the trees before anything is logged.
 * modern   Linux 5.10 to 6.12 (487781796d30): only page writeback is waited for before a fast log, whose checksums
 *          are those of the ordered extents that were collected before the wait.
 *          Both are as the kernel has them, mistakes included; each has a repair, which is a design of its own.
 * ordered_first, flush_twice_early   Another way to close that window, and one that does not.
 *
 * The rest is the corpus: scores of postfix, or of one of the later designs, with one known bug each, in one line. The
 * race that tells them apart (workloads/scenarios) has the story, and cites the commit.
 */
#include "fs/cost.h"
#include "fs/direct.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/mmap.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/scores.h"
#include "fs/stream.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* ---- verbs of the scores: up to 3.18 ---- */

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

/* ---- verbs of the scores: 4.19 and later ---- */

/* Mapped stores make pages dirty all the same (before 885f46d87f29). */
static void fsync_lock_writes(struct sync *s)
{
	write_lock_in(&s->inode->lock, PH_INODE_LOCK);
}

static void fsync_unlock_writes(struct sync *s)
{
	write_unlock(&s->inode->lock);
}

/* No store through a mapping makes a page dirty meanwhile, either, and the shrinker takes no extent map: it has the
 * same lock, also of a file that is not mapped. */
static void fsync_lock_all(struct sync *s)
{
	if (!s->locked)
		write_lock_in(&s->inode->lock, PH_INODE_LOCK);
	write_lock_in(&s->inode->mmap_lock, PH_INODE_LOCK);
}

static void fsync_unlock_all(struct sync *s)
{
	write_unlock(&s->inode->mmap_lock);
	if (!s->locked)
		write_unlock(&s->inode->lock);
}

static void fsync_whole_file(struct sync *s)
{
	s->start = 0;
	s->end = UINT64_MAX;
}

/* A write error that no task has met that waited for the file's pages. Only one task meets each. kernel:
 * filemap_check_errors(). */
static int fsync_meet_error(struct inode *inode)
{
	rt_access(inode->flags_id, POINT_WRITE);
	return atomic_exchange(&inode->unwaited_error, 0);
}

/* Without the flush of fsync_wait_complete(); an error ends the wait of nobody, and is returned. */
static int fsync_wait_ordered(const struct sync *s)
{
	phase(PH_WAIT_DATA);
	int failed = ordered_wait_range(s->inode, s->start, s->end);
	int err = fsync_meet_error(s->inode);

	return err ? err : failed;
}

static int fsync_complete(const struct sync *s)
{
	phase(PH_WAIT_DATA);
	writeback_start_ordered(s->inode, s->start, s->end);
	return fsync_wait_ordered(s);
}

/* All is in the trees, so no map of a failed write is left. */
static int fsync_complete_all(const struct sync *s)
{
	int err = fsync_complete(s);

	rt_access(s->inode->flags_id, POINT_WRITE);
	atomic_fetch_and(&s->inode->flags, ~INODE_COW_WRITE_ERROR);
	return err;
}

/* Ordered extents first, then the wait: one that completes in between has been collected, with its checksums. */
static void fsync_collect(struct sync *s)
{
	phase(PH_WAIT_DATA);
	ordered_collect_unlogged(s->inode, &s->ordered);
}

/* kernel: filemap_fdatawait_range(). */
static int fsync_wait_written(const struct sync *s)
{
	phase(PH_WAIT_DATA);
	writeback_wait_all(s->inode);
	return fsync_meet_error(s->inode);
}

/* The same, and for the data of what has no pages: a direct write that its caller did not wait for. Linux does not wait
 * for that, as it reads. */
static int fsync_wait_collected(const struct sync *s)
{
	int err = fsync_wait_written(s);
	struct list *pos;

	list_for_each(pos, &s->ordered)
		if (ordered_wait_io(list_entry(pos, struct ordered, log_link)) && !err)
			err = fsync_meet_error(s->inode);
	return err;
}

/* A write has failed, another task has met its error, and the map may not have gone yet: it goes before COMPLETE
 * (f13e01b89daf). */
static int fsync_wait_failed(const struct sync *s)
{
	struct inode *inode = s->inode;

	rt_access(inode->flags_id, POINT_WRITE);
	if (!(atomic_fetch_and(&inode->flags, ~INODE_COW_WRITE_ERROR) & INODE_COW_WRITE_ERROR))
		return 0;
	return fsync_complete(s);
}

static bool fsync_is_committed(struct inode *inode)
{
	rt_access(inode->stamps_id, POINT_READ);
	return atomic_load(&inode->last_trans) <= fs_committed(inode->root->fs);
}

/* The early-outs of 4.19: all that was dirty is in the trees, and has stamped the inode. */
static bool fsync_nothing_changed(struct inode *inode, const struct log_rules *rules)
{
	return rules->has(inode, fs_generation(inode->root->fs)) || fsync_is_committed(inode);
}

/* The early-outs since 5.13 (626e9f41f7c2). What has been collected may not have stamped the inode yet. kernel:
 * skip_inode_logging(). */
static bool fsync_nothing_collected(const struct sync *s, const struct log_rules *rules, bool full)
{
	bool none = list_empty(&s->ordered);

	if (rules->has(s->inode, fs_generation(s->inode->root->fs)) && none)
		return true;
	return fsync_is_committed(s->inode) && (full || none);
}

/* The repair of that: what an fsync before this one has collected, and logged, may not have stamped the inode either,
 * nor may its log be on the media. So any ordered extent is looked for before the stamp is read. */
static bool fsync_nothing_under_way(const struct sync *s, const struct log_rules *rules, bool full)
{
	bool none = list_empty(&s->ordered), under_way = ordered_any(s->inode);

	if (rules->has(s->inode, fs_generation(s->inode->root->fs)) && none)
		return true;
	return fsync_is_committed(s->inode) && (full || !under_way);
}

/* A full sync that was asked for has nothing to do either. */
static void fsync_forget_full(struct inode *inode)
{
	rt_access(inode->flags_id, POINT_WRITE);
	atomic_fetch_and(&inode->flags, ~INODE_NEEDS_FULL_SYNC);
}

/* The handle is open still, and the transaction is committed with it. kernel: in_fsync waits for the super alone when
 * another task commits (d0c2f4fa555e): `until`. */
static int fsync_commit_handle(struct handle *h, enum trans_state until)
{
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	return trans_commit_until(h, until);
}

/* The handle ends, or a completion that we wait for could wait for it (bf7ba8ee759b). Then whatever transaction runs
 * is committed, the data is in that one or in an older one. None runs: it is on the media. */
static int fsync_commit_attached(const struct sync *s, struct handle *h, const struct log_rules *rules)
{
	struct fs *fs = s->inode->root->fs;

	trans_end(h);
	int ret = fsync_complete(s);
	if (ret)
		return ret;
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	ret = trans_attach_barrier(fs, h);
	if (ret == -ENOENT)
		return rules->asks_failed && fs_error(fs) ? -EROFS : 0;
	return ret ? ret : trans_commit(h);
}

/* The data is waited for with the handle open. The order of locks forbids it. */
static int fsync_commit_holding(const struct sync *s, struct handle *h)
{
	lock_order_waive(true);
	int ret = fsync_complete(s);
	lock_order_waive(false);
	if (!ret)
		return fsync_commit_handle(h, TRANS_SUPER_COMMITTED);
	trans_end(h);
	return ret;
}

/* From the handle to the logged inode: 0, LOG_NEED_COMMIT, LOG_NO_SYNC, or an error without a handle. The locks are
 * the caller's. */
static int fsync_log_written(struct sync *s, struct handle *h, struct log_ctx *ctx, const struct log_rules *rules)
{
	phase(PH_LOG_ITEMS);
	int ret = trans_start(s->inode->root->fs, TRANS_START, h);

	if (!ret)
		ret = log_inode_written(s->inode, h, ctx, rules, s->start, s->end, &s->ordered);
	ordered_release_list(&s->ordered);
	return ret;
}

/* After an error of the wait, or with nothing to do: what was collected is given back. */
static int fsync_leave(struct sync *s, int ret)
{
	ordered_release_list(&s->ordered);
	fsync_unlock_all(s);
	if (!ret)
		count(C_FSYNC_SKIPPED);
	return ret;
}

/* ---- verbs of the scores: the stream ---- */

/* More than a group takes is on its way before the lock is taken. */
static void fsync_flush_much(const struct sync *s)
{
	rt_access(s->inode->pages_lock.m.id, POINT_READ);
	if (atomic_load(&s->inode->nr_tagged) > STREAM_DATA_MAX)
		fsync_flush(s);
}

/* Nothing to be put into a group: *lsn says which one has it all. Pages are looked for first: one that loses its tag
 * has an ordered extent. */
static bool fsync_in_group(const struct sync *s, bool full, uint64_t *lsn)
{
	struct inode *inode = s->inode;
	uint64_t last = s->end / FS_BLOCK;
	bool dirty = page_next_tagged(inode, (uint32_t)(s->start / FS_BLOCK),
				      last > UINT32_MAX ? UINT32_MAX : (uint32_t)last) != UINT32_MAX;
	bool under_way = ordered_any(inode);

	*lsn = 0;
	rt_access(inode->stamps_id, POINT_READ);
	if (atomic_load(&inode->unlinked))
		return inode->root->fs->on.fsync_of_unlinked(inode);
	if (dirty)
		return false;
	if (stream_has_inode(inode, lsn))
		return true;
	return atomic_load(&inode->last_trans) <= fs_committed(inode->root->fs) && (full || !under_way);
}

/* Nothing new: this one comparison stands for all early-outs. inode->lock is dropped here. */
static int fsync_wait_durable(struct inode *inode, uint64_t lsn)
{
	uint64_t transid = fs_generation(inode->root->fs);

	count(C_FSYNC_SKIPPED);
	fsync_unlock(inode);
	return lsn && stream_wait(inode->root->fs->stream, lsn) ? fsync_commit(inode, transid) : 0;
}

/* From the handle to the end. inode->lock is held on entry, and dropped before any I/O of the stream. */
static int fsync_group_or_commit(struct sync *s)
{
	const struct log_what what = { LOG_ORDERED_FIRST, s->start, s->end };
	struct inode *inode = s->inode;
	struct fs *fs = inode->root->fs;
	struct handle h;
	uint64_t lsn;
	int ret;

	for (;;) {
		phase(PH_LOG_ITEMS);
		ret = trans_start(fs, TRANS_START, &h);
		if (ret) {
			fsync_unlock(inode);
			return ret;
		}
		ret = stream_log_inode(inode, &h, &what, &lsn);
		if (ret != LOG_FLUSH_FIRST)
			break;
		trans_end(&h);
		fsync_reflush(s);
	}
	uint64_t transid = h.trans->id;
	fsync_unlock(inode);
	/* also after an error: data may have been put into the group that nobody else sees to */
	int err = lsn ? stream_sync(fs->stream, lsn) : 0;
	trans_end(&h);
	CHECK(ret || lsn); /* what returns 0 is in a group, and that one was waited for */
	return ret || err ? fsync_commit(inode, transid) : 0;
}

/* ---- the scores ---- */

int fsync_prefix(struct sync *s)
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

int fsync_postfix(struct sync *s)
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
int fsync_ordered_first(struct sync *s)
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
int fsync_collect_twice(struct sync *s)
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
int fsync_beside_faults(struct sync *s)
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
int fsync_flush_twice_early(struct sync *s)
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

/* A stamp is believed though an ordered extent is under way that has not stamped (before 3a8b36f37806). */
int fsync_trusts_stamp(struct sync *s)
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
	if (log_has_inode(inode) || fsync_is_committed(inode))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

/* The stamp is read first, and then ordered extents are looked for: one may complete in between (before
 * affc0ff902d5). */
int fsync_looks_late(struct sync *s)
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
	if (log_has_inode(inode) || (fsync_is_committed(inode) && (full || !ordered_any(inode))))
		return fsync_skip(inode);
	return fsync_log_or_commit(s, LOG_ORDERED_FIRST);
}

/* What the designs since 4.19 have in common with the kernel, and what their repairs have instead. */
static const struct log_rules rules_complete = {
	.has = log_has_changes_and_maps, .covers = log_covers_change, .logs_committing = true,
};
static const struct log_rules rules_modern = { .has = log_has_changes, .covers = log_covers_change };
static const struct log_rules rules_repaired = {
	.has = log_has_logged, .covers = log_covers_logged, .misses_nothing = true, .asks_failed = true,
};
static const struct log_rules rules_holds_handle = {
	.has = log_has_logged, .covers = log_covers_logged, .misses_nothing = true, .asks_failed = true,
	.holds_handle = true,
};
static const struct log_rules rules_covers_change = {
	.has = log_has_changes, .covers = log_covers_change, .misses_nothing = true, .asks_failed = true,
};

/* After an error of the wait, or with nothing to do. */
static int fsync_complete_leave(struct sync *s, int ret)
{
	if (!ret) {
		count(C_FSYNC_SKIPPED);
		fsync_forget_full(s->inode);
	}
	fsync_unlock_writes(s);
	return ret;
}

/* What 4.19 does once the inode is logged (`logged`), and the locks are dropped. */
static int fsync_complete_sync(struct sync *s, int logged, struct handle *h, struct log_ctx *ctx)
{
	if (logged < 0)
		return logged;
	if (!logged)
		logged = log_sync(s->inode->root, h, ctx);
	if (logged && logged != LOG_NO_SYNC)
		return fsync_commit_handle(h, TRANS_COMPLETED);
	trans_end(h);
	return 0;
}

/* The flag is read before the lock, since a full sync is of the whole file (0c713cbab620, before ba0b084ac309). */
int fsync_complete_4_19(struct sync *s)
{
	struct log_ctx ctx;
	struct handle h;

	if (inode_flag(s->inode, INODE_NEEDS_FULL_SYNC))
		fsync_whole_file(s);
	fsync_flush(s);
	fsync_lock_writes(s);
	log_interest(s->inode->root);
	fsync_reflush(s);
	int ret = fsync_complete(s);
	log_interest(s->inode->root);
	if (ret || fsync_nothing_changed(s->inode, &rules_complete))
		return fsync_complete_leave(s, ret);
	ret = fsync_log_written(s, &h, &ctx, &rules_complete);
	fsync_unlock_writes(s);
	return fsync_complete_sync(s, ret, &h, &ctx);
}

/* What is dirty when the lock is taken is neither flushed nor waited for (before aab15e8ec257). */
int fsync_complete_flushed_once(struct sync *s)
{
	struct log_ctx ctx;
	struct handle h;

	if (inode_flag(s->inode, INODE_NEEDS_FULL_SYNC))
		fsync_whole_file(s);
	fsync_flush(s);
	fsync_lock_writes(s);
	log_interest(s->inode->root);
	int ret = fsync_wait_ordered(s);
	log_interest(s->inode->root);
	if (ret || fsync_nothing_changed(s->inode, &rules_complete))
		return fsync_complete_leave(s, ret);
	ret = fsync_log_written(s, &h, &ctx, &rules_complete);
	fsync_unlock_writes(s);
	return fsync_complete_sync(s, ret, &h, &ctx);
}

int fsync_complete_repaired(struct sync *s)
{
	struct log_ctx ctx;
	struct handle h;

	fsync_whole_file(s);
	fsync_flush(s);
	fsync_lock_all(s);
	log_interest(s->inode->root);
	fsync_reflush(s);
	int ret = fsync_complete(s);
	log_interest(s->inode->root);
	if (ret || fsync_nothing_changed(s->inode, &rules_repaired))
		return fsync_leave(s, ret);
	ret = fsync_log_written(s, &h, &ctx, &rules_repaired);
	fsync_unlock_all(s);
	return fsync_complete_sync(s, ret, &h, &ctx);
}

/* From the early-outs on, 5.10 to 6.12. */
static int fsync_modern_log(struct sync *s, const struct log_rules *rules, bool full)
{
	struct log_ctx ctx;
	struct handle h;

	int ret = fsync_log_written(s, &h, &ctx, rules);
	fsync_unlock_all(s);
	if (ret < 0)
		return ret;
	if (!ret)
		ret = log_sync(s->inode->root, &h, &ctx);
	if (!ret || ret == LOG_NO_SYNC) {
		trans_end(&h);
		return 0;
	}
	if (full)
		return fsync_commit_handle(&h, TRANS_SUPER_COMMITTED);
	return rules->holds_handle ? fsync_commit_holding(s, &h) : fsync_commit_attached(s, &h, rules);
}

int fsync_modern(struct sync *s)
{
	struct inode *inode = s->inode;
	int ret;

	fsync_whole_file(s);
	fsync_flush(s);
	fsync_lock_all(s);
	log_interest(inode->root);
	fsync_reflush(s);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC); /* under the lock, after writeback, which may set it */
	if (full) {
		ret = fsync_complete_all(s);
	} else {
		fsync_collect(s);
		ret = fsync_wait_written(s);
		if (!ret)
			ret = fsync_wait_failed(s);
	}
	if (ret)
		return fsync_leave(s, ret);
	log_interest(inode->root);
	if (fsync_nothing_collected(s, &rules_modern, full)) {
		fsync_forget_full(inode);
		return fsync_leave(s, 0);
	}
	return fsync_modern_log(s, &rules_modern, full);
}

/* What modern_repaired and those of the corpus that are made from it do before an early-out: all up to the waits. On
 * return inode->lock is held, also after an error. */
static int fsync_repaired_wait(struct sync *s, bool *full)
{
	struct inode *inode = s->inode;
	int ret;

	fsync_whole_file(s);
	fsync_flush(s);
	fsync_lock_all(s);
	log_interest(inode->root);
	fsync_reflush(s);
	*full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (*full) {
		ret = fsync_complete_all(s);
	} else {
		fsync_collect(s);
		ret = fsync_wait_collected(s);
		if (!ret)
			ret = fsync_wait_failed(s);
	}
	if (!ret)
		log_interest(inode->root);
	return ret;
}

int fsync_modern_repaired(struct sync *s)
{
	bool full;
	int ret = fsync_repaired_wait(s, &full);

	if (ret)
		return fsync_leave(s, ret);
	if (fsync_nothing_under_way(s, &rules_repaired, full))
		return fsync_leave(s, 0);
	return fsync_modern_log(s, &rules_repaired, full);
}

/* Only what has been collected is asked about, and not what another fsync has collected (since 487781796d30). */
int fsync_trusts_collected(struct sync *s)
{
	bool full;
	int ret = fsync_repaired_wait(s, &full);

	if (ret)
		return fsync_leave(s, ret);
	if (fsync_nothing_collected(s, &rules_repaired, full))
		return fsync_leave(s, 0);
	return fsync_modern_log(s, &rules_repaired, full);
}

/* The inode is covered by the sub-transaction in which it has changed (since 257c62e1bce0). */
int fsync_covers_change(struct sync *s)
{
	bool full;
	int ret = fsync_repaired_wait(s, &full);

	if (ret)
		return fsync_leave(s, ret);
	if (fsync_nothing_under_way(s, &rules_covers_change, full))
		return fsync_leave(s, 0);
	return fsync_modern_log(s, &rules_covers_change, full);
}

/* When the log cannot do it, data is waited for with the handle open (before bf7ba8ee759b). */
int fsync_commits_with_handle(struct sync *s)
{
	bool full;
	int ret = fsync_repaired_wait(s, &full);

	if (ret)
		return fsync_leave(s, ret);
	if (fsync_nothing_under_way(s, &rules_holds_handle, full))
		return fsync_leave(s, 0);
	return fsync_modern_log(s, &rules_holds_handle, full);
}

/* What has been collected is not asked about (before 626e9f41f7c2). */
int fsync_skips_collected(struct sync *s)
{
	bool full;
	int ret = fsync_repaired_wait(s, &full);

	if (ret)
		return fsync_leave(s, ret);
	if (rules_repaired.has(s->inode, fs_generation(s->inode->root->fs)) ||
	    fsync_nothing_under_way(s, &rules_repaired, full))
		return fsync_leave(s, 0);
	return fsync_modern_log(s, &rules_repaired, full);
}

/* Small data go into the group that names them; what is larger, or in other hands, is on its way beside it. */
int fsync_oneflush(struct sync *s)
{
	uint64_t lsn;

	fsync_flush_much(s);
	fsync_lock(s);
	bool full = inode_flag(s->inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	if (fsync_in_group(s, full, &lsn))
		return fsync_wait_durable(s->inode, lsn);
	return fsync_group_or_commit(s);
}

/* Nothing is new, but the group that has it all may be on its way. */
int fsync_trusts_clean(struct sync *s)
{
	uint64_t lsn;

	fsync_flush_much(s);
	fsync_lock(s);
	bool full = inode_flag(s->inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(s);
	if (fsync_in_group(s, full, &lsn))
		return fsync_skip(s->inode);
	return fsync_group_or_commit(s);
}

/* ---- the door ---- */

static int file_sync(struct file *f, uint64_t start, uint64_t end, bool locked)
{
	struct inode *inode = f->inode;

	if (inode->root->fs->opt.read_only)
		return 0;
	count(C_FSYNC);
	enum phase was = phase(PH_FLUSH);
	fs_cost(COST_CALL);
	background_make_space(inode->root->fs);
	struct sync s = { .file = f, .inode = inode, .start = start, .end = end, .locked = locked };
	list_init(&s.ordered);
	int ret = inode->root->fs->design->fsync(&s);
	int err = inode->root->fs->on.fsync_returns(f);
	phase(was);
	trace(EV_FSYNC_RETURNS, inode->ino, (uint64_t)(int64_t)(err ? err : ret));
	return err ? err : ret;
}

int fs_fsync(struct file *f)
{
	return file_sync(f, 0, UINT64_MAX, atomic_load(&f->sync_skips_lock));
}

int fs_fdatasync(struct file *f)
{
	return file_sync(f, 0, UINT64_MAX, atomic_load(&f->sync_skips_lock));
}

static int file_sync_range(struct file *f, uint64_t off, uint64_t len, bool locked)
{
	uint64_t end = len > FILE_SIZE_MAX - off ? UINT64_MAX : round_up_block(off + len);

	return off > FILE_SIZE_MAX ? 0 : file_sync(f, off / FS_BLOCK * FS_BLOCK, end, locked);
}

int fs_fsync_range(struct file *f, uint64_t off, uint64_t len)
{
	return file_sync_range(f, off, len, atomic_load(&f->sync_skips_lock));
}

int fsync_locked(struct file *f, uint64_t off, uint64_t len)
{
	return file_sync_range(f, off, len, true);
}
