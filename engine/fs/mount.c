/*
 * mount.c: the life of a mounted file system: open the trees, account their space, replay the log,
 * commit, start the tasks; and the way back. The design is set here; fsync.c reads its score.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/extent_item.h"
#include "fs/inode.h"
#include "item/item_check.h"
#include "fs/log.h"
#include "fs/log_name.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/replay.h"
#include "fs/stream.h"
#include "fs/trans.h"
#include "fs/verify.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* super_for_commit is ready to be written: a log's super names a log, a commit's names none, since it has freed them
 * all (log.4). */
static void super_check_ready(struct fs *fs, bool log)
{
	CHECK(log == (fs->super_for_commit.log_root.bytenr != 0));
	CHECK(log || mutex_held(&fs->tree_log_mutex)); /* trans.3 */
	CHECK(fs->super_for_commit.root_tree.generation <= fs->super_for_commit.generation);
}

int super_flush_and_write(struct fs *fs, bool log)
{
	super_check_ready(fs, log);
	enum phase was = phase(PH_DEV_FLUSH);
	int ret = dev_flush(fs->dev);

	phase(PH_SUPER);
	if (!ret)
		ret = super_write_copy(fs->dev, &fs->super_for_commit, 0);
	if (!ret && !log) {
		if (fs->stream) /* nobody who syncs waits for the second copy */
			stream_committed(fs->stream, 0);
		ret = super_write_copy(fs->dev, &fs->super_for_commit, 1);
	}
	phase(was);
	return ret;
}

int super_flush_and_write_gaps(struct fs *fs, bool log)
{
	if (log)
		fs->super_for_commit.log_trust = LOG_HAS_GAPS;
	return super_flush_and_write(fs, log);
}

int super_flush_before_last(struct fs *fs, bool log)
{
	super_check_ready(fs, log);
	enum phase was = phase(PH_SUPER);
	int ret = log ? 0 : super_write_copy(fs->dev, &fs->super_for_commit, 0);

	phase(PH_DEV_FLUSH);
	if (!ret)
		ret = dev_flush(fs->dev);
	phase(PH_SUPER);
	if (!ret)
		ret = super_write_copy(fs->dev, &fs->super_for_commit, log ? 0 : 1);
	phase(was);
	return ret;
}

struct root *fs_root_by_id(struct fs *fs, uint64_t id)
{
	return id >= FIRST_SUBVOL_ID && id - FIRST_SUBVOL_ID < fs->nsubvols ? &fs->subvols[id - FIRST_SUBVOL_ID] : NULL;
}

/*
 * ---- opening ----
 *
 * What has been opened is closed by trees_close(), so a tree joins (nsubvols moves) only when it is open. The blocks of
 * each tree are marked as used while it is opened: space that two trees claim, or one twice, is damage, and gives -EIO.
 */

static void options_default(struct mount_options *o)
{
	if (!o->design)
		o->design = fs_design_find("postfix");
	if (!o->endio_workers)
		o->endio_workers = 1;
	if (!o->compress_workers)
		o->compress_workers = 2;
	if (!o->dirty_age_ns)
		o->dirty_age_ns = 5000000000ull;
	if (!o->dirty_limit)
		o->dirty_limit = 64ull << 20;
	if (!o->commit_interval_ns)
		o->commit_interval_ns = 30000000000ull;
}

