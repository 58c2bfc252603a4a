/*
 * image.h: a crash image: the device as it is after a power cut, as a device of its own.
 *
 * (I1) An image never changes the record or another image: what a mount writes stays in it.
 * (I2) Making one costs time in what was written since the record began, not in the device's size.
 */
#ifndef DEV_IMAGE_H
#define DEV_IMAGE_H

#include "dev/walk.h"

/* Sectors of block blk that cut c keeps of its i-th pending write. w is at c->pos. */
unsigned cut_sectors(const struct walk *w, const struct cut *c, uint32_t i, uint32_t blk, uint32_t tear);
/* Number of tear units that a write touches. */
uint32_t tear_units(const struct dev_event *e, uint32_t tear);

static inline bool bit_of(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t i, bool on)
{
	if (on)
		bits[i / 64] |= 1ull << i % 64;
	else
		bits[i / 64] &= ~(1ull << i % 64);
}

/* Frees the pool. None is open. */
void images_free(struct dev_log *l);

#endif
