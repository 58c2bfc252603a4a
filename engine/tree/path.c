/*
 * path.c: from parent to child, and copy on write: the steps that the descents of tree_search.c,
 * tree_modify.c and tree_delete.c are made of.
 *
 * path.1: A pointer is changed only with its node locked for writing, and only when the node that it
 *      will name is in memory and its block allocated: so a step either fails and has changed nothing,
 *      or it is done and cannot fail. What was copied before a later step fails stays copied; that
 *      is no change to what the tree says.
 * path.2: A copy is locked after its original is unlocked (they are on one line of the lock order). Nobody
 *      slips in between: the parent's lock is held for writing (node.4).
 */
#include <errno.h>

#include "base/check.h"
#include "tree/blocks.h"
#include "tree/node.h"

struct node *root_enter(struct tree *t, enum node_lock how)
{
	CHECK(how == NODE_READ || write_held(&t->root_lock));
	if (how == NODE_WRITE)
		rt_access(t->dirty_lock.m.id, POINT_READ); /* tree_take_dirty() decides what is copied */
	struct node *n = node_get(t->root);

	node_lock(n, how);
	return n;
}

struct node_want child_want(const struct tree *t, const struct node *parent, uint32_t slot, const struct node_end *end)
{
	CHECK(parent->level && slot < node_nritems(parent));
	const struct disk_ptr *p = inner_ptr(parent, slot);
	struct node_want want = {
		.fsid = t->bl->fsid,
		.bytenr = p->bytenr,
		.generation = p->generation,
		.owner = t->owner,
		.level = parent->level - 1,
		.first = key_of(&p->key),
		.end = *end,
	};

	if (slot + 1 < node_nritems(parent))
		want.end = (struct node_end){ true, node_key(parent, slot + 1) };
	return want;
}

int child_enter(struct tree *t, struct node *parent, uint32_t slot, struct node_end *end, enum node_lock how,
                struct node **out)
{
	struct node_want want = child_want(t, parent, slot, end);
	struct node *child;
	int ret = cache_read(t->bl, &want, &child);

	if (ret)
		return ret;
	*end = want.end;
	node_lock(child, how);
	ret = child->err;
	if (ret) {
		node_leave(child, how);
		return ret;
	}
	*out = child;
	return 0;
}

/* ---- the dirty list ---- */

void tree_dirty_add(struct tree *t, struct node *n)
{
	CHECK(!n->written && list_empty(&n->dirty));
	spin_lock_quiet(&t->dirty_lock);
	list_add_tail(&n->dirty, &t->dirty);
	t->ndirty++;
	spin_unlock(&t->dirty_lock);
	node_get(n);
}

void tree_dirty_del(struct tree *t, struct node *n)
{
	spin_lock_quiet(&t->dirty_lock);
	CHECK(t->ndirty > 0 && !list_empty(&n->dirty));
	list_del(&n->dirty);
	t->ndirty--;
	spin_unlock(&t->dirty_lock);
	node_put(n);
}

/* ---- blocks come and go ---- */

int tree_new_node(struct tree *t, uint64_t generation, uint8_t level, struct node **out)
{
	uint64_t size = t->bl->nodesize, len = size, bytenr;
	int ret = alloc_get(t->bl->alloc, ALLOC_META, size, size, &len, &bytenr);

	if (ret)
		return ret;
	*out = cache_new(t->bl, bytenr, generation, t->owner, level);
	tree_dirty_add(t, *out);
	return 0;
}

void tree_give_up(struct tree *t, struct node *n)
{
	struct alloc *a = t->bl->alloc;

	CHECK(!write_held(&n->lock));
	cache_forget(n); /* first: nobody may find it under an address that can be had again (cache.2) */
	if (n->written) {
		if (t->give_up != alloc_pin)
			rt_access(n->lock.id, POINT_READ);
		/* with the caller's reference alone, none of its writes is in flight: nothing would be written over */
		(n->refs == 1 ? t->give_up : alloc_pin)(a, ALLOC_META, n->bytenr, t->bl->nodesize);
		return;
	}
	tree_dirty_del(t, n);
	alloc_free(a, ALLOC_META, n->bytenr, t->bl->nodesize);
}

void tree_set_root(struct tree *t, struct node *n)
{
	struct node *old = t->root;

	CHECK(write_held(&t->root_lock));
	t->root = node_get(n);
	node_put(old);
}

int tree_cow(struct tree *t, uint64_t generation, struct node *parent, uint32_t slot, struct node **np)
{
	struct node *old = *np, *copy;
	int ret;

	CHECK(write_held(&old->lock));
	CHECK(write_held(parent ? &parent->lock : &t->root_lock)); /* path.1 */
	if (old->generation > generation)
		return -EIO; /* a block from the future: a damaged pointer led here */
	if (!old->written && old->generation == generation)
		return 0;
	ret = tree_new_node(t, generation, old->level, &copy);
	if (ret)
		return ret;
	count(C_NODE_COW);
	node_copy(copy, old);
	if (parent)
		inner_set(parent, slot, copy);
	else
		tree_set_root(t, copy);
	node_unlock(old, NODE_WRITE);
	tree_give_up(t, old);
	node_put(old);
	node_lock(copy, NODE_WRITE); /* path.2 */
	*np = copy;
	return 0;
}
