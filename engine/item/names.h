/*
 * names.h: the items that names are made of, in a subvolume's tree: one in the directory for each name, and one of the
 * inode that holds all of its names. Outside of a call of name_add() or name_remove() both tell the same. Callers:
 * dir.c, for which dir_lock keeps them together; log_item.c, which copies the inode's; replay.c.
 */
#ifndef ITEM_NAMES_H
#define ITEM_NAMES_H

#include "item/item.h"

/* All names of one inode, in the order in which it got them. */
struct names {
	uint32_t n;
	char name[LINKS_MAX][FS_NAME_MAX];
};

uint64_t name_hash(const char *name);

/* Whom the directory of tree t has the name for. -ENOENT; -EEXIST: another name has the same hash, and this one cannot
 * be (as btrfs refuses what does not fit into the item of a hash). */
int name_lookup(struct tree *t, const char *name, uint64_t *ino);
/* Puts the name into the directory, for this inode, and to the names of the inode. -EEXIST; -EMLINK: it has
 * LINKS_MAX already. */
int name_add(struct tree *t, uint64_t generation, uint64_t ino, const char *name);
/* Takes it from both. -EIO: one of them does not have it (an image can be so). */
int name_remove(struct tree *t, uint64_t generation, uint64_t ino, const char *name);

/* The names that the inode's item has in tree t, which may be a log: 0, with n == 0 when there is no such item. */
int names_get(struct tree *t, uint64_t ino, struct names *out);
/* Puts that item, or deletes it when n == 0. */
int names_put(struct tree *t, uint64_t generation, uint64_t ino, const struct names *names);
/* The place of a name among them, or n. */
uint32_t names_find(const struct names *names, const char *name);
/* Takes out the one at place i. */
void names_cut(struct names *names, uint32_t i);

#endif
