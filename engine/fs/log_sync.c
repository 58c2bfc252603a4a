/*
 * log_sync.c: the group commit of the logs: see log.h. kernel: start_log_trans(), btrfs_sync_log() of
 * 3.17 (PIPELINE 1.6, steps a to l), with log.1 and log.2.
 *
 * Who may touch what: log->mutex guards a log's numbers; it is dropped while the commit waits for
 * writers, for the previous commit, and for the tree of log roots. commit[slot] says that the slot's
 * commit is under way: its leader owes L_LOG_COMMIT from then on.
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/trans.h"

void log_init(struct log *log, bool is_root)
{
	*log = (struct log){ .is_root = is_root, .transid_committed = -1 };
	mutex_init(&log->mutex, is_root ? L_LOGROOT : L_LOG, 0);
	waitq_init(&log->writers_wait, is_root ? L_LOGROOT_WRITERS : L_LOG_WRITERS);
	spin_init(&log->ordered_lock, L_ORDERED_TREE);
	for (int i = 0; i < 2; i++) {
		waitq_init(&log->commit_wait[i], is_root ? L_LOGROOT_COMMIT : L_LOG_COMMIT);
		list_init(&log->ctxs[i]);
		list_init(&log->ordered[i]);
	}
	log->numbers_id = rt_obj_id();
	log->batch_id = rt_obj_id();
	atomic_store(&log->last_commit, -1);
}

static enum lock_class commit_class(const struct log *log)
{
	return log->is_root ? L_LOGROOT_COMMIT : L_LOG_COMMIT;
}

/* ---- writers ---- */

/* Such moves commute. */
static void log_batch_moves(struct log *log)
{
	atomic_fetch_add(&log->batch, 1);
	rt_accessed(log->batch_id, POINT_GIVE);
}

static uint32_t log_batch(struct log *log)
{
	rt_access(log->batch_id, POINT_READ);
	return atomic_load(&log->batch);
}

static int log_create(struct log *log, struct fs *fs, uint64_t trans)
{
	int ret = tree_create(&log->tree, fs->blocks, LOG_TREE_ID, trans);

	if (ret)
		return ret;
	log->tree.give_up = fs->on.give_up_log_block;
	log->exists = true;
	log->trans = trans;
	log->in_parent = false;
	return 0;
}

/* The log tree of this transaction, and the tree of log roots: made under tree_log_mutex, so not before the previous
 * transaction's super is on the media (trans.3). log->mutex held. */
static int log_make_trees(struct root *root, struct handle *h)
{
	struct fs *fs = root->fs;
	int ret = 0;

	mutex_lock(&fs->tree_log_mutex);
	if (!fs->log_root.exists)
		ret = log_create(&fs->log_root, fs, h->trans->id);
	mutex_unlock(&fs->tree_log_mutex);
	return ret ? ret : log_create(&root->log, fs, h->trans->id);
}

static void log_add_ctx(struct log *log, struct log_ctx *ctx)
{
	ctx->transid = log->transid;
	ctx->ret = 0;
	list_add_tail(&ctx->link, &log->ctxs[log->transid & 1]);
	atomic_fetch_add(&log->joined, 1);
}

int log_start(struct root *root, struct handle *h, struct log_ctx *ctx)
{
	struct log *log = &root->log;
	int ret = 0;

	mutex_lock(&log->mutex);
	if (trans_is_no_log(root->fs, h->trans->id))
		ret = -EAGAIN;
	else if (!log->exists)
		ret = log_make_trees(root, h);
	if (ret)
		goto unlock;
	CHECK(log->trans == h->trans->id);
	log_batch_moves(log);
	atomic_fetch_add(&log->writers, 1);
	log_add_ctx(log, ctx);
	owe(L_LOG_WRITERS, 0, &log->writers_wait);
unlock:
	mutex_unlock(&log->mutex);
	return ret;
}

void log_end(struct root *root)
{
	struct log *log = &root->log;

	paid(L_LOG_WRITERS, 0, &log->writers_wait);
	wait_give(&log->writers_wait, atomic_fetch_sub(&log->writers, 1) == 1);
}

void log_forget_ctx(struct root *root, struct log_ctx *ctx)
{
	mutex_lock(&root->log.mutex);
	list_del(&ctx->link);
	mutex_unlock(&root->log.mutex);
}

void log_interest(struct root *root)
{
	log_batch_moves(&root->log);
}

/* ---- slots ---- */

struct slot_wait {
	struct log *log;
	int64_t transid;
};

static bool slot_committed(void *arg)
{
	struct slot_wait *w = arg;

	return w->log->transid_committed >= w->transid;
}

