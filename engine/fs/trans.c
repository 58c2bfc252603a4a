/*
 * trans.c: see trans.h. kernel: start_transaction(), btrfs_commit_transaction() of 3.17, with trans.2 and trans.4.
 *
 * Always true under fs->trans_lock: `running` is the one transaction that may still take handles, `committing` the one
 * whose leader is past the commit before it; both may be the same one, until it is UNBLOCKED. Transactions are
 * committed one after the other, in the order of their ids, and each id follows the one before it. Each handle, each
 * ordered extent that is pending, each task that waits, and `running` has a reference.
 */
#include <stdlib.h>

#include "fs/log.h"
#include "fs/mount.h"
#include "fs/stream.h"
#include "fs/trans.h"

/* fs->trans_lock held. */
static struct trans *trans_new(struct fs *fs)
{
	struct trans *t = mem_zalloc(sizeof(*t));

	CHECK(mutex_held(&fs->trans_lock.m));
	t->fs = fs;
	rt_access(fs->numbers_id, POINT_WRITE);
	t->id = atomic_fetch_add(&fs->generation, 1) + 1;
	atomic_store(&t->refs, 1);
	waitq_init(&t->writers_wait, L_TRANS_WRITERS);
	waitq_init(&t->ext_wait, L_TRANS_EXT);
	waitq_init(&t->pending_wait, L_ORDERED);
	waitq_init(&t->start_wait, L_TRANS_START);
	waitq_init(&t->join_wait, L_TRANS_JOIN);
	waitq_init(&t->done_wait, L_TRANS_START);
	return t;
}

static void trans_put(struct trans *t)
{
	int32_t refs = atomic_fetch_sub(&t->refs, 1);

	CHECK(refs > 0);
	if (refs > 1)
		return;
	CHECK(!atomic_load(&t->writers) && !atomic_load(&t->ext_writers) && !atomic_load(&t->pending_ordered));
#ifndef __clang_analyzer__ /* it does not count references, and would see each later use as one after the free */
	free(t);
#endif
}

static int trans_state(struct trans *t)
{
	return atomic_load(&t->state);
}

static bool trans_unblocked(void *arg)
{
	return trans_state(arg) >= TRANS_UNBLOCKED;
}

static bool trans_super_committed(void *arg)
{
	return trans_state(arg) >= TRANS_SUPER_COMMITTED;
}

static bool trans_completed(void *arg)
{
	return trans_state(arg) >= TRANS_COMPLETED;
}

static bool trans_admits(struct trans *t, enum trans_type type)
{
	return trans_state(t) < (type == TRANS_START ? TRANS_COMMIT_START : TRANS_COMMIT_DOING);
}

/* fs->trans_lock held: between the look at the state and the count of writers no commit can go on. */
static void handle_open(struct trans *t, enum trans_type type, struct handle *h)
{
	CHECK(mutex_held(&t->fs->trans_lock.m) && trans_admits(t, type));
	atomic_fetch_add(&t->refs, 1);
	atomic_fetch_add(&t->writers, 1);
	if (type == TRANS_START)
		atomic_fetch_add(&t->ext_writers, 1);
	h->trans = t;
	h->type = type;
}

/* From here on a wait that only this handle's end can satisfy stops the program at once (rt/lock.h: owe). */
static void handle_owe(struct handle *h)
{
	if (h->type == TRANS_START)
		owe(L_TRANS_EXT, 0, &h->trans->ext_wait);
	owe(L_TRANS_WRITERS, 0, &h->trans->writers_wait);
}

