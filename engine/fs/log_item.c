/*
 * log_item.c: what is logged for an inode: see log.h.
 *
 * Fast: the modified extent maps, from memory, and the inode item. Full: every item, from the tree. A fast log collects
 * ordered extents. The log commit waits for the data of each one that is collected, and the log gets its checksums. A
 * map whose ordered extent was missed is logged with neither. It is the score (fsync.c) that has to see to it that none
 * is missed whose map is taken.
 *
 * What is taken off an inode's lists belongs to this call until log_own_ordered(); after an error nobody has it, so the
 * inode needs a full sync from then on.
 *
 * Caller: fsync.c, with inode->lock held and a handle open.
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/stream.h"
#include "fs/trans.h"

bool log_lacks_in_place(struct inode *inode)
{
	bool in_place = atomic_load_explicit(&inode->attrs, memory_order_relaxed) & INODE_ITEM_NODATACOW;

	return in_place && ordered_any(inode);
}

bool log_lacks_nothing(struct inode *inode)
{
	return false;
}

bool log_drops_pending(struct inode *inode)
{
	return ordered_any_pending(inode);
}

bool log_drops_nothing(struct inode *inode)
{
	return false;
}

bool log_has_inode(struct inode *inode)
{
	struct log *log = &inode->root->log;

	/* looked at before the numbers: what completes in between has changed them (affc0ff902d5) */
	if (inode_flag(inode, INODE_NEEDS_FULL_SYNC) || inode->root->fs->on.log_lacks(inode))
		return false;
	rt_access(inode->stamps_id, POINT_READ);
	rt_access(log->numbers_id, POINT_READ);
	spin_lock_quiet(&inode->ordered_lock);
	/* logged is not enough: the sub-transaction that it was logged in must be on the media, not only the one it
	 * changed in */
	int64_t logged = atomic_load(&inode->last_log_commit);
	bool covered = atomic_load(&inode->logged_trans) == fs_generation(inode->root->fs) &&
		       atomic_load(&inode->last_sub_trans) <= logged && logged <= atomic_load(&log->last_commit);
	spin_unlock(&inode->ordered_lock);
	return covered && em_modified_empty(inode);
}

/* ---- one extent ---- */

/* The checksums of an item that is in the tree go into the log. -EAGAIN: they are not all there, and must be. */
int log_csums_from_tree(struct fs *fs, struct tree *log, uint64_t generation, const struct extent_item *it, bool must)
{
	/* of all of a compressed extent, which is read as a whole; else of what the item covers */
	uint64_t bytenr = it->compress ? it->disk_bytenr : it->disk_bytenr + it->offset;
	uint32_t n = (uint32_t)((it->compress ? it->disk_len : it->len) / FS_BLOCK);

	uint32_t *sums = mem_alloc(n * sizeof(*sums));
	mutex_lock(&fs->csum_lock); /* an item that is being split is away for a moment */
	int ret = csum_lookup(&fs->csum_tree, bytenr, sums, n);
	mutex_unlock(&fs->csum_lock);
	if (!ret)
		ret = csum_put(log, generation, bytenr, sums, n);
	else if (ret == -ENOENT)
		ret = must ? -EAGAIN : 0; /* 0, as in the kernel: the extent is logged without, and nobody is told */
	free(sums);
	return ret;
}

/* The map becomes *e, which takes the place of what the log has there. */
int log_extent_item(struct inode *inode, struct tree *log, uint64_t generation, const struct extent_map *em,
                    struct extent *e)
{
	struct fs *fs = inode->root->fs;
	struct extent_drop drop = {
		.fs = fs, .tree = log, .generation = generation, .ino = inode->ino, .how = DROP_IN_LOG,
	};

	*e = (struct extent){
		.start = em->start,
		.item = {
			.generation = generation, .disk_bytenr = em->disk_bytenr, .disk_len = em->disk_len,
			.offset = em->offset, .len = em->len, .ram_bytes = em->ram_bytes,
			.kind = em->flags & EM_PREALLOC ? EXTENT_PREALLOC : EXTENT_REG,
			.compress = em->flags & EM_COMPRESSED ? COMPRESS_ZSTD : COMPRESS_NONE,
		},
	};
	int ret = extent_drop(&drop, em->start, em->start + em->len);
	if (!ret)
		ret = extent_insert(fs, log, generation, inode->ino, e, false);
	if (!ret)
		fs_cost(COST_LOG_EXTENT);
	return ret;
}

