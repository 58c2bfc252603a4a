/*
 * log_name.c: see log_name.h. Which names have changed since the last commit is kept in memory, by hash (kernel:
 * delayed directory items; in 2014, the leaves of the tree that belong to the transaction).
 *
 * names_lock (L_DIR_LOG) is held while one entry of the directory changes, in the tree and in this record, and while
 * the directory is logged: a log of the directory has each entry as it was between two such changes. That may be in the
 * middle of a rename (log_name.1, log_name.2).
 */
#include <stdlib.h>

#include "fs/cost.h"
#include "fs/inode.h"
#include "fs/log_name.h"
#include "item/names.h"
#include "fs/trans.h"

/*
 * One name that has changed. Two kinds, told apart by `ino`:
 *   0: what the directory has for it now.
 *   an inode's number: the name was taken from that inode. The committed tree may still have it so.
 * Each refers to its inode, which stays in memory by that, with its last_unlink_trans.
 */
struct name_change {
	RB_ENTRY(name_change) rb; /* by hash, then ino */
	struct list link;         /* on names.changes, the last changed one last */
	struct list lost;         /* not of kind 0: on inode->lost_names */
	uint64_t hash, ino;
	uint64_t transid;         /* transaction of the change */
	uint64_t logged;          /* of kind 0: transaction whose log has the entry as it is now */
	uint64_t gone;            /* of kind 0: transaction whose log says that the name is gone, or has an entry */
	struct inode *inode;      /* of kind 0: who has the name, NULL: nobody; else from whom it was taken */
};