/* Sleeps until sub-transaction `transid` is committed; log->mutex is held, and dropped while asleep. */
static void log_wait_commit(struct log *log, int64_t transid)
{
	struct slot_wait w = { log, transid };
	enum phase was = phase(PH_LOG_JOIN);

	wait_until_locked(&log->commit_wait[transid & 1], &log->mutex, slot_committed, &w);
	phase(was);
}

static bool no_writers(void *arg)
{
	struct log *log = arg;

	return atomic_load(&log->writers) == 0;
}

static bool all_due_joined(void *arg)
{
	struct log *log = arg;

	return atomic_load(&log->joined) >= log->due;
}

/* Those whom the last commit has just woken are soon back, and would have to wait for the next but one. log->mutex held,
 * dropped while asleep; due stays as it is, for the next commit to end is the caller's. */
static void log_wait_for_more(struct log *log, uint64_t ns)
{
	if (!ns || all_due_joined(log))
		return;
	phase(PH_LOG_JOIN);
	mutex_unlock(&log->mutex);
	wait_until_timeout(&log->writers_wait, all_due_joined, log, ns);
	mutex_lock(&log->mutex);
}

/* Until nobody writes items and nobody new has shown up meanwhile. log->mutex held, dropped while asleep. */
static void log_wait_writers(struct log *log, uint64_t for_more_ns)
{
	enum phase was = phase_now();
	uint32_t seen;

	log_wait_for_more(log, for_more_ns);
	do {
		seen = log_batch(log);
		if (!no_writers(log))
			phase(PH_LOG_JOIN);
		wait_until_locked(&log->writers_wait, &log->mutex, no_writers, log);
	} while (seen != log_batch(log));
	phase(was);
}

/* The caller becomes the leader of transid: waits for its predecessor. log->mutex held. */
static void slot_lead(struct log *log, int64_t transid)
{
	CHECK(transid == log->transid);
	CHECK(!log->commit[transid & 1]);
	log->commit[transid & 1] = true;
	owe(commit_class(log), -transid, &log->commit_wait[transid & 1]);
	if (log->commit[(transid + 1) & 1])
		log_wait_commit(log, transid - 1);
}

/* transid is over, with this result for all who joined it. */
static void slot_finish(struct log *log, int64_t transid, int result)
{
	struct list *head = &log->ctxs[transid & 1];

	mutex_lock(&log->mutex);
	CHECK(log->commit[transid & 1]);
	log->due = atomic_load(&log->joined);
	while (!list_empty(head)) {
		struct log_ctx *ctx = list_first(head, struct log_ctx, link);
		ctx->ret = result;
		list_del(&ctx->link);
		log->due++;
	}
	log->transid_committed = transid;
	log->commit[transid & 1] = false;
	if (!result) {
		rt_access(log->numbers_id, POINT_WRITE);
		atomic_store(&log->last_commit, transid);
	}
	mutex_unlock(&log->mutex);
	paid(commit_class(log), -transid, &log->commit_wait[transid & 1]);
	wake_all(&log->commit_wait[transid & 1]);
}

/* The next sub-transaction begins: from here on writers go to it. log->mutex held. */
static void slot_advance(struct log *log)
{
	rt_access(log->numbers_id, POINT_WRITE);
	log->transid++;
	atomic_store(&log->joined, 0);
	atomic_store(&log->running_transid, log->transid);
}

/* ---- step i: data of the ordered extents that were logged ---- */

static void log_take_ordered(struct log *log, int64_t transid, struct list *mine)
{
	list_init(mine);
	spin_lock_quiet(&log->ordered_lock);
	list_splice_tail(&log->ordered[transid & 1], mine);
	spin_unlock(&log->ordered_lock);
}

/* kernel: btrfs_wait_logged_extents(), with 8407f553268a: an error of the data is an error of the log. */
static int log_wait_ordered(struct root *root, int64_t transid)
{
	enum phase was = phase_now();
	struct list mine, *pos;
	int ret = 0;

	log_take_ordered(&root->log, transid, &mine);
	list_for_each(pos, &mine) {
		struct ordered *o = list_entry(pos, struct ordered, log_link);
		if (!(atomic_load(&o->flags) & ORDERED_IO_DONE))
			phase(PH_WAIT_DATA);
		int err = root->fs->on.logged_io(o);
		if (err && !ret)
			ret = err;
	}
	ordered_drop_list(&mine);
	phase(was);
	return ret;
}

/* ---- the tree of log roots ---- */

/* One log commit on its way: whose, and what must be written before a super may name it. */
struct log_commit {
	struct root *root;
	uint64_t trans;
	int64_t transid;
	struct batch blocks;
};

