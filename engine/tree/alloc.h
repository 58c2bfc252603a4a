/*
 * alloc.h: free space, in units of 4 KiB, in two regions: metadata and data. Rebuilt at mount by
 * walking the trees (no extent tree on disk).
 *
 * alloc.1: Space that was given up is pinned; it is free again only when the transaction in which it was
 *      given up is on the media: nothing that a durable super reaches is ever overwritten.
 * alloc.2: Space that was never submitted for writing may be freed at once.
 * alloc.3: next-fit: what was written together lies together.
 *
 * L_ALLOC guards all of it. Callers: tree.c (metadata), fs (data), fs/trans.c (pins).
 */
#ifndef TREE_ALLOC_H
#define TREE_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#define ALLOC_UNIT 4096u

enum alloc_region { ALLOC_META, ALLOC_DATA, ALLOC_REGIONS };

struct alloc;

/* Both regions all free. Offsets and lengths are bytes, multiples of ALLOC_UNIT. */
struct alloc *alloc_open(uint64_t meta_start, uint64_t meta_len, uint64_t data_start, uint64_t data_len);
void alloc_close(struct alloc *a);

/* What makes space scarce, for races and tests. */
struct alloc_limits {
	uint64_t data_piece; /* of data no piece is longer, where a shorter one is taken, too; 0: there is no limit */
	int (*refuse)(void *arg, bool data); /* asked before space is taken: 0, or -ENOSPC; NULL: it is not refused */
	void *arg;
};
/* From now on; *l is copied. Nobody takes space meanwhile. */
void alloc_limit(struct alloc *a, const struct alloc_limits *l);

/* Takes `len` bytes in one piece, or, with min < len, the largest piece found of at least min. *len is
 * what was got. Align: pieces start at multiples of `align` within the region. -ENOSPC. */
int alloc_get(struct alloc *a, enum alloc_region r, uint64_t align, uint64_t min, uint64_t *len, uint64_t *start);
/* Marks as used at mount. -EIO when a part of it is outside the region or is already used (a damaged tree). */
int alloc_mark(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
/* Whether the unit at `start` is in use or pinned; false when it lies outside the region. */
bool alloc_in_use(struct alloc *a, enum alloc_region r, uint64_t start);
/* Gives up what was written: it is pinned (alloc.1). Or what never was: it is free (alloc.2). Both CHECK that it was
 * in use. */
void alloc_pin(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
void alloc_free(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
/* Frees at once what may be on the media, and be named there. That is against alloc.1, and the fault of a design.
 * alloc_get() gives it out next. */
void alloc_free_written(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);

/* What is pinned so far becomes the set of the transaction that commits now; later pins go to the next one's set.
 * At most one set is taken and not yet released. */
void alloc_commit_pins(struct alloc *a);
/* That set is free again: the super of its commit is on the media. */
void alloc_release_pins(struct alloc *a);

struct alloc_space {
	uint64_t total, free, pinned;
};
struct alloc_space alloc_space(struct alloc *a, enum alloc_region r);

#endif
