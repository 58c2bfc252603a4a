/*
 * tree_walk.c: what goes through a whole tree: tell its blocks, check it, survey it, give it up.
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

static int walk_inner(const struct walk *w, struct node *n, const struct node_end *end);

static int walk_child(const struct walk *w, struct node *n, uint32_t slot, struct node_end end)
{
	const struct disk_ptr *p = inner_ptr(n, slot);
	struct node *child;
	int ret = w->fn(w->arg, p->bytenr, p->generation, n->level - 1);

	if (ret || n->level == 1)
		return ret; /* leaves are not read */
	ret = child_enter(w->t, n, slot, &end, NODE_READ, &child);
	if (ret)
		return ret;
	ret = walk_inner(w, child, &end);
	node_leave(child, NODE_READ);
	return ret;
}

static int walk_inner(const struct walk *w, struct node *n, const struct node_end *end)
{
	int ret = 0;

	for (uint32_t slot = 0; !ret && slot < node_nritems(n); slot++)
		ret = walk_child(w, n, slot, *end);
	return ret;
}

int tree_walk_blocks(struct tree *t, int (*fn)(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level),
                     void *arg)
{
	struct walk w = { t, fn, arg };
	struct node_end end = { 0 };
	struct node *root = enter_tree(t);
	int ret = fn(arg, root->bytenr, root->generation, root->level);

	if (!ret && root->level)
		ret = walk_inner(&w, root, &end);
	node_leave(root, NODE_READ);
	return ret;
}

/* ---- check it ---- */

static int check_node(struct tree *t, struct node *n, const struct node_want *want)
{
	struct why why;
	int ret = node_check_structure(t->bl, n->buf, want, &why);

	if (ret)
		blocks_note_damage(t->bl, &why);

	for (uint32_t slot = 0; !ret && n->level && slot < node_nritems(n); slot++) {
		struct node_want below = child_want(t, n, slot, &want->end);
		struct node_end end = want->end;
		struct node *child;

		ret = child_enter(t, n, slot, &end, NODE_READ, &child);
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

/* ---- survey it ---- */

static void survey_items(const struct tree_survey *s, const struct node *leaf)
{
	for (uint32_t slot = 0; s->item && slot < node_nritems(leaf); slot++) {
		struct key k = node_key(leaf, slot);

		s->item(s->arg, &k, leaf_data(leaf, slot), leaf_item(leaf, slot)->len);
	}
}

/* Each copy of the block as it is on the device, and then what is below the one that the cache took (n; NULL: none is
 * right). */
static void survey_node(struct tree *t, const struct tree_survey *s, struct node *n, const struct node_want *want)
{
	void *buf = dev_buffer_get(t->bl->dev, t->bl->nodesize);

	for (uint32_t copy = 0; copy < t->bl->copies; copy++) {
		struct why why;
		int ret = block_read_copy(t->bl, want, copy, buf, &why);

		s->block(s->arg, want->bytenr, want->level, copy, ret ? &why : NULL);
	}
	dev_buffer_put(t->bl->dev, buf);
	if (!n)
		return;
	if (!n->level)
		survey_items(s, n);
	for (uint32_t slot = 0; n->level && slot < node_nritems(n); slot++) {
		struct node_want below = child_want(t, n, slot, &want->end);
		struct node_end end = want->end;
		struct node *child = NULL;

		if (child_enter(t, n, slot, &end, NODE_READ, &child))
			child = NULL; /* no copy is right: told above, and nothing is known of what is below */
		survey_node(t, s, child, &below);
		if (child)
			node_leave(child, NODE_READ);
	}
}

void tree_survey(struct blocks *bl, uint64_t owner, const struct tree_ptr *ptr, const struct tree_survey *s)
{
	struct node_want want = {
		.fsid = bl->fsid,
		.bytenr = ptr->bytenr,
		.generation = ptr->generation,
		.owner = owner,
		.level = ptr->level,
		.is_root = true,
	};
	struct node *root = NULL;
	struct tree t;
	struct why why;

	if (ptr->level >= TREE_LEVELS || !node_address_ok(ptr->bytenr, bl->nodesize, bl->meta_len)) {
		why_set(&why, 0, "block %lu of level %u cannot be a root", (unsigned long)ptr->bytenr, ptr->level);
		s->block(s->arg, ptr->bytenr, ptr->level, 0, &why);
		return;
	}
	if (!tree_open(&t, bl, owner, ptr))
		root = enter_tree(&t);
	survey_node(&t, s, root, &want);
	if (root)
		node_leave(root, NODE_READ);
	tree_close(&t);
}

/* ---- give it up ---- */

static int free_node(struct tree *t, struct node *n, const struct node_end *end);

/* A leaf need not be read to be given up: one that is not in memory was written. */
static int free_leaf(struct tree *t, const struct disk_ptr *p)
{
	static const struct node_end none;
	struct node *n = cache_find(t->bl, p->bytenr);

	if (n)
		return free_node(t, n, &none);
	alloc_pin(t->bl->alloc, ALLOC_META, p->bytenr, t->bl->nodesize);
	return 0;
}

static int free_child(struct tree *t, struct node *parent, uint32_t slot, const struct node_end *end)
{
	struct node_want want = child_want(t, parent, slot, end);
	struct node *n;
	int ret;

	if (parent->level == 1)
		return free_leaf(t, inner_ptr(parent, slot));
	ret = cache_read(t->bl, &want, &n);
	return ret ? ret : free_node(t, n, &want.end);
}

/* Gives up n and all below it, and drops the caller's reference. Goes on after an error: the first one is returned. */
static int free_node(struct tree *t, struct node *n, const struct node_end *end)
{
	int ret = 0;

	for (uint32_t slot = 0; n->level && slot < node_nritems(n); slot++) {
		int err = free_child(t, n, slot, end);

		if (!ret)
			ret = err;
	}
	tree_give_up(t, n);
	node_put(n);
	return ret;
}

int tree_free_all(struct tree *t)
{
	struct node_end end = { 0 };
	int ret;

	write_lock(&t->root_lock);
	ret = free_node(t, t->root, &end);
	t->root = NULL;
	write_unlock(&t->root_lock);
	CHECK(list_empty(&t->dirty) && !t->ndirty); /* tree_give_up() has taken what was never written off the list */
	return ret;
}
