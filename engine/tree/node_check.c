/*
 * node_check.c: whether a block that came from the disk is the one that its pointer means, and whole.
 *
 * A block passes once, when it is read; nothing after it checks again. So every offset, length and
 * count that node.c relies on is checked here, also in a block whose checksum is right: a damaged
 * or a hostile image gives -EIO, never a crash.
 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "tree/node.h"

static bool header_ok(const struct node_header *h, uint32_t nodesize, const struct node_want *w)
{
	size_t slot = w->level ? sizeof(struct disk_ptr) : sizeof(struct disk_item);

	if (h->magic != NODE_MAGIC || h->fsid != w->fsid || h->bytenr != w->bytenr)
		return false;
	if (h->generation != w->generation || h->owner != w->owner || h->level != w->level)
		return false;
	if (!h->nritems)
		return w->is_root && !h->level; /* node.2 */
	return h->nritems <= (nodesize - sizeof(*h)) / slot;
}

/* True when the key keeps node.1. last: the key before it; NULL: it is the first. */
static bool key_ok(const struct key *k, const struct key *last, const struct node_want *w)
{
	if (last ? key_cmp(k, last) <= 0 : key_cmp(k, &w->first) < 0)
		return false;
	return !w->has_end || key_cmp(k, &w->end) < 0;
}

/* The data lie one after the other from the end of the block down, and stay clear of the item headers. */
static bool leaf_ok(const uint8_t *buf, uint32_t nodesize, const struct node_want *w)
{
	const struct node_header *h = (const void *)buf;
	const struct disk_item *item = (const void *)(buf + sizeof(*h));
	uint32_t floor = (uint32_t)(sizeof(*h) + h->nritems * sizeof(*item)), end = nodesize;
	struct key last;

	for (uint32_t i = 0; i < h->nritems; i++) {
		struct key k = key_of(&item[i].key);

		if (!key_ok(&k, i ? &last : NULL, w))
			return false;
		if (item[i].len > item_max(nodesize))
			return false;
		if (item[i].len > end - floor || item[i].at != end - item[i].len)
			return false;
		end = item[i].at;
		last = k;
	}
	return true;
}

/* Keys, and node.3 for the children that it names. Their addresses are checked where they are read. */
static bool inner_ok(const uint8_t *buf, const struct node_want *w)
{
	const struct node_header *h = (const void *)buf;
	const struct disk_ptr *ptr = (const void *)(buf + sizeof(*h));
	struct key last;

	for (uint32_t i = 0; i < h->nritems; i++) {
		struct key k = key_of(&ptr[i].key);

		if (!key_ok(&k, i ? &last : NULL, w))
			return false;
		if (ptr[i].generation > h->generation)
			return false;
		last = k;
	}
	return true;
}

int node_check_structure(const void *buf, uint32_t nodesize, const struct node_want *w)
{
	if (!header_ok(buf, nodesize, w))
		return -EIO;
	if (w->level ? !inner_ok(buf, w) : !leaf_ok(buf, nodesize, w))
		return -EIO;
	return 0;
}

int node_check(const void *buf, uint32_t nodesize, const struct node_want *w)
{
	const struct node_header *h = buf;

	if (h->csum != crc32c(0, (const uint8_t *)buf + sizeof(h->csum), nodesize - sizeof(h->csum)))
		return -EIO;
	return node_check_structure(buf, nodesize, w);
}
