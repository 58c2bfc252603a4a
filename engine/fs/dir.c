/*
 * dir.c: names: create, open, close, unlink, link, rename, readdir and fsync of a subvolume's flat directory.
 * dir_lock is held throughout each. A change of an inode's names holds the inode's lock too (kernel: so does the VFS),
 * so none comes in the middle of its fsync. An unlinked file that is open leaves an orphan mark, so that a crash before
 * its last close does not leak its space (mount.c deletes orphans).
 *
 * Callers: the public door (fs.h).
 */
#include <stdlib.h>

#include "fs/dir.h"
#include "fs/inode.h"
#include "fs/log_name.h"
#include "item/names.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/extent_map.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/stream.h"
#include "fs/writeback.h"

static int name_check(const char *name)
{
	size_t n = strlen(name);

	return n == 0 || n >= FS_NAME_MAX || strchr(name, '/') ? -EINVAL : 0;
}

static int dir_find(struct root *root, const char *name, struct inode **out)
{
	uint64_t ino;
	int ret = name_lookup(&root->tree, name, &ino);

	if (!ret)
		ret = inode_get(root, ino, out);
	return ret || atomic_load(&(*out)->nlink) ? ret : -EIO; /* an image can say that it has no names */
}

static struct file *file_new(struct inode *inode)
{
	struct file *f = mem_zalloc(sizeof(*f));

	CHECK(mutex_held(&inode->root->dir_lock));
	inode->opens++;
	f->inode = inode;
	atomic_store(&f->seen_errors, atomic_load(&inode->wb_errors));
	return f;
}

static int create_items(struct root *root, struct handle *h, const char *name, struct inode **out)
{
	uint64_t ino = root->next_ino++;
	struct inode_item item = { .generation = h->trans->id, .transid = h->trans->id, .nlink = 1 };
	struct key k = { ino, ITEM_INODE, 0 };

	int ret = tree_insert(&root->tree, h->trans->id, &k, &item, sizeof(item));
	if (!ret)
		ret = inode_get(root, ino, out);
	return ret ? ret : name_give(root, h, *out, name);
}

int fs_create(struct root *root, const char *name, struct file **out)
{
	struct handle h;
	struct inode *inode;
	uint64_t ino;

	int ret = name_check(name);
	if (ret)
		return ret;
	background_make_space(root->fs);
	mutex_lock(&root->dir_lock);
	ret = name_lookup(&root->tree, name, &ino);
	if (ret != -ENOENT) {
		ret = ret ? ret : -EEXIST;
		goto unlock_dir;
	}
	if (root->next_ino >= INO_MAX) {
		ret = -ENOSPC;
		goto unlock_dir;
	}
	ret = trans_start(root->fs, TRANS_START, &h);
	if (ret)
		goto unlock_dir;
	ret = create_items(root, &h, name, &inode);
	if (ret)
		trans_abort(root->fs, ret);
	if (!ret) {
		inode_set_flag(inode, INODE_NEEDS_FULL_SYNC | INODE_NEW); /* inode.1 */
		inode_touch(inode, h.trans->id);
		*out = file_new(inode);
	}
	trans_end(&h);
unlock_dir:
	mutex_unlock(&root->dir_lock);
	return ret;
}

int fs_open(struct root *root, const char *name, struct file **out)
{
	struct inode *inode;

	int ret = name_check(name);
	if (ret)
		return ret;
	mutex_lock(&root->dir_lock);
	ret = dir_find(root, name, &inode);
	if (!ret)
		*out = file_new(inode);
	mutex_unlock(&root->dir_lock);
	return ret;
}

/* ---- the end of a file ---- */

