/*
 * log_sync.c: the group commit of the logs: see log.h. kernel: start_log_trans(), btrfs_sync_log() of
 * 3.17, with log.1 and log.2. The steps of one commit have names in engine/ARCHITECTURE.md ("One log
 * commit"); log_lead() goes through them for a subvolume's log, log_commit_parent() for the tree of log roots.
 *
 * log->mutex guards a log's numbers. It is dropped while the commit waits for writers, for the previous
 * commit, and for the tree of log roots. commit[slot] says that the slot's commit is under way: its
 * leader owes L_LOG_COMMIT from then on, until slot_finish().
 *
 * Sub-transactions are committed one after the other, in the order of their numbers: while `id` is on its
 * way, transid is id (it still takes writers) or id + 1 (it does not), and transid_committed is id - 1.
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/stream.h"
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

static bool no_writers(void *arg)
{
	struct log *log = arg;

	return atomic_load(&log->writers) == 0;
}

/* Any two of these commute, so a search need not try both orders: hence an access of kind GIVE. */
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

int log_create(struct log *log, struct fs *fs, uint64_t trans)
{
	int ret = tree_create(&log->tree, fs->blocks, LOG_TREE_ID, trans);

	if (ret)
		return ret;
	log->tree.give_up = fs->on.give_up_log_block;
	log->tree.refuse = fs->opt.log_memory;
	log->tree.refuse_arg = fs->opt.log_memory_arg;
	log->trans = trans;
	log->in_parent = false;
	fs->on.log_made(log);
	atomic_store(&log->exists, true); /* last: it is also read without the mutex */
	return 0;
}

/* Not before the previous transaction's super is on the media (trans.3): a log's super repeats what that one names. */
int log_make_after_super(struct root *root, uint64_t trans)
{
	struct log *parent = &root->fs->log_root;
	struct fs *fs = root->fs;
	int ret = 0;

	CHECK(mutex_held(&root->log.mutex));
	mutex_lock(&fs->tree_log_mutex);
	if (!parent->exists)
		ret = log_create(parent, fs, trans);
	mutex_unlock(&fs->tree_log_mutex);
	return ret ? ret : log_create(&root->log, fs, trans);
}

/* Where the kernel has a mutex for the making of the tree of log roots (that of the tree of roots, taken before the
 * log's own), here that tree's own mutex does: nobody has it while the tree is not there but who makes it. */
int log_make_at_once(struct root *root, uint64_t trans)
{
	struct log *parent = &root->fs->log_root;
	int ret = 0;

	CHECK(mutex_held(&root->log.mutex));
	if (!atomic_load(&parent->exists)) {
		mutex_lock(&parent->mutex);
		if (!parent->exists)
			ret = log_create(parent, root->fs, trans);
		mutex_unlock(&parent->mutex);
	}
	return ret ? ret : log_create(&root->log, root->fs, trans);
}

void log_numbers_run_on(struct log *log)
{
}

void log_numbers_restart(struct log *log)
{
	/* a rename may have kept the log from being committed before there was one: that has no number */
	CHECK(!log->commit[0] && !log->commit[1] && list_empty(&log->ctxs[0]) && list_empty(&log->ctxs[1]));
	rt_access(log->numbers_id, POINT_WRITE);
	log->transid = 0;
	log->transid_committed = -1;
	atomic_store(&log->running_transid, 0);
	atomic_store(&log->last_commit, 0);
}

/* The caller waits for the sub-transaction that runs now: slot_finish() will leave its result in ctx. log->mutex
 * held. */
static void log_add_ctx(struct log *log, struct log_ctx *ctx, bool unsummed)
{
	CHECK(mutex_held(&log->mutex));
	ctx->transid = log->transid;
	ctx->unsummed = unsummed;
	ctx->ret = 0;
	list_add_tail(&ctx->link, &log->ctxs[log->transid & 1]);
	atomic_fetch_add(&log->joined, 1);
}

