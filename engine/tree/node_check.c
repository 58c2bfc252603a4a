/*
 * node_check.c: whether a block that came from the disk is the one that its pointer means, and whole.
 *
 * A block passes once, when it is read; nothing after it checks again. So every offset, length, count, key, generation
 * and address that a block holds is checked here, also in a block whose checksum is right: a damaged or a hostile image
 * gives -EIO and a reason, never a crash. What an item's bytes mean is known to the owner of the trees alone: its
 * function (blocks_set_item_check) is called here, for each item.
 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "tree/blocks.h"
#include "tree/node.h"

bool node_address_ok(uint64_t bytenr, uint32_t nodesize, uint64_t meta_len)
{
	if (bytenr < SUPER_END || (bytenr - SUPER_END) % nodesize || meta_len < nodesize)
		return false;
	return bytenr - SUPER_END <= meta_len - nodesize;
}

/* The line says which block it is; `what` may hold formats. Numbers of trees and objects that are not of files are
 * below 0, as Btrfs has them. */
#define damaged(why, w, what, ...) \
	why_set(why, -EIO, "block %lu of tree %ld: " what, (unsigned long)(w)->bytenr, (long)(w)->owner, \
		##__VA_ARGS__)

static int check_header(const struct node_header *h, uint32_t nodesize, const struct node_want *w, struct why *why)
{
	size_t slot = w->level ? sizeof(struct disk_ptr) : sizeof(struct disk_item);

	if (h->magic != NODE_MAGIC)
		return damaged(why, w, "no block of a tree");
	if (h->fsid != w->fsid)
		return damaged(why, w, "of another file system");
	if (h->bytenr != w->bytenr)
		return damaged(why, w, "it says that it is block %lu", (unsigned long)h->bytenr);
	if (h->generation != w->generation)
		return damaged(why, w, "generation %lu, but its pointer says %lu", (unsigned long)h->generation,
			       (unsigned long)w->generation);
	if (h->owner != w->owner)
		return damaged(why, w, "it says that it is of tree %lu", (unsigned long)h->owner);
	if (h->level != w->level)
		return damaged(why, w, "level %u, but its pointer says %u", h->level, w->level);
	if (!h->nritems && !(w->is_root && !h->level)) /* node.2 */
		return damaged(why, w, "empty");
	if (h->nritems > (nodesize - sizeof(*h)) / slot)
		return damaged(why, w, "%u items do not fit", h->nritems);
	return 0;
}

/* True when the key keeps node.1. last: the key before it; NULL: it is the first. */
static bool key_ok(const struct key *k, const struct key *last, const struct node_want *w)
{
	if (last ? key_cmp(k, last) <= 0 : key_cmp(k, &w->first) < 0)
		return false;
	return !w->end.is || key_cmp(k, &w->end.key) < 0;
}

/* The data lie one after the other from the end of the block down, and stay clear of the item headers. */
static int check_leaf(const struct blocks *bl, const uint8_t *buf, const struct node_want *w, struct why *why)
{
	const struct node_header *h = (const void *)buf;
	const struct disk_item *item = (const void *)(buf + sizeof(*h));
	uint32_t floor = (uint32_t)(sizeof(*h) + h->nritems * sizeof(*item)), end = bl->nodesize;
	struct key key[2];
	struct item_view it[2];

	for (uint32_t i = 0; i < h->nritems; i++) {
		struct key *k = &key[i % 2];
		uint32_t len = item[i].len;

		*k = key_of(&item[i].key);
		if (!key_ok(k, i ? &key[(i + 1) % 2] : NULL, w))
			return damaged(why, w, "item %u: its key is out of order", i);
		if (len > item_max(bl->nodesize) || len > end - floor)
			return damaged(why, w, "item %u: %u bytes do not fit", i, len);
		if (item[i].at != end - len)
			return damaged(why, w, "item %u: its data are not where the item before it ends", i);
		end -= len;
		it[i % 2] = (struct item_view){ k, buf + end, len };
		if (bl->item_check && bl->item_check(bl->item_check_arg, w->owner, w->generation, &it[i % 2],
						     i ? &it[(i + 1) % 2] : NULL, why))
			return damaged(why, w, "item %u (%ld %u %lu): %s", i, (long)k->objectid, k->type,
				       (unsigned long)k->offset, why->text);
	}
	return 0;
}

/* Keys, and for the children that it names node.3 and their addresses. */
static int check_inner(const struct blocks *bl, const uint8_t *buf, const struct node_want *w, struct why *why)
{
	const struct node_header *h = (const void *)buf;
	const struct disk_ptr *ptr = (const void *)(buf + sizeof(*h));
	struct key last;

	for (uint32_t i = 0; i < h->nritems; i++) {
		struct key k = key_of(&ptr[i].key);

		if (!key_ok(&k, i ? &last : NULL, w))
			return damaged(why, w, "pointer %u: its key is out of order", i);
		if (ptr[i].generation > h->generation)
			return damaged(why, w, "pointer %u: to a block of a later generation", i);
		if (!node_address_ok(ptr[i].bytenr, bl->nodesize, bl->meta_len))
			return damaged(why, w, "pointer %u: %lu is no address of a block", i,
				       (unsigned long)ptr[i].bytenr);
		last = k;
	}
	return 0;
}

int node_check_structure(const struct blocks *bl, const void *buf, const struct node_want *w, struct why *why)
{
	int ret = check_header(buf, bl->nodesize, w, why);

	if (ret)
		return ret;
	return w->level ? check_inner(bl, buf, w, why) : check_leaf(bl, buf, w, why);
}

int node_check(const struct blocks *bl, const void *buf, const struct node_want *w, struct why *why)
{
	const struct node_header *h = buf;

	if (h->csum != crc32c(0, (const uint8_t *)buf + sizeof(h->csum), bl->nodesize - sizeof(h->csum)))
		return damaged(why, w, "its checksum is wrong");
	return node_check_structure(bl, buf, w, why);
}