/* Nobody can reach the inode any more: its pages are not worth writing. dir_lock held. */
static void inode_evict_unlinked(struct inode *inode)
{
	struct root *root = inode->root;

	CHECK(inode->unlinked && inode->opens == 0 && mutex_held(&root->dir_lock));
	/* dirty pages are written all the same: some may be in the hands of workers, which have to end before the
	 * items go */
	writeback_start(inode, 0, UINT64_MAX);
	if (inode_flag(inode, INODE_HAS_ASYNC))
		writeback_start(inode, 0, UINT64_MAX);
	ordered_wait_range(inode, 0, UINT64_MAX);
	inode_delete_items(root, inode->ino); /* an error has aborted the file system */
}

/* dir_lock held. inode may be NULL. */
static void inode_evict_if_unused(struct inode *inode)
{
	if (inode && inode->opens == 0 && atomic_load(&inode->unlinked))
		inode_evict_unlinked(inode);
}

void fs_close(struct file *f)
{
	struct root *root = f->inode->root;

	mutex_lock(&root->dir_lock);
	CHECK(f->inode->opens > 0);
	f->inode->opens--;
	inode_evict_if_unused(f->inode);
	mutex_unlock(&root->dir_lock);
	free(f);
}

/* ---- changes of the names that files have ---- */

/* One call that changes names of up to two files. What it holds from change_begin() to change_end(): dir_lock, the
 * locks of both inodes, a handle. */
struct change {
	struct root *root;
	struct inode *inode, *other; /* other: NULL, or the one that loses the name that `inode` gets */
	struct handle h;
};

static void lock_inodes(struct change *c)
{
	bool swap = c->other && c->other->ino < c->inode->ino;

	if (swap)
		write_lock(&c->other->lock);
	write_lock(&c->inode->lock);
	if (c->other && !swap)
		write_lock(&c->other->lock);
}

static void unlock_inodes(struct change *c)
{
	write_unlock(&c->inode->lock);
	if (c->other)
		write_unlock(&c->other->lock);
}

static int change_begin(struct change *c)
{
	lock_inodes(c);
	int ret = trans_start(c->root->fs, TRANS_START, &c->h);
	if (ret) {
		unlock_inodes(c);
		return ret;
	}
	atomic_store(&c->inode->last_unlink_trans, c->h.trans->id);
	if (c->other)
		atomic_store(&c->other->last_unlink_trans, c->h.trans->id);
	return 0;
}

/* Returns ret; an error aborts, since names may be half changed. */
static int change_end(struct change *c, int ret)
{
	if (ret)
		trans_abort(c->root->fs, ret);
	trans_end(&c->h);
	unlock_inodes(c);
	return ret;
}

/* The inode has got (+1) or lost (-1) a name. One that has none left gets an orphan mark in the same transaction. */
static int change_nlink(struct change *c, struct inode *inode, int by)
{
	struct key k = { ORPHAN_INO, ITEM_ORPHAN, inode->ino };
	int ret = 0;

	rt_access(inode->stamps_id, POINT_WRITE);
	if (atomic_fetch_add(&inode->nlink, (uint32_t)by) + (uint32_t)by == 0) {
		atomic_store(&inode->unlinked, true);
		ret = tree_insert(&c->root->tree, c->h.trans->id, &k, "", 0);
	}
	return ret ? ret : inode_update(inode, &c->h);
}

static int remove_name(struct change *c, struct inode *inode, const char *name)
{
	int ret = name_take(c->root, &c->h, inode, name);

	return ret ? ret : change_nlink(c, inode, -1);
}

static int add_name(struct change *c, struct inode *inode, const char *name)
{
	int ret = name_give(c->root, &c->h, inode, name);

	return ret ? ret : change_nlink(c, inode, 1);
}

int fs_unlink(struct root *root, const char *name)
{
	struct change c = { .root = root };

	int ret = name_check(name);
	if (ret)
		return ret;
	mutex_lock(&root->dir_lock);
	ret = dir_find(root, name, &c.inode);
	if (!ret)
		ret = change_begin(&c);
	if (ret)
		goto unlock_dir;
	ret = remove_name(&c, c.inode, name);
	if (!ret)
		log_forget_name(c.inode, &c.h, name);
	ret = change_end(&c, ret);
	if (!ret)
		inode_evict_if_unused(c.inode);
unlock_dir:
	mutex_unlock(&root->dir_lock);
	return ret;
}

