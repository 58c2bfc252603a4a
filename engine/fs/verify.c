/*
 * verify.c: has a log arrived? What replay asks before it believes a log whose super was written before the log was
 * known to be on the media (enum log_trust).
 *
 * verify.1: A log counts as a whole or not at all: when its blocks can be read, and the data of each of its extents
 *      agree with their checksums. One that does not was never acknowledged, since whoever acknowledges waits for all
 *      of it and for a flush. Then the log before it is the log: that one was acknowledged, and nothing that it
 *      names has been written over, since what a log gives up stays pinned until the transaction commits (alloc.1).
 * Data without checksums are not looked at: they were on the media before any super named them.
 *
 * kernel: none. ext4's journal_async_commit does so with the blocks of its journal, and ZFS's intent log with data,
 * too. Nothing is changed here. Caller: mount.c, replay.c, with no other task about.
 */
#include <stdlib.h>

#include "item/csum.h"
#include "fs/verify.h"

struct item_list {
	struct verify_item {
		uint64_t ino, start;
		struct extent_item it;
	} *item;
	uint32_t n, cap;
	uint64_t unsummed; /* the inode that was met last, if it has no checksums */
};

/* The extents with data on the disk that have checksums. */
static int list_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct item_list *l = arg;
	struct inode_item inode;
	struct extent_item it;

	if (k->type == ITEM_INODE) {
		memcpy(&inode, data, sizeof(inode));
		l->unsummed = inode.flags & INODE_ITEM_NODATASUM ? k->objectid : 0;
	}
	if (k->type != ITEM_EXTENT || k->objectid == l->unsummed)
		return 0;
	memcpy(&it, data, sizeof(it));
	if (it.kind != EXTENT_REG || !it.disk_bytenr)
		return 0;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->item = realloc(l->item, l->cap * sizeof(*l->item));
		CHECK(l->item);
	}
	l->item[l->n++] = (struct verify_item){ k->objectid, k->offset, it };
	return 0;
}

int verify_extent(struct fs *fs, struct tree *log, const struct extent_item *it)
{
	uint64_t at = it->compress ? it->disk_bytenr : it->disk_bytenr + it->offset;
	uint64_t end = at + (it->compress ? it->disk_len : it->len);
	void *block = mem_alloc_pages(FS_BLOCK);
	uint32_t sum;
	int ret = 0;

	for (; at < end && !ret; at += FS_BLOCK) {
		ret = csum_lookup(log, at, &sum, 1);
		if (ret == -ENOENT)
			ret = csum_lookup(&fs->csum_tree, at, &sum, 1);
		if (!ret)
			ret = dev_read(fs->dev, at, block, FS_BLOCK);
		if (!ret && csum_of_block(block) != sum)
			ret = -ENODATA;
	}
	free(block);
	return ret == -ENOENT ? -ENODATA : ret;
}

/* What the committed tree has in the same place was on the media before. */
static bool is_committed(struct root *root, const struct verify_item *v)
{
	struct key k = { v->ino, ITEM_EXTENT, v->start };
	struct extent_item there;
	uint32_t len = 0;

	return !tree_lookup(&root->tree, &k, &there, sizeof(there), &len) && len == sizeof(there) &&
	       !memcmp(&there, &v->it, sizeof(there));
}

static int verify_log(struct fs *fs, struct root *root, const struct tree_ptr *ptr)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	struct item_list l = { 0 };
	struct tree log;

	int ret = tree_open(&log, fs->blocks, LOG_TREE_ID, ptr);
	if (ret)
		return ret;
	ret = tree_scan(&log, &from, &to, 0, list_item, &l);
	for (uint32_t i = 0; i < l.n && !ret; i++)
		if (!is_committed(root, &l.item[i]))
			ret = verify_extent(fs, &log, &l.item[i].it);
	free(l.item);
	tree_close(&log);
	return ret;
}

int verify_logs(struct fs *fs, const struct tree_ptr *log_root)
{
	struct key k = { 0, 0, 0 };
	struct tree roots;
	int ret = tree_open(&roots, fs->blocks, LOG_TREE_ID, log_root);

	if (ret)
		return ret;
	for (; !ret; k.objectid++) {
		struct root_item item;
		uint32_t len = 0;

		ret = tree_next(&roots, &k, &item, sizeof(item), &len);
		if (ret || k.type != ITEM_ROOT)
			break;
		struct tree_ptr ptr = { item.bytenr, item.generation, (uint8_t)item.level };
		struct root *root = fs_root_by_id(fs, k.objectid);
		if (root)
			ret = verify_log(fs, root, &ptr);
	}
	tree_close(&roots);
	return ret == -ENOENT ? 0 : ret;
}
