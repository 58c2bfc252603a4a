/*
 * log_written.c: logging an inode whose data is written: see log.h. kernel: btrfs_log_inode_parent(), btrfs_log_inode()
 * and btrfs_log_changed_extents() of 4.19, and of 5.10 on.
 *
 * The score has waited before it comes here, so a log commit has no data to wait for. In 4.19 the ordered extents were
 * COMPLETE by then: maps, items and checksums are all that a log needs. Since 5.10 (487781796d30) only their pages are
 * written. The score has collected them before it waited, each with its checksums, and has a reference: one that
 * completes meanwhile is still there. The transaction's commit waits for those that are not COMPLETE (trans.2).
 *
 * Where this is not as strict as log_item.c, the kernel is not: after an error the maps that were taken are in no list,
 * a map that goes meanwhile is not asked about, and an inode counts as covered by the log when the sub-transaction in
 * which it *changed* is on the media. struct log_rules has what a repair makes of that.
 *
 * Caller: fsync.c, with inode->lock held and a handle open.
 */
#include <stdlib.h>

#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/trans.h"

/* ---- is it in the log already? ---- */

static bool log_has(struct inode *inode, uint64_t generation, bool logged_too)
{
	struct log *log = &inode->root->log;

	rt_access(inode->stamps_id, POINT_READ);
	rt_access(log->numbers_id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	int64_t covered = atomic_load(&inode->last_log_commit), on_media = atomic_load(&log->last_commit);
	int64_t changed = atomic_load(&inode->last_sub_trans);
	bool has = atomic_load(&inode->logged_trans) == generation && changed <= covered &&
		   (logged_too ? covered : changed) <= on_media;
	spin_unlock(&inode->ordered_lock);
	return has;
}

bool log_has_changes(struct inode *inode, uint64_t generation)
{
	return log_has(inode, generation, false);
}

bool log_has_changes_and_maps(struct inode *inode, uint64_t generation)
{
	return log_has(inode, generation, false) && em_modified_empty(inode);
}

bool log_has_logged(struct inode *inode, uint64_t generation)
{
	return log_has(inode, generation, true);
}

int64_t log_covers_change(struct inode *inode, int64_t sub)
{
	return atomic_load(&inode->last_sub_trans);
}

int64_t log_covers_logged(struct inode *inode, int64_t sub)
{
	return sub;
}

/* ---- the modified maps ---- */

/* kernel: log_one_extent(), log_extent_csums(). */
static int log_one_written(struct inode *inode, struct tree *log, uint64_t generation, const struct extent_map *em,
                           struct list *ordered)
{
	struct ordered *o = ordered_on_list(ordered, em->disk_bytenr);
	struct extent e;

	int ret = log_extent_item(inode, log, generation, em, &e);
	if (ret)
		return ret;
	trace(EV_EXTENT_LOGGED, inode_trace_id(inode), em->start, em->len, em->disk_bytenr);
	if (e.item.kind == EXTENT_PREALLOC || !inode_has_sums(inode))
		return 0;
	if (!o) /* it is in the trees; what is in neither is logged without checksums, and nobody is told */
		return log_csums_from_tree(inode->root->fs, log, generation, &e.item, false);
	if (atomic_fetch_or(&o->flags, ORDERED_LOGGED_CSUM) & ORDERED_LOGGED_CSUM)
		return 0;
	/* they are there before the I/O begins: page writeback was waited for, and a direct write that is on its way
	 * has them before it drops the inode lock. The kernel relies on it, and where it is not so (sums_late) the
	 * extent is logged without */
	rt_access(o->csum_wait.id, POINT_READ);
	if (atomic_load(&o->csum_left)) {
		trace(EV_SUMS_MISSED, inode_trace_id(inode), em->start, em->len, em->disk_bytenr);
		return 0;
	}
	return csum_put(log, generation, o->disk_bytenr, o->csums, (uint32_t)(o->disk_len / FS_BLOCK));
}

/* What is logged may be in no tree yet: the transaction's commit waits for it, and no later fsync collects it. */
static void pin_in_transaction(struct inode *inode, struct handle *h, struct list *ordered)
{
	struct list *pos;

	rt_access(inode->ordered_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	list_for_each(pos, ordered) {
		struct ordered *o = list_entry(pos, struct ordered, log_link);
		atomic_fetch_or(&o->flags, ORDERED_LOGGED);
		trans_add_pending(h, o);
	}
	spin_unlock(&inode->ordered_lock);
}

/* kernel: btrfs_log_changed_extents(). */
static int log_changed_written(struct inode *inode, struct handle *h, const struct log_rules *rules, uint64_t start,
                               uint64_t end, struct list *ordered)
{
	struct tree *log = &inode->root->log.tree;
	uint64_t generation = h->trans->id;
	uint64_t old = rules->logs_committing ? fs_committed(inode->root->fs) : generation - 1;
	struct extent_map *ems;
	uint32_t n;

	int ret = log_inode_item(inode, log, generation);
	if (!ret)
		ret = em_take_modified(inode, start, end, old, &ems, &n);
	if (ret)
		return ret;
	if (rules->misses_nothing && inode_flag(inode, INODE_NEEDS_FULL_SYNC))
		ret = LOG_NEED_COMMIT; /* a failed write has taken its map away (ordered.3) */
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = log_one_written(inode, log, generation, &ems[i], ordered);
	free(ems);
	if (!ret)
		ret = log_prealloc_beyond(inode, log, generation);
	if (!ret)
		pin_in_transaction(inode, h, ordered);
	count(C_FSYNC_FAST);
	return ret;
}

/* ---- the inode ---- */

/* kernel: btrfs_log_inode(). The caller is a writer of sub-transaction `sub`. */
static int log_one_inode(struct inode *inode, struct handle *h, int64_t sub, const struct log_rules *rules,
                         uint64_t start, uint64_t end, struct list *ordered)
{
	int ret;

	CHECK(inode_is_synced(inode));
	CHECK(atomic_load(&inode->root->log.writers) > 0);
	mutex_lock(&inode->log_mutex);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full) {
		rt_access(inode->flags_id, POINT_WRITE);
		atomic_fetch_and(&inode->flags, ~INODE_NEEDS_FULL_SYNC);
		ret = log_full(inode, &inode->root->log.tree, h->trans->id, start, end);
	} else {
		ret = log_changed_written(inode, h, rules, start, end, ordered);
	}
	if (ret) {
		if (rules->misses_nothing)
			inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
		goto unlock;
	}
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->logged_trans, h->trans->id);
	atomic_store(&inode->last_log_commit, rules->covers(inode, sub));
	spin_unlock(&inode->ordered_lock);
unlock:
	mutex_unlock(&inode->log_mutex);
	return ret;
}

int log_inode_written(struct inode *inode, struct handle *h, struct log_ctx *ctx, const struct log_rules *rules,
                      uint64_t start, uint64_t end, struct list *ordered)
{
	struct fs *fs = inode->root->fs;

	if (atomic_load(&inode->unlinked))
		return fs->on.fsync_of_unlinked(inode) ? LOG_NO_SYNC : LOG_NEED_COMMIT;
	if (rules->has(inode, h->trans->id) && list_empty(ordered))
		return LOG_NO_SYNC;
	bool new_names = names_are_new(inode);
	if (new_names && fs->on.names_decline(inode))
		return LOG_NEED_COMMIT;
	int ret = log_start(inode->root, h, ctx, !inode_has_sums(inode));
	if (ret)
		return LOG_NEED_COMMIT;
	ret = log_one_inode(inode, h, ctx->transid, rules, start, end, ordered);
	if (!ret && new_names)
		ret = fs->on.log_names(inode, h, ctx->transid);
	if (ret < 0)
		trans_no_log(fs, h->trans->id); /* the log tree may hold half of an inode (log.3) */
	if (ret)
		log_forget_ctx(inode->root, ctx);
	log_end(inode->root);
	return ret ? LOG_NEED_COMMIT : 0;
}
