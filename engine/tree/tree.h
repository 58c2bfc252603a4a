/*
 * tree.h: a copy-on-write B-tree of items ordered by key, in checksummed, generation-stamped blocks.
 *
 * tree.1: A block that was submitted for writing, or that belongs to an older generation, is never
 *      changed: the change goes to a copy at a new place, and its parent is changed likewise.
 * tree.2: A block is read only through its parent's pointer, and must carry the address, generation,
 *      level, owner and checksum that the pointer implies; else the other copy (DUP), else -EIO.
 * tree.3: Locks go parent before child. No call returns with a lock held, and no item is handed out by
 *      reference: lookups copy. So no caller can hold a tree lock while it takes another.
 * tree.4: Blocks given up: never written ones are free at once, the others are pinned until the commit
 *      of the running transaction is on the media (alloc.h).
 *
 * Callers: engine/fs. They need no lock of their own: any number of tasks may use one tree at once.
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include "dev/dev.h"
#include "tree/alloc.h"

struct key {
	uint64_t objectid;
	uint8_t type;
	uint64_t offset;
};

static inline int key_cmp(const struct key *a, const struct key *b)
{
	if (a->objectid != b->objectid)
		return a->objectid < b->objectid ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

#define TREE_LEVELS 8u /* a root is of a level below it */

/* Where a tree's root block is: what a root item, or the super block, holds. */
struct tree_ptr {
	uint64_t bytenr; /* 0: no tree */
	uint64_t generation;
	uint8_t level;
};

struct node;

/* What all trees of a file system share: the device, the block cache, the allocator. See cache.h. */
struct blocks;

struct tree {
	struct blocks *bl;
	uint64_t owner;       /* tree id, stamped into its blocks */
	struct rwsem root_lock; /* guards root: which block is the root */
	struct node *root;
	/* what becomes of a written block that is copied (tree.4): alloc_pin(), unless the tree's maker has set
	 * another */
	void (*give_up)(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
	/* told of each change of an item, after it was made: data NULL: it is gone. Set by the tree's maker; no lock of
	 * the tree is held. NULL: nobody is told */
	void (*note)(void *arg, const struct key *k, const void *data, uint32_t len);
	void *note_arg;
	/* asked before each change: an error is its result, and nothing is changed. Set by the tree's maker; NULL: none
	 * is refused */
	int (*refuse)(void *arg);
	void *refuse_arg;
	struct spin dirty_lock; /* guards these: */
	struct list dirty;      /* blocks changed and not submitted */
	uint32_t ndirty;
};

/* An empty tree whose first block belongs to `generation`. -ENOSPC, -ENOMEM. */
int tree_create(struct tree *t, struct blocks *bl, uint64_t owner, uint64_t generation);
/* Opens by pointer; reads and checks the root block: -EIO. */
int tree_open(struct tree *t, struct blocks *bl, uint64_t owner, const struct tree_ptr *ptr);
/* Forgets the in-memory tree; dirty blocks are dropped, the allocation is not touched. */
void tree_close(struct tree *t);
struct tree_ptr tree_root_ptr(struct tree *t);

/* The largest item that fits: items are at most this long. */
uint32_t tree_item_max(const struct tree *t);

/* Copies the item into buf (up to cap bytes), its true length into *len (may be NULL). -ENOENT, -EIO. */
int tree_lookup(struct tree *t, const struct key *k, void *buf, uint32_t cap, uint32_t *len);
/* The first item with key >= *k; *k becomes its key. -ENOENT at the end. */
int tree_next(struct tree *t, struct key *k, void *buf, uint32_t cap, uint32_t *len);
/* The last item with key <= *k; *k becomes its key. -ENOENT when there is none. */
int tree_prev(struct tree *t, struct key *k, void *buf, uint32_t cap, uint32_t *len);

/*
 * Changes, made in transaction `generation`. insert: -EEXIST when there. put: inserts or replaces
 * (any length). update: same as put but -ENOENT when not there. delete: -ENOENT when not there.
 * All: -EIO (a damaged block), -ENOSPC, what t->refuse says; on an error the tree is unchanged.
 */
int tree_insert(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len);
int tree_put(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len);
int tree_update(struct tree *t, uint64_t generation, const struct key *k, const void *data, uint32_t len);
int tree_delete(struct tree *t, uint64_t generation, const struct key *k);

/*
 * Items of blocks with generation >= min_generation whose key is in [from, to], in order; whole
 * subtrees that are older are skipped. fn's data is valid during the call; fn must not use this tree. Stops
 * when fn returns non-zero and returns that.
 */
int tree_scan(struct tree *t, const struct key *from, const struct key *to, uint64_t min_generation,
              int (*fn)(void *arg, const struct key *k, const void *data, uint32_t len), void *arg);

/*
 * Takes the changed blocks of the tree onto `list` (their checksums are computed, they are marked written:
 * tree.1 from now on). Caller makes sure that nobody changes this tree meanwhile. Number of blocks taken.
 */
uint32_t tree_take_dirty(struct tree *t, struct list *list);
/* Drops a list that was taken and will not be written, because of an error elsewhere. */
void tree_forget_list(struct list *list);
/* Submits the blocks of the list (each copy, in ascending order of address) as parts of b; the list is empty
 * afterwards. */
void tree_write_list(struct blocks *bl, struct list *list, struct batch *b);

/* Gives up every block of the tree (tree.4) and closes it: the log after a commit. -EIO when a block cannot be read. */
int tree_free_all(struct tree *t);

/* Calls fn for each block of the tree, parents first. For the allocator at mount, and for checks. */
int tree_walk_blocks(struct tree *t, int (*fn)(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level),
                     void *arg);
/*
 * A survey of a tree as it is on the device, for who looks at an image: goes on after damage. block: each copy of each
 * block, parents first; bad: why this copy is not right, else NULL. item: each item of each leaf of which a copy is
 * right, in order; NULL: not wanted. They may not lock trees. A root that cannot be one is told as its copy 0.
 */
struct tree_survey {
	void (*block)(void *arg, uint64_t bytenr, uint8_t level, uint32_t copy, const struct why *bad);
	void (*item)(void *arg, const struct key *k, const void *data, uint32_t len);
	void *arg;
};
void tree_survey(struct blocks *bl, uint64_t owner, const struct tree_ptr *ptr, const struct tree_survey *s);
/* Structure check of the whole tree: key order, bounds, levels, generations. 0 or -EIO. For tests and check builds. */
int tree_check(struct tree *t);

#endif
