/* inode.c: see inode.h: the life of an inode, its item, its stamps. */
#include <stdlib.h>

#include "item/csum.h"
#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log_name.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/trans.h"

/* newer: last_trans stays when it is newer than transid. */
static void touch(struct inode *inode, uint64_t transid, bool newer)
{
	rt_access(inode->root->log.numbers_id, POINT_READ);
	int64_t sub = atomic_load(&inode->root->log.running_transid);

	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	if (!newer || transid > atomic_load(&inode->last_trans))
		atomic_store(&inode->last_trans, transid);
	/* an older number does no harm here: after any stamp no log covers the inode */
	atomic_store(&inode->last_sub_trans, sub);
	atomic_store(&inode->last_log_commit, sub - 1);
	spin_unlock(&inode->ordered_lock);
}

void inode_touch_sub(struct inode *inode, uint64_t transid)
{
	rt_access(inode->root->log.numbers_id, POINT_READ);
	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->last_sub_trans, atomic_load(&inode->root->log.running_transid));
	spin_unlock(&inode->ordered_lock);
}

void inode_touch_torn(struct inode *inode, uint64_t transid)
{
	struct log *log = &inode->root->log;

	rt_access(log->numbers_id, POINT_READ);
	int64_t sub = atomic_load(&log->running_transid);
	rt_access(log->numbers_id, POINT_READ);
	int64_t committed = atomic_load(&log->last_commit);

	rt_access(inode->stamps_id, POINT_WRITE);
	spin_lock_quiet(&inode->ordered_lock);
	atomic_store(&inode->last_trans, transid);
	atomic_store(&inode->last_sub_trans, sub);
	atomic_store(&inode->last_log_commit, committed);
	spin_unlock(&inode->ordered_lock);
}

void inode_touch(struct inode *inode, uint64_t transid)
{
	touch(inode, transid, false);
}

void inode_touch_if_newer(struct inode *inode, uint64_t transid)
{
	touch(inode, transid, true);
}

struct inode_item inode_make_item(struct inode *inode, uint64_t transid, uint64_t size)
{
	return (struct inode_item){ .generation = inode->generation, .transid = transid, .size = size,
				    .nlink = atomic_load(&inode->nlink), .flags = atomic_load(&inode->attrs) };
}

int inode_update(struct inode *inode, struct handle *h)
{
	struct key k = { inode->ino, ITEM_INODE, 0 };

	inode->root->fs->on.changed(inode, h->trans->id);
	mutex_lock(&inode->items_lock); /* the item that is written last is the one that was made last */
	rt_access(inode->stamps_id, POINT_READ);
	struct inode_item item = inode_make_item(inode, h->trans->id, atomic_load(&inode->disk_size));
	int ret = tree_update(&inode->root->tree, h->trans->id, &k, &item, sizeof(item));
	mutex_unlock(&inode->items_lock);
	return ret;
}

static struct inode *inode_new(struct root *root, uint64_t ino)
{
	struct inode *inode = mem_zalloc(sizeof(*inode));

	inode->root = root;
	inode->ino = ino;
	rwsem_init(&inode->lock, L_INODE, (int64_t)ino);
	rwsem_init(&inode->mmap_lock, L_MMAP, 0);
	mutex_init(&inode->log_mutex, L_INODE_LOG, 0);
	mutex_init(&inode->items_lock, L_ITEMS, 0);
	rwsem_init(&inode->em_lock, L_EM_TREE, 0);
	RB_INIT(&inode->ems);
	list_init(&inode->modified);
	list_init(&inode->lost_names);
	spin_init(&inode->ordered_lock, L_ORDERED_TREE);
	RB_INIT(&inode->ordered);
	list_init(&inode->unwritten);
	spin_init(&inode->range_lock, L_RANGES);
	list_init(&inode->ranges);
	waitq_init(&inode->range_wait, L_RANGE);
	spin_init(&inode->pages_lock, L_PAGES);
	inode->flags_id = rt_obj_id();
	inode->stamps_id = rt_obj_id();
	atomic_store(&inode->last_sub_trans, -1);
	atomic_store(&inode->last_log_commit, -2);
	return inode;
}

static struct inode *inode_cached(struct root *root, uint64_t ino)
{
	struct list *pos;

	list_for_each(pos, &root->inodes) {
		struct inode *inode = list_entry(pos, struct inode, link);
		if (inode->ino == ino)
			return inode;
	}
	return NULL;
}

