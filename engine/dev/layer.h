/*
 * layer.h: a device's content as a base plus the blocks that differ from it, in time and memory
 * proportional to what differs; and a fingerprint of the content.
 *
 * (Y1) A block's bytes never change once a layer points to them: a change is a new block.
 * (Y2) Equal content, equal fingerprint, whatever the history: the fingerprint is the sum over all
 *      blocks of a mix of the block's number and its bytes' hash. Blocks as in the base are the same
 *      in all layers over one base, so only the difference to the base is ever added up.
 *
 * Called by the power cut's files and by ram.c while recording. No lock: the caller's.
 */
#ifndef DEV_LAYER_H
#define DEV_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/arena.h"
#include "dev/dev.h"

#define SECTOR       512u
#define ALL_SECTORS  0xffu /* of a block, as a mask */

/* Flat memory that does not change while layers stand on it. */
struct base {
	uint8_t *mem;
	uint32_t nblocks;
	uint64_t *hash; /* of each block; 0: not known yet */
	uint64_t sum;   /* by how much its fingerprint has changed since base_init (layer_fold) */
};

struct layer_block {
	const uint8_t *data; /* NULL: as in the base */
	uint64_t hash;       /* 0: not known yet */
};

struct layer {
	struct base *base;
	struct layer_block *block;
	uint32_t *touched, ntouched; /* the blocks that are not the base's */
	bool sums;                   /* keep the fingerprint */
	uint64_t sum;                /* the difference to the base's */
};

/* Hash of len bytes, len a multiple of 8; of a whole block never 0. Fast, not cryptographic. */
uint64_t hash_bytes(const void *data, uint32_t len);
uint64_t hash_block(const void *data);
/* What block number blk with these bytes adds to a fingerprint. */
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
/* The block is these bytes now (Y1); hash 0 when not known. */
void layer_set(struct layer *l, uint32_t blk, const uint8_t *data, uint64_t hash);
/* The sectors in mask are as in `data` (a block) now; memory for a mixed block comes from a. */
void layer_patch(struct layer *l, struct arena *a, uint32_t blk, const uint8_t *data, uint64_t hash, unsigned mask);

/* (Y2) */
static inline uint64_t layer_fingerprint(const struct layer *l)
{
	return l->base->sum + l->sum;
}

void layer_read(const struct layer *l, uint64_t off, void *buf, uint32_t len);
/* stable: the bytes stay as they are, and may be pointed to (Y1); else they are copied. */
void layer_write(struct layer *l, struct arena *a, uint64_t off, const void *data, uint32_t len, bool stable);

#endif