/* log->mutex held. */
static void log_add_writer(struct fs *fs, struct log *log)
{
	CHECK(mutex_held(&log->mutex));
	atomic_fetch_add(&log->writers, 1);
	if (fs->stream)
		stream_enter(fs->stream);
	owe(L_LOG_WRITERS, 0, &log->writers_wait);
}

int log_start(struct root *root, struct handle *h, struct log_ctx *ctx, bool unsummed)
{
	struct log *log = &root->log, *parent = &root->fs->log_root;
	struct fs *fs = root->fs;
	int ret = 0;

	mutex_lock(&log->mutex);
	if (trans_is_no_log(fs, h->trans->id)) {
		ret = -EAGAIN;
	} else if (!log->exists) {
		ret = fs->on.make_log(root, h->trans->id);
	}
	if (ret)
		goto unlock;
	/* The open handle keeps its transaction from committing, and only a commit frees logs: both stay ours until
	 * trans_end(). */
	CHECK(log->trans == h->trans->id);
	CHECK(parent->exists && parent->trans == h->trans->id);
	/* A writer from here to log_end(): no leader takes the log's blocks before that. */
	log_batch_moves(log);
	log_add_ctx(log, ctx, unsummed);
	log_add_writer(fs, log);
unlock:
	mutex_unlock(&log->mutex);
	return ret;
}

int log_start_group(struct root *root, struct handle *h)
{
	struct log *log = &root->log;
	struct fs *fs = root->fs;
	int ret = 0;

	mutex_lock(&log->mutex);
	if (trans_is_no_log(fs, h->trans->id))
		ret = -EAGAIN;
	else if (!log->exists)
		ret = fs->on.make_log(root, h->trans->id);
	if (!ret) {
		CHECK(log->trans == h->trans->id);
		log_add_writer(fs, log);
	}
	mutex_unlock(&log->mutex);
	return ret;
}

void log_write_begin(struct root *root)
{
	mutex_lock(&root->log.mutex);
	log_add_writer(root->fs, &root->log);
	mutex_unlock(&root->log.mutex);
}

bool log_join(struct root *root, struct handle *h)
{
	struct log *log = &root->log;

	mutex_lock(&log->mutex);
	bool joins = log->exists && log->trans == h->trans->id;
	if (joins)
		log_add_writer(root->fs, log);
	mutex_unlock(&log->mutex);
	return joins;
}

void log_end(struct root *root)
{
	struct log *log = &root->log;

	paid(L_LOG_WRITERS, 0, &log->writers_wait);
	int32_t writers = atomic_fetch_sub(&log->writers, 1);
	CHECK(writers > 0);
	wait_give(&log->writers_wait, writers == 1);
	if (root->fs->stream)
		stream_leave(root->fs->stream);
}