/*
 * kernel: log_one_extent(), log_extent_csums(). `ordered`: what this fsync collected. Where pages may have been dirty
 * when the maps were taken, a map may be overwritten by now, and its checksums gone: -EAGAIN then.
 */
static int log_one_extent(struct inode *inode, struct tree *log, uint64_t generation, const struct extent_map *em,
                          enum log_first first, struct list *ordered)
{
	struct fs *fs = inode->root->fs;
	struct extent e;

	int ret = log_extent_item(inode, log, generation, em, &e);
	if (ret)
		return ret;
	struct ordered *o = ordered_on_list(ordered, em->disk_bytenr);
	trace(EV_EXTENT_LOGGED, inode_trace_id(inode), em->start, em->len, em->disk_bytenr);
	if (e.item.kind == EXTENT_PREALLOC)
		return 0;
	if (!inode_has_sums(inode)) {
		stream_names(fs->stream, NULL);
		return 0;
	}
	/* no ordered extent: it is complete, and its checksums are in the tree; or it was missed, and they are
	 * nowhere (the seed bug) */
	if (!o || (atomic_load(&o->flags) & ORDERED_LOGGED_CSUM)) {
		stream_names(fs->stream, o);
		return log_csums_from_tree(fs, log, generation, &e.item, !o && first == LOG_MAPS_FIRST);
	}
	enum phase was = phase_now();
	if (atomic_load(&o->csum_left))
		phase(PH_WAIT_DATA);
	ordered_wait_csums(o);
	phase(was);
	CHECK(o->on_log && !atomic_load(&o->csum_left)); /* our list keeps o and its csums in memory */
	stream_names(fs->stream, o);
	ret = csum_put(log, generation, o->disk_bytenr, o->csums, (uint32_t)(o->disk_len / FS_BLOCK));
	if (!ret)
		atomic_fetch_or(&o->flags, ORDERED_LOGGED_CSUM);
	return ret;
}

int log_inode_item(struct inode *inode, struct tree *log, uint64_t generation)
{
	rt_access(inode->stamps_id, POINT_READ);
	struct inode_item item = inode_make_item(inode, generation, atomic_load(&inode->size));
	struct key k = { inode->ino, ITEM_INODE, 0 };

	CHECK(inode_is_synced(inode));
	inode->logged_size = atomic_load(&inode->size);
	fs_cost(COST_LOG_INODE);
	return tree_put(log, generation, &k, &item, sizeof(item));
}

/* The part of *e, an item of preallocated space, that begins at `from` goes into the log. */
static int log_prealloc_part(struct inode *inode, struct tree *log, uint64_t generation, struct extent *e,
                             uint64_t from)
{
	struct extent_drop drop = { .fs = inode->root->fs, .tree = log, .generation = generation, .ino = inode->ino,
				    .how = DROP_IN_LOG };

	if (e->start < from) {
		e->item.offset += from - e->start;
		e->item.len -= from - e->start;
		e->start = from;
	}
	int ret = extent_drop(&drop, e->start, extent_end(e));
	return ret ? ret : extent_insert(inode->root->fs, log, generation, inode->ino, e, false);
}

int log_prealloc_beyond(struct inode *inode, struct tree *log, uint64_t generation)
{
	uint64_t size = round_up_block(atomic_load(&inode->size));
	struct extent e = { .start = 0 };
	int ret;

	if (!(atomic_load_explicit(&inode->attrs, memory_order_relaxed) & INODE_ITEM_PREALLOC))
		return 0;
	mutex_lock(&inode->items_lock); /* completions replace items in two steps under it */
	for (uint64_t at = size;; at = extent_end(&e)) {
		ret = extent_at(&inode->root->tree, inode->ino, at, &e);
		if (ret)
			break;
		const struct extent whole = e;
		if (e.item.kind == EXTENT_PREALLOC)
			ret = log_prealloc_part(inode, log, generation, &e, size);
		if (ret)
			break;
		e = whole;
	}
	mutex_unlock(&inode->items_lock);
	return ret == -ENOENT ? 0 : ret;
}

/*
 * kernel: btrfs_log_changed_extents(). Ordered extents and maps are guarded by two locks, and taken one after the
 * other: writeback may add an extent's two halves in between. That is the window of the seed race.
 */
