/*
 * tree_search.c: the calls that change nothing. Each goes down from the root, locking a child before it
 * lets go of the parent, and ends in one leaf, from which it copies.
 *
 * tree_search.1: What is looked for may lie in a leaf next to the one found. No call goes sideways: the descent
 *      notes the key at which the next (or the previous) leaf begins (ends), and starts over with that.
 *      The key only moves one way, so this ends, whatever others do to the tree meanwhile.
 * tree_search.2: A call has one point, that of the root_lock; starting over takes the lock without. A scan has one
 *      per leaf: between two leaves it holds nothing.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "tree/node.h"

/* A descent for the leaf that `key` belongs to, and where its neighbours begin. */
struct descent {
	struct key key;
	uint64_t min_generation; /* subtrees that are older are skipped, to the right */
	bool again;              /* not the first of this call: no point */
	struct node *leaf;       /* read-locked; NULL: skipped everything up to `next` */
	bool has_next, has_prev;
	struct key next, prev;   /* the first key that may be to the right, the last that may be to the left */
};

/* The neighbours of what is below `slot`: closer ones than those noted above. */
static void note_neighbours(struct descent *d, const struct node *n, uint32_t slot)
{
	if (slot + 1 < node_nritems(n)) {
		d->has_next = true;
		d->next = node_key(n, slot + 1);
	}
	if (slot) {
		d->prev = node_key(n, slot);
		d->has_prev = key_dec(&d->prev);
	}
}

/* again: not the first descent of a call, so without a point (tree_search.2). */
static struct node *enter_tree(struct tree *t, bool again)
{
	struct node *root;

	if (again)
		read_lock_quiet(&t->root_lock);
	else
		read_lock(&t->root_lock);
	root = root_enter(t, NODE_READ);
	read_unlock(&t->root_lock);
	return root;
}

/* The first slot from the one of d->key on that is young enough; nritems when there is none. */
static uint32_t young_slot(const struct descent *d, const struct node *n)
{
	uint32_t slot = inner_search(n, &d->key);

	while (slot < node_nritems(n) && inner_ptr(n, slot)->generation < d->min_generation)
		slot++;
	return slot;
}

static int descend(struct tree *t, struct descent *d)
{
	struct node *n = enter_tree(t, d->again), *child;
	struct node_end end = { 0 };

	d->leaf = NULL;
	d->has_next = d->has_prev = false;
	while (n->level) {
		uint32_t slot = young_slot(d, n);
		int ret;

		if (slot == node_nritems(n)) {
			node_leave(n, NODE_READ);
			return 0;
		}
		note_neighbours(d, n, slot);
		ret = child_enter(t, n, slot, &end, NODE_READ, &child);
		node_leave(n, NODE_READ);
		if (ret)
			return ret;
		n = child;
	}
	d->leaf = n;
	return 0;
}

static void copy_item(const struct node *leaf, uint32_t slot, void *buf, uint32_t cap, uint32_t *len)
{
	uint32_t size = leaf_item(leaf, slot)->len, n = size < cap ? size : cap;

	if (n)
		memcpy(buf, leaf_data(leaf, slot), n);
	if (len)
		*len = size;
}

int tree_lookup(struct tree *t, const struct key *k, void *buf, uint32_t cap, uint32_t *len)
{
	struct descent d = { .key = *k };
	bool found;
	uint32_t slot;
	int ret = descend(t, &d);

	if (ret)
		return ret;
	slot = node_search(d.leaf, k, &found);
	if (found)
		copy_item(d.leaf, slot, buf, cap, len);
	node_leave(d.leaf, NODE_READ);
	return found ? 0 : -ENOENT;
}

int tree_next(struct tree *t, struct key *k, void *buf, uint32_t cap, uint32_t *len)
{
	struct descent d = { .key = *k };
	bool found;

	for (;; d.again = true, d.key = d.next) {
		int ret = descend(t, &d);
		uint32_t slot;

		if (ret)
			return ret;
		slot = node_search(d.leaf, &d.key, &found);
		if (slot < node_nritems(d.leaf)) {
			*k = node_key(d.leaf, slot);
			copy_item(d.leaf, slot, buf, cap, len);
			node_leave(d.leaf, NODE_READ);
			return 0;
		}
		node_leave(d.leaf, NODE_READ);
		if (!d.has_next)
			return -ENOENT;
		CHECK(key_cmp(&d.next, &d.key) > 0); /* tree_search.1 */
	}
}

int tree_prev(struct tree *t, struct key *k, void *buf, uint32_t cap, uint32_t *len)
{
	struct descent d = { .key = *k };
	bool found;

	for (;; d.again = true, d.key = d.prev) {
		int ret = descend(t, &d);
		uint32_t slot;

		if (ret)
			return ret;
		slot = node_search(d.leaf, &d.key, &found);
		if (found || slot) {
			slot -= !found;
			*k = node_key(d.leaf, slot);
			copy_item(d.leaf, slot, buf, cap, len);
			node_leave(d.leaf, NODE_READ);
			return 0;
		}
		node_leave(d.leaf, NODE_READ);
		if (!d.has_prev)
			return -ENOENT;
		CHECK(key_cmp(&d.prev, &d.key) < 0);
	}
}

/* ---- scan ---- */

/* The items of `leaf`, a copy, that are in [from, to]. */
static int tell_items(const struct node *leaf, const struct key *from, const struct key *to,
                      int (*fn)(void *arg, const struct key *k, const void *data, uint32_t len), void *arg)
{
	bool found;

	for (uint32_t slot = node_search(leaf, from, &found); slot < node_nritems(leaf); slot++) {
		struct key k = node_key(leaf, slot);
		int ret;

		if (key_cmp(&k, to) > 0)
			break;
		ret = fn(arg, &k, leaf_data(leaf, slot), leaf_item(leaf, slot)->len);
		if (ret)
			return ret;
	}
	return 0;
}

/* Copies the leaf that d->key belongs to; false when it is too old, or all on the way to d->next is. */
static int copy_leaf(struct tree *t, struct descent *d, struct node *copy, bool *young)
{
	int ret = descend(t, d);

	*young = false;
	if (ret || !d->leaf)
		return ret;
	if (d->leaf->generation >= d->min_generation) {
		node_copy(copy, d->leaf);
		*young = true;
	}
	node_leave(d->leaf, NODE_READ);
	return 0;
}

int tree_scan(struct tree *t, const struct key *from, const struct key *to, uint64_t min_generation,
              int (*fn)(void *arg, const struct key *k, const void *data, uint32_t len), void *arg)
{
	struct descent d = { .key = *from, .min_generation = min_generation };
	/* fn sees a copy, so that it may lock what it likes (tree.3) */
	struct node *copy = cache_scratch(t->bl);
	bool young;
	int ret;

	for (;; d.key = d.next) {
		ret = copy_leaf(t, &d, copy, &young);
		if (!ret && young)
			ret = tell_items(copy, &d.key, to, fn, arg);
		if (ret || !d.has_next || key_cmp(&d.next, to) > 0)
			break;
	}
	node_put(copy);
	return ret;
}
