/*
 * node.h: one block of a tree: its layout on disk, its life in memory, and what is done inside of one
 * block. Only engine/tree includes it.
 *
 * On disk, little endian, packed, the sizes of Btrfs's items and pointers (so that bytes of metadata
 * compare): a header; then, in a leaf, item headers growing up and their data growing down from the
 * end of the block, in the same order, with no gap between two data; in an inner node, pointers.
 *
 * node.1: Keys in a block rise strictly. The key of a pointer is a lower bound of the keys below it, and
 *      above all keys below the pointer before it. It need not be one that exists.
 * node.2: Only the root may be an empty leaf; no inner node is ever empty.
 * node.3: A child's generation is at most its parent's.
 *
 * In memory:
 * node.4: What identifies a node (address, generation, owner, level) never changes; its lock guards the
 *      rest of the content. A child is reached only with its parent's lock held (the root: the root_lock). So while
 *      a task holds the parent's lock for writing, no other task can come to the child; some may be there already.
 * node.5: A block is written at most once: a change after that goes to a copy (tree.1). So the write's bios
 *      are a part of the node.
 */
#ifndef TREE_NODE_H
#define TREE_NODE_H

#include <stdatomic.h>

#include "tree/super.h"
#include "tree/tree.h"

#define NODE_MAGIC      0x4e535346u /* "FSSN" */
#define NODE_SIZE_MIN   4096u
#define NODE_SIZE_MAX   65536u

/* ---- the layout ---- */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are read and written as they lie in memory");

struct node_header {
	uint32_t csum; /* crc32c of the rest of the block */
	uint32_t magic;
	uint64_t fsid;
	uint64_t bytenr;
	uint64_t generation;
	uint64_t owner;
	uint32_t nritems;
	uint8_t level;
	uint8_t zero[3];
} __attribute__((packed));

struct disk_key {
	uint64_t objectid;
	uint8_t type;
	uint64_t offset;
} __attribute__((packed));

struct disk_item {
	struct disk_key key;
	uint32_t at; /* of its data, from the start of the block */
	uint32_t len;
} __attribute__((packed));

struct disk_ptr {
	struct disk_key key;
	uint64_t bytenr;
	uint64_t generation;
} __attribute__((packed));

static inline struct key key_of(const struct disk_key *d)
{
	return (struct key){ d->objectid, d->type, d->offset };
}

static inline struct disk_key disk_key_of(const struct key *k)
{
	return (struct disk_key){ k->objectid, k->type, k->offset };
}

/* The next and the previous of all possible keys; false when there is none. */
bool key_inc(struct key *k);
bool key_dec(struct key *k);

/* ---- a node in memory ---- */

struct node {
	/* set before anybody else can find the node, then read only */
	struct blocks *bl;
	uint64_t bytenr, generation, owner;
	uint8_t level;
	uint8_t *buf;

	struct rwsem lock; /* guards the content of buf, and err */
	int err;           /* reading it failed: a task that gets the lock finds this, and gives up */
	bool written;      /* tree.1; set by tree_take_dirty, when nobody changes the tree */

	_Atomic uint32_t refs;
	struct list dirty;       /* on tree->dirty (its dirty_lock), later on the list that took it */
	struct node *hash_next;  /* the cache's; guarded by the lock of its shard */
	bool hashed;
	struct node *pool_next;
	struct bio bio[2];       /* one a copy */
	struct batch *batch;
};

static inline struct node_header *node_header(const struct node *n)
{
	return (struct node_header *)n->buf;
}

static inline uint32_t node_nritems(const struct node *n)
{
	return node_header(n)->nritems;
}

static inline struct disk_item *leaf_item(const struct node *n, uint32_t slot)
{
	return (struct disk_item *)(n->buf + sizeof(struct node_header)) + slot;
}

static inline struct disk_ptr *inner_ptr(const struct node *n, uint32_t slot)
{
	return (struct disk_ptr *)(n->buf + sizeof(struct node_header)) + slot;
}

