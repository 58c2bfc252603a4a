/*
 * node.c: what is done inside of one block: search, insert, replace, delete, cut in two.
 *
 * Always true between two calls: the layout of node.h with node.1, as node_check.c checks it. No function
 * here fails: room was made before (leaf_free_bytes, inner_max).
 */
#include "tree/node.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "tree/blocks.h"

bool key_inc(struct key *k)
{
	if (++k->offset)
		return true;
	if (++k->type)
		return true;
	return ++k->objectid != 0;
}

bool key_dec(struct key *k)
{
	if (k->offset--)
		return true;
	if (k->type--)
		return true;
	return k->objectid-- != 0;
}

static uint32_t size_of(const struct node *n)
{
	return n->bl->nodesize;
}

/* Bytes of one slot: an item header or a pointer. */
static uint32_t stride(const struct node *n)
{
	return n->level ? sizeof(struct disk_ptr) : sizeof(struct disk_item);
}

static uint8_t *slot_at(const struct node *n, uint32_t slot)
{
	return n->buf + sizeof(struct node_header) + (size_t)slot * stride(n);
}

/* Where the lowest data of a leaf begins; the end of the block for an inner node. */
static uint32_t data_start(const struct node *n)
{
	uint32_t nr = node_nritems(n);

	return n->level || !nr ? size_of(n) : leaf_item(n, nr - 1)->at;
}

/* Where the data of the item before `slot` begins, that is where this slot's data ends. */
static uint32_t data_end(const struct node *n, uint32_t slot)
{
	return slot ? leaf_item(n, slot - 1)->at : size_of(n);
}

void node_format(struct node *n)
{
	struct node_header *h = node_header(n);

	memset(h, 0, sizeof(*h));
	h->magic = NODE_MAGIC;
	h->fsid = n->bl->fsid;
	h->bytenr = n->bytenr;
	h->generation = n->generation;
	h->owner = n->owner;
	h->level = n->level;
}

void node_copy(struct node *to, const struct node *from)
{
	uint32_t start = data_start(from);
	size_t head = (size_t)(slot_at(from, node_nritems(from)) - from->buf) - sizeof(struct node_header);

	node_format(to);
	node_header(to)->nritems = node_nritems(from);
	memcpy(slot_at(to, 0), slot_at(from, 0), head);
	memcpy(to->buf + start, from->buf + start, size_of(from) - start);
}

static int key_cmp_at(const struct node *n, uint32_t slot, const struct key *k)
{
	struct key at = key_of((const struct disk_key *)slot_at(n, slot));

	return key_cmp(&at, k);
}

uint32_t node_search(const struct node *n, const struct key *k, bool *found)
{
	uint32_t low = 0, high = node_nritems(n);

	*found = false;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		int cmp = key_cmp_at(n, mid, k);

		if (cmp < 0) {
			low = mid + 1;
			continue;
		}
		if (cmp == 0)
			*found = true;
		high = mid;
	}
	return low;
}

uint32_t inner_search(const struct node *n, const struct key *k)
{
	bool found;
	uint32_t slot = node_search(n, k, &found);

	return found || !slot ? slot : slot - 1;
}

/* ---- leaves ---- */

uint32_t leaf_free_bytes(const struct node *n)
{
	return data_start(n) - (uint32_t)(slot_at(n, node_nritems(n)) - n->buf);
}

/* Moves the data of the slots from `slot` on by `by` bytes towards the start of the block (negative: the end). */
static void shift_data(struct node *n, uint32_t slot, int32_t by)
{
	uint32_t start = data_start(n), end = data_end(n, slot);

	memmove(n->buf + (int32_t)start - by, n->buf + start, end - start);
	for (uint32_t i = slot; i < node_nritems(n); i++)
		leaf_item(n, i)->at = (uint32_t)((int32_t)leaf_item(n, i)->at - by);
}

/* Makes a hole of one slot. */
static void open_slot(struct node *n, uint32_t slot)
{
	uint32_t nr = node_nritems(n);

	CHECK(slot <= nr);
	memmove(slot_at(n, slot + 1), slot_at(n, slot), (size_t)(nr - slot) * stride(n));
	node_header(n)->nritems = nr + 1;
}

static void close_slot(struct node *n, uint32_t slot)
{
	uint32_t nr = node_nritems(n);

	CHECK(slot < nr);
	memmove(slot_at(n, slot), slot_at(n, slot + 1), (size_t)(nr - slot - 1) * stride(n));
	node_header(n)->nritems = nr - 1;
}

void leaf_insert(struct node *n, uint32_t slot, const struct key *k, const void *data, uint32_t len)
{
	uint32_t end = data_end(n, slot);
	struct disk_item *item = leaf_item(n, slot);

	CHECK(!n->level);
	CHECK(leaf_free_bytes(n) >= leaf_need(len));
	shift_data(n, slot, (int32_t)len);
	open_slot(n, slot);
	item->key = disk_key_of(k);
	item->at = end - len;
	item->len = len;
	if (len)
		memcpy(n->buf + item->at, data, len);
}