/* Everything that needs no I/O. Nobody else can see fs until fs_mount() has returned it. */
static void fs_init(struct fs *fs, struct dev *dev, const struct mount_options *o, const struct super *s)
{
	fs->dev = dev;
	fs->opt = *o;
	options_default(&fs->opt);
	fs->design = fs->opt.design;
	fs->on = design_events(fs->design);
	fs->super = *s;
	fs->super_for_commit = *s;
	fs->super_for_commit.stream = (struct super_stream){ 0 };
	fs->replayed = s->log_root.bytenr != 0;
	atomic_store(&fs->generation, s->generation);
	atomic_store(&fs->last_trans_committed, s->generation);
	mutex_init(&fs->csum_lock, L_CSUM_ITEMS, 0);
	mutex_init(&fs->tree_log_mutex, L_TREE_LOG, 0);
	spin_init(&fs->trans_lock, L_TRANS);
	fs->numbers_id = rt_obj_id();
	compressed_init(fs);
	log_init(&fs->log_root, true);
	waitq_init(&fs->ordered_drain, L_ORDERED);
	batch_init(&fs->ordered_io, dev);
	waitq_init(&fs->flusher_wait, L_WORK);
	waitq_init(&fs->committer_wait, L_WORK);
	for (int i = 0; i < FS_PAGE_WAITQS; i++) {
		waitq_init(&fs->page_wait[i], L_PAGE);
		waitq_init(&fs->writeback_wait[i], L_WRITEBACK);
	}
	uint64_t data = super_data_start(s);
	fs->alloc = alloc_open(SUPER_END, s->meta_len, data, (s->dev_size - data) / ALLOC_UNIT * ALLOC_UNIT);
	alloc_limit(fs->alloc, &(struct alloc_limits){ .data_piece = o->data_piece, .refuse = o->space,
			                               .arg = o->space_arg });
	fs->blocks = blocks_open(dev, fs->alloc, s->nodesize, s->dup, s->meta_len);
	blocks_set_fsid(fs->blocks, s->fsid);
	blocks_set_item_check(fs->blocks, item_check, &fs->super);
}

int mount_damage(struct fs *fs, const char *fmt, ...)
{
	char text[WHY_MAX];
	struct why why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	why_set(&why, 0, "%s", text);
	blocks_note_damage(fs->blocks, &why);
	return -EIO;
}

static int mark_block(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	struct fs *fs = arg;

	if (!alloc_mark(fs->alloc, ALLOC_META, bytenr, fs->super.nodesize))
		return 0;
	return mount_damage(fs, "block %lu is used twice", (unsigned long)bytenr);
}

static int tree_open_marked(struct fs *fs, struct tree *t, uint64_t owner, const struct tree_ptr *ptr)
{
	int ret = tree_open(t, fs->blocks, owner, ptr);

	if (!ret && (ret = tree_walk_blocks(t, mark_block, fs)))
		tree_close(t);
	return ret;
}

static int root_open(struct fs *fs, uint64_t id, struct tree *t, struct root_item *item)
{
	struct key k = { id, ITEM_ROOT, 0 };
	uint32_t len = 0;

	int ret = tree_lookup(&fs->root_tree, &k, item, sizeof(*item), &len);
	if (ret == -ENOENT)
		return mount_damage(fs, "the tree of roots does not know tree %lu", (unsigned long)id);
	if (ret)
		return ret;
	CHECK(len == sizeof(*item)); /* item_check.1 */
	struct tree_ptr ptr = { item->bytenr, item->generation, (uint8_t)item->level };
	return tree_open_marked(fs, t, id, &ptr);
}

static int subvol_open(struct fs *fs, uint64_t id)
{
	struct root *root = &fs->subvols[id - FIRST_SUBVOL_ID];
	struct root_item item;

	CHECK(id - FIRST_SUBVOL_ID == fs->nsubvols);
	int ret = root_open(fs, id, &root->tree, &item);
	if (ret)
		return ret;
	root->fs = fs;
	root->id = id;
	root->next_ino = item.next_ino;
	mutex_init(&root->dir_lock, L_DIR, 0);
	list_init(&root->inodes);
	log_init(&root->log, false);
	names_init(root);
	fs->nsubvols++;
	return 0;
}

static void trees_close(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->nsubvols; i++)
		tree_close(&fs->subvols[i].tree);
	tree_close(&fs->csum_tree);
	tree_close(&fs->root_tree);
}

