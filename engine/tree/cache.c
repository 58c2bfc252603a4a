/*
 * cache.c: the blocks in memory, by address. What a block is read into, checked, and forgotten from.
 *
 * cache.1: At most one node per address is hashed. A hashed node has one reference for being there.
 * cache.2: A block that is given up leaves the cache before its space can be had again, and a new block
 *      puts out whatever still lies under its address: nobody ever finds a stale node.
 * cache.3: A node that is being read is hashed and write-locked by its reader; the others wait for its
 *      lock, and give up when they find err set. It has left the cache by then.
 */
#include "tree/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "machine/mem.h"
#include "tree/blocks.h"
#include "tree/node.h"
#include "tree/super.h"

#define SLOTS_MIN 16u

static struct shard *shard_of(struct blocks *bl, uint64_t bytenr, uint64_t *hash)
{
	*hash = rng_mix(bytenr);
	return &bl->shard[*hash % CACHE_SHARDS];
}

static struct node **slot_of(const struct shard *s, uint64_t hash)
{
	return &s->slot[hash / CACHE_SHARDS & (s->nslots - 1)];
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

	CHECK(!n->hashed);
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

	CHECK(n->hashed && s->nnodes > 0);
	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
	n->hashed = false;
	s->nnodes--;
	node_put(n);
}

struct node *cache_scratch(struct blocks *bl)
{
	return pool_take(bl, 0, 0, 0, 0);
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
	struct node *n = pool_take(bl, bytenr, generation, owner, level), *stale;

	node_format(n);
	/* the space of this address was free, so no tree names what may still lie under it (cache.2) */
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

/* True when the pointer that led to this node means it. One that came from a damaged block may not. */
static bool is_wanted(const struct node *n, const struct node_want *want)
{
	return n->generation == want->generation && n->owner == want->owner && n->level == want->level;
}

int block_read_copy(struct blocks *bl, const struct node_want *want, uint32_t copy, void *buf, struct why *why)
{
	int ret = dev_read(bl->dev, blocks_copy_offset(bl, want->bytenr, copy), buf, bl->nodesize);

	if (ret)
		return why_set(why, -EIO, "block %lu of tree %ld: it cannot be read: %s",
			       (unsigned long)want->bytenr, (long)want->owner, strerror(-ret));
	return node_check(bl, buf, want, why);
}

/* Reads the first copy that is what the pointer means (tree.2). */
static int read_copies(struct node *n, const struct node_want *want)
{
	struct blocks *bl = n->bl;
	struct why why;

	for (uint32_t copy = 0; copy < bl->copies; copy++)
		if (!block_read_copy(bl, want, copy, n->buf, &why))
			return 0;
	blocks_note_damage(bl, &why);
	return -EIO;
}

/* Hashes n, unless another task was first: then returns its node, referenced (cache.1). */
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
	struct node *n = pool_take(bl, want->bytenr, want->generation, want->owner, want->level), *other;
	int err;

	write_lock_quiet(&n->lock); /* before it can be found: others sleep on it until it is read (cache.3) */
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
	n->written = true; /* it came from the device: a change goes to a copy (tree.1) */
	write_unlock(&n->lock);
	*out = n;
	return 0;
}

int cache_read(struct blocks *bl, const struct node_want *want, struct node **out)
{
	struct node *n = cache_find(bl, want->bytenr);
	struct why why;
	int ret = n ? 0 : read_new(bl, want, &n);

	if (ret)
		return ret;
	if (!is_wanted(n, want)) {
		node_put(n);
		ret = why_set(&why, -EIO, "block %lu of tree %ld: another pointer names it too",
			      (unsigned long)want->bytenr, (long)want->owner);
		blocks_note_damage(bl, &why);
		return ret;
	}
	*out = n;
	return 0;
}