void log_forget_ctx(struct root *root, struct log_ctx *ctx)
{
	mutex_lock(&root->log.mutex);
	CHECK(!list_empty(&ctx->link)); /* the caller is a writer still, so that commit has not ended */
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

static bool all_due_joined(void *arg)
{
	struct log *log = arg;

	return atomic_load(&log->joined) >= log->due;
}

/*
 * Sleeps until nobody writes items and nobody new has shown interest meanwhile. log->mutex is held, and dropped while
 * asleep; on return there is no writer, and none can come while the mutex stays held. With for_more_ns it waits at most
 * that long first, until the tasks that the last commit woke are back: without, they would just miss this commit.
 */
static void log_wait_writers(struct log *log, uint64_t for_more_ns)
{
	enum phase was = phase_now();
	uint32_t seen;

	if (for_more_ns && !all_due_joined(log)) {
		phase(PH_LOG_JOIN);
		/* log->due does not change meanwhile: the next commit to end is the caller's */
		mutex_unlock(&log->mutex);
		wait_until_timeout(&log->writers_wait, all_due_joined, log, for_more_ns);
		mutex_lock(&log->mutex);
	}
	do {
		seen = log_batch(log);
		if (!no_writers(log))
			phase(PH_LOG_JOIN);
		wait_until_locked(&log->writers_wait, &log->mutex, no_writers, log);
	} while (seen != log_batch(log));
	CHECK(mutex_held(&log->mutex) && no_writers(log));
	phase(was);
}

/* The caller becomes the leader of transid, and waits for the leader before it. log->mutex held, dropped while
 * asleep. */
static void slot_lead(struct log *log, int64_t transid)
{
	CHECK(transid == log->transid);
	CHECK(!log->commit[transid & 1]);
	log->commit[transid & 1] = true;
	owe(commit_class(log), -transid, &log->commit_wait[transid & 1]);
	if (log->commit[(transid + 1) & 1])
		log_wait_commit(log, transid - 1);
	CHECK(log->transid == transid && log->transid_committed == transid - 1);
}

/* Sub-transaction transid is on the media: what changed up to there may be taken for logged. */
static void log_now_covers(struct log *log, int64_t transid)
{
	rt_access(log->numbers_id, POINT_WRITE);
	atomic_store(&log->last_commit, transid);
}

/* transid is over. Each context of it gets the result and is its owner's again, which may return as soon as the mutex
 * is free. `covers`: it is on the media, and nobody has noted that yet. */
static void slot_finish(struct log *log, int64_t transid, int result, bool covers)
{
	struct list *head = &log->ctxs[transid & 1];

	mutex_lock(&log->mutex);
	CHECK(log->commit[transid & 1]);
	/* the next one takes writers by now, but its leader waits for this one */
	CHECK(log->transid == transid + 1 || result);
	CHECK(log->transid_committed == transid - 1);
	log->due = atomic_load(&log->joined);
	while (!list_empty(head)) {
		struct log_ctx *ctx = list_first(head, struct log_ctx, link);
		CHECK(ctx->transid == transid);
		ctx->ret = result;
		list_del(&ctx->link);
		log->due++;
	}
	log->transid_committed = transid;
	log->commit[transid & 1] = false;
	if (covers)
		log_now_covers(log, transid);
	mutex_unlock(&log->mutex);
	paid(commit_class(log), -transid, &log->commit_wait[transid & 1]);
	wake_all(&log->commit_wait[transid & 1]);
}

/* The next sub-transaction begins: from here on writers go to it, and what they change they copy. log->mutex held. */
static void slot_advance(struct log *log)
{
	CHECK(mutex_held(&log->mutex) && no_writers(log));
	rt_access(log->numbers_id, POINT_WRITE);
	log->transid++;
	atomic_store(&log->joined, 0);
	atomic_store(&log->running_transid, log->transid);
}

/* ---- the data of the ordered extents that were logged ---- */

/* They belonged to the sub-transaction; they are the caller's now, each with its reference. */
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

/* ---- one commit ---- */

/* One log commit on its way: whose, and what must be written before a super may name it. */
struct log_commit {
	struct root *root;
	uint64_t trans;
	int64_t transid;
	struct batch blocks; /* this log's, and those of the tree of log roots when this commit leads that one's, too */
	bool unsummed;       /* there are data without checksums in it */
	bool leads_only;     /* only if it leads the commit of the tree of log roots, that is noted as its own, too */
};

/* Does a context of sub-transaction transid cover data without checksums? log->mutex held. */
static bool log_is_unsummed(const struct log *log, int64_t transid)
{
	struct list *pos;

	CHECK(mutex_held(&log->mutex));
	list_for_each(pos, &log->ctxs[transid & 1])
		if (list_entry(pos, struct log_ctx, link)->unsummed)
			return true;
	return false;
}

static int log_put_in_parent(struct root *root, struct log *parent, uint64_t trans, const struct tree_ptr *ptr)
{
	struct root_item item = { ptr->bytenr, ptr->generation, ptr->level, 0 };
	struct key k = { root->id, ITEM_ROOT, 0 };

	int ret = tree_put(&parent->tree, trans, &k, &item, sizeof(item));
	if (!ret)
		trace(EV_LOG_IN_PARENT, root->id);
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

/*
 * The blocks of the tree of log roots go out and, with our log's blocks and data, are waited for; then the super in
 * memory names them. parent->mutex is held throughout: no root item changes between what is written here and what the
 * super names.
 */
static int log_write_parent(struct log_commit *c, struct log *parent)
{
	struct fs *fs = c->root->fs;
	struct list dirty;

	list_init(&dirty);
	phase(PH_LOG_WRITE);
	tree_take_dirty(&parent->tree, &dirty);
	tree_write_list(fs->blocks, &dirty, &c->blocks);
	int ret = log_wait_own(c);
	if (!ret) {
		fs->super_for_commit.log_root = tree_root_ptr(&parent->tree);
		fs->super_for_commit.log_trust = LOG_IS_WRITTEN;
		trace(EV_SUPER_NAMES_LOG, fs->super_for_commit.log_root.bytenr);
	}
	return ret;
}

/* What the super in memory names goes to the media. A flush or a super write that failed has lost what nobody can
 * tell, so nothing may be built on it: abort, as the kernel does. A log block that failed needs no abort: no super
 * names it. `ret`: an error so far, of the file system included. */
static int log_write_super(struct log_commit *c, int ret)
{
	struct fs *fs = c->root->fs;

	if (!ret) {
		/* our handle is open, so the last commit to fill the super was that of the transaction before
		 * (trans.3) */
		CHECK(fs->super_for_commit.generation + 1 == c->trans);
		ret = fs->on.write_super(fs, true);
		if (ret)
			trans_abort(fs, ret);
	}
	trace(EV_LOG_SUPER_WRITTEN, (uint64_t)ret);
	return ret;
}

/* What designs have of their own in log_commit_parent(). */
struct parent_steps {
	bool put_unlocked; /* the root item goes in after the mutex was dropped: the fault of a design (log.2) */
	bool in_flight;    /* the super goes out with the blocks and the data that it names, and one flush follows */
	/* Faults of such designs: the super does not name the log before it; it says that its log is written; the flush
	 * does not wait for the data; data without checksums go the same way. */
	bool forgets_before, claims_written, flushes_early, takes_unsummed;
};

/*
 * As log_write_parent(), and the super is on its way, too. Nobody has acknowledged this log: replay takes it if all of
 * it has arrived, and else the one before. That one is on the media, since its commit has ended well, or the caller
 * would have found that the transaction is not to be logged any more (log.3). Since it asked, another task may have
 * said so of a log of its own: ours is whole all the same. parent->mutex held.
 */
static int log_write_all(struct log_commit *c, struct log *parent, struct parent_steps steps)
{
	struct fs *fs = c->root->fs;
	struct super *super = &fs->super_for_commit;
	struct list dirty;
	struct bio bio;
	int ret = 0;

	CHECK(super->generation + 1 == c->trans);
	list_init(&dirty);
	phase(PH_LOG_WRITE);
	tree_take_dirty(&parent->tree, &dirty);
	tree_write_list(fs->blocks, &dirty, &c->blocks);
	super->log_before = super->log_root;
	if (steps.forgets_before)
		super->log_before = (struct tree_ptr){ 0 };
	super->log_root = tree_root_ptr(&parent->tree);
	super->log_trust = steps.claims_written ? LOG_IS_WRITTEN : LOG_IN_FLIGHT;
	trace(EV_SUPER_NAMES_LOG, super->log_root.bytenr);
	super_submit(&bio, &c->blocks, super);
	if (steps.flushes_early) {
		ret = batch_wait(&c->blocks);
		ret = ret ? ret : dev_flush(fs->dev);
	}
	int err = log_wait_own(c);
	ret = ret ? ret : err;
	if (super_submitted(&bio))
		trans_abort(fs, -EIO);
	return ret;
}

/* The one flush. */
static int log_flush_all(struct log_commit *c, int ret)
{
	struct fs *fs = c->root->fs;

	if (!ret) {
		enum phase was = phase(PH_DEV_FLUSH);
		ret = dev_flush(fs->dev);
		phase(was);
		if (ret)
			trans_abort(fs, ret);
	}
	trace(EV_LOG_SUPER_WRITTEN, (uint64_t)ret);
	return ret;
}

/* From our root item to the super, by leading the commit of the tree of log roots or by joining one. */
static int log_commit_parent(struct log_commit *c, const struct tree_ptr *ptr, struct parent_steps steps)
{
	struct fs *fs = c->root->fs;
	struct log *parent = &fs->log_root;
	struct log_ctx ctx;
	int ret;

	/* enter: our root item, and a context, in the parent's running sub-transaction */
	mutex_lock_in(&parent->mutex, PH_LOG_JOIN);
	phase(PH_LOG_WRITE); /* a task that had to wait for the mutex is in PH_LOG_JOIN until here */
	CHECK(parent->exists && parent->trans == c->trans);
	if (!steps.put_unlocked) {
		log_batch_moves(parent);
		ret = log_put_in_parent(c->root, parent, c->trans, ptr);
		if (!ret)
			log_add_ctx(parent, &ctx, c->unsummed);
	} else {
		/* a commit of the parent that takes its blocks meanwhile finds another root item than the one that
		 * goes in */
		atomic_fetch_add(&parent->batch, 1);
		log_add_ctx(parent, &ctx, c->unsummed);
		mutex_unlock(&parent->mutex);
		ret = log_put_in_parent(c->root, parent, c->trans, ptr);
		mutex_lock(&parent->mutex);
		if (ret)
			list_del(&ctx.link);
	}
	if (ret) {
		mutex_unlock(&parent->mutex);
		log_wait_own(c);
		return ret;
	}

	if (parent->transid_committed >= ctx.transid || parent->commit[ctx.transid & 1]) {
		/* join: the leader's super names our log, and must not before our blocks and data are written. So we
		 * stay a writer of the parent until they are, which the kernel of the time did not, and mark the
		 * transaction if they failed. */
		atomic_fetch_add(&parent->writers, 1);
		owe(L_LOGROOT_WRITERS, 0, &parent->writers_wait);
		mutex_unlock(&parent->mutex);
		ret = fs->on.joined_log_root(c);
		if (ret)
			trans_no_log(fs, c->trans);
		paid(L_LOGROOT_WRITERS, 0, &parent->writers_wait);
		wait_give(&parent->writers_wait, atomic_fetch_sub(&parent->writers, 1) == 1);
		count(C_LOG_ROOT_JOINED);
		mutex_lock(&parent->mutex);
		log_wait_commit(parent, ctx.transid);
		mutex_unlock(&parent->mutex);
		CHECK(list_empty(&ctx.link)); /* the leader has left its result */
		return ret ? ret : ctx.ret;
	}

	/* lead: as log_lead(), one tree higher */
	slot_lead(parent, ctx.transid);
	log_wait_writers(parent, 0);
	bool declined = trans_is_no_log(fs, c->trans) || (steps.in_flight && fs_error(fs));
	/* replay cannot tell whether data without checksums have arrived: they are there before the super */
	bool in_flight = steps.in_flight && (steps.takes_unsummed || !log_is_unsummed(parent, ctx.transid));
	ret = declined ? -EAGAIN : in_flight ? log_write_all(c, parent, steps) : log_write_parent(c, parent);
	slot_advance(parent);
	mutex_unlock(&parent->mutex);
	if (declined)
		log_wait_own(c);
	else if (in_flight)
		ret = steps.flushes_early ? ret : log_flush_all(c, ret);
	else
		ret = log_write_super(c, ret ? ret : fs_error(fs));
	if (ret)
		trans_no_log(fs, c->trans); /* log.3 */
	slot_finish(parent, ctx.transid, ret, !ret);
	return ret;
}

int log_sync_parent(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ 0 });
}

