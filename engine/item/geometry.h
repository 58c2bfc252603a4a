/*
 * geometry.h: what files and their items are measured in: the part of an item's layout that callers of fs/fs.h need.
 * Included by this room and by fs/fs.h.
 */
#ifndef ITEM_GEOMETRY_H
#define ITEM_GEOMETRY_H

#include <stdint.h>

#define FS_BLOCK     4096u /* a page, a sector: the unit of data and of its checksums */
#define FS_NAME_MAX  64u

static inline uint64_t round_up_block(uint64_t n)
{
	return (n + FS_BLOCK - 1) / FS_BLOCK * FS_BLOCK;
}

#endif
