/* extent_map.c: see extent_map.h. Re-implements fs/btrfs/extent_map.c's jobs, without merging of neighbours. */
#include <stdlib.h>

#include "fs/extent_map.h"

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

static struct extent_map *em_insert(struct inode *inode, const struct extent_map *m)
{
	struct extent_map *em = mem_alloc(sizeof(*em));

	*em = *m;
	list_init(&em->mod_link);
	struct extent_map *clash = RB_INSERT(em_tree, &inode->ems, em);
	CHECK(!clash);
	return em;
}

static void em_remove(struct inode *inode, struct extent_map *em)
{
	RB_REMOVE(em_tree, &inode->ems, em);
	list_del(&em->mod_link);
	free(em);
}

/* A part of `em`, which leaves the tree, that stays: [start, end). */
static void em_keep_part(struct inode *inode, const struct extent_map *em, uint64_t start, uint64_t end, bool modified)
{
	struct extent_map part = *em;

	part.start = start;
	part.len = end - start;
	part.offset = em->offset + (start - em->start);
	struct extent_map *kept = em_insert(inode, &part);
	if (modified)
		list_add_tail(&kept->mod_link, &inode->modified);
}

static void em_drop_locked(struct inode *inode, uint64_t start, uint64_t end)
{
	struct extent_map *em;

	while ((em = em_at(inode, start)) && em->start < end) {
		struct extent_map old = *em;
		bool modified = !list_empty(&em->mod_link);

		em_remove(inode, em);
		if (old.start < start)
			em_keep_part(inode, &old, old.start, start, modified);
		if (em_end(&old) > end)
			em_keep_part(inode, &old, end, em_end(&old), modified);
	}
}

void em_add(struct inode *inode, const struct extent_map *m)
{
	write_lock(&inode->em_lock);
	em_drop_locked(inode, m->start, em_end(m));
	struct extent_map *em = em_insert(inode, m);
	list_add_tail(&em->mod_link, &inode->modified);
	trace_of(inode_trace_id(inode), "extent map %lu+%lu at disk %lu added to the modified list", m->start, m->len, m->disk_bytenr);
	write_unlock(&inode->em_lock);
}

void em_drop(struct inode *inode, uint64_t start, uint64_t end)
{
	write_lock(&inode->em_lock);
	em_drop_locked(inode, start, end);
	write_unlock(&inode->em_lock);
}

void em_unpin(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation)
{
	write_lock(&inode->em_lock);
	for (struct extent_map *em = em_at(inode, start); em && em->start < start + len;
	     em = RB_NEXT(em_tree, &inode->ems, em)) {
		CHECK(em->flags & EM_PINNED);
		em->generation = generation;
		em->flags &= ~EM_PINNED;
	}
	write_unlock(&inode->em_lock);
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

int em_take_modified(struct inode *inode, uint64_t start, uint64_t end, uint64_t committed, struct extent_map **out, uint32_t *n)
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
		list_del(&em->mod_link);
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
	CHECK(RB_EMPTY(&inode->ems));
}
