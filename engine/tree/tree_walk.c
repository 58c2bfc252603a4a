/*
 * tree_walk.c: what goes through a whole tree: tell its blocks, check it, give it up.
 *
 * The way down to the current block is locked, parent before child. So a walk sees each subtree as it is at one
 * moment, whatever other tasks do elsewhere in the tree. A callback may not lock trees.
 */
#include <errno.h>

#include "base/check.h"
#include "tree/blocks.h"
#include "tree/node.h"

struct walk {
	struct tree *t;
	int (*fn)(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level);
	void *arg;
};

static struct node *enter_tree(struct tree *t)
{
	struct node *root;

	read_lock(&t->root_lock);
	root = root_enter(t, NODE_READ);
	read_unlock(&t->root_lock);
	return root;
}

/* ---- tell its blocks ---- */

static int walk_inner(const struct walk *w, struct node *n);

static int walk_child(const struct walk *w, struct node *n, uint32_t slot)
{
	const struct disk_ptr *p = inner_ptr(n, slot);
	struct node *child;
	int ret = w->fn(w->arg, p->bytenr, p->generation, n->level - 1);

	if (ret || n->level == 1)
		return ret; /* leaves are not read */
	ret = child_enter(w->t, n, slot, NODE_READ, &child);
	if (ret)
		return ret;
	ret = walk_inner(w, child);
	node_leave(child, NODE_READ);
	return ret;
}

static int walk_inner(const struct walk *w, struct node *n)
{
	int ret = 0;

	for (uint32_t slot = 0; !ret && slot < node_nritems(n); slot++)
		ret = walk_child(w, n, slot);
	return ret;
}

int tree_walk_blocks(struct tree *t, int (*fn)(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level),
                     void *arg)
{
	struct walk w = { t, fn, arg };
	struct node *root = enter_tree(t);
	int ret = fn(arg, root->bytenr, root->generation, root->level);

	if (!ret && root->level)
		ret = walk_inner(&w, root);
	node_leave(root, NODE_READ);
	return ret;
}

/* ---- check it ---- */

/* What a parent says of a child narrows down from above: a last child ends where its parent does. */
static struct node_want narrowed(struct node_want want, const struct node_want *parent)
{
	if (!want.has_end) {
		want.has_end = parent->has_end;
		want.end = parent->end;
	}
	return want;
}

static int check_node(struct tree *t, struct node *n, const struct node_want *want)
{
	int ret = node_check_structure(n->buf, t->bl->nodesize, want);

	for (uint32_t slot = 0; !ret && n->level && slot < node_nritems(n); slot++) {
		struct node_want below = narrowed(child_want(t, n, slot), want);
		struct node *child;

		ret = child_enter(t, n, slot, NODE_READ, &child);
		if (ret)
			break;
		ret = check_node(t, child, &below);
		node_leave(child, NODE_READ);
	}
	return ret;
}

int tree_check(struct tree *t)
{
	struct node *root = enter_tree(t);
	struct node_want want = {
		.fsid = t->bl->fsid,
		.bytenr = root->bytenr,
		.generation = root->generation,
		.owner = t->owner,
		.level = root->level,
		.is_root = true,
	};
	int ret = check_node(t, root, &want);

	node_leave(root, NODE_READ);
	return ret;
}

/* ---- give it up ---- */

static int free_node(struct tree *t, struct node *n);

/* A leaf need not be read to be given up: one that is not in memory was written. */
static int free_leaf(struct tree *t, const struct disk_ptr *p)
{
	struct node *n = cache_find(t->bl, p->bytenr);

	if (n)
		return free_node(t, n);
	alloc_pin(t->bl->alloc, ALLOC_META, p->bytenr, t->bl->nodesize);
	return 0;
}

static int free_child(struct tree *t, struct node *parent, uint32_t slot)
{
	struct node_want want = child_want(t, parent, slot);
	struct node *n;
	int ret;

	if (parent->level == 1)
		return free_leaf(t, inner_ptr(parent, slot));
	ret = cache_read(t->bl, &want, &n);
	return ret ? ret : free_node(t, n);
}

/* Gives up n and all below it, and drops the caller's reference. Goes on after an error: the first one is returned. */
static int free_node(struct tree *t, struct node *n)
{
	int ret = 0;

	for (uint32_t slot = 0; n->level && slot < node_nritems(n); slot++) {
		int err = free_child(t, n, slot);

		if (!ret)
			ret = err;
	}
	tree_give_up(t, n);
	node_put(n);
	return ret;
}

int tree_free_all(struct tree *t)
{
	int ret;

	write_lock(&t->root_lock);
	ret = free_node(t, t->root);
	t->root = NULL;
	write_unlock(&t->root_lock);
	CHECK(list_empty(&t->dirty) && !t->ndirty); /* tree_give_up() has taken what was never written off the list */
	return ret;
}
