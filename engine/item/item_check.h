/*
 * item_check.h: whether an item can be: the one place where the bytes of items that come from a device are looked at
 * (item_check.1). node_check.c calls it for each item of each leaf that is read; mount.c sets it.
 *
 * item_check.1: Whoever gets an item out of a tree may believe each field of it: its length, addresses, sizes, numbers
 *      and names are such as this program writes. It may not believe what only several items tell together; mount.c
 *      looks at that when it accounts the space.
 */
#ifndef ITEM_CHECK_H
#define ITEM_CHECK_H

#include "item/item.h"
#include "tree/cache.h"
#include "tree/super.h"

/* An item_check_fn (tree/cache.h); super: a const struct super, for the geometry. */
int item_check(const void *super, uint64_t owner, uint64_t generation, const struct item_view *it,
               const struct item_view *before, struct why *why);

#endif