int trans_start(struct fs *fs, enum trans_type type, struct handle *h)
{
	lock_order_check(type == TRANS_START ? L_TRANS_START : L_TRANS_JOIN, 0);
	for (;;) {
		spin_lock(&fs->trans_lock);
		/* under the lock: where a commit has failed nobody makes a next transaction, whose logs would be those
		 * that this commit has left behind. kernel: join_transaction() */
		if (fs_error(fs) || (fs->opt.read_only && type == TRANS_START)) {
			spin_unlock(&fs->trans_lock);
			return -EROFS;
		}
		if (!fs->running)
			fs->running = trans_new(fs);
		struct trans *t = fs->running;
		if (trans_admits(t, type)) {
			handle_open(t, type, h);
			spin_unlock(&fs->trans_lock);
			handle_owe(h);
			return 0;
		}
		atomic_fetch_add(&t->refs, 1);
		spin_unlock(&fs->trans_lock);
		enum phase was = phase(PH_TRANS);
		wait_until(type == TRANS_START ? &t->start_wait : &t->join_wait, trans_unblocked, t);
		phase(was);
		trans_put(t);
	}
}

/* A START handle becomes a JOIN one: it no longer holds up the stage that waits for START handles alone. */
static void handle_drop_ext(struct handle *h)
{
	struct trans *t = h->trans;

	if (h->type != TRANS_START)
		return;
	paid(L_TRANS_EXT, 0, &t->ext_wait);
	int32_t ext = atomic_fetch_sub(&t->ext_writers, 1);
	CHECK(ext > 0);
	wait_give(&t->ext_wait, ext == 1);
	h->type = TRANS_JOIN;
}

/* The committer waits until its own handle is the only one, so the last but one to close wakes it. */
static void handle_close(struct handle *h)
{
	struct trans *t = h->trans;
	int32_t writers = atomic_fetch_sub(&t->writers, 1);

	CHECK(writers > 0);
	wait_give(&t->writers_wait, writers <= 2);
	trans_put(t);
	h->trans = NULL;
}

void trans_end(struct handle *h)
{
	handle_drop_ext(h);
	paid(L_TRANS_WRITERS, 0, &h->trans->writers_wait);
	handle_close(h);
}

void trans_abort(struct fs *fs, int err)
{
	int none = 0;

	CHECK(err < 0);
	rt_access(fs->numbers_id, POINT_WRITE);
	atomic_compare_exchange_strong(&fs->error, &none, err);
}

void trans_forget(struct fs *fs)
{
	CHECK(!fs->committing);
	if (fs->running)
		trans_put(fs->running);
	fs->running = NULL;
}

/* ---- the commit ---- */

static bool no_ext_writers(void *arg)
{
	struct trans *t = arg;

	return atomic_load(&t->ext_writers) == 0;
}

static bool no_pending(void *arg)
{
	struct trans *t = arg;

	return atomic_load(&t->pending_ordered) == 0;
}

void trans_wait_pending(struct trans *t)
{
	wait_until(&t->pending_wait, no_pending, t);
}

void trans_leave_pending(struct trans *t)
{
}

void trans_tell_completed(struct trans *t)
{
}

void trans_tell_super(struct trans *t)
{
	CHECK(trans_state(t) == TRANS_UNBLOCKED);
	rt_access(t->fs->trans_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&t->fs->trans_lock);
	atomic_store(&t->state, TRANS_SUPER_COMMITTED);
	spin_unlock(&t->fs->trans_lock);
	wait_give(&t->done_wait, true); /* who waits for COMPLETED sleeps on */
}

static bool only_committer(void *arg)
{
	struct trans *t = arg;

	return atomic_load(&t->writers) == 1;
}

static void trans_set_state(struct trans *t, enum trans_state s)
{
	rt_access(t->fs->trans_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&t->fs->trans_lock);
	atomic_store(&t->state, s);
	spin_unlock(&t->fs->trans_lock);
	trace(EV_TRANS_STATE, t->id, s);
}

static int put_root_item(struct fs *fs, uint64_t generation, uint64_t id, struct tree *t, uint64_t next_ino)
{
	struct tree_ptr ptr = tree_root_ptr(t);
	struct root_item item = { ptr.bytenr, ptr.generation, ptr.level, next_ino };
	struct key k = { id, ITEM_ROOT, 0 };

	return tree_put(&fs->root_tree, generation, &k, &item, sizeof(item));
}

