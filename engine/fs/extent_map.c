/*
 * extent_map.c: see extent_map.h. What fs/btrfs/extent_map.c does, without merging of neighbours.
 *
 * A map is PINNED from em_add() to em_unpin() or em_drop(): while its ordered extent is on the way. In that time it is
 * neither split nor replaced, since nobody writes to pages of an ordered extent that is under way (file.c).
 */
#include <stdlib.h>

#include "fs/extent_map.h"
#include "fs/reclaim.h"

#define EM_LOG_MAX 32768u /* kernel: more than this in one fsync is a full commit */

static int em_cmp(const struct extent_map *a, const struct extent_map *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_GENERATE_INTERNAL(em_tree, extent_map, rb, em_cmp, __attribute__((unused)) static)

static uint64_t em_end(const struct extent_map *em)
{
	return em->start + em->len;
}

/* The first map that ends after `off`: the one that covers it, or the next one. */
static struct extent_map *em_at(struct inode *inode, uint64_t off)
{
	struct extent_map key = { .start = off };
	struct extent_map *next = RB_NFIND(em_tree, &inode->ems, &key);
	struct extent_map *prev = next ? RB_PREV(em_tree, &inode->ems, next) : RB_MAX(em_tree, &inode->ems);

	return prev && em_end(prev) > off ? prev : next;
}

/* em_lock held for writing. The map is not on the modified list yet. */
static struct extent_map *em_insert(struct inode *inode, const struct extent_map *m)
{
	struct extent_map *em = mem_alloc(sizeof(*em)), *prev, *next;

	CHECK(write_held(&inode->em_lock));
	CHECK(m->len && (m->start | m->len) % FS_BLOCK == 0);
	*em = *m;
	list_init(&em->mod_link);
	struct extent_map *clash = RB_INSERT(em_tree, &inode->ems, em);
	CHECK(!clash);
	prev = RB_PREV(em_tree, &inode->ems, em);
	next = RB_NEXT(em_tree, &inode->ems, em);
	CHECK(!prev || em_end(prev) <= em->start); /* extent_map.3 */
	CHECK(!next || em_end(em) <= next->start);
	memory_more(inode->root->fs);
	return em;
}

/* A part of `em`, which leaves the tree, that stays: [start, end). What the log does not know of the whole it does
 * not know of the part (extent_map.3). */
static void em_keep_part(struct inode *inode, const struct extent_map *em, uint64_t start, uint64_t end, bool modified)
{
	struct extent_map part = *em;

	CHECK(start >= em->start && end <= em_end(em));
	CHECK(!(em->flags & EM_PINNED));
	part.start = start;
	part.len = end - start;
	part.offset = em->offset + (start - em->start);
	struct extent_map *kept = em_insert(inode, &part);
	if (modified)
		list_add_tail(&kept->mod_link, &inode->modified);
}

/* em_lock held for writing: nobody sees the moment in which a part that stays is away. */
static void em_drop_locked(struct inode *inode, uint64_t start, uint64_t end)
{
	struct extent_map *em;

	while ((em = em_at(inode, start)) && em->start < end) {
		struct extent_map old = *em;
		bool modified = !list_empty(&em->mod_link);

		RB_REMOVE(em_tree, &inode->ems, em);
		list_del(&em->mod_link);
		free(em);
		memory_less(inode->root->fs, 1);
		if (old.start < start)
			em_keep_part(inode, &old, old.start, start, modified);
		if (em_end(&old) > end)
			em_keep_part(inode, &old, end, em_end(&old), modified);
	}
}

void em_add(struct inode *inode, const struct extent_map *m)
{
	write_lock(&inode->em_lock);
	CHECK(!(m->flags & EM_PINNED) == (m->generation != EM_GENERATION_PINNED)); /* extent_map.1 */
	em_drop_locked(inode, m->start, em_end(m));
	struct extent_map *em = em_insert(inode, m);
	list_add_tail(&em->mod_link, &inode->modified);
	trace(EV_EXTENT_MAP_ADDED, inode_trace_id(inode), m->start, m->len, m->disk_bytenr);
	write_unlock(&inode->em_lock);
}

void em_drop(struct inode *inode, uint64_t start, uint64_t end)
{
	write_lock(&inode->em_lock);
	em_drop_locked(inode, start, end);
	write_unlock(&inode->em_lock);
}

void em_release(struct inode *inode, uint64_t start, uint64_t end, uint64_t generation, bool all)
{
	struct extent_map *em, *next;

	write_lock(&inode->em_lock);
	for (em = em_at(inode, start); em && em->start < end; em = next) {
		bool needed = !list_empty(&em->mod_link) && em->generation >= generation;
		next = RB_NEXT(em_tree, &inode->ems, em);
		if ((em->flags & EM_PINNED) || (needed && !all))
			continue;
		if (needed) {
			inode_set_flag(inode, INODE_NEEDS_FULL_SYNC);
			trace(EV_MAP_RELEASED, inode_trace_id(inode), em->start, em->len);
		}
		RB_REMOVE(em_tree, &inode->ems, em);
		list_del(&em->mod_link);
		free(em);
		memory_less(inode->root->fs, 1);
	}
	write_unlock(&inode->em_lock);
}

static void unpin(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation, bool relist)
{
	write_lock(&inode->em_lock);
	for (struct extent_map *em = em_at(inode, start); em && em->start < start + len;
	     em = RB_NEXT(em_tree, &inode->ems, em)) {
		CHECK((em->flags & EM_PINNED) && em->generation == EM_GENERATION_PINNED);
		CHECK(em->start >= start && em_end(em) <= start + len); /* whole maps: a pinned one is never split */
		/* a map that is on the modified list stays there, and one that is not does not come back
		 * (extent_map.2) */
		em->generation = generation;
		em->flags &= ~EM_PINNED;
		if (relist && list_empty(&em->mod_link))
			list_add_tail(&em->mod_link, &inode->modified);
	}
	write_unlock(&inode->em_lock);
}

void em_unpin(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation)
{
	unpin(inode, start, len, generation, false);
}

void em_unpin_relist(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation)
{
	unpin(inode, start, len, generation, true);
}

bool em_lookup(struct inode *inode, uint64_t off, struct extent_map *out)
{
	bool found = false;

	read_lock(&inode->em_lock);
	struct extent_map *em = em_at(inode, off);
	if (em && em->start <= off) {
		*out = *em;
		found = true;
	}
	read_unlock(&inode->em_lock);
	return found;
}

bool em_modified_empty(struct inode *inode)
{
	read_lock(&inode->em_lock);
	bool empty = list_empty(&inode->modified);
	read_unlock(&inode->em_lock);
	return empty;
}

static int em_by_start(const void *a, const void *b)
{
	return em_cmp(a, b);
}

int em_take_modified(struct inode *inode, uint64_t start, uint64_t end, uint64_t committed, struct extent_map **out,
                     uint32_t *n)
{
	uint32_t nr = 0;
	struct list *pos, *tmp;

	*out = NULL;
	*n = 0;
	write_lock(&inode->em_lock);
	list_for_each(pos, &inode->modified)
		nr++;
	if (nr > EM_LOG_MAX) {
		write_unlock(&inode->em_lock);
		return -EFBIG;
	}
	struct extent_map *ems = mem_alloc((nr + 1) * sizeof(*ems));
	nr = 0;
	list_for_each_safe(pos, tmp, &inode->modified) {
		struct extent_map *em = list_entry(pos, struct extent_map, mod_link);
		if (em->start >= end || em_end(em) <= start)
			continue;
		/* off the list: from here on only the caller's log has it, so after an error the caller asks for a
		 * full sync */
		list_del(&em->mod_link);
		CHECK(!(em->flags & EM_PINNED) || em->generation > committed); /* extent_map.1 */
		if (em->generation > committed)
			ems[nr++] = *em;
	}
	write_unlock(&inode->em_lock);
	qsort(ems, nr, sizeof(*ems), em_by_start);
	*out = ems;
	*n = nr;
	return 0;
}

void em_forget_range(struct inode *inode, uint64_t start, uint64_t end)
{
	struct list *pos, *tmp;

	write_lock(&inode->em_lock);
	list_for_each_safe(pos, tmp, &inode->modified) {
		struct extent_map *em = list_entry(pos, struct extent_map, mod_link);
		/* one that is pinned is not in the tree yet, so the full log cannot have seen it */
		if (em->start >= start && em_end(em) <= end && !(em->flags & EM_PINNED))
			list_del(pos);
	}
	write_unlock(&inode->em_lock);
}

void em_forget_all(struct inode *inode, uint64_t start, uint64_t end)
{
	struct list *pos, *tmp;

	write_lock(&inode->em_lock);
	list_for_each_safe(pos, tmp, &inode->modified)
		list_del(pos);
	write_unlock(&inode->em_lock);
}

void em_free_all(struct inode *inode)
{
	em_drop(inode, 0, UINT64_MAX);
	CHECK(RB_EMPTY(&inode->ems) && list_empty(&inode->modified));
}
