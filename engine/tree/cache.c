/*
 * cache.c: the blocks in memory, by address. What a block is read into, checked, and forgotten from.
 *
 * (H1) At most one node per address is hashed. A hashed node has one reference for being there.
 * (H2) A block that is given up leaves the cache before its space can be had again, and a new block
 *      puts out whatever still lies under its address: nobody ever finds a stale node.
 * (H3) A node that is being read is hashed and write-locked by its reader; the others wait for its
 *      lock, and give up when they find err set. It has left the cache by then.
 *
 * Nothing is evicted: the cache holds at most what the live trees consist of. Nodes that go are kept
 * for reuse, with their buffers: an fsync makes and drops several.
 */
#include "tree/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "rt/mem.h"
#include "tree/node.h"
#include "tree/super.h"

#define SHARDS    8u
#define SLOTS_MIN 16u

/* A table of its own that starts small, since a mount of a small image must cost next to nothing. */
struct shard {
	struct spin lock;
	/* lock guards these: */
	struct node **slot;
	uint32_t nslots, nnodes;
};

struct blocks {
	/* set at open, then read only */
	struct dev *dev;
	struct alloc *alloc;
	uint32_t nodesize, copies;
	uint64_t meta_len, fsid;

	_Atomic int error;
	struct shard shard[SHARDS];

	struct spin pool_lock;          /* guards pool; taking only */
	struct node *pool;
	struct node *_Atomic returned;  /* given back without a lock: all of it becomes the pool when that is empty */
};

/* ---- blocks ---- */

struct blocks *blocks_open(struct dev *dev, struct alloc *alloc, uint32_t nodesize, bool dup, uint64_t meta_len)
{
	struct blocks *bl = mem_zalloc(sizeof(*bl));

	CHECK(nodesize >= NODE_SIZE_MIN && nodesize <= NODE_SIZE_MAX && !(nodesize & (nodesize - 1)));
	bl->dev = dev;
	bl->alloc = alloc;
	bl->nodesize = nodesize;
	bl->copies = dup ? 2 : 1;
	bl->meta_len = meta_len;
	for (uint32_t i = 0; i < SHARDS; i++)
		spin_init(&bl->shard[i].lock, L_CACHE);
	spin_init(&bl->pool_lock, L_CACHE);
	return bl;
}

static void node_free(struct node *n)
{
	free(n->buf);
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

			/* who still refers to it would use it after it is gone */
			CHECK(n->refs == 1);
			s->slot[i] = n->hash_next;
			node_free(n);
		}
	}
	free(s->slot);
}

void blocks_close(struct blocks *bl)
{
	for (uint32_t i = 0; i < SHARDS; i++)
		shard_free(&bl->shard[i]);
	free_chain(bl->pool);
	free_chain(bl->returned);
	free(bl);
}

void blocks_set_fsid(struct blocks *bl, uint64_t fsid)
{
	bl->fsid = fsid;
}

uint64_t blocks_fsid(const struct blocks *bl)
{
	return bl->fsid;
}

uint32_t blocks_nodesize(const struct blocks *bl)
{
	return bl->nodesize;
}

struct dev *blocks_dev(const struct blocks *bl)
{
	return bl->dev;
}

struct alloc *blocks_alloc(const struct blocks *bl)
{
	return bl->alloc;
}

uint32_t blocks_copies(const struct blocks *bl)
{
	return bl->copies;
}

uint64_t blocks_copy_offset(const struct blocks *bl, const struct node *n, uint32_t copy)
{
	return n->bytenr + copy * bl->meta_len;
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

static struct node *pool_take(struct blocks *bl)
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

/* From bio->done too, so without a lock. Only whole lists are ever taken off, so there is no ABA. */
static void pool_return(struct node *n)
{
	struct blocks *bl = n->bl;

	n->pool_next = atomic_load_explicit(&bl->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&bl->returned, &n->pool_next, n, memory_order_release,
	                                              memory_order_relaxed))
		;
}

/* A node with this identity: no content, referenced once, not hashed. */
static struct node *node_make(struct blocks *bl, uint64_t bytenr, uint64_t generation, uint64_t owner, uint8_t level)
{
	struct node *n = pool_take(bl);

	if (!n) {
		n = mem_zalloc(sizeof(*n));
		n->buf = mem_alloc_pages(bl->nodesize);
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
	/* deeper is larger (K1); 0 is the root_lock's */
	rwsem_init(&n->lock, L_TREE_NODE, TREE_LEVELS - level);
	return n;
}

struct node *cache_scratch(struct blocks *bl)
{
	return node_make(bl, 0, 0, 0, 0);
}

void node_put(struct node *n)
{
	if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1)
		pool_return(n);
}

/* ---- the table ---- */

static struct shard *shard_of(struct blocks *bl, uint64_t bytenr, uint64_t *hash)
{
	*hash = rng_mix(bytenr);
	return &bl->shard[*hash % SHARDS];
}

static struct node **slot_of(const struct shard *s, uint64_t hash)
{
	return &s->slot[hash / SHARDS & (s->nslots - 1)];
}