/* Every tree's changed blocks onto `dirty`, every root item up to date. kernel: commit_fs_roots(),
 * commit_cowonly_roots(). */
static int trans_take_trees(struct fs *fs, struct trans *t, struct list *dirty)
{
	int ret = 0;

	for (uint32_t i = 0; i < fs->nsubvols && !ret; i++) {
		struct root *root = &fs->subvols[i];
		if (tree_take_dirty(&root->tree, dirty))
			ret = put_root_item(fs, t->id, root->id, &root->tree, root->next_ino);
	}
	if (!ret && tree_take_dirty(&fs->csum_tree, dirty))
		ret = put_root_item(fs, t->id, CSUM_TREE_ID, &fs->csum_tree, 0);
	tree_take_dirty(&fs->root_tree, dirty);
	return ret;
}

/*
 * Nobody but the committer has a handle: the trees stand still (trans.1). The logs go, the changed blocks are taken for
 * writing, super_for_commit names the new roots and no log (trans.3), and what was given up until now waits for this
 * commit's super (alloc.1). tree_log_mutex held.
 */
static int trans_freeze(struct fs *fs, struct trans *t, struct list *dirty)
{
	CHECK(only_committer(t));
	int ret = log_free_all(fs);

	if (!ret)
		ret = trans_take_trees(fs, t, dirty);
	if (ret)
		return ret;
	/* the commit before this one ended well, or we would not be here: its super is the one that is replaced */
	CHECK(fs->super_for_commit.generation + 1 == t->id);
	CHECK(atomic_load(&fs->last_trans_committed) + 1 == t->id);
	fs->super_for_commit = fs->super;
	fs->super_for_commit.generation = t->id;
	fs->super_for_commit.root_tree = tree_root_ptr(&fs->root_tree);
	fs->super_for_commit.log_root = (struct tree_ptr){ 0 };
	fs->super_for_commit.stream = (struct super_stream){ 0 };
	if (fs->stream)
		stream_checkpoint(fs->stream, t->id, &fs->super_for_commit);
	alloc_commit_pins(fs->alloc);
	return 0;
}

/* The blocks that were taken, then the super. The next transaction runs by now, and copies what it changes (tree.1). */
static int trans_write(struct fs *fs, struct list *dirty)
{
	struct batch b;

	batch_init(&b, fs->dev);
	tree_write_list(fs->blocks, dirty, &b);
	/* Never over an error (trans.4). Every block that the super is going to name is in this batch, or in one
	 * that succeeded: a batch of trees that fails aborts, one of a log marks the transaction. So an error of a
	 * log that this commit replaces does not stop it. */
	int ret = batch_wait(&b);
	if (!ret)
		ret = fs_error(fs);
	if (!ret && fs->stream)
		stream_flushing(fs->stream);
	if (!ret)
		ret = fs->on.write_super(fs, false);
	return ret;
}

/* Whoever waits for a handle may begin the next transaction. No handle of t will be opened any more. */
static void trans_unblock(struct fs *fs, struct trans *t)
{
	rt_access(fs->trans_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&fs->trans_lock);
	CHECK(fs->running == t && fs->committing == t && trans_state(t) == TRANS_COMMIT_DOING);
	atomic_store(&t->state, TRANS_UNBLOCKED);
	fs->running = NULL;
	spin_unlock(&fs->trans_lock);
	paid(L_TRANS_JOIN, 0, &t->join_wait);
	paid(L_TRANS_START, 0, &t->start_wait);
	wait_give(&t->start_wait, true);
	wait_give(&t->join_wait, true);
	trace(EV_TRANS_UNBLOCKED, t->id);
}

/* last_trans_committed moves before the state does: a task that sees COMPLETED finds its transaction committed, or
 * its error. */
