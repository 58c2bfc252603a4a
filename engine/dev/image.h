/*
 * image.h: a crash image: the device as it is after a power cut, as a device of its own.
 *
 * An image never changes the record or another image: what a mount writes stays in it. Making one takes time
 * proportional to what was written since the record began, not to the device's size.
 *
 * Called by powercut.c (powercut_stop), cuts.c and fingerprint.c.
 */
#ifndef DEV_IMAGE_H
#define DEV_IMAGE_H

#include "dev/walk.h"

/* Which sectors of block blk the cut c keeps of its i-th pending write, as a mask. w is at c->pos. */
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

/* Frees the pooled images. None is open. */
void images_free(struct dev_log *l);

#endif
