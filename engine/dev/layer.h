/*
 * layer.h: a device's content as a base plus the blocks that differ from it, in time and memory proportional to what
 * differs; and a fingerprint of the content.
 *
 * layer.1: A block's bytes never change once a layer points to them: a change makes a new block.
 * layer.2: Equal content has the equal fingerprint, whatever its history: it is the sum over all blocks of a mix of the
 *      block's number and the hash of its bytes. Blocks that are the base's are the same in all layers over one base,
 *      so only the difference to the base is ever added up.
 *
 * Called by the power cut's files, and by ram.c while recording. No lock: the caller has one.
 */
#ifndef DEV_LAYER_H
#define DEV_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/arena.h"
#include "dev/dev.h"

#define SECTOR       512u
#define ALL_SECTORS  0xffu /* of a block, as a mask */

/* Flat memory. It does not change while layers stand on it, except by layer_fold(). */
struct base {
	uint8_t *mem;
	uint32_t nblocks;
	uint64_t *hash; /* of each block; 0: not known yet */
	uint64_t sum;   /* the change of its fingerprint since base_init(), by layer_fold() */
};

struct layer_block {
	const uint8_t *data; /* NULL: as in the base */
	uint64_t hash;       /* 0: not known yet */
};

struct layer {
	struct base *base;
	struct layer_block *block;
	uint32_t *touched, ntouched; /* the blocks that are not the base's */
	bool sums;                   /* keep `sum` up to date */
	uint64_t sum;                /* the fingerprint less that of the base */
};

/* Hash of len bytes, len a multiple of 8. Fast, not cryptographic. hash_block(): of DEV_BLOCK bytes, never 0. */
uint64_t hash_bytes(const void *data, uint32_t len);
uint64_t hash_block(const void *data);
/* What block number blk, whose bytes have this hash, adds to a fingerprint. */
uint64_t hash_at(uint32_t blk, uint64_t block_hash);

void base_init(struct base *b, uint8_t *mem, uint64_t size);
void base_fini(struct base *b);

void layer_init(struct layer *l, struct base *base, bool sums);
void layer_fini(struct layer *l);
/* Back to the base. */
void layer_clear(struct layer *l);
/* Writes the layer into the base's memory, then clears it. No other layer over this base may hold anything. */
void layer_fold(struct layer *l);

const uint8_t *layer_at(const struct layer *l, uint32_t blk);
uint64_t layer_hash_at(struct layer *l, uint32_t blk);
/* The block is these bytes from now on (layer.1). hash: 0 when not known. */
void layer_set(struct layer *l, uint32_t blk, const uint8_t *data, uint64_t hash);
/*
 * The sectors in mask are as in `data` (a block) from now on. When those are not all, memory for the mixed block comes
 * from a.
 */
void layer_patch(struct layer *l, struct arena *a, uint32_t blk, const uint8_t *data, uint64_t hash, unsigned mask);

/* (layer.2) Of a layer with `sums`. */
static inline uint64_t layer_fingerprint(const struct layer *l)
{
	return l->base->sum + l->sum;
}

void layer_read(const struct layer *l, uint64_t off, void *buf, uint32_t len);
/* stable: the bytes stay as they are, so the layer may point to them (layer.1); else it copies them. */
void layer_write(struct layer *l, struct arena *a, uint64_t off, const void *data, uint32_t len, bool stable);

#endif