void leaf_replace(struct node *n, uint32_t slot, const void *data, uint32_t len)
{
	struct disk_item *item = leaf_item(n, slot);
	int32_t grow = (int32_t)len - (int32_t)item->len;

	CHECK(!n->level && slot < node_nritems(n));
	CHECK((int32_t)leaf_free_bytes(n) >= grow);
	if (grow)
		shift_data(n, slot + 1, grow);
	item->at = (uint32_t)((int32_t)item->at - grow);
	item->len = len;
	if (len)
		memcpy(n->buf + item->at, data, len);
}

void leaf_delete(struct node *n, uint32_t slot)
{
	CHECK(!n->level);
	leaf_replace(n, slot, NULL, 0);
	close_slot(n, slot);
}

/* ---- inner nodes ---- */

uint32_t inner_max(const struct node *n)
{
	return (size_of(n) - (uint32_t)sizeof(struct node_header)) / (uint32_t)sizeof(struct disk_ptr);
}

void inner_insert(struct node *n, uint32_t slot, const struct key *k, const struct node *child)
{
	CHECK(n->level == child->level + 1);
	CHECK(node_nritems(n) < inner_max(n));
	open_slot(n, slot);
	inner_set_key(n, slot, k);
	inner_set(n, slot, child);
}

void inner_set(struct node *n, uint32_t slot, const struct node *child)
{
	struct disk_ptr *p = inner_ptr(n, slot);

	CHECK(slot < node_nritems(n) && child->generation <= n->generation); /* node.3 */
	p->bytenr = child->bytenr;
	p->generation = child->generation;
}

void inner_set_key(struct node *n, uint32_t slot, const struct key *k)
{
	inner_ptr(n, slot)->key = disk_key_of(k);
}

void inner_delete(struct node *n, uint32_t slot)
{
	CHECK(n->level);
	close_slot(n, slot);
}

/* ---- cutting in two ---- */

/*
 * The items as they will be, the new one among them, in a row: what the one at `i` takes. The new
 * one is at `slot`; those behind it are one further than they are in the leaf, unless it replaces.
 */
static uint32_t need_at(const struct node *n, uint32_t i, uint32_t slot, uint32_t len, bool replace)
{
	if (i == slot)
		return leaf_need(len);
	if (i > slot && !replace)
		i--;
	return leaf_need(leaf_item(n, i)->len);
}

uint32_t leaf_cut(const struct node *n, uint32_t slot, const struct key *k, uint32_t len, bool replace, struct key *sep)
{
	uint32_t nr = node_nritems(n) + !replace, total = 0, left = 0, cut = 0;

	CHECK(nr > 1 && slot < nr);
	for (uint32_t i = 0; i < nr; i++)
		total += need_at(n, i, slot, len, replace);
	/* An item takes a quarter of a leaf at most (tree_item_max), so both sides fit wherever the half falls. */
	while (cut < nr - 1 && left < total / 2)
		left += need_at(n, cut++, slot, len, replace);
	/* an append is likely to be followed by others: leave a full leaf behind */
	if (!replace && slot == nr - 1)
		cut = slot;
	if (!replace && cut == slot) {
		*sep = *k;
		return cut;
	}
	if (!replace && cut > slot)
		cut--;
	*sep = node_key(n, cut);
	return cut;
}

uint32_t inner_cut(const struct node *n, uint32_t slot, struct key *sep)
{
	uint32_t nr = node_nritems(n);
	uint32_t cut = slot == nr - 1 ? nr - 1 : nr / 2;

	CHECK(n->level && nr > 1);
	*sep = node_key(n, cut);
	return cut;
}

/* Leaves: the data goes along; it lies together, as the slots do, and ends where that of the slot before begins. */
static void move_data(struct node *from, struct node *to, uint32_t slot)
{
	uint32_t start = data_start(from), end = data_end(from, slot), by = size_of(from) - end;

	memcpy(to->buf + start + by, from->buf + start, end - start);
	for (uint32_t i = 0; i < node_nritems(to); i++)
		leaf_item(to, i)->at += by;
}

void node_move_tail(struct node *from, struct node *to, uint32_t slot)
{
	uint32_t moved = node_nritems(from) - slot;

	CHECK(slot <= node_nritems(from));
	CHECK(!node_nritems(to) && to->level == from->level);
	memcpy(slot_at(to, 0), slot_at(from, slot), (size_t)moved * stride(from));
	node_header(to)->nritems = moved;
	if (!from->level && moved)
		move_data(from, to, slot);
	node_header(from)->nritems = slot;
}

void node_seal(struct node *n)
{
	struct node_header *h = node_header(n);
	uint8_t *free_start = slot_at(n, node_nritems(n));

	/* the same content is the same block, whatever the memory held before */
	memset(free_start, 0, (size_t)(n->buf + data_start(n) - free_start));
	h->csum = crc32c(0, n->buf + sizeof(h->csum), size_of(n) - sizeof(h->csum));
}