int log_sync_parent_unlocked(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .put_unlocked = true });
}

int log_sync_parent_in_flight(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .in_flight = true });
}

int log_sync_parent_forgets_before(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .in_flight = true, .forgets_before = true });
}

int log_sync_parent_claims_written(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .in_flight = true, .claims_written = true });
}

int log_sync_parent_flushes_early(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .in_flight = true, .flushes_early = true });
}

int log_sync_parent_takes_unsummed(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent(c, ptr, (struct parent_steps){ .in_flight = true, .takes_unsummed = true });
}

/* ---- the same two steps for designs that have waited for the data ---- */

/* What of the kernel a design has in these steps, mistakes included. */
struct log_steps {
	/* A commit of the tree of log roots that was declined, or has failed, ends its own group and opens no next
	 * one: a log that comes after it finds its group committed, and counts as being on the media. And a log whose
	 * own blocks have failed tells nothing to the leader that it has joined, whose super names it. */
	bool failed_goes_on;
	/* The super is written also after an abort (before 165ea85f1483). */
	bool over_error;
};

/* The super with our log, in place of the one of the transaction before, which is on the media as soon as we have the
 * mutex (trans.3). Not over an error (trans.4): after a commit that failed, super_for_commit names trees that were
 * never written. */
static int log_write_super_after(struct log_commit *c, const struct tree_ptr *parent_root, bool over_error)
{
	struct fs *fs = c->root->fs;

	enum phase was = phase_now();
	mutex_lock_in(&fs->tree_log_mutex, PH_SUPER);
	int ret = over_error ? 0 : fs_error(fs);
	if (!ret) {
		fs->super_for_commit.log_root = *parent_root;
		trace(EV_SUPER_NAMES_LOG, parent_root->bytenr);
	}
	ret = log_write_super(c, ret);
	mutex_unlock(&fs->tree_log_mutex);
	phase(was);
	return ret;
}