static int trees_open(struct fs *fs)
{
	struct root_item item;
	uint64_t n = fs->super.next_subvol - FIRST_SUBVOL_ID;

	if (fs->super.next_subvol < FIRST_SUBVOL_ID || n > SUBVOLS_MAX)
		return mount_damage(fs, "the super block says that the next subvolume is %lu",
				    (unsigned long)fs->super.next_subvol);
	int ret = tree_open_marked(fs, &fs->root_tree, ROOT_TREE_ID, &fs->super.root_tree);
	if (ret)
		return ret;
	ret = root_open(fs, CSUM_TREE_ID, &fs->csum_tree, &item);
	if (ret) {
		tree_close(&fs->root_tree);
		return ret;
	}
	fs->subvols = mem_zalloc((n + 1) * sizeof(*fs->subvols));
	for (uint64_t i = 0; i < n && !ret; i++)
		ret = subvol_open(fs, FIRST_SUBVOL_ID + i);
	if (ret)
		trees_close(fs);
	return ret;
}

/* ---- space and log ---- */

/* Where the scan of one subvolume's items is. */
struct accounting {
	struct fs *fs;
	const struct root *root;
	uint64_t ino, end; /* of the extent before: whose it is, and where in the file it ends */
};

static int account_space(struct fs *fs, const struct extent_item *it)
{
	uint64_t at = it->disk_bytenr, len = it->disk_len;
	bool first = true;

	if (it->compress) {
		if (!compressed_meet(fs, it, &first))
			return mount_damage(fs, "the items of the compressed extent at %lu differ in its length",
					    (unsigned long)at);
	} else {
		at += it->offset;
		len = it->len;
	}
	if (!first || !alloc_mark(fs->alloc, ALLOC_DATA, at, len))
		return 0;
	return mount_damage(fs, "the data at %lu+%lu are used twice", (unsigned long)at, (unsigned long)len);
}

static int account_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct accounting *a = arg;
	struct extent_item it;

	if (k->type == ITEM_INODE && k->objectid >= a->root->next_ino)
		return mount_damage(a->fs, "inode %lu of subvolume %lu: the next one that is made would be %lu",
				    (unsigned long)k->objectid, (unsigned long)a->root->id,
				    (unsigned long)a->root->next_ino);
	if (k->type != ITEM_EXTENT)
		return 0;
	memcpy(&it, data, sizeof(it));
	if (k->objectid == a->ino && k->offset < a->end)
		return mount_damage(a->fs, "inode %lu of subvolume %lu: two extents at %lu", (unsigned long)a->ino,
				    (unsigned long)a->root->id, (unsigned long)k->offset);
	a->ino = k->objectid;
	a->end = k->offset + it.len;
	return it.kind != EXTENT_INLINE && it.disk_bytenr ? account_space(a->fs, &it) : 0;
}

int mount_account_data(struct fs *fs)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	int ret = 0;

	for (uint32_t i = 0; i < fs->nsubvols && !ret; i++) {
		struct accounting a = { .fs = fs, .root = &fs->subvols[i] };
		ret = tree_scan(&fs->subvols[i].tree, &from, &to, 0, account_item, &a);
	}
	return ret;
}

/*
 * The log that counts of the two that the super names (verify.1), in fs->super.log_root: the newer one if all of it has
 * arrived. There may be none then; the transaction of mount_replay() is committed all the same, so that no super names
 * what new blocks of the same transaction's number may come to lie in.
 */
static void mount_choose_log(struct fs *fs)
{
	if (fs->super.log_trust == LOG_IN_FLIGHT && verify_logs(fs, &fs->super.log_root))
		fs->super.log_root = fs->super.log_before;
}

/*
 * One transaction: the logs go into the trees; then data space is accounted from the trees as they are now, and only
 * then can it be told what space nobody names any more (replay.1); the logs' blocks are given up; the commit writes a
 * super without a log. Until then the old super stands, so a crash in the middle replays again. A read-only mount keeps
 * all of it in memory.
 */