int inode_get(struct root *root, uint64_t ino, struct inode **out)
{
	struct key k = { ino, ITEM_INODE, 0 };
	struct inode_item item;
	uint32_t len = 0;

	CHECK(mutex_held(&root->dir_lock));
	*out = inode_cached(root, ino);
	if (*out)
		return 0;
	int ret = tree_lookup(&root->tree, &k, &item, sizeof(item), &len);
	if (ret)
		return ret == -ENOENT ? -EIO : ret;
	CHECK(len == sizeof(item)); /* item_check.1 */
	struct inode *inode = inode_new(root, ino);
	inode->generation = item.generation;
	atomic_store(&inode->nlink, item.nlink);
	atomic_store(&inode->size, item.size);
	atomic_store(&inode->disk_size, item.size);
	inode->logged_size = item.size;
	atomic_store(&inode->attrs, item.flags);
	atomic_store(&inode->last_trans, item.transid);
	/* as in the kernel: its last change is not committed yet, and this copy in memory has no maps that tell of
	 * it */
	if (item.transid > fs_committed(root->fs))
		inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
	list_add_tail(&inode->link, &root->inodes);
	*out = inode;
	return 0;
}

struct inode *inode_next(struct root *root, struct inode *prev)
{
	mutex_lock(&root->dir_lock);
	struct list *pos = prev ? prev->link.next : root->inodes.next;
	struct inode *next = pos == &root->inodes ? NULL : list_entry(pos, struct inode, link);
	if (prev)
		prev->pins--;
	if (next)
		next->pins++;
	mutex_unlock(&root->dir_lock);
	return next;
}

void inode_ref(struct inode *inode)
{
	atomic_fetch_add(&inode->refs, 1);
}

void inode_unref(struct inode *inode)
{
	int32_t refs = atomic_fetch_sub(&inode->refs, 1);

	CHECK(refs > 0);
}

/*
 * dir_lock keeps openers and walks away. Whoever else makes pages dirty, or extents, has the file open or is in a
 * walk; and an ordered extent refers to the inode before the tag of its page goes. So what is idle stays so.
 */
static bool inode_is_idle(struct inode *inode)
{
	CHECK(mutex_held(&inode->root->dir_lock));
	if (inode->opens || inode->pins)
		return false;
	rt_access(inode->pages_lock.m.id, POINT_READ);
	rt_access(inode->ordered_lock.m.id, POINT_READ);
	rt_access(inode->stamps_id, POINT_READ);
	return !atomic_load(&inode->nr_tagged) && !atomic_load(&inode->refs) &&
	       (atomic_load(&inode->unlinked) || atomic_load(&inode->size) == atomic_load(&inode->disk_size));
}

int inode_evict_idle(struct root *root)
{
	struct list *pos, *tmp;
	int n = 0;

	names_prune(root);
	mutex_lock(&root->dir_lock);
	list_for_each_safe(pos, tmp, &root->inodes) {
		struct inode *inode = list_entry(pos, struct inode, link);
		if (!inode_is_idle(inode))
			continue;
		inode_free(inode);
		n++;
	}
	mutex_unlock(&root->dir_lock);
	return n;
}

void inode_free(struct inode *inode)
{
	CHECK(RB_EMPTY(&inode->ordered) && !atomic_load(&inode->nordered));
	CHECK(list_empty(&inode->ranges));
	page_free_all(inode);
	em_free_all(inode);
	disk_size_free(inode);
	list_del(&inode->link);
	free(inode);
}

/* One transaction: drops the extents, then every item of the inode. */
int inode_delete_items(struct root *root, uint64_t ino)
{
	struct fs *fs = root->fs;
	struct handle h;
	struct key k;

	int ret = trans_start(fs, TRANS_JOIN, &h);
	if (ret)
		return ret;
	struct extent_drop drop = { .fs = fs, .tree = &root->tree, .generation = h.trans->id, .ino = ino,
				    .how = DROP_RELEASE };
	ret = extent_drop(&drop, 0, UINT64_MAX);
	for (;;) {
		k = (struct key){ ino, 0, 0 };
		if (ret || (ret = tree_next(&root->tree, &k, NULL, 0, NULL)) || k.objectid != ino)
			break;
		ret = tree_delete(&root->tree, h.trans->id, &k);
	}
	if (ret == -ENOENT)
		ret = 0;
	k = (struct key){ ORPHAN_INO, ITEM_ORPHAN, ino };
	if (!ret)
		ret = tree_delete(&root->tree, h.trans->id, &k);
	if (ret == -ENOENT)
		ret = 0;
	if (ret)
		trans_abort(fs, ret);
	trans_end(&h);
	return ret;
}
