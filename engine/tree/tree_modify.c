/*
 * tree_modify.c: insert, put, update: down from the root with write locks, each node on the way copied
 * (tree.1) and given room before the next one, so that no change further down needs one in a node above.
 *
 * tree_modify.1: When a node has been entered it is young, unwritten, and has room: an inner node for one
 *      pointer more, a leaf for the item. So its parent is let go at once.
 * tree_modify.2: Whatever can fail in a split (its blocks) is had before the first byte is moved (path.1). From a
 *      split that may leave one side empty until the item is there, nothing fails before it is.
 */
#include <errno.h>

#include "base/check.h"
#include "tree/node.h"

enum when { WHEN_ABSENT, WHEN_PRESENT, ALWAYS };

struct change {
	struct tree *t;
	uint64_t generation;
	const struct key *key;
	const void *data;
	uint32_t len;
	enum when when;
};

static bool leaf_has_room(const struct change *c, const struct node *n)
{
	bool found;
	uint32_t slot = node_search(n, c->key, &found), old;

	if (c->when == (found ? WHEN_ABSENT : WHEN_PRESENT))
		return true; /* it will be refused */
	old = found ? leaf_need(leaf_item(n, slot)->len) : 0;
	return leaf_free_bytes(n) + old >= leaf_need(c->len);
}

static bool has_room(const struct change *c, const struct node *n)
{
	return n->level ? node_nritems(n) < inner_max(n) : leaf_has_room(c, n);
}

/* Moves a part of the locked node to `right`, which is empty; *sep is its lower bound. */
static void cut_in_two(const struct change *c, struct node *n, struct node *right, struct key *sep)
{
	bool found;
	uint32_t slot, cut;

	if (n->level) {
		cut = inner_cut(n, inner_search(n, c->key), sep);
	} else {
		slot = node_search(n, c->key, &found);
		cut = leaf_cut(n, slot, c->key, c->len, found, sep);
	}
	node_move_tail(n, right, cut);
}

/* Splits *np, the child at `slot` of a parent with room; *np is the side that the key belongs to, locked. */
static int split_child(const struct change *c, struct node *parent, uint32_t slot, struct node **np)
{
	struct node *left = *np, *right;
	struct key sep;
	int ret = tree_new_node(c->t, c->generation, left->level, &right);

	if (ret)
		return ret;
	/* nothing fails from here on (tree_modify.2) */
	CHECK(write_held(&parent->lock));
	cut_in_two(c, left, right, &sep);
	inner_insert(parent, slot + 1, &sep, right);
	if (key_cmp(c->key, &sep) < 0) {
		node_put(right);
		return 0;
	}
	node_leave(left, NODE_WRITE);
	node_lock(right, NODE_WRITE);
	*np = right;
	return 0;
}

/* A tree one level higher, its old root cut in two; *np is the new root, locked. */
static int split_root(const struct change *c, struct node **np)
{
	struct node *left = *np, *right, *up;
	struct key first = node_key(left, 0), sep;
	int ret;

	if (left->level + 1u >= TREE_LEVELS)
		return -ENOSPC; /* more items than any device holds, so a crafted image: only a split would notice */
	CHECK(left == c->t->root && write_held(&c->t->root_lock));
	ret = tree_new_node(c->t, c->generation, left->level + 1, &up);
	if (ret)
		return ret;
	ret = tree_new_node(c->t, c->generation, left->level, &right);
	if (ret)
		goto give_up_root;
	cut_in_two(c, left, right, &sep);
	inner_insert(up, 0, &first, left);
	inner_insert(up, 1, &sep, right);
	tree_set_root(c->t, up);
	node_put(right);
	node_leave(left, NODE_WRITE);
	node_lock(up, NODE_WRITE);
	*np = up;
	return 0;

give_up_root:
	tree_give_up(c->t, up);
	node_put(up);
	return ret;
}

/* The root, ready to be changed (tree_modify.1). */
static int enter_root(const struct change *c, struct node **np)
{
	int ret;

	write_lock(&c->t->root_lock);
	*np = root_enter(c->t, NODE_WRITE);
	ret = tree_cow(c->t, c->generation, NULL, 0, np);
	if (!ret && !has_room(c, *np))
		ret = split_root(c, np);
	write_unlock(&c->t->root_lock);
	if (ret)
		node_leave(*np, NODE_WRITE);
	return ret;
}

/* The slot that the key belongs to, its bound lowered if the key is below all (node.1). */
static uint32_t slot_for(const struct change *c, struct node *n)
{
	uint32_t slot = inner_search(n, c->key);
	struct key bound = node_key(n, slot);

	if (key_cmp(c->key, &bound) < 0)
		inner_set_key(n, slot, c->key);
	return slot;
}

/* The child that the key belongs to, ready to be changed (tree_modify.1). The parent stays locked. */
static int enter_child(const struct change *c, struct node *parent, struct node_end *end, struct node **np)
{
	uint32_t slot = slot_for(c, parent);
	int ret = child_enter(c->t, parent, slot, end, NODE_WRITE, np);

	if (ret)
		return ret;
	ret = tree_cow(c->t, c->generation, parent, slot, np);
	if (!ret && !has_room(c, *np))
		ret = split_child(c, parent, slot, np);
	if (ret)
		node_leave(*np, NODE_WRITE);
	return ret;
}

static int enter_leaf(const struct change *c, struct node **leaf)
{
	struct node_end end = { 0 };
	struct node *n, *child;
	int ret = enter_root(c, &n);

	if (ret)
		return ret;
	while (n->level) {
		ret = enter_child(c, n, &end, &child);
		node_leave(n, NODE_WRITE);
		if (ret)
			return ret;
		n = child;
	}
	*leaf = n;
	return 0;
}

static int change_leaf(const struct change *c, struct node *leaf)
{
	bool found;
	uint32_t slot = node_search(leaf, c->key, &found);

	if (found && c->when == WHEN_ABSENT)
		return -EEXIST;
	if (!found && c->when == WHEN_PRESENT)
		return -ENOENT;
	if (found)
		leaf_replace(leaf, slot, c->data, c->len);
	else
		leaf_insert(leaf, slot, c->key, c->data, c->len);
	return 0;
}

static int change(const struct change *c)
{
	struct node *leaf;
	int ret;

	CHECK(c->len <= tree_item_max(c->t));
	ret = tree_refuses(c->t);
	if (!ret)
		ret = enter_leaf(c, &leaf);
	if (ret)
		return ret;
	/* ours alone: nobody else can change it, and no super can name it before a commit takes it (tree_modify.1) */
	CHECK(write_held(&leaf->lock) && !leaf->written && leaf->generation == c->generation);
	ret = change_leaf(c, leaf);
	node_leave(leaf, NODE_WRITE);
	if (!ret && c->t->note)
		c->t->note(c->t->note_arg, c->key, c->data, c->len);
	return ret;
}

int tree_insert(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len)
{
	return change(&(struct change){ t, generation, k, data, len, WHEN_ABSENT });
}

int tree_put(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len)
{
	return change(&(struct change){ t, generation, k, data, len, ALWAYS });
}

int tree_update(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len)
{
	return change(&(struct change){ t, generation, k, data, len, WHEN_PRESENT });
}
