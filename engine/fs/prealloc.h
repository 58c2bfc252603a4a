/*
 * prealloc.h: the event in which designs of fallocate differ: it has the range locked, and begins a transaction.
 *
 * prealloc_join(): as whoever has a range locked does here: a commit keeps it out only in its last stage, when it waits
 * for no ordered extent any more, whose completion takes a range. prealloc_start(): as Linux in
 * btrfs_prealloc_file_range(), it waits for a commit that has begun. That is against the lock order, which is waived.
 *
 * Callers: designs.c names them, prealloc.c calls them.
 */
#ifndef FS_PREALLOC_H
#define FS_PREALLOC_H

#include "fs/state.h"

int prealloc_join(struct fs *fs, struct handle *h);
int prealloc_start(struct fs *fs, struct handle *h);

#endif
