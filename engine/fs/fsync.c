/*
 * fsync.c: THE DESIGN SEAM: every design of fsync as a score, side by side, over shared verbs; and the
 * public door. Read one score from top to bottom to know the protocol; compare two to know the fix.
 *
 * Only this file and mount.c name `design`. A choice inside a verb is an argument that the score
 * passes, or two verbs named for what they do; where designs differ in an event that no score calls,
 * the design has a verb for that event (state.h: fs_events).
 *
 * prefix   Linux 3.17: without a full sync, nothing is done about pages that were dirtied between the
 *          first flush and the inode lock. Writeback that gets at them while the inode is logged adds
 *          an extent map first and its ordered extent later; logging that falls in between logs an
 *          extent whose data nobody waits for and whose checksums nobody has.
 * postfix  Linux 3.18, commit 669249eea365: the flush is done again under the lock.
 * ordered_first, flush_twice_early   Another way to close that window, and one that does not.
 *
 * The rest is the corpus: postfix with one known bug each, in one member or one line. The race that
 * tells them apart from postfix (workloads/race_*.c) has the story, and cites the commit.
 */
#include "fs/cost.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* ---- verbs of the scores ---- */

static void fsync_lock(struct inode *inode)
{
	phase(PH_INODE_LOCK);
	mutex_lock(&inode->lock);
}

static void fsync_flush(struct inode *inode)
{
	phase(PH_FLUSH);
	writeback_start_ordered(inode, 0, UINT64_MAX);
}

static void fsync_reflush(struct inode *inode)
{
	phase(PH_REFLUSH);
	writeback_start_ordered(inode, 0, UINT64_MAX);
}

/* The size that is logged reaches over no page that no map tells of: what a truncation had taken away would come back there. */
static void fsync_flush_tail(struct inode *inode)
{
	phase(PH_REFLUSH);
	rt_access(inode->stamps_id, POINT_READ);
	writeback_start_ordered(inode, atomic_load(&inode->disk_size), UINT64_MAX);
}

/* kernel: btrfs_wait_ordered_range(): flushes, and waits until all is in the trees. */
static void fsync_wait_complete(struct inode *inode)
{
	phase(PH_WAIT_DATA);
	writeback_start_ordered(inode, 0, UINT64_MAX);
	ordered_wait_range(inode, 0, UINT64_MAX);
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
	if (atomic_load(&inode->unlinked)) /* no crash leaves a way to it; a log of it would bring its name back */
		return true;
	if (log_has_inode(inode))
		return true;
	return atomic_load(&inode->last_trans) <= fs_committed(inode->root->fs) && (full || !under_way);
}

/* The log could not do it: with no handle held (bf7ba8ee759b), data into the trees, then the transaction onto the media. */
static int fsync_commit(struct inode *inode, uint64_t transid)
{
	struct fs *fs = inode->root->fs;

	phase(PH_WAIT_DATA);
	writeback_start_ordered(inode, 0, UINT64_MAX);
	ordered_wait_range(inode, 0, UINT64_MAX);
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	int ret = trans_commit_id(fs, transid);
	/* data that completed after `transid` had begun to commit is in the next one */
	rt_access(inode->stamps_id, POINT_READ);
	if (!ret && atomic_load(&inode->last_trans) > fs_committed(fs))
		ret = trans_commit_running(fs);
	return ret;
}

/* From the handle to the end. inode->lock is held on entry, dropped before any log I/O. */
static int fsync_log_or_commit(struct inode *inode, enum log_first first)
{
	struct log_ctx ctx;
	struct handle h;

	phase(PH_TRANS);
	int ret = trans_start(inode->root->fs, TRANS_START, &h);
	if (ret) {
		mutex_unlock(&inode->lock);
		return ret;
	}
	uint64_t transid = h.trans->id;
	phase(PH_LOG_ITEMS);
	ret = log_inode_parent(inode, &h, &ctx, first);
	mutex_unlock(&inode->lock);
	if (!ret)
		ret = log_sync(inode->root, &h, &ctx);
	trans_end(&h);
	return ret ? fsync_commit(inode, transid) : 0;
}

static int fsync_skip(struct inode *inode)
{
	count(C_FSYNC_SKIPPED);
	mutex_unlock(&inode->lock);
	return 0;
}

/* ---- the scores ---- */

static int fsync_prefix(const struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(inode);
	fsync_lock(inode);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(inode);

	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(inode, LOG_ORDERED_FIRST);
}

static int fsync_postfix(const struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(inode);
	fsync_lock(inode);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(inode);
	else
		fsync_reflush(inode);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(inode, LOG_ORDERED_FIRST);
}

/* One flush will do when nobody can see a map without its ordered extent, but for what makes the file longer. */
static int fsync_ordered_first(const struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(inode);
	fsync_lock(inode);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(inode);
	else
		fsync_flush_tail(inode);
	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(inode, LOG_MAPS_FIRST);
}

/* Twice, but not where it counts: a page can still be dirtied before the lock is there. */
static int fsync_flush_twice_early(const struct sync *s)
{
	struct inode *inode = s->inode;

	fsync_flush(inode);
	fsync_reflush(inode);
	fsync_lock(inode);
	log_interest(inode->root);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full)
		fsync_wait_complete(inode);

	log_interest(inode->root);
	if (fsync_nothing_to_do(inode, full))
		return fsync_skip(inode);
	return fsync_log_or_commit(inode, LOG_ORDERED_FIRST);
}

/* ---- events ---- */

static const struct fs_events events_postfix = {
	.add_extent = writeback_map_first,
};

struct fs_events design_events(const struct design *d)
{
	struct fs_events e = d->on ? *d->on : events_postfix;

	if (!e.add_extent)
		e.add_extent = events_postfix.add_extent;
	return e;
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

/* A write error reaches each open file once (the kernel's errseq_t). */
static int file_report_error(struct file *f)
{
	uint32_t now = atomic_load(&f->inode->wb_errors);

	return atomic_exchange(&f->seen_errors, now) != now ? atomic_load(&f->inode->wb_error) : 0;
}

static int file_sync(struct file *f)
{
	struct inode *inode = f->inode;

	if (inode->root->fs->opt.read_only)
		return 0;
	count(C_FSYNC);
	enum phase was = phase(PH_OTHER);
	fs_cost(COST_CALL);
	background_make_space(inode->root->fs);
	int ret = inode->root->fs->design->fsync(&(const struct sync){ .file = f, .inode = inode });
	int err = file_report_error(f);
	phase(was);
	trace("fsync of inode %lu returned %ld", inode->ino, (uint64_t)(int64_t)(err ? err : ret), 0);
	return err ? err : ret;
}

int fs_fsync(struct file *f)
{
	return file_sync(f);
}

int fs_fdatasync(struct file *f)
{
	return file_sync(f);
}