/* As log_commit_parent(), without data to wait for; the super is written under tree_log_mutex. */
static int log_commit_parent_written(struct log_commit *c, const struct tree_ptr *ptr, struct log_steps steps)
{
	struct fs *fs = c->root->fs;
	struct log *parent = &fs->log_root;
	struct tree_ptr parent_root = { 0 };
	struct log_ctx ctx;
	struct list dirty;

	c->leads_only = true;
	mutex_lock_in(&parent->mutex, PH_LOG_JOIN);
	phase(PH_LOG_WRITE);
	CHECK(parent->exists && parent->trans == c->trans);
	int ret = log_put_in_parent(c->root, parent, c->trans, ptr);
	if (ret) {
		trans_no_log(fs, c->trans);
		batch_wait(&c->blocks);
		mutex_unlock(&parent->mutex);
		return ret;
	}
	log_add_ctx(parent, &ctx, c->unsummed);
	if (parent->transid_committed >= ctx.transid) {
		CHECK(steps.failed_goes_on);
		list_del(&ctx.link);
		mutex_unlock(&parent->mutex);
		batch_wait(&c->blocks);
		return ctx.ret;
	}
	if (parent->commit[ctx.transid & 1]) {
		/* join: the leader sleeps until the commit before it ends, and goes on with the mutex, which we keep
		 * until our blocks are written */
		ret = batch_wait(&c->blocks);
		if (ret && !steps.failed_goes_on)
			trans_no_log(fs, c->trans);
		count(C_LOG_ROOT_JOINED);
		log_wait_commit(parent, ctx.transid);
		mutex_unlock(&parent->mutex);
		CHECK(list_empty(&ctx.link));
		return ret ? ret : ctx.ret;
	}
	slot_lead(parent, ctx.transid);
	if (trans_is_no_log(fs, c->trans)) {
		batch_wait(&c->blocks);
		ret = -EAGAIN;
	} else {
		list_init(&dirty);
		tree_take_dirty(&parent->tree, &dirty);
		tree_write_list(fs->blocks, &dirty, &c->blocks);
		ret = batch_wait(&c->blocks);
		parent_root = tree_root_ptr(&parent->tree);
		if (ret)
			trans_no_log(fs, c->trans);
	}
	if (!ret || !steps.failed_goes_on)
		slot_advance(parent);
	mutex_unlock(&parent->mutex);
	if (!ret) {
		ret = log_write_super_after(c, &parent_root, steps.over_error);
		if (ret)
			trans_no_log(fs, c->trans);
		else
			log_now_covers(&c->root->log, c->transid);
	}
	slot_finish(parent, ctx.transid, ret, !ret);
	return ret;
}