static int log_put_in_parent(struct root *root, struct log *parent, uint64_t trans, const struct tree_ptr *ptr)
{
	struct root_item item = { ptr->bytenr, ptr->generation, ptr->level, 0 };
	struct key k = { root->id, ITEM_ROOT, 0 };

	int ret = tree_put(&parent->tree, trans, &k, &item, sizeof(item));
	if (!ret)
		trace("log of root %lu put into the tree of log roots", root->id, 0, 0);
	return ret;
}

int log_wait_own_blocks(struct log_commit *c)
{
	struct list mine;

	phase(PH_LOG_WRITE);
	int ret = batch_wait(&c->blocks);
	log_take_ordered(&c->root->log, c->transid, &mine);
	ordered_drop_list(&mine);
	return ret;
}

int log_wait_own(struct log_commit *c)
{
	phase(PH_LOG_WRITE);
	int ret = batch_wait(&c->blocks);
	int err = log_wait_ordered(c->root, c->transid);

	return ret ? ret : err;
}

/* Step k. What a flush or a super write that failed has lost nobody can tell, so nothing may be built on it: abort, as the
 * kernel does, unlike for a log block that failed, which no super names. */
static int log_write_super(struct fs *fs)
{
	int ret = fs->on.write_super(fs, true);

	if (ret)
		trans_abort(fs, ret);
	return ret;
}

/* Steps i to k: log blocks of the subvolume and of the tree of log roots written, data written, then the super. The
 * parent's mutex is held on entry, and is dropped before the super is written. */
static int log_root_commit(struct log_commit *c, int64_t transid)
{
	struct fs *fs = c->root->fs;
	struct log *parent = &fs->log_root;
	struct list dirty;

	list_init(&dirty);
	phase(PH_LOG_WRITE);
	tree_take_dirty(&parent->tree, &dirty);
	tree_write_list(fs->blocks, &dirty, &c->blocks);
	int ret = log_wait_own(c);
	if (!ret) {
		fs->super_for_commit.log_root = tree_root_ptr(&parent->tree);
		trace("the super is to name the log root @%lu", fs->super_for_commit.log_root.bytenr, 0, 0);
	}
	CHECK(parent->transid == transid);
	slot_advance(parent);
	mutex_unlock(&parent->mutex);
	if (!ret)
		ret = fs_error(fs);
	if (!ret)
		ret = log_write_super(fs);
	trace("log super written (error %ld): what this log names must be durable now", (uint64_t)ret, 0, 0);
	return ret;
}

/*
 * Another task leads the commit that has our item (step h). Its super must not name our log before
 * our blocks and data are written: we stay a writer of the parent until they are, which the kernel of
 * the time did not, and mark the transaction when they failed. parent->mutex held, dropped on return.
 */
static int log_join_parent(struct log_commit *c, struct log *parent, struct log_ctx *ctx)
{
	atomic_fetch_add(&parent->writers, 1);
	owe(L_LOGROOT_WRITERS, 0, &parent->writers_wait);
	mutex_unlock(&parent->mutex);
	int ret = c->root->fs->on.joined_log_root(c);
	if (ret)
		trans_no_log(c->root->fs, c->trans);
	paid(L_LOGROOT_WRITERS, 0, &parent->writers_wait);
	wait_give(&parent->writers_wait, atomic_fetch_sub(&parent->writers, 1) == 1);
	count(C_LOG_ROOT_JOINED);
	mutex_lock(&parent->mutex);
	log_wait_commit(parent, ctx->transid);
	mutex_unlock(&parent->mutex);
	return ret ? ret : ctx->ret;
}

/* We lead the commit of the tree of log roots. parent->mutex held, dropped on return. */
static int log_lead_parent(struct log_commit *c, struct log *parent, int64_t transid)
{
	slot_lead(parent, transid);
	log_wait_writers(parent, 0);
	int ret = trans_is_no_log(c->root->fs, c->trans) ? -EAGAIN : 0;
	if (!ret) {
		ret = log_root_commit(c, transid);
	} else {
		slot_advance(parent);
		mutex_unlock(&parent->mutex);
		log_wait_own(c);
	}
	if (ret)
		trans_no_log(c->root->fs, c->trans);
	slot_finish(parent, transid, ret);
	return ret;
}

/* Our root item is in the tree of log roots, or on its way: we lead its commit, or somebody does it for us. */
static int log_commit_parent(struct log_commit *c, struct log *parent, struct log_ctx *ctx)
{
	if (parent->transid_committed >= ctx->transid || parent->commit[ctx->transid & 1])
		return log_join_parent(c, parent, ctx);
	return log_lead_parent(c, parent, ctx->transid);
}