static int mount_replay(struct fs *fs, struct stream_log *stream)
{
	struct replay r = { .fs = fs, .stream = *stream }; /* replay_free() frees it */
	struct handle h;

	mount_choose_log(fs);
	int ret = trans_start(fs, TRANS_JOIN, &h);
	if (ret) {
		replay_free(&r);
		return ret;
	}
	r.generation = h.trans->id;
	CHECK(r.generation > fs->super.generation); /* so replay copies each block that it changes (tree.1) */
	ret = fs->super.log_root.bytenr || r.stream.n ? replay_log(&r) : 0;
	if (!ret)
		ret = mount_account_data(fs);
	if (!ret && !fs->opt.read_only)
		ret = replay_drop_stale_csums(&r);
	if (!ret && !fs->opt.read_only)
		ret = replay_give_up_logs(&r);
	replay_free(&r);
	if (ret || fs->opt.read_only)
		trans_end(&h);
	else
		ret = trans_commit(&h);
	return ret;
}

/* What is in the log, if there is one, comes into the trees; and a stream begins anew, before anything is logged
 * (stream.6). */
static int mount_logs(struct fs *fs)
{
	struct stream_log stream = { 0 };
	int ret = fs->super.stream.bytenr ? stream_scan(fs, &stream) : 0;

	if (ret)
		return ret;
	fs->replayed |= stream.n > 0;
	if (!fs->opt.read_only)
		fs->stream = fs->on.open_stream(fs);
	if (fs->replayed)
		return mount_replay(fs, &stream);
	ret = mount_account_data(fs);
	if (!ret && fs->stream && stream_begin(fs->stream) == -EIO)
		ret = -EIO;
	return ret;
}

/* Files that were unlinked while open when the power went. */
static int mount_delete_orphans(struct fs *fs)
{
	int ret = 0;

	for (uint32_t i = 0; i < fs->nsubvols && !ret; i++) {
		for (;;) {
			struct key k = { ORPHAN_INO, ITEM_ORPHAN, 0 };
			ret = tree_next(&fs->subvols[i].tree, &k, NULL, 0, NULL);
			if (ret || k.objectid != ORPHAN_INO)
				break;
			ret = inode_delete_items(&fs->subvols[i], k.offset);
			if (ret)
				break;
		}
		if (ret == -ENOENT)
			ret = 0;
	}
	return ret;
}

static void fs_free(struct fs *fs)
{
	blocks_close(fs->blocks);
	alloc_close(fs->alloc);
	compressed_fini(fs);
	free(fs->subvols);
	free(fs);
}

/* No task is left that could use it, and no I/O is in flight. */
static void fs_drop_memory(struct fs *fs)
{
	CHECK(!fs->flusher && !fs->endio.ntasks && !fs->delalloc.ntasks && !fs->reclaim.ntasks);
	CHECK(atomic_load(&fs->ordered_inflight) == 0);
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		names_free(&fs->subvols[i]);
		while (!list_empty(&fs->subvols[i].inodes))
			inode_free(list_first(&fs->subvols[i].inodes, struct inode, link));
	}
	log_close_all(fs);
	stream_close(fs->stream);
	trees_close(fs);
	trans_forget(fs);
	fs_free(fs);
}

static void tasks_start(struct fs *fs)
{
	if (fs->opt.read_only)
		return;
	workers_start(&fs->endio, "endio", fs->opt.endio_workers);
	if (fs->opt.compress)
		workers_start(&fs->delalloc, "compress", fs->opt.compress_workers);
	if (fs->opt.memory_limit)
		workers_start(&fs->reclaim, "reclaim", 1);
	if (!fs->opt.no_background)
		background_start(fs);
}

static void tasks_stop(struct fs *fs)
{
	background_stop(fs);
	workers_stop(&fs->delalloc);
}