static int change_cmp(struct name_change *a, struct name_change *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

RB_GENERATE_INTERNAL(name_changes, name_change, rb, change_cmp, __attribute__((unused)) static)

void names_init(struct root *root)
{
	struct dir_names *d = &root->names;

	mutex_init(&d->lock, L_DIR_LOG, 0);
	RB_INIT(&d->by_hash);
	list_init(&d->changes);
	d->last_sub_trans = -1;
	d->last_log_commit = -2;
}

static void change_free(struct dir_names *d, struct name_change *c)
{
	RB_REMOVE(name_changes, &d->by_hash, c);
	list_del(&c->link);
	CHECK(d->changes.next != &c->link);
	if (c->ino)
		list_del(&c->lost);
	if (c->inode)
		inode_unref(c->inode);
	free(c);
}

void names_free(struct root *root)
{
	while (!list_empty(&root->names.changes))
		change_free(&root->names, list_first(&root->names.changes, struct name_change, link));
}

/* ---- the record of changes: names.lock held ---- */

static struct name_change *change_find(struct dir_names *d, uint64_t hash, uint64_t ino)
{
	struct name_change key = { .hash = hash, .ino = ino };

	CHECK(mutex_held(&d->lock));
	return RB_FIND(name_changes, &d->by_hash, &key);
}

static struct name_change *change_note(struct dir_names *d, uint64_t hash, uint64_t ino, uint64_t transid)
{
	struct name_change *c = change_find(d, hash, ino);

	if (c) {
		list_del(&c->link);
	} else {
		c = mem_zalloc(sizeof(*c));
		c->hash = hash;
		c->ino = ino;
		RB_INSERT(name_changes, &d->by_hash, c);
	}
	c->transid = transid;
	list_add_tail(&c->link, &d->changes);
	return c;
}

/* What is in a committed tree by now is no change any more. */
static void changes_prune(struct fs *fs, struct dir_names *d)
{
	uint64_t committed = fs_committed(fs);

	while (!list_empty(&d->changes)) {
		struct name_change *c = list_first(&d->changes, struct name_change, link);
		if (c->transid > committed)
			return;
		change_free(d, c);
	}
}

void names_prune(struct root *root)
{
	mutex_lock(&root->names.lock);
	changes_prune(root->fs, &root->names);
	mutex_unlock(&root->names.lock);
}

/* The directory has `inode` for the name now; NULL: nobody. */
static void note_entry(struct root *root, struct handle *h, uint64_t hash, struct inode *inode)
{
	struct dir_names *d = &root->names;
	struct name_change *c;

	changes_prune(root->fs, d);
	c = change_note(d, hash, 0, h->trans->id);
	if (inode)
		inode_ref(inode);
	if (c->inode)
		inode_unref(c->inode);
	c->inode = inode;
	c->logged = 0;
	rt_access(root->log.numbers_id, POINT_READ);
	d->last_trans = h->trans->id;
	d->last_sub_trans = atomic_load(&root->log.running_transid);
	d->last_log_commit = d->last_sub_trans - 1; /* as inode.2 */
}

static void note_loss(struct root *root, struct handle *h, uint64_t hash, struct inode *inode)
{
	struct name_change *c = change_note(&root->names, hash, inode->ino, h->trans->id);

	if (c->inode)
		return;
	inode_ref(inode);
	c->inode = inode;
	list_add_tail(&c->lost, &inode->lost_names);
}

/* ---- a change of a name ---- */

int name_give(struct root *root, struct handle *h, struct inode *inode, const char *name)
{
	uint64_t hash = name_hash(name);

	mutex_lock(&root->names.lock);
	int ret = name_add(&root->tree, h->trans->id, inode->ino, name);
	if (!ret) {
		note_entry(root, h, hash, inode);
		struct name_change *lost = change_find(&root->names, hash, inode->ino);
		if (lost)
			change_free(&root->names, lost); /* it has it back */
		trace(EV_NAME_GIVEN, inode_trace_id(inode), inode->ino);
	}
	mutex_unlock(&root->names.lock);
	return ret;
}

int name_take(struct root *root, struct handle *h, struct inode *inode, const char *name)
{
	uint64_t hash = name_hash(name);

	mutex_lock(&root->names.lock);
	int ret = name_remove(&root->tree, h->trans->id, inode->ino, name);
	if (!ret) {
		note_entry(root, h, hash, NULL);
		note_loss(root, h, hash, inode);
		trace(EV_NAME_TAKEN, inode_trace_id(inode), inode->ino);
	}
	mutex_unlock(&root->names.lock);
	return ret;
}

/* Was the name taken from another inode, which lives, since the last commit? */
static bool is_taken(struct root *root, uint64_t hash, uint64_t ino)
{
	struct name_change key = { .hash = hash, .ino = 1 };
	uint64_t committed = fs_committed(root->fs);
	struct name_change *c = RB_NFIND(name_changes, &root->names.by_hash, &key);

	for (; c && c->hash == key.hash; c = RB_NEXT(name_changes, &root->names.by_hash, c)) {
		rt_access(c->inode->stamps_id, POINT_READ);
		if (c->ino != ino && c->transid > committed && !atomic_load(&c->inode->unlinked))
			return true;
	}
	return false;
}

/* ---- the names of one inode in the log ---- */

bool names_are_new(struct inode *inode)
{
	uint64_t committed = fs_committed(inode->root->fs);

	return inode->generation > committed || atomic_load(&inode->last_unlink_trans) > committed;
}

/* Has the name that this inode has lost come to another? The log would say that it is gone, and not whose it is now:
 * after a crash in which a rename took it, nobody would have it. */
static bool is_anothers(struct root *root, uint64_t hash, struct inode *inode)
{
	struct name_change *c = change_find(&root->names, hash, 0);

	return c && c->inode && c->inode != inode;
}

bool names_are_taken(struct inode *inode)
{
	struct root *root = inode->root;
	struct names names;
	struct list *pos;
	bool taken = false;

	CHECK(inode_is_synced(inode));
	/* an error here is met again by who logs them */
	if (names_get(&root->tree, inode->ino, &names))
		return true;
	mutex_lock(&root->names.lock);
	changes_prune(root->fs, &root->names);
	for (uint32_t i = 0; i < names.n && !taken; i++)
		taken = is_taken(root, name_hash(names.name[i]), inode->ino);
	/* what it has lost is going to be told as gone (put_lost()) */
	list_for_each(pos, &inode->lost_names) {
		uint64_t hash = list_entry(pos, struct name_change, lost)->hash;
		taken |= is_taken(root, hash, inode->ino) || is_anothers(root, hash, inode);
	}
	mutex_unlock(&root->names.lock);
	return taken;
}

bool names_go_with_others(struct inode *inode)
{
	return false;
}

/* names.lock held: of this name, only what the log says is to be believed. */
static int put_range(struct root *root, uint64_t generation, uint64_t hash)
{
	struct key k = { DIR_INO, ITEM_DIR_LOG, hash };
	struct dir_log_item item = { .last = hash };
	struct name_change *c = change_find(&root->names, hash, 0);

	CHECK(c); /* it has changed, or nobody would say so */
	c->gone = generation;
	return tree_put(&root->log.tree, generation, &k, &item, sizeof(item));
}

/* Names that the inode has had since the last commit, and has no more: the committed tree may have one for a file that
 * had it before, and has no name now. */
static int put_lost(struct inode *inode, uint64_t generation)
{
	struct root *root = inode->root;
	struct list *pos;
	int ret = 0;

	mutex_lock(&root->names.lock);
	changes_prune(root->fs, &root->names);
	list_for_each(pos, &inode->lost_names)
		if (!ret)
			ret = put_range(root, generation, list_entry(pos, struct name_change, lost)->hash);
	mutex_unlock(&root->names.lock);
	return ret;
}

/* As they are in the tree now. inode->log_mutex held. */
static int put_names(struct inode *inode, uint64_t generation)
{
	struct names names;
	int ret = names_get(&inode->root->tree, inode->ino, &names);

	CHECK(mutex_held(&inode->log_mutex));
	if (!ret)
		ret = put_lost(inode, generation);
	if (!ret)
		ret = names_put(&inode->root->log.tree, generation, inode->ino, &names);
	if (!ret)
		trace(EV_NAMES_LOGGED, inode_trace_id(inode), inode->ino, names.n);
	return ret;
}

int log_own_names(struct inode *inode, struct handle *h, int64_t transid)
{
	mutex_lock(&inode->log_mutex);
	int ret = put_names(inode, h->trans->id);
	mutex_unlock(&inode->log_mutex);
	return ret;
}

/* The marks of log_name.1, and nothing else: what else of the inode has changed is to be logged still. */
void inode_logged_names(struct inode *inode, uint64_t generation, int64_t transid)
{
	rt_access(inode->stamps_id, POINT_WRITE);
	atomic_store(&inode->logged_trans, generation);
}

void inode_logged_all(struct inode *inode, uint64_t generation, int64_t transid)
{
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->logged_trans, generation);
	atomic_store(&inode->last_log_commit, transid);
	spin_unlock(&inode->ordered_lock);
}

