/*
 * csum.h: checksums of data: crc32c of each 4 KiB on disk, in items keyed by disk address, in the
 * csum tree or in a log tree.
 *
 * csum.1: Putting checksums of a range replaces whatever stood for it: no two items overlap.
 * csum.2: A read of data without a checksum is an error, never data.
 *
 * The csum tree is changed under fs->csum_lock (two items that border on one another are changed by
 * two completions at once); a log tree under its inode's log_mutex, where extents have one owner.
 */
#ifndef ITEM_CSUM_H
#define ITEM_CSUM_H

#include "item/item.h"

int csum_put(struct tree *t, uint64_t generation, uint64_t bytenr, const uint32_t *sums, uint32_t n);
int csum_delete(struct tree *t, uint64_t generation, uint64_t bytenr, uint32_t n);
/* All n, or -ENOENT when one is missing; sums of those found are filled in. */
int csum_lookup(struct tree *t, uint64_t bytenr, uint32_t *sums, uint32_t n);
uint32_t csum_of_block(const void *data);

#endif