static void trans_complete(struct fs *fs, struct trans *t, int err)
{
	if (err)
		trans_abort(fs, err);
	rt_access(fs->numbers_id, POINT_WRITE);
	if (!err)
		atomic_store(&fs->last_trans_committed, t->id);
	rt_access(fs->trans_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&fs->trans_lock);
	CHECK(fs->committing == t && trans_state(t) >= TRANS_UNBLOCKED);
	t->error = err;
	atomic_store(&t->state, TRANS_COMPLETED);
	fs->committing = NULL;
	spin_unlock(&fs->trans_lock);
	paid(L_TRANS_START, 0, &t->done_wait);
	wait_give(&t->done_wait, true);
	trace(EV_TRANS_ON_MEDIA, t->id, (uint64_t)err);
	trans_put(t); /* the running transaction's own reference */
}

/* From COMMIT_DOING to COMPLETED; h is the one handle left, and is ended here. */
static int trans_do_commit(struct fs *fs, struct trans *t, struct handle *h)
{
	struct list dirty;

	list_init(&dirty);
	trans_set_state(t, TRANS_COMMIT_DOING);
	owe(L_TRANS_JOIN, 0, &t->join_wait);
	wait_until(&t->writers_wait, only_committer, t);
	/* held until the super is on the media: no log of the next transaction is made before (trans.3) */
	mutex_lock(&fs->tree_log_mutex);
	int ret = fs_error(fs);
	if (!ret)
		ret = trans_freeze(fs, t, &dirty);
	bool frozen = !ret;
	trans_unblock(fs, t);
	handle_close(h);
	if (frozen)
		ret = trans_write(fs, &dirty);
	else
		tree_forget_list(&dirty);
	if (!ret)
		count(C_TRANS_COMMIT);
	if (ret)
		trans_abort(fs, ret);
	if (ret && frozen && fs->stream)
		stream_committed(fs->stream, ret);
	mutex_unlock(&fs->tree_log_mutex);
	if (ret)
		return ret;
	fs->on.super_committed(t);
	alloc_release_pins(fs->alloc);
	return 0;
}

/* Takes the caller's reference. */
static int trans_wait_done(struct trans *t)
{
	wait_until(&t->done_wait, trans_completed, t);
	int ret = t->error;
	trans_put(t);
	return ret;
}

/* The same until its super is on the media; it may fail after that no more. */
static int trans_wait_super(struct trans *t)
{
	wait_until(&t->done_wait, trans_super_committed, t);
	int ret = trans_completed(t) ? t->error : 0;
	trans_put(t);
	return ret;
}

int trans_commit(struct handle *h)
{
	return trans_commit_until(h, TRANS_COMPLETED);
}

int trans_commit_until(struct handle *h, enum trans_state until)
{
	struct trans *t = h->trans, *prev;
	struct fs *fs = t->fs;

	atomic_fetch_add(&t->refs, 1); /* the handle's goes with the handle */
	handle_drop_ext(h);
	paid(L_TRANS_WRITERS, 0, &t->writers_wait); /* our own handle does not wait for itself */
	spin_lock(&fs->trans_lock);
	if (trans_state(t) >= TRANS_COMMIT_START) {
		/* another task commits it, and waits for our handle among others */
		spin_unlock(&fs->trans_lock);
		handle_close(h);
		return until == TRANS_COMPLETED ? trans_wait_done(t) : trans_wait_super(t);
	}
	CHECK(fs->running == t);
	atomic_store(&t->state, TRANS_COMMIT_START); /* the commit is ours, and START handles wait for it */
	prev = fs->committing;
	if (prev)
		atomic_fetch_add(&prev->refs, 1);
	spin_unlock(&fs->trans_lock);
	trace(EV_TRANS_COMMIT_STARTED, t->id);
	if (prev)
		trans_wait_done(prev);
	rt_access(fs->trans_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&fs->trans_lock);
	CHECK(!fs->committing && fs->running == t);
	fs->committing = t;
	spin_unlock(&fs->trans_lock);
	owe(L_TRANS_START, 0, &t->done_wait);
	owe(L_TRANS_START, 0, &t->start_wait);
	/* no fsync logs into t any more, so what is pending now is all that ever will be (trans.2) */
	wait_until(&t->ext_wait, no_ext_writers, t);
	fs->on.commit_logged(t);
	int ret = trans_do_commit(fs, t, h);
	trans_complete(fs, t, ret);
	trans_put(t);
	return ret;
}