static inline struct key node_key(const struct node *n, uint32_t slot)
{
	return key_of(n->level ? &inner_ptr(n, slot)->key : &leaf_item(n, slot)->key);
}

static inline void *leaf_data(const struct node *n, uint32_t slot)
{
	return n->buf + leaf_item(n, slot)->at;
}

/* ---- inside of one block: node.c; the caller holds its lock (changes: for writing) ---- */

/* Makes the block an empty one that carries its identity. */
void node_format(struct node *n);
/* Copies the content of `from`, but not its identity. */
void node_copy(struct node *to, const struct node *from);
/* The first slot with a key >= *k; nritems when there is none. *found: it is *k. */
uint32_t node_search(const struct node *n, const struct key *k, bool *found);
/* The pointer below which *k belongs: the last one with a key <= *k, or the first. */
uint32_t inner_search(const struct node *n, const struct key *k);

uint32_t leaf_free_bytes(const struct node *n);
void leaf_insert(struct node *n, uint32_t slot, const struct key *k, const void *data, uint32_t len);
void leaf_replace(struct node *n, uint32_t slot, const void *data, uint32_t len);
void leaf_delete(struct node *n, uint32_t slot);
/* What an item of this length takes. */
static inline uint32_t leaf_need(uint32_t len)
{
	return (uint32_t)sizeof(struct disk_item) + len;
}

/* A quarter of what a leaf holds, so that a leaf that is cut has room on both sides (leaf_cut). */
static inline uint32_t item_max(uint32_t nodesize)
{
	return (nodesize - (uint32_t)sizeof(struct node_header)) / 4 - (uint32_t)sizeof(struct disk_item);
}

uint32_t inner_max(const struct node *n);
void inner_insert(struct node *n, uint32_t slot, const struct key *k, const struct node *child);
/* The pointer names `child` from now on; its key stays. */
void inner_set(struct node *n, uint32_t slot, const struct node *child);
void inner_set_key(struct node *n, uint32_t slot, const struct key *k);
void inner_delete(struct node *n, uint32_t slot);

/*
 * Where to cut a leaf that has no room for an item of `len` bytes at `slot` (in place of the one that
 * is there when `replace`). Items from the returned slot on go to the right; *sep is the right one's
 * lower bound. The new item belongs to the right when its key is >= *sep, and then fits, as it does on the left
 * when not. Either side may be empty until it is there.
 */
uint32_t leaf_cut(const struct node *n, uint32_t slot, const struct key *k, uint32_t len, bool replace,
                  struct key *sep);
/* The same for an inner node whose pointer at `slot` is about to be split. No side is empty. */
uint32_t inner_cut(const struct node *n, uint32_t slot, struct key *sep);
/* Moves slots from `slot` on to `to`, which is empty and of the same level. */
void node_move_tail(struct node *from, struct node *to, uint32_t slot);
/* Clears what is not used and sets the checksum: the block is ready to be written. */
void node_seal(struct node *n);

/* ---- what came from the disk: node_check.c ---- */

/* Where a subtree ends: all its keys are below `key`. A root, and what is last in all nodes above it, has no end. */
struct node_end {
	bool is;
	struct key key;
};

/* What the pointer says about the block that it names (tree.2). */
struct node_want {
	uint64_t fsid, bytenr, generation, owner;
	uint8_t level;
	bool is_root;
	struct key first; /* no key is below it */
	struct node_end end;
};

/* Every field of the block checked once, so that nothing after trusts what it should not. 0, or -EIO with why. */
int node_check(const struct blocks *bl, const void *buf, const struct node_want *want, struct why *why);
/* The same without the checksum, which a changed block does not have yet. */
int node_check_structure(const struct blocks *bl, const void *buf, const struct node_want *want, struct why *why);

/* ---- the life of a node: cache.c, blocks.c ---- */