/*
 * The inode's names, and that it exists. When the log has its item, that stays; else it gets one that says no more than
 * that: replay keeps the size and the extents that a committed tree has. kernel: btrfs_log_inode(LOG_INODE_EXISTS).
 */
static int log_exists(struct inode *inode, struct handle *h, int64_t transid)
{
	struct inode_item item = { .generation = inode->generation, .transid = h->trans->id,
				   .flags = atomic_load(&inode->attrs) | INODE_ITEM_EXISTS };
	struct key k = { inode->ino, ITEM_INODE, 0 };

	mutex_lock(&inode->log_mutex);
	inode->root->fs->on.logged_exists(inode, h->trans->id, transid);
	int ret = tree_insert(&inode->root->log.tree, h->trans->id, &k, &item, sizeof(item));
	if (!ret || ret == -EEXIST)
		ret = put_names(inode, h->trans->id);
	mutex_unlock(&inode->log_mutex);
	fs_cost(COST_LOG_INODE);
	return ret;
}

/* ---- calls that change names, after the change ---- */

/* One that was evicted since it was logged does not know of it (803f0f64d177). But then its names have not changed
 * since the last commit, and are not in the log. */
bool inode_is_logged(struct inode *inode, struct handle *h)
{
	rt_access(inode->stamps_id, POINT_READ);
	return atomic_load(&inode->logged_trans) == h->trans->id;
}

