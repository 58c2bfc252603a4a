/*
 * dir.c: names: create, open, close, unlink, readdir of a subvolume's flat directory. dir_lock is
 * held throughout each; an unlinked file that is open leaves an orphan mark, so that a crash before
 * its last close does not leak its space (mount.c deletes orphans).
 *
 * Callers: the public door (fs.h).
 */
#include <stdlib.h>

#include "fs/inode.h"
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/extent_map.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/writeback.h"

static int name_check(const char *name)
{
	size_t n = strlen(name);

	return n == 0 || n >= FS_NAME_MAX || strchr(name, '/') ? -EINVAL : 0;
}

static int dir_lookup(struct root *root, const char *name, struct dir_item *d)
{
	struct key k = { DIR_INO, ITEM_DIR, name_hash(name) };
	uint32_t len = 0;

	int ret = tree_lookup(&root->tree, &k, d, sizeof(*d), &len);
	if (ret)
		return ret;
	CHECK(len == sizeof(*d)); /* item_check.1 */
	/* two names of one 64-bit hash: refused, as btrfs refuses overflow */
	return strcmp(d->name, name) ? -EEXIST : 0;
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

static int dir_insert(struct root *root, uint64_t gen, uint64_t ino, const char *name)
{
	struct inode_item item = { .generation = gen, .transid = gen, .nlink = 1 };
	struct dir_item d = { .ino = ino };
	struct key ki = { ino, ITEM_INODE, 0 }, kr = { ino, ITEM_INODE_REF, 0 };
	struct key kd = { DIR_INO, ITEM_DIR, name_hash(name) };

	strncpy(d.name, name, FS_NAME_MAX - 1);
	int ret = tree_insert(&root->tree, gen, &ki, &item, sizeof(item));
	if (!ret)
		ret = tree_insert(&root->tree, gen, &kr, d.name, FS_NAME_MAX);
	if (!ret)
		ret = tree_insert(&root->tree, gen, &kd, &d, sizeof(d));
	return ret;
}

int fs_create(struct root *root, const char *name, struct file **out)
{
	struct dir_item d;
	struct handle h;
	struct inode *inode;

	int ret = name_check(name);
	if (ret)
		return ret;
	background_make_space(root->fs);
	mutex_lock(&root->dir_lock);
	ret = dir_lookup(root, name, &d);
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
	uint64_t ino = root->next_ino++;
	ret = dir_insert(root, h.trans->id, ino, name);
	if (ret)
		trans_abort(root->fs, ret);
	if (!ret)
		ret = inode_get(root, ino, name, &inode);
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
	struct dir_item d;

	int ret = name_check(name);
	if (ret)
		return ret;
	mutex_lock(&root->dir_lock);
	ret = dir_lookup(root, name, &d);
	if (!ret)
		ret = inode_get(root, d.ino, name, &inode);
	if (!ret)
		*out = file_new(inode);
	mutex_unlock(&root->dir_lock);
	return ret;
}

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

void fs_close(struct file *f)
{
	struct root *root = f->inode->root;

	mutex_lock(&root->dir_lock);
	CHECK(f->inode->opens > 0);
	if (--f->inode->opens == 0 && f->inode->unlinked)
		inode_evict_unlinked(f->inode);
	mutex_unlock(&root->dir_lock);
	free(f);
}

/* The name goes and the orphan mark comes, in one transaction. */
static int dir_remove(struct root *root, uint64_t gen, const struct dir_item *d)
{
	struct key kd = { DIR_INO, ITEM_DIR, name_hash(d->name) }, kr = { d->ino, ITEM_INODE_REF, 0 };
	struct key ko = { ORPHAN_INO, ITEM_ORPHAN, d->ino };

	int ret = tree_delete(&root->tree, gen, &kd);
	if (!ret)
		ret = tree_delete(&root->tree, gen, &kr);
	if (!ret)
		ret = tree_insert(&root->tree, gen, &ko, "", 0);
	return ret;
}

int fs_unlink(struct root *root, const char *name)
{
	struct inode *inode = NULL;
	struct dir_item d;
	struct handle h;

	int ret = name_check(name);
	if (ret)
		return ret;
	mutex_lock(&root->dir_lock);
	ret = dir_lookup(root, name, &d);
	if (!ret)
		ret = inode_get(root, d.ino, name, &inode);
	if (!ret)
		ret = trans_start(root->fs, TRANS_START, &h);
	if (ret)
		goto unlock_dir;
	/* a log may hold the name: until this commits, fsyncs that log names in this subvolume commit instead */
	rt_access(root->fs->numbers_id, POINT_WRITE);
	rt_access(inode->stamps_id, POINT_WRITE);
	atomic_store(&root->last_unlink_trans, h.trans->id);
	atomic_store(&inode->last_unlink_trans, h.trans->id);
	atomic_store(&inode->unlinked, true);
	ret = dir_remove(root, h.trans->id, &d);
	if (ret)
		trans_abort(root->fs, ret);
	trans_end(&h);
	if (!ret && inode->opens == 0)
		inode_evict_unlinked(inode);
unlock_dir:
	mutex_unlock(&root->dir_lock);
	return ret;
}

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