static inline struct node *node_get(struct node *n)
{
	atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
	return n;
}

/* Takes no lock and never blocks: also called from bio->done. */
void node_put(struct node *n);

/* A node of an allocated block, empty, in the cache, referenced once for the caller. A stale one of that address
 * leaves. */
struct node *cache_new(struct blocks *bl, uint64_t bytenr, uint64_t generation, uint64_t owner, uint8_t level);
/* A leaf that is no block of any tree, to copy one into. */
struct node *cache_scratch(struct blocks *bl);
/* The node of this address if it is in the cache, referenced; else NULL. */
struct node *cache_find(struct blocks *bl, uint64_t bytenr);
/* The node that `want` describes, from the cache or from the device; referenced, not locked. */
int cache_read(struct blocks *bl, const struct node_want *want, struct node **out);
/* Reads one copy of the block into buf (nodesize bytes of a dev_buffer_get()) and checks it. 0, or -EIO with why. */
int block_read_copy(struct blocks *bl, const struct node_want *want, uint32_t copy, void *buf, struct why *why);
/* Its block was given up: nobody finds it any more, and it goes with its last reference. */
void cache_forget(struct node *n);

/* ---- locks: taken without a point, since the root_lock's is the one point of a call of the tree ---- */

enum node_lock { NODE_READ, NODE_WRITE };

static inline void node_lock(struct node *n, enum node_lock how)
{
	if (how == NODE_READ)
		read_lock_quiet(&n->lock);
	else
		write_lock_quiet(&n->lock);
}

static inline void node_unlock(struct node *n, enum node_lock how)
{
	if (how == NODE_READ)
		read_unlock(&n->lock);
	else
		write_unlock(&n->lock);
}

/* Unlocks and drops the reference that kept the lock's memory. */
static inline void node_leave(struct node *n, enum node_lock how)
{
	node_unlock(n, how);
	node_put(n);
}

/* ---- from parent to child, and copy on write: path.c ---- */

/* The root, locked and referenced; root_lock is held, at least as strongly. */
struct node *root_enter(struct tree *t, enum node_lock how);
/* The child at `slot` of a locked parent, locked and referenced. *end: where the parent ends, then where the child
 * does; a descent begins with one that is not. -EIO. */
int child_enter(struct tree *t, struct node *parent, uint32_t slot, struct node_end *end, enum node_lock how,
                struct node **out);
/* What the pointer at `slot` of a locked node says of its child. end: where the parent ends. */
struct node_want child_want(const struct tree *t, const struct node *parent, uint32_t slot,
                            const struct node_end *end);

/* Why the tree is not to be changed now (tree.h: refuse); 0: it may be. */
static inline int tree_refuses(struct tree *t)
{
	return t->refuse ? t->refuse(t->refuse_arg) : 0;
}

/* A new, empty block of the tree: dirty, referenced, not locked. -ENOSPC. */
int tree_new_node(struct tree *t, uint64_t generation, uint8_t level, struct node **out);
/* Gives up a block that nothing points to any more (tree.4): frees or pins it, forgets the node. Not locked. */
void tree_give_up(struct tree *t, struct node *n);
/*
 * (tree.1) *n, write-locked, may be changed in `generation`: it is the same node when it is young and not
 * written, else a copy, locked in its place, and the parent's pointer (parent NULL: the tree's root) names the
 * copy. On an error nothing has changed and *n is still locked.
 */
int tree_cow(struct tree *t, uint64_t generation, struct node *parent, uint32_t slot, struct node **n);
/* `n` is the tree's root from now on (referenced for that); root_lock is held for writing. */
void tree_set_root(struct tree *t, struct node *n);

/* A node is changed for the first time: it goes on the dirty list, with a reference. */
void tree_dirty_add(struct tree *t, struct node *n);
/* Off again, when its block is given up before it was taken for writing. */
void tree_dirty_del(struct tree *t, struct node *n);

#endif