/* An inode that nothing is known of is looked for in the log, and what was found is noted: with no lock, so over what
 * a task has noted meanwhile that has logged it. kernel: inode_logged(). */
bool inode_is_logged_torn(struct inode *inode, struct handle *h)
{
	struct key k = { inode->ino, ITEM_INODE, 0 };
	uint64_t transid = h->trans->id;
	struct inode_item item;

	rt_access(inode->stamps_id, POINT_READ);
	uint64_t logged = atomic_load(&inode->logged_trans);
	if (logged || !log_join(inode->root, h))
		return logged == transid;
	bool found = !tree_lookup(&inode->root->log.tree, &k, &item, sizeof(item), NULL);
	log_end(inode->root);
	rt_access(inode->stamps_id, POINT_WRITE);
	if (atomic_exchange(&inode->logged_trans, found ? transid : transid - 1) == transid && !found)
		trace(EV_MARK_OVERWRITTEN, inode_trace_id(inode), inode->ino);
	return found;
}

static bool dir_is_logged(struct root *root, struct handle *h)
{
	mutex_lock(&root->names.lock);
	bool is = root->names.logged_trans == h->trans->id;
	mutex_unlock(&root->names.lock);
	return is;
}

/* The directory is logged, or at least says of this name that it is gone. */
static bool log_knows_name(struct root *root, struct handle *h, const char *name)
{
	struct dir_names *d = &root->names;

	mutex_lock(&d->lock);
	struct name_change *c = change_find(d, name_hash(name), 0);
	bool knows = d->logged_trans == h->trans->id || (c && c->gone == h->trans->id);
	mutex_unlock(&d->lock);
	return knows;
}

/* What could not be told to the log is in the trees, so the transaction is committed instead of it (log.3). */
static void log_told(struct root *root, struct handle *h, int ret)
{
	if (ret)
		trans_no_log(root->fs, h->trans->id);
	log_end(root);
}

static int cut_name(struct inode *inode, uint64_t generation, const char *name)
{
	struct tree *log = &inode->root->log.tree;
	struct names names;

	mutex_lock(&inode->log_mutex);
	int ret = names_get(log, inode->ino, &names);
	uint32_t i = names_find(&names, name);
	if (!ret && i < names.n) {
		names_cut(&names, i);
		ret = names_put(log, generation, inode->ino, &names);
	}
	mutex_unlock(&inode->log_mutex);
	return ret;
}

/* names.lock held: the log's directory has nobody for the name. */
static int put_gone(struct root *root, uint64_t generation, uint64_t hash)
{
	struct key k = { DIR_INO, ITEM_DIR, hash };
	int ret = tree_delete(&root->log.tree, generation, &k);

	return ret && ret != -ENOENT ? ret : put_range(root, generation, hash);
}

void log_forget_name(struct inode *inode, struct handle *h, const char *name)
{
	struct root *root = inode->root;
	bool of_inode = root->fs->on.inode_logged(inode, h), of_dir = dir_is_logged(root, h);
	int ret = 0;

	if ((!of_inode && !of_dir) || !log_join(root, h))
		return;
	if (of_inode)
		ret = cut_name(inode, h->trans->id, name);
	mutex_lock(&root->names.lock);
	if (!ret)
		ret = put_gone(root, h->trans->id, name_hash(name));
	mutex_unlock(&root->names.lock);
	log_told(root, h, ret);
}