int trans_attach_barrier(struct fs *fs, struct handle *h)
{
	spin_lock(&fs->trans_lock);
	if (fs_error(fs)) { /* under the lock, as in trans_start() */
		spin_unlock(&fs->trans_lock);
		return -EROFS;
	}
	struct trans *t = fs->running;
	if (t && trans_admits(t, TRANS_START)) {
		handle_open(t, TRANS_START, h);
		spin_unlock(&fs->trans_lock);
		handle_owe(h);
		return 0;
	}
	if (t)
		atomic_fetch_add(&t->refs, 1);
	spin_unlock(&fs->trans_lock);
	if (t) {
		wait_until(&t->start_wait, trans_unblocked, t);
		trans_put(t);
	}
	spin_lock(&fs->trans_lock);
	t = fs->committing;
	if (t)
		atomic_fetch_add(&t->refs, 1);
	spin_unlock(&fs->trans_lock);
	int ret = t ? trans_wait_done(t) : 0;
	return ret ? ret : -ENOENT;
}

int trans_commit_id(struct fs *fs, uint64_t id)
{
	struct handle h;

	if (fs_committed(fs) >= id)
		return 0;
	spin_lock(&fs->trans_lock);
	struct trans *t = fs->running;
	if (t && t->id == id && trans_admits(t, TRANS_START)) {
		handle_open(t, TRANS_START, &h);
		spin_unlock(&fs->trans_lock);
		handle_owe(&h);
		return trans_commit(&h);
	}
	if (!t || t->id != id)
		t = fs->committing;
	/* neither: it is done, or the file system was aborted */
	if (!t || t->id != id) {
		spin_unlock(&fs->trans_lock);
		return fs_committed(fs) >= id ? 0 : fs_error(fs);
	}
	atomic_fetch_add(&t->refs, 1);
	spin_unlock(&fs->trans_lock);
	return trans_wait_done(t);
}

int trans_commit_running(struct fs *fs)
{
	if (fs->opt.read_only) /* what a replay has changed is in memory, and stays there */
		return 0;
	spin_lock(&fs->trans_lock);
	struct trans *t = fs->running ? fs->running : fs->committing;
	uint64_t id = t ? t->id : 0;
	spin_unlock(&fs->trans_lock);
	return id ? trans_commit_id(fs, id) : fs_error(fs);
}

/* ---- the log and ordered extents ---- */

void trans_add_pending(struct handle *h, struct ordered *o)
{
	CHECK(mutex_held(&o->inode->ordered_lock.m));
	if (atomic_load(&o->flags) & (ORDERED_COMPLETE | ORDERED_PENDING))
		return;
	CHECK(!o->pending_in);
	atomic_fetch_or(&o->flags, ORDERED_PENDING);
	o->pending_in = h->trans;
	atomic_fetch_add(&h->trans->refs, 1);
	atomic_fetch_add(&h->trans->pending_ordered, 1);
}

void trans_pending_done(struct trans *t)
{
	int32_t pending = atomic_fetch_sub(&t->pending_ordered, 1);

	CHECK(pending > 0);
	wait_give(&t->pending_wait, pending == 1);
	trans_put(t);
}

void trans_no_log(struct fs *fs, uint64_t id)
{
	rt_access(fs->numbers_id, POINT_WRITE);
	atomic_store(&fs->log_full_commit, id);
}

bool trans_is_no_log(struct fs *fs, uint64_t id)
{
	rt_access(fs->numbers_id, POINT_READ);
	return atomic_load(&fs->log_full_commit) == id;
}
