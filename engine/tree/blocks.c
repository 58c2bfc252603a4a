/*
 * blocks.c: the life of what all trees of a file system share, and the pool of nodes.
 *
 * Nothing is evicted: the table holds at most what the live trees consist of. Nodes that go are kept
 * for reuse, with their buffers: an fsync makes and drops several.
 */
#include "tree/blocks.h"

#include <stdlib.h>

#include "base/check.h"
#include "machine/mem.h"
#include "tree/node.h"

struct blocks *blocks_open(struct dev *dev, struct alloc *alloc, uint32_t nodesize, bool dup, uint64_t meta_len)
{
	struct blocks *bl = mem_zalloc(sizeof(*bl));

	CHECK(nodesize >= NODE_SIZE_MIN && nodesize <= NODE_SIZE_MAX && !(nodesize & (nodesize - 1)));
	bl->dev = dev;
	bl->alloc = alloc;
	bl->nodesize = nodesize;
	bl->copies = dup ? 2 : 1;
	bl->meta_len = meta_len;
	for (uint32_t i = 0; i < CACHE_SHARDS; i++)
		spin_init(&bl->shard[i].lock, L_CACHE);
	spin_init(&bl->pool_lock, L_CACHE);
	spin_init(&bl->damage_lock, L_CACHE);
	return bl;
}

static void node_free(struct node *n)
{
	dev_buffer_put(n->bl->dev, n->buf);
	free(n);
}

static void free_chain(struct node *n)
{
	while (n) {
		struct node *next = n->pool_next;

		node_free(n);
		n = next;
	}
}

static void shard_free(struct shard *s)
{
	for (uint32_t i = 0; i < s->nslots; i++) {
		while (s->slot[i]) {
			struct node *n = s->slot[i];

			/* the table's reference alone: any other would be used after the node is gone */
			CHECK(n->refs == 1);
			s->slot[i] = n->hash_next;
			node_free(n);
		}
	}
	free(s->slot);
}

void blocks_close(struct blocks *bl)
{
	for (uint32_t i = 0; i < CACHE_SHARDS; i++)
		shard_free(&bl->shard[i]);
	free_chain(bl->pool);
	free_chain(bl->returned);
	free(bl);
}

void blocks_set_fsid(struct blocks *bl, uint64_t fsid)
{
	bl->fsid = fsid;
}

void blocks_set_item_check(struct blocks *bl, item_check_fn *fn, const void *arg)
{
	bl->item_check = fn;
	bl->item_check_arg = arg;
}

void blocks_note_damage(struct blocks *bl, const struct why *why)
{
	spin_lock_quiet(&bl->damage_lock);
	if (!bl->damage.text[0])
		bl->damage = *why;
	spin_unlock(&bl->damage_lock);
}

bool blocks_damage(struct blocks *bl, struct why *why)
{
	spin_lock_quiet(&bl->damage_lock);
	*why = bl->damage;
	spin_unlock(&bl->damage_lock);
	return why->text[0];
}

uint32_t blocks_nodesize(const struct blocks *bl)
{
	return bl->nodesize;
}

int blocks_error(const struct blocks *bl)
{
	return bl->error;
}

void blocks_set_error(struct blocks *bl, int err)
{
	int none = 0;

	atomic_compare_exchange_strong(&bl->error, &none, err);
}

/* ---- the pool ---- */

static struct node *reuse(struct blocks *bl)
{
	struct node *n;

	spin_lock_quiet(&bl->pool_lock);
	if (!bl->pool)
		bl->pool = atomic_exchange_explicit(&bl->returned, NULL, memory_order_acquire);
	n = bl->pool;
	if (n)
		bl->pool = n->pool_next;
	spin_unlock(&bl->pool_lock);
	return n;
}

/* Called from bio->done too, so without a lock. The list is only ever taken as a whole, so the compare and swap
 * cannot be fooled by a node that was taken off and came back (ABA). */
static void pool_return(struct node *n)
{
	struct blocks *bl = n->bl;

	n->pool_next = atomic_load_explicit(&bl->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&bl->returned, &n->pool_next, n, memory_order_release,
	                                              memory_order_relaxed))
		;
}

struct node *pool_take(struct blocks *bl, uint64_t bytenr, uint64_t generation, uint64_t owner, uint8_t level)
{
	struct node *n = reuse(bl);

	if (!n) {
		n = mem_zalloc(sizeof(*n));
		n->buf = dev_buffer_get(bl->dev, bl->nodesize);
	}
	n->bl = bl;
	n->bytenr = bytenr;
	n->generation = generation;
	n->owner = owner;
	n->level = level;
	n->err = 0;
	n->written = false;
	n->refs = 1;
	n->hashed = false;
	list_init(&n->dirty);
	/* deeper is larger (lock.1); 0 is the root_lock's */
	rwsem_init(&n->lock, L_TREE_NODE, TREE_LEVELS - level);
	return n;
}

void node_put(struct node *n)
{
	uint32_t refs = atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel);

	CHECK(refs > 0);
	if (refs > 1)
		return;
	CHECK(!n->hashed && list_empty(&n->dirty)); /* the table and a list have a reference each */
	pool_return(n);
}