/* Step g. */
int log_sync_parent(struct log_commit *c, const struct tree_ptr *ptr)
{
	struct log *parent = &c->root->fs->log_root;
	struct log_ctx ctx;

	mutex_lock_in(&parent->mutex, PH_LOG_JOIN);
	phase(PH_LOG_WRITE); /* it is that already, but for who had to wait */
	log_batch_moves(parent);
	int ret = log_put_in_parent(c->root, parent, c->trans, ptr);
	if (ret) {
		mutex_unlock(&parent->mutex);
		log_wait_own(c);
		return ret;
	}
	log_add_ctx(parent, &ctx);
	return log_commit_parent(c, parent, &ctx);
}

/* A commit of the parent that has taken its blocks meanwhile finds another root than it has written. */
int log_sync_parent_unlocked(struct log_commit *c, const struct tree_ptr *ptr)
{
	struct log *parent = &c->root->fs->log_root;
	struct log_ctx ctx;

	mutex_lock_in(&parent->mutex, PH_LOG_JOIN);
	phase(PH_LOG_WRITE); /* it is that already, but for who had to wait */
	atomic_fetch_add(&parent->batch, 1);
	log_add_ctx(parent, &ctx);
	mutex_unlock(&parent->mutex);
	int ret = log_put_in_parent(c->root, parent, c->trans, ptr);
	mutex_lock(&parent->mutex);
	if (ret) {
		list_del(&ctx.link);
		mutex_unlock(&parent->mutex);
		log_wait_own(c);
		return ret;
	}
	return log_commit_parent(c, parent, &ctx);
}

/* ---- the leader of a subvolume's log commit ---- */

static int log_lead(struct root *root, struct handle *h, int64_t transid)
{
	struct log *log = &root->log;
	struct log_commit c = { .root = root, .trans = h->trans->id, .transid = transid };
	struct list dirty;

	list_init(&dirty);
	slot_lead(log, transid);
	log_wait_writers(log, root->fs->opt.log_wait_ns);
	if (trans_is_no_log(root->fs, h->trans->id)) {
		slot_advance(log);
		mutex_unlock(&log->mutex);
		log_wait_ordered(root, transid);
		return -EAGAIN;
	}
	phase(PH_LOG_WRITE);
	batch_init(&c.blocks, root->fs->dev);
	tree_take_dirty(&log->tree, &dirty);
	tree_write_list(root->fs->blocks, &dirty, &c.blocks);
	fs_cost(COST_LOG_COMMIT);
	struct tree_ptr ptr = tree_root_ptr(&log->tree); /* writers of the next one may move it at once */
	slot_advance(log);
	mutex_unlock(&log->mutex);
	count(C_LOG_LED);
	return root->fs->on.put_log_root(&c, &ptr);
}

int log_sync(struct root *root, struct handle *h, struct log_ctx *ctx)
{
	struct log *log = &root->log;
	int64_t transid = ctx->transid;

	mutex_lock_in(&log->mutex, PH_LOG_JOIN);
	if (log->transid_committed >= transid || log->commit[transid & 1]) {
		if (log->transid_committed < transid)
			log_wait_commit(log, transid);
		mutex_unlock(&log->mutex);
		count(C_LOG_JOINED);
		return ctx->ret;
	}
	int ret = log_lead(root, h, transid);
	if (ret)
		trans_no_log(root->fs, h->trans->id);
	slot_finish(log, transid, ret);
	return ret;
}

/* ---- the end of a log: a transaction commit ---- */

int log_free_all(struct fs *fs)
{
	int ret = 0;

	for (uint32_t i = 0; i <= fs->nsubvols && !ret; i++) {
		struct log *log = i < fs->nsubvols ? &fs->subvols[i].log : &fs->log_root;
		CHECK(atomic_load(&log->writers) == 0);
		CHECK(!log->commit[0] && !log->commit[1]);
		CHECK(list_empty(&log->ctxs[0]) && list_empty(&log->ctxs[1]));
		/* logged by an fsync that fell back to this commit before it synced: pending, so complete by now */
		ordered_drop_list(&log->ordered[0]);
		ordered_drop_list(&log->ordered[1]);
		if (!log->exists)
			continue;
		log->exists = false;
		ret = tree_free_all(&log->tree);
	}
	return ret;
}

void log_close_all(struct fs *fs)
{
	for (uint32_t i = 0; i <= fs->nsubvols; i++) {
		struct log *log = i < fs->nsubvols ? &fs->subvols[i].log : &fs->log_root;
		ordered_drop_list(&log->ordered[0]);
		ordered_drop_list(&log->ordered[1]);
		if (log->exists)
			tree_close(&log->tree);
		log->exists = false;
	}
}
