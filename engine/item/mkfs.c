/*
 * mkfs.c: an empty file system: its layout, its first trees, both super blocks.
 *
 *   64K super copy 0 | 128K super copy 1 | 256K metadata | [second copy of metadata] | data
 *
 * Metadata gets a quarter of the device (both copies together); sizes never change afterwards.
 */
#include "item/mkfs.h"

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "item/item.h"
#include "tree/alloc.h"
#include "tree/cache.h"
#include "tree/super.h"

#define MKFS_NODES_MIN 16u

static int mkfs_layout(struct dev *dev, const struct mkfs_options *o, struct super *s, struct why *why)
{
	*s = (struct super){ .dev_size = dev->size, .nodesize = o->nodesize ? o->nodesize : 16384, .dup = !o->single,
			     .generation = 1 };
	if (s->nodesize < 4096 || s->nodesize > 65536 || (s->nodesize & (s->nodesize - 1)))
		return why_set(why, -EINVAL, "nodesize %u: a power of two from 4096 to 65536 is wanted", s->nodesize);
	uint64_t space = dev->size > SUPER_END ? dev->size - SUPER_END : 0, copies = s->dup ? 2 : 1;
	s->meta_len = space / 4 / copies / 65536 * 65536;
	s->fsid = o->fsid ? o->fsid : rng_mix(dev->size ^ rt_now());
	s->next_subvol = FIRST_SUBVOL_ID + (o->subvols ? o->subvols : 1);
	if (s->meta_len < (uint64_t)s->nodesize * (MKFS_NODES_MIN + 2ull * o->subvols))
		return why_set(why, -ENOSPC, "%s: %lu bytes are too few for a file system with %u-byte nodes",
			       dev->spec, (unsigned long)dev->size, s->nodesize);
	return 0;
}

static int mkfs_add_root(struct tree *root_tree, struct blocks *bl, uint64_t id, struct list *dirty)
{
	struct key k = { id, ITEM_ROOT, 0 };
	struct tree t;

	int ret = tree_create(&t, bl, id, 1);
	if (ret)
		return ret;
	struct tree_ptr ptr = tree_root_ptr(&t);
	struct root_item item = { ptr.bytenr, ptr.generation, ptr.level, FIRST_FILE_INO };
	ret = tree_insert(root_tree, 1, &k, &item, sizeof(item));
	tree_take_dirty(&t, dirty);
	tree_close(&t);
	return ret;
}

static int mkfs_trees(struct blocks *bl, struct super *s, struct list *dirty)
{
	struct tree root_tree;

	int ret = tree_create(&root_tree, bl, ROOT_TREE_ID, 1);
	if (ret)
		return ret;
	ret = mkfs_add_root(&root_tree, bl, CSUM_TREE_ID, dirty);
	for (uint64_t id = FIRST_SUBVOL_ID; id < s->next_subvol && !ret; id++)
		ret = mkfs_add_root(&root_tree, bl, id, dirty);
	tree_take_dirty(&root_tree, dirty);
	s->root_tree = tree_root_ptr(&root_tree);
	tree_close(&root_tree);
	return ret;
}

int fs_mkfs(struct dev *dev, const struct mkfs_options *o, struct why *why)
{
	struct super s;
	struct list dirty;
	struct batch b;

	int ret = mkfs_layout(dev, o, &s, why);
	if (ret)
		return ret;
	uint64_t data = super_data_start(&s);
	struct alloc *alloc = alloc_open(SUPER_END, s.meta_len, data, (dev->size - data) / ALLOC_UNIT * ALLOC_UNIT);
	struct blocks *bl = blocks_open(dev, alloc, s.nodesize, s.dup, s.meta_len);
	blocks_set_fsid(bl, s.fsid);
	list_init(&dirty);
	ret = mkfs_trees(bl, &s, &dirty);
	batch_init(&b, dev);
	tree_write_list(bl, &dirty, &b);
	int wret = batch_wait(&b);
	if (!ret)
		ret = wret;
	if (!ret)
		ret = dev_flush(dev);
	if (!ret)
		ret = super_write(dev, &s, false);
	if (ret)
		why_set(why, ret, "%s: the file system could not be written: %s", dev->spec, strerror(-ret));
	blocks_close(bl);
	alloc_close(alloc);
	return ret;
}