void log_new_name(struct inode *inode, struct handle *h, const char *name)
{
	struct root *root = inode->root;

	if ((!root->fs->on.inode_logged(inode, h) && !log_knows_name(root, h, name)) || !log_join(root, h))
		return;
	/* a writer keeps the sub-transaction running */
	rt_access(root->log.numbers_id, POINT_READ);
	int64_t transid = atomic_load(&root->log.running_transid);
	int ret = root->fs->on.names_decline(inode) ? -EAGAIN : log_exists(inode, h, transid);
	log_told(root, h, ret);
}

/* ---- the directory ---- */

/* An inode that no committed tree has, and no log: its name would stand for nothing. */
static bool needs_to_exist(struct inode *inode, struct handle *h)
{
	return inode && inode->generation > fs_committed(inode->root->fs) && !inode_is_logged(inode, h);
}

static int put_entry(struct root *root, struct handle *h, struct name_change *c)
{
	struct key k = { DIR_INO, ITEM_DIR, c->hash };
	struct dir_item d;

	if (!c->inode)
		return put_gone(root, h->trans->id, c->hash);
	int ret = tree_lookup(&root->tree, &k, &d, sizeof(d), NULL);
	return ret ? ret : tree_put(&root->log.tree, h->trans->id, &k, &d, sizeof(d));
}

/* Puts each entry that has changed, and marks it. *new: the inodes that have to exist for them; to be freed. */
static int put_entries(struct root *root, struct handle *h, struct inode ***new, uint32_t *nnew)
{
	struct dir_names *d = &root->names;
	struct list *pos;
	uint32_t n = 0;
	int ret = 0;

	list_for_each(pos, &d->changes) {
		struct name_change *c = list_entry(pos, struct name_change, link);
		if (c->ino || c->logged == h->trans->id)
			continue;
		ret = put_entry(root, h, c);
		if (ret)
			return ret;
		c->logged = h->trans->id;
		n++;
		if (!needs_to_exist(c->inode, h))
			continue;
		*new = realloc(*new, (*nnew + 1) * sizeof(**new));
		CHECK(*new);
		(*new)[(*nnew)++] = c->inode;
	}
	trace(EV_DIR_LOGGED, root->id, n);
	return 0;
}

int log_dir(struct root *root, struct handle *h, int64_t transid)
{
	struct dir_names *d = &root->names;
	struct inode **new = NULL;
	uint32_t n = 0;

	mutex_lock(&d->lock);
	d->logged_trans = h->trans->id;
	changes_prune(root->fs, d);
	int ret = put_entries(root, h, &new, &n);
	if (!ret)
		d->last_log_commit = transid;
	mutex_unlock(&d->lock);
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = log_exists(new[i], h, transid);
	free(new);
	return ret;
}

int log_names_of_parent(struct inode *inode, struct handle *h, int64_t transid)
{
	int ret = log_own_names(inode, h, transid);

	if (ret || (atomic_load(&inode->last_unlink_trans) < h->trans->id && !names_are_taken(inode)))
		return ret;
	return log_dir(inode->root, h, transid);
}

bool dir_in_group(struct root *root, uint64_t *lsn)
{
	struct dir_names *d = &root->names;

	mutex_lock(&d->lock);
	bool committed = d->last_trans <= fs_committed(root->fs);
	bool in_group = d->logged_trans == fs_generation(root->fs) && d->last_log_commit > 0;
	*lsn = in_group && !committed ? (uint64_t)d->last_log_commit : 0;
	mutex_unlock(&d->lock);
	return committed || in_group;
}

bool dir_is_durable(struct root *root)
{
	struct dir_names *d = &root->names;

	mutex_lock(&d->lock);
	rt_access(root->log.numbers_id, POINT_READ);
	bool is = d->last_trans <= fs_committed(root->fs) ||
		  (d->logged_trans == fs_generation(root->fs) && d->last_sub_trans <= d->last_log_commit &&
		   d->last_log_commit <= atomic_load(&root->log.last_commit));
	mutex_unlock(&d->lock);
	return is;
}