int log_sync_parent_written(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent_written(c, ptr, (struct log_steps){ .failed_goes_on = true });
}

int log_sync_parent_repaired(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent_written(c, ptr, (struct log_steps){ 0 });
}

int log_sync_parent_over_error(struct log_commit *c, const struct tree_ptr *ptr)
{
	return log_commit_parent_written(c, ptr, (struct log_steps){ .over_error = true });
}

/* The caller leads sub-transaction transid of this log, from the first step to the last. log->mutex held, dropped on
 * return. */
static int log_lead(struct root *root, struct handle *h, int64_t transid)
{
	struct log *log = &root->log;
	struct log_commit c = { .root = root, .trans = h->trans->id, .transid = transid };
	struct list dirty;
	int ret;

	/* take the slot: later fsyncs of transid join us; and let the commit before ours end */
	slot_lead(log, transid);
	/* close the group: nobody writes items any more */
	log_wait_writers(log, root->fs->opt.log_wait_ns);
	if (trans_is_no_log(root->fs, h->trans->id)) {
		slot_advance(log);
		mutex_unlock(&log->mutex);
		log_wait_ordered(root, transid);
		ret = -EAGAIN;
		goto finish;
	}
	/* write the blocks: submitted, not waited for; from here on a change goes to a copy (tree.1) */
	phase(PH_LOG_WRITE);
	batch_init(&c.blocks, root->fs->dev);
	list_init(&dirty);
	tree_take_dirty(&log->tree, &dirty);
	tree_write_list(root->fs->blocks, &dirty, &c.blocks);
	fs_cost(COST_LOG_COMMIT);
	c.unsummed = log_is_unsummed(log, transid);
	/* the root as it was written: writers of the next sub-transaction may move it at once */
	struct tree_ptr ptr = tree_root_ptr(&log->tree);
	/* open the next group */
	slot_advance(log);
	mutex_unlock(&log->mutex);
	count(C_LOG_LED);
	/* root item, then super: in the tree of log roots, by leading or joining its commit, to the media */
	ret = root->fs->on.put_log_root(&c, &ptr);
finish:
	if (ret)
		trans_no_log(root->fs, h->trans->id); /* tasks that joined us commit it, as we do (log.3) */
	/* tell the group */
	slot_finish(log, transid, ret, !ret && !c.leads_only);
	return ret;
}