int fs_mount(struct dev *dev, const struct mount_options *o, struct fs **out, struct why *why)
{
	struct why damage = WHY_NONE;
	struct super s;

	int ret = super_read(dev, &s, why);
	if (ret)
		return ret;
	struct fs *fs = mem_zalloc(sizeof(*fs));
	fs_init(fs, dev, o, &s);
	ret = trees_open(fs);
	bool opened = !ret;
	if (!ret)
		ret = mount_logs(fs);
	if (!ret && !fs->opt.read_only)
		ret = mount_delete_orphans(fs);
	if (!ret) {
		tasks_start(fs);
		*out = fs;
		return 0;
	}
	if (!blocks_damage(fs->blocks, &damage))
		why_set(&damage, 0, "%s%s", strerror(-ret),
			s.log_root.bytenr || s.stream.bytenr ? " (in the trees or in the log)" : " (in the trees)");
	if (opened)
		fs_drop_memory(fs);
	else
		fs_free(fs);
	return why_set(why, ret, "%s: cannot be mounted: %s", dev->spec, damage.text);
}

/* ---- and back ---- */

static bool ordered_drained(void *arg)
{
	struct fs *fs = arg;

	return atomic_load(&fs->ordered_inflight) == 0;
}

/* Sleeps until every ordered extent is complete. The background tasks and the compression workers have stopped, so
 * no new one comes; the completion workers stop last. */
static void fs_drain(struct fs *fs)
{
	CHECK(!fs->flusher && !fs->delalloc.ntasks);
	dev_wait_until(fs->dev, &fs->ordered_drain, ordered_drained, fs);
	batch_wait(&fs->ordered_io); /* one may be COMPLETE while the end of its I/O still wakes waiters of its pages */
	workers_stop(&fs->endio);
	workers_stop(&fs->reclaim); /* last, since whoever adds a map or a page may have work for it */
}

int fs_sync(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		struct root *root = &fs->subvols[i];
		for (struct inode *inode = inode_next(root, NULL); inode; inode = inode_next(root, inode)) {
			writeback_start_ordered(inode, 0, UINT64_MAX);
			ordered_wait_range(inode, 0, UINT64_MAX); /* its errors are counted: sync_returns */
		}
	}
	int ret = trans_commit_running(fs);
	int err = fs->on.sync_returns(fs);
	return ret ? ret : err;
}

int fs_commit(struct fs *fs)
{
	return trans_commit_running(fs);
}

int fs_unmount(struct fs *fs)
{
	int ret = 0;

	background_stop(fs);
	if (!fs->opt.read_only)
		ret = fs_sync(fs);
	CHECK(ret || !atomic_load(&fs->dirty_pages));
	tasks_stop(fs);
	fs_drain(fs);
	fs_drop_memory(fs);
	return ret;
}

void fs_abandon(struct fs *fs)
{
	tasks_stop(fs);
	fs_drain(fs);
	fs_drop_memory(fs);
}

uint32_t fs_nsubvols(struct fs *fs)
{
	return fs->nsubvols;
}

struct root *fs_subvol(struct fs *fs, uint32_t i)
{
	CHECK(i < fs->nsubvols && fs->subvols[i].id == FIRST_SUBVOL_ID + i);
	return &fs->subvols[i];
}

void fs_info(struct fs *fs, struct fs_info *out)
{
	struct alloc_space data = alloc_space(fs->alloc, ALLOC_DATA), meta = alloc_space(fs->alloc, ALLOC_META);

	*out = (struct fs_info){ .generation = fs_generation(fs),
				 .last_committed = fs_committed(fs),
				 .data_free = data.free, .meta_free = meta.free, .data_pinned = data.pinned,
				 .meta_pinned = meta.pinned, .nodesize = fs->super.nodesize, .dup = fs->super.dup,
				 .replayed = fs->replayed, .error = fs_error(fs) };
}