static int may_link(struct root *root, const char *old, const char *new, struct inode **out)
{
	uint64_t ino;
	int ret = dir_find(root, old, out);

	if (ret)
		return ret;
	ret = name_lookup(&root->tree, new, &ino);
	if (ret != -ENOENT)
		return ret ? ret : -EEXIST;
	return atomic_load(&(*out)->nlink) == LINKS_MAX ? -EMLINK : 0;
}

int fs_link(struct root *root, const char *old, const char *new, uint64_t *ino)
{
	struct change c = { .root = root };

	int ret = name_check(old);
	if (!ret)
		ret = name_check(new);
	if (ret)
		return ret;
	background_make_space(root->fs);
	mutex_lock(&root->dir_lock);
	ret = may_link(root, old, new, &c.inode);
	if (!ret)
		ret = change_begin(&c);
	if (ret)
		goto unlock_dir;
	ret = add_name(&c, c.inode, new);
	if (!ret)
		log_new_name(c.inode, &c.h, new);
	ret = change_end(&c, ret);
	if (!ret && ino)
		*ino = c.inode->ino;
unlock_dir:
	mutex_unlock(&root->dir_lock);
	return ret;
}

/* In the trees: whoever has `new` loses it, then the file loses `old` and gets `new`. */
static int move_name(struct change *c, const char *old, const char *new)
{
	int ret = c->other ? remove_name(c, c->other, new) : 0;

	if (!ret)
		ret = name_take(c->root, &c->h, c->inode, old);
	if (!ret)
		ret = name_give(c->root, &c->h, c->inode, new);
	return ret ? ret : inode_update(c->inode, &c->h);
}

/* The same in the log, as far as that has told of them. */
static void log_move(struct change *c, const char *old, const char *new)
{
	if (c->other)
		log_forget_name(c->other, &c->h, new);
	log_forget_name(c->inode, &c->h, old);
	log_new_name(c->inode, &c->h, new);
}

int rename_pinned(struct change *c, const char *old, const char *new)
{
	log_write_begin(c->root);
	int ret = move_name(c, old, new);
	if (!ret)
		log_move(c, old, new);
	log_end(c->root);
	return ret;
}

int rename_pinned_late(struct change *c, const char *old, const char *new)
{
	int ret = move_name(c, old, new);

	if (ret)
		return ret;
	log_write_begin(c->root);
	log_move(c, old, new);
	log_end(c->root);
	return 0;
}

int rename_unpinned(struct change *c, const char *old, const char *new)
{
	int ret = move_name(c, old, new);

	if (!ret)
		log_move(c, old, new);
	return ret;
}

int fs_rename(struct root *root, const char *old, const char *new, uint64_t *ino)
{
	struct change c = { .root = root };

	int ret = name_check(old);
	if (!ret)
		ret = name_check(new);
	if (ret)
		return ret;
	background_make_space(root->fs);
	mutex_lock(&root->dir_lock);
	ret = dir_find(root, old, &c.inode);
	if (ret)
		goto unlock_dir;
	ret = dir_find(root, new, &c.other);
	if (ino)
		*ino = c.other == c.inode ? 0 : c.inode->ino;
	if (c.other == c.inode || (ret && ret != -ENOENT))
		goto unlock_dir;
	ret = change_begin(&c);
	if (!ret)
		ret = change_end(&c, root->fs->on.rename(&c, old, new));
	if (!ret)
		inode_evict_if_unused(c.other);
unlock_dir:
	mutex_unlock(&root->dir_lock);
	return ret;
}

/* ---- the directory ---- */