static int log_changed_extents(struct inode *inode, struct tree *log, uint64_t generation, const struct log_what *what,
                               struct list *ordered)
{
	struct extent_map *ems;
	uint32_t n;

	if (what->first != LOG_MAPS_FIRST)
		ordered_collect(inode, what->start, what->end, ordered);
	int ret = em_take_modified(inode, what->start, what->end, fs_committed(inode->root->fs), &ems, &n);
	if (what->first == LOG_MAPS_FIRST)
		ordered_collect_of(inode, ems, n, ordered);
	else if (what->first == LOG_ORDERED_TWICE)
		ordered_collect(inode, what->start, what->end, ordered);
	/* a map went meanwhile, and no ordered extent was left to be collected: a write has failed (ordered.3), or
	 * an inline extent took its place */
	if (!ret && inode_flag(inode, INODE_NEEDS_FULL_SYNC))
		ret = LOG_NEED_COMMIT;
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = log_one_extent(inode, log, generation, &ems[i], what->first, ordered);
	free(ems);
	if (!ret)
		ret = log_prealloc_beyond(inode, log, generation);
	if (!ret)
		ret = log_inode_item(inode, log, generation);
	count(C_FSYNC_FAST);
	return ret;
}

/* ---- everything of an inode ---- */

struct extent_list {
	struct extent *e;
	uint32_t n, cap;
	int err;
};

static int gather_extent(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct extent_list *l = arg;

	if (len < sizeof(struct extent_item) || len > sizeof(struct extent_item) + EXTENT_INLINE_MAX)
		return -EIO;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->e = realloc(l->e, l->cap * sizeof(*l->e));
		CHECK(l->e);
	}
	struct extent *e = &l->e[l->n++];
	e->start = k->offset;
	memcpy(&e->item, data, sizeof(e->item));
	e->inline_len = len - (uint32_t)sizeof(e->item);
	memcpy(e->inline_data, (const uint8_t *)data + sizeof(e->item), e->inline_len);
	return 0;
}

/* An explicit hole, so that replay takes away what the committed tree has there. */
static int log_hole(struct inode *inode, struct tree *log, uint64_t generation, uint64_t start, uint64_t end)
{
	struct extent e = { .start = start };

	if (start >= end)
		return 0;
	e.item = (struct extent_item){ .generation = generation, .len = end - start, .kind = EXTENT_REG };
	return extent_insert(inode->root->fs, log, generation, inode->ino, &e, false);
}

/* Copies the extents out of the tree, and logs each with its checksums. What lies outside of the range may be on its
 * way: its item is in the tree before its checksums are, and must not be logged then. */
static int log_all_extents(struct inode *inode, struct tree *log, uint64_t generation, bool ranged)
{
	struct key from = { inode->ino, ITEM_EXTENT, 0 }, to = { inode->ino, ITEM_EXTENT, UINT64_MAX };
	struct fs *fs = inode->root->fs;
	struct extent_list l = { 0 };
	uint64_t end = 0, size = round_up_block(atomic_load(&inode->size));

	mutex_lock(&inode->items_lock); /* completions replace items in two steps under it */
	int ret = tree_scan(&inode->root->tree, &from, &to, 0, gather_extent, &l);
	mutex_unlock(&inode->items_lock);
	for (uint32_t i = 0; i < l.n && !ret; i++) {
		struct extent *e = &l.e[i];
		ret = log_hole(inode, log, generation, end, e->start);
		if (!ret)
			ret = extent_insert(fs, log, generation, inode->ino, e, false);
		if (e->item.kind == EXTENT_REG && e->item.disk_bytenr)
			stream_names(fs->stream, NULL);
		if (!ret && e->item.kind == EXTENT_REG && e->item.disk_bytenr && inode_has_sums(inode))
			ret = log_csums_from_tree(fs, log, generation, &e->item, ranged);
		end = extent_end(e);
	}
	if (!ret)
		ret = log_hole(inode, log, generation, end, size);
	free(l.e);
	return ret;
}