int log_sync(struct root *root, struct handle *h, struct log_ctx *ctx)
{
	struct log *log = &root->log;
	int64_t transid = ctx->transid;

	mutex_lock_in(&log->mutex, PH_LOG_JOIN);
	if (log->transid_committed < transid && !log->commit[transid & 1])
		return log_lead(root, h, transid);
	if (log->transid_committed < transid)
		log_wait_commit(log, transid);
	mutex_unlock(&log->mutex);
	CHECK(list_empty(&ctx->link)); /* the leader has left its result */
	count(C_LOG_JOINED);
	return ctx->ret;
}

/* ---- the end of a log: a transaction commit ---- */

int log_free_all(struct fs *fs)
{
	int ret = 0;

	CHECK(mutex_held(&fs->tree_log_mutex)); /* so no log of the next transaction is made meanwhile (trans.3) */
	for (uint32_t i = 0; i <= fs->nsubvols && !ret; i++) {
		struct log *log = i < fs->nsubvols ? &fs->subvols[i].log : &fs->log_root;
		CHECK(no_writers(log));
		CHECK(!log->commit[0] && !log->commit[1]);
		CHECK(list_empty(&log->ctxs[0]) && list_empty(&log->ctxs[1]));
		/* logged by an fsync that fell back to this commit before it synced; COMPLETE by now, as all of its
		 * kind (log.4) */
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