int fs_readdir(struct root *root, int (*fn)(void *arg, const char *name, uint64_t ino), void *arg)
{
	struct key k = { DIR_INO, ITEM_DIR, 0 };
	struct dir_item d;
	uint32_t len = 0;
	int ret = 0;

	mutex_lock(&root->dir_lock);
	while (!ret && !(ret = tree_next(&root->tree, &k, &d, sizeof(d), &len)) &&
	       k.objectid == DIR_INO && k.type == ITEM_DIR) {
		ret = fn(arg, d.name, d.ino); /* item_check.1 */
		if (++k.offset == 0)
			break;
	}
	mutex_unlock(&root->dir_lock);
	return ret == -ENOENT ? 0 : ret;
}

/* Logs what has changed in the directory. dir_lock is held. As log_inode_parent(). */
static int log_changes(struct root *root, struct handle *h, struct log_ctx *ctx)
{
	int ret = log_start(root, h, ctx, false);

	if (ret)
		return ret;
	ret = log_dir(root, h, ctx->transid);
	if (ret) {
		trans_no_log(root->fs, h->trans->id);
		log_forget_ctx(root, ctx);
	}
	log_end(root);
	return ret;
}

/* The same in all designs whose logs are trees: none of them waits for data here. kernel: btrfs_sync_file() of a
 * directory, whose inode lock is dir_lock. */
int dir_sync_log(struct root *root)
{
	struct log_ctx ctx;
	struct handle h;

	mutex_lock(&root->dir_lock);
	log_interest(root);
	if (dir_is_durable(root)) {
		mutex_unlock(&root->dir_lock);
		return 0;
	}
	int ret = trans_start(root->fs, TRANS_START, &h);
	if (ret) {
		mutex_unlock(&root->dir_lock);
		return ret;
	}
	uint64_t transid = h.trans->id;
	ret = log_changes(root, &h, &ctx);
	mutex_unlock(&root->dir_lock);
	if (!ret)
		ret = log_sync(root, &h, &ctx);
	trans_end(&h);
	if (!ret)
		return 0;
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	return trans_commit_id(root->fs, transid);
}

/* What has changed in the directory goes into a group, and *lsn says which; 0: none was begun. dir_lock is held. */
static int log_changes_to_stream(struct root *root, struct handle *h, uint64_t *lsn)
{
	int ret = log_start_group(root, h);

	*lsn = 0;
	if (ret)
		return ret;
	*lsn = stream_lsn(root->fs->stream);
	ret = log_dir(root, h, (int64_t)*lsn);
	if (ret)
		trans_no_log(root->fs, h->trans->id);
	log_end(root);
	return ret;
}

/* The same by the stream. */
int dir_sync_stream(struct root *root)
{
	struct fs *fs = root->fs;
	uint64_t lsn = 0, transid = fs_generation(fs);
	struct handle h;
	int ret = 0;

	mutex_lock(&root->dir_lock);
	if (dir_in_group(root, &lsn)) {
		mutex_unlock(&root->dir_lock);
		ret = stream_wait(fs->stream, lsn);
	} else {
		ret = trans_start(fs, TRANS_START, &h);
		if (ret) {
			mutex_unlock(&root->dir_lock);
			return ret;
		}
		transid = h.trans->id;
		ret = log_changes_to_stream(root, &h, &lsn);
		mutex_unlock(&root->dir_lock);
		int err = lsn ? stream_sync(fs->stream, lsn) : 0;
		ret = ret ? ret : err;
		trans_end(&h);
	}
	if (!ret)
		return 0;
	phase(PH_TRANS);
	count(C_FSYNC_COMMIT);
	return trans_commit_id(fs, transid);
}

int fs_fsync_dir(struct root *root)
{
	if (root->fs->opt.read_only)
		return 0;
	count(C_FSYNC);
	enum phase was = phase(PH_LOG_ITEMS);
	int ret = root->fs->on.sync_dir(root);

	phase(was);
	return ret;
}