/* kernel: btrfs_log_inode() in its full mode. */
int log_full(struct inode *inode, struct tree *log, uint64_t generation, uint64_t start, uint64_t end)
{
	struct extent_drop drop = { .fs = inode->root->fs, .tree = log, .generation = generation, .ino = inode->ino,
				    .how = DROP_IN_LOG };

	int ret = extent_drop(&drop, 0, UINT64_MAX);
	if (!ret)
		ret = log_inode_item(inode, log, generation);
	if (!ret)
		ret = log_all_extents(inode, log, generation, start || end != UINT64_MAX);
	if (!ret) {
		trace(EV_FILE_LOGGED, inode_trace_id(inode), inode->ino);
		inode->root->fs->on.logged_in_full(inode, start, end);
	}
	count(C_FSYNC_FULL);
	return ret;
}

/* The ordered extents of this fsync become the transaction's until they are complete (trans.2), and the
 * sub-transaction's, whose commit waits for their data (log.1). In this order: once they are on the log's list, its
 * leader may drop them. */
static void log_own_ordered(struct inode *inode, struct handle *h, int64_t transid, struct list *ordered)
{
	struct log *log = &inode->root->log;
	struct list *pos;

	rt_access(inode->ordered_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	list_for_each(pos, ordered)
		trans_add_pending(h, list_entry(pos, struct ordered, log_link));
	spin_unlock(&inode->ordered_lock);
	if (inode->root->fs->stream) {
		stream_waits_for(inode->root->fs->stream, ordered);
		return;
	}
	spin_lock_quiet(&log->ordered_lock);
	list_splice_tail(ordered, &log->ordered[transid & 1]);
	spin_unlock(&log->ordered_lock);
	CHECK(list_empty(ordered));
}

int log_inode(struct inode *inode, struct handle *h, int64_t transid, const struct log_what *what)
{
	struct tree *log = &inode->root->log.tree;
	uint64_t generation = h->trans->id;
	struct list ordered;
	int ret;

	CHECK(write_held(&inode->lock));
	CHECK(atomic_load(&inode->root->log.writers) > 0);
	list_init(&ordered);
	mutex_lock(&inode->log_mutex);
	bool full = inode_flag(inode, INODE_NEEDS_FULL_SYNC);
	if (full) {
		rt_access(inode->flags_id, POINT_WRITE);
		/* cleared before the tree is read: a change that comes meanwhile sets it again, for the next fsync */
		full = atomic_fetch_and(&inode->flags, ~INODE_NEEDS_FULL_SYNC) & INODE_NEEDS_FULL_SYNC;
	}
	if (!full)
		ret = log_changed_extents(inode, log, generation, what, &ordered);
	else if (ordered_overlaps(inode, what->start, what->end))
		/* an inline write set the flag after the score had looked, so nothing was waited for: what is on its
		 * way is in no tree */
		ret = LOG_NEED_COMMIT;
	else if (inode->root->fs->on.full_log_drops(inode))
		ret = LOG_NEED_COMMIT;
	else
		ret = log_full(inode, log, generation, what->start, what->end);
	CHECK(!full || list_empty(&ordered));
	if (ret) {
		/* what was taken off the lists is not in the log: only a commit, or a full log, has it now */
		inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
		ordered_drop_list(&ordered);
		goto unlock;
	}
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->logged_trans, generation);
	atomic_store(&inode->last_log_commit, transid);
	spin_unlock(&inode->ordered_lock);
	log_own_ordered(inode, h, transid, &ordered);
unlock:
	mutex_unlock(&inode->log_mutex);
	return ret;
}

int log_inode_parent(struct inode *inode, struct handle *h, struct log_ctx *ctx, const struct log_what *what)
{
	struct fs *fs = inode->root->fs;
	bool new_names = names_are_new(inode);

	/* a log of an inode without a name that outlived the unlink's commit would bring the name back */
	if (trans_is_no_log(fs, h->trans->id) || atomic_load(&inode->unlinked) ||
	    (new_names && fs->on.names_decline(inode)))
		return LOG_NEED_COMMIT;
	int ret = log_start(inode->root, h, ctx, !inode_has_sums(inode));
	if (ret)
		return ret == -EAGAIN ? LOG_NEED_COMMIT : ret;
	ret = log_inode(inode, h, ctx->transid, what);
	if (!ret && new_names)
		ret = fs->on.log_names(inode, h, ctx->transid);
	if (ret < 0)
		trans_no_log(fs, h->trans->id); /* the log tree may hold half of an inode (log.3) */
	if (ret)
		log_forget_ctx(inode->root, ctx);
	log_end(inode->root);
	return ret;
}
