/*
 * tree_delete.c: delete. A leaf that becomes empty leaves its parent, a parent that becomes empty leaves
 * its own, and a root with a single child makes room for it. Blocks are not merged otherwise.
 *
 * tree_delete.1: What is above the first node that will not become empty is not touched: so the descent holds the
 *      locks of the nodes that it may have to take a pointer from, and lets go of all above them.
 * tree_delete.2: The root_lock is held as long as the root may have to change.
 * tree_delete.3: Everything that can fail (copies, reads) is done when the item is found; taking it out cannot fail.
 */
#include <errno.h>

#include "base/check.h"
#include "tree/node.h"

/* The locked part of the way down: node[level], for levels from the last one entered up to `top`. */
struct path {
	struct tree *t;
	uint64_t generation;
	const struct key *key;
	struct node *node[TREE_LEVELS];
	uint32_t slot[TREE_LEVELS]; /* which pointer was followed */
	int top;
	bool root_locked;
	struct node_end end; /* of the last one entered */
};

/* True when n stays in the tree after one thing is taken from it: it does not become empty, and is no root that is
 * left with one child. */
static bool stays(const struct path *p, const struct node *n)
{
	if (p->root_locked && n == p->t->root)
		return !n->level || node_nritems(n) > 2;
	return node_nritems(n) > 1;
}

static void unlock_root(struct path *p)
{
	if (p->root_locked)
		write_unlock(&p->t->root_lock);
	p->root_locked = false;
}

static void leave_level(struct path *p, int level)
{
	node_leave(p->node[level], NODE_WRITE);
	p->node[level] = NULL;
}

static void leave_above(struct path *p, int level)
{
	for (; p->top > level; p->top--)
		if (p->node[p->top])
			leave_level(p, p->top);
}

/* n was entered and copied: what is above is needed only if n may become empty (tree_delete.1). */
static void add_level(struct path *p, struct node *n)
{
	p->node[n->level] = n;
	CHECK(write_held(&n->lock));
	if (!stays(p, n))
		return; /* what is locked above stays locked, the root_lock too if it is (tree_delete.2) */
	leave_above(p, n->level);
	unlock_root(p);
}

static int enter_root(struct path *p)
{
	struct node *n;
	int ret;

	write_lock(&p->t->root_lock);
	p->root_locked = true;
	n = root_enter(p->t, NODE_WRITE);
	p->top = n->level;
	ret = tree_cow(p->t, p->generation, NULL, 0, &n);
	p->node[p->top] = n;
	if (!ret)
		add_level(p, n);
	return ret;
}

static int enter_child(struct path *p, struct node *parent)
{
	CHECK(parent); /* the level above is kept until this one is safe */
	uint32_t slot = inner_search(parent, p->key);
	struct node *n;
	int ret = child_enter(p->t, parent, slot, &p->end, NODE_WRITE, &n);

	if (ret)
		return ret;
	p->slot[parent->level] = slot;
	ret = tree_cow(p->t, p->generation, parent, slot, &n);
	p->node[n->level] = n;
	if (!ret)
		add_level(p, n);
	return ret;
}

static int enter_leaf(struct path *p)
{
	int ret = enter_root(p);

	for (int level = p->top; !ret && level > 0; level--)
		ret = enter_child(p, p->node[level]);
	return ret;
}

/* The node at `level` is empty and nothing points to it any more. */
static void drop_level(struct path *p, int level)
{
	struct node *n = p->node[level];

	p->node[level] = NULL;
	node_unlock(n, NODE_WRITE);
	tree_give_up(p->t, n);
	node_put(n);
}

/* All nodes above the leaf had one pointer, to the next one: the empty leaf is all that is left of the tree. */
static void leaf_to_root(struct path *p)
{
	CHECK(p->root_locked && !node_nritems(p->node[0]));
	tree_set_root(p->t, p->node[0]);
	for (int level = p->top; level > 0; level--)
		drop_level(p, level);
}

/* Takes the empty leaf, and what becomes empty by that, out of the tree. */
static void remove_empty(struct path *p)
{
	int level = 0;

	while (level < p->top && node_nritems(p->node[level + 1]) == 1)
		level++;
	if (level == p->top) {
		leaf_to_root(p);
		return;
	}
	inner_delete(p->node[level + 1], p->slot[level + 1]);
	for (; level >= 0; level--)
		drop_level(p, level);
}

/* While the root has a single child, the child becomes the root. A child that cannot be read stays where it is, for
 * a later call. */
static void shrink(struct path *p)
{
	struct tree *t = p->t;

	while (t->root->level) {
		struct node *root = root_enter(t, NODE_WRITE), *child;
		struct node_end end = { 0 };
		bool single = node_nritems(root) == 1;
		int ret = single ? child_enter(t, root, 0, &end, NODE_READ, &child) : -ENOENT;

		if (ret) {
			node_leave(root, NODE_WRITE);
			return;
		}
		tree_set_root(t, child);
		node_leave(child, NODE_READ);
		node_unlock(root, NODE_WRITE);
		tree_give_up(t, root);
		node_put(root);
	}
}

static int remove_item(struct path *p)
{
	struct node *leaf = p->node[0];
	bool found;
	uint32_t slot = node_search(leaf, p->key, &found);

	if (!found)
		return -ENOENT;
	/* nothing fails from here on (tree_delete.3) */
	CHECK(write_held(&leaf->lock) && !leaf->written && leaf->generation == p->generation);
	leaf_delete(leaf, slot);
	if (!node_nritems(leaf) && p->top > 0)
		remove_empty(p);
	return 0;
}

int tree_delete(struct tree *t, uint64_t generation, const struct key *k)
{
	struct path p = { .t = t, .generation = generation, .key = k };
	bool shrinks;
	int ret = tree_refuses(t);

	if (!ret)
		ret = enter_leaf(&p);
	if (!ret)
		ret = remove_item(&p);
	shrinks = !ret && p.root_locked;
	leave_above(&p, -1);
	/* the root_lock goes last: shrink() locks the nodes anew */
	if (shrinks)
		shrink(&p);
	unlock_root(&p);
	if (!ret && t->note)
		t->note(t->note_arg, k, NULL, 0);
	return ret;
}
