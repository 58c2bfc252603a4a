/*
 * tree.c: the life of a tree: made, opened by its pointer, asked for its pointer, closed.
 */
#include "tree/tree.h"

#include <errno.h>

#include "base/check.h"
#include "tree/blocks.h"
#include "tree/node.h"

static void tree_init(struct tree *t, struct blocks *bl, uint64_t owner)
{
	t->bl = bl;
	t->owner = owner;
	rwsem_init(&t->root_lock, L_TREE_NODE, 0);
	t->root = NULL;
	t->give_up = alloc_pin;
	t->note = NULL;
	t->refuse = NULL;
	spin_init(&t->dirty_lock, L_DIRTY);
	list_init(&t->dirty);
	t->ndirty = 0;
}

int tree_create(struct tree *t, struct blocks *bl, uint64_t owner, uint64_t generation)
{
	tree_init(t, bl, owner);
	return tree_new_node(t, generation, 0, &t->root);
}

int tree_open(struct tree *t, struct blocks *bl, uint64_t owner, const struct tree_ptr *ptr)
{
	struct node_want want = {
		.fsid = bl->fsid,
		.bytenr = ptr->bytenr,
		.generation = ptr->generation,
		.owner = owner,
		.level = ptr->level,
		.is_root = true,
	};
	struct node *root;
	struct why why;
	int ret;

	tree_init(t, bl, owner);
	if (ptr->level >= TREE_LEVELS || !node_address_ok(ptr->bytenr, bl->nodesize, bl->meta_len)) {
		ret = why_set(&why, -EIO, "tree %ld: block %lu of level %u cannot be its root", (long)owner,
			      (unsigned long)ptr->bytenr, ptr->level);
		blocks_note_damage(bl, &why);
		return ret;
	}
	ret = cache_read(bl, &want, &root);
	if (ret)
		return ret;
	/* another task may be reading it at this moment */
	node_lock(root, NODE_READ);
	ret = root->err;
	node_unlock(root, NODE_READ);
	if (ret)
		node_put(root);
	else
		t->root = root;
	return ret;
}

void tree_forget_list(struct list *list)
{
	while (!list_empty(list)) {
		struct node *n = list_first(list, struct node, dirty);

		list_del(&n->dirty);
		cache_forget(n);
		node_put(n);
	}
}

void tree_close(struct tree *t)
{
	if (t->root)
		node_put(t->root);
	t->root = NULL;
	tree_forget_list(&t->dirty);
	t->ndirty = 0;
}

struct tree_ptr tree_root_ptr(struct tree *t)
{
	struct tree_ptr ptr;

	CHECK(t->root);
	read_lock(&t->root_lock);
	ptr.bytenr = t->root->bytenr;
	ptr.generation = t->root->generation;
	ptr.level = t->root->level;
	read_unlock(&t->root_lock);
	return ptr;
}

uint32_t tree_item_max(const struct tree *t)
{
	return item_max(t->bl->nodesize);
}