static void shard_grow(struct shard *s)
{
	struct shard old = *s;
	uint64_t hash;

	s->nslots = old.nslots ? old.nslots * 2 : SLOTS_MIN;
	s->slot = mem_zalloc(s->nslots * sizeof(*s->slot));
	for (uint32_t i = 0; i < old.nslots; i++) {
		while (old.slot[i]) {
			struct node *n = old.slot[i], **to;

			old.slot[i] = n->hash_next;
			shard_of(n->bl, n->bytenr, &hash);
			to = slot_of(s, hash);
			n->hash_next = *to;
			*to = n;
		}
	}
	free(old.slot);
}

static struct node *shard_find(const struct shard *s, uint64_t hash, uint64_t bytenr)
{
	struct node *n = s->nslots ? *slot_of(s, hash) : NULL;

	while (n && n->bytenr != bytenr)
		n = n->hash_next;
	return n;
}

static void shard_add(struct shard *s, uint64_t hash, struct node *n)
{
	struct node **slot;

	if (s->nnodes == s->nslots)
		shard_grow(s);
	slot = slot_of(s, hash);
	n->hash_next = *slot;
	*slot = node_get(n);
	n->hashed = true;
	s->nnodes++;
}

static void shard_del(struct shard *s, uint64_t hash, struct node *n)
{
	struct node **at = slot_of(s, hash);

	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
	n->hashed = false;
	s->nnodes--;
	node_put(n);
}

struct node *cache_find(struct blocks *bl, uint64_t bytenr)
{
	uint64_t hash;
	struct shard *s = shard_of(bl, bytenr, &hash);
	struct node *n;

	spin_lock_quiet(&s->lock);
	n = shard_find(s, hash, bytenr);
	if (n)
		node_get(n);
	spin_unlock(&s->lock);
	return n;
}

struct node *cache_new(struct blocks *bl, uint64_t bytenr, uint64_t generation, uint64_t owner, uint8_t level)
{
	uint64_t hash;
	struct shard *s = shard_of(bl, bytenr, &hash);
	struct node *n = node_make(bl, bytenr, generation, owner, level), *stale;

	node_format(n);
	spin_lock_quiet(&s->lock);
	stale = shard_find(s, hash, bytenr);
	if (stale)
		shard_del(s, hash, stale);
	shard_add(s, hash, n);
	spin_unlock(&s->lock);
	return n;
}

void cache_forget(struct node *n)
{
	uint64_t hash;
	struct shard *s = shard_of(n->bl, n->bytenr, &hash);

	spin_lock_quiet(&s->lock);
	if (n->hashed)
		shard_del(s, hash, n);
	spin_unlock(&s->lock);
}

/* ---- reading ---- */

/* Does the pointer that led to this node mean it? One that came from a damaged block may not. */
static bool is_wanted(const struct node *n, const struct node_want *want)
{
	return n->generation == want->generation && n->owner == want->owner && n->level == want->level;
}

static bool address_ok(const struct blocks *bl, uint64_t bytenr)
{
	if (bytenr % ALLOC_UNIT || bytenr < SUPER_END || bl->meta_len < bl->nodesize)
		return false;
	return bytenr - SUPER_END <= bl->meta_len - bl->nodesize;
}

/* (T2): the first copy that is what the pointer means. */
static int read_copies(struct node *n, const struct node_want *want)
{
	struct blocks *bl = n->bl;

	for (uint32_t copy = 0; copy < bl->copies; copy++) {
		int ret = dev_read(bl->dev, blocks_copy_offset(bl, n, copy), n->buf, bl->nodesize);

		if (!ret)
			ret = node_check(n->buf, bl->nodesize, want);
		if (!ret)
			return 0;
	}
	return -EIO;
}

/* Hashes n unless somebody else was first: returns that one, referenced. */
static struct node *hash_or_find(struct node *n)
{
	uint64_t hash;
	struct shard *s = shard_of(n->bl, n->bytenr, &hash);
	struct node *other;

	spin_lock_quiet(&s->lock);
	other = shard_find(s, hash, n->bytenr);
	if (other)
		node_get(other);
	else
		shard_add(s, hash, n);
	spin_unlock(&s->lock);
	return other;
}

static int read_new(struct blocks *bl, const struct node_want *want, struct node **out)
{
	struct node *n = node_make(bl, want->bytenr, want->generation, want->owner, want->level), *other;
	int err;

	write_lock_quiet(&n->lock);
	other = hash_or_find(n);
	if (other) {
		node_leave(n, NODE_WRITE);
		*out = other;
		return 0;
	}
	err = read_copies(n, want);
	if (err) {
		n->err = err;
		cache_forget(n);
		node_leave(n, NODE_WRITE);
		return err;
	}
	n->written = true;
	write_unlock(&n->lock);
	*out = n;
	return 0;
}

int cache_read(struct blocks *bl, const struct node_want *want, struct node **out)
{
	struct node *n = cache_find(bl, want->bytenr);
	int ret = 0;

	if (!n) {
		if (!address_ok(bl, want->bytenr))
			return -EIO;
		ret = read_new(bl, want, &n);
	}
	if (ret)
		return ret;
	if (!is_wanted(n, want)) {
		node_put(n);
		return -EIO;
	}
	*out = n;
	return 0;
}
