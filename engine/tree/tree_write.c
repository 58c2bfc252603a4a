/*
 * tree_write.c: the changed blocks of a tree on their way to the device.
 *
 * tree_write.1: A block on a taken list is written (tree.1): nobody changes it again, so its buffer is stable while
 *      the device reads it; the list's reference, then each bio's, keeps it there.
 * tree_write.2: A write that fails is remembered for good (blocks_error): a super block must not be written over it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "machine/mem.h"
#include "tree/blocks.h"
#include "tree/node.h"

#define SORT_ON_STACK 32u

uint32_t tree_take_dirty(struct tree *t, struct list *list)
{
	struct list *pos;
	uint32_t n;

	/* a change of the tree that comes after this copies (tree_write.1): see root_enter() */
	rt_access(t->dirty_lock.m.id, POINT_WRITE);
	spin_lock_quiet(&t->dirty_lock);
	n = t->ndirty;
	list_for_each(pos, &t->dirty) {
		struct node *dirty = list_entry(pos, struct node, dirty);
		CHECK(!dirty->written); /* it is on a dirty list once in its life (node.5) */
		dirty->written = true;
	}
	t->ndirty = 0;
	pos = t->dirty.next;
	list_splice_tail(&t->dirty, list);
	spin_unlock(&t->dirty_lock);
	/* not under the lock: a checksum takes microseconds, and nobody changes our part of the list */
	for (; pos != list && n; pos = pos->next)
		node_seal(list_entry(pos, struct node, dirty));
	return n;
}

/* Drops a write's reference, or the list's. An access, since tree_give_up() may look whether there is one left. */
static void drop_written(struct node *n)
{
	uint32_t id = n->lock.id;

	node_put(n);
	rt_accessed(id, POINT_GIVE);
}

static void write_done(struct bio *bio)
{
	struct node *n = bio->private;
	struct batch *b = n->batch;
	int err = bio->err;

	if (err)
		blocks_set_error(n->bl, err); /* tree_write.2 */
	drop_written(n);
	batch_leave(b, err);
}

static void write_copy(struct node *n, uint32_t copy, bool more, struct batch *b)
{
	struct bio *bio = &n->bio[copy];

	CHECK(n->written && copy < 2);
	*bio = (struct bio){
		.off = blocks_copy_offset(n->bl, n->bytenr, copy),
		.len = n->bl->nodesize,
		.flags = BIO_WRITE | BIO_META | (more ? BIO_MORE : 0),
		.buf = n->buf,
		.done = write_done,
		.private = node_get(n),
	};
	batch_join(b);
	dev_submit(n->bl->dev, bio);
}

static int by_address(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return x->bytenr < y->bytenr ? -1 : x->bytenr > y->bytenr;
}

static uint32_t list_length(const struct list *list)
{
	const struct list *pos;
	uint32_t n = 0;

	list_for_each(pos, list)
		n++;
	return n;
}

/* Takes all nodes off the list, into the array, in ascending order. */
static void sort_nodes(struct list *list, struct node **nodes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		nodes[i] = list_first(list, struct node, dirty);
		list_del(&nodes[i]->dirty);
	}
	qsort(nodes, n, sizeof(*nodes), by_address);
}

static void write_nodes(struct blocks *bl, struct node **nodes, uint32_t n, struct batch *b)
{
	/* before the first copy is submitted: its completion reads it while the second is on its way */
	for (uint32_t i = 0; i < n; i++)
		nodes[i]->batch = b;
	for (uint32_t copy = 0; copy < bl->copies; copy++)
		for (uint32_t i = 0; i < n; i++)
			write_copy(nodes[i], copy, copy + 1 < bl->copies || i + 1 < n, b);
	for (uint32_t i = 0; i < n; i++)
		drop_written(nodes[i]);
}

void tree_write_list(struct blocks *bl, struct list *list, struct batch *b)
{
	struct node *few[SORT_ON_STACK];
	uint32_t n = list_length(list);
	struct node **nodes = n <= SORT_ON_STACK ? few : mem_alloc(n * sizeof(*nodes));

	sort_nodes(list, nodes, n);
	write_nodes(bl, nodes, n, b);
	if (nodes != few)
		free(nodes);
}
