/*
 * verify.h: whether a log has arrived, with its data: see verify.c. Nothing is changed. All of it at mount, when the
 * committed trees are open. Called by mount.c and replay.c.
 */
#ifndef FS_VERIFY_H
#define FS_VERIFY_H

#include "fs/state.h"
#include "fs/mount.h"

/* All logs that a tree of log roots names. 0: whole, with their data. An error: not, or it cannot be read. */
int verify_logs(struct fs *fs, const struct tree_ptr *log_root);
/* The data of one extent of a log. 0; -ENODATA: they do not agree with their checksums, or have none; -EIO. */
int verify_extent(struct fs *fs, struct tree *log, const struct extent_item *it);

#endif
