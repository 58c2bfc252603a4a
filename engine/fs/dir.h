/*
 * dir.h: what designs do at a rename (struct fs_events). dir_lock and the locks of the inodes are held, a handle is
 * open. 0 or an error, which aborts.
 */
#ifndef FS_DIR_H
#define FS_DIR_H

#include "fs/state.h"

struct change;

/* A writer of the log from before the first entry changes until the log has all of it (log_name.2). kernel:
 * btrfs_rename() with btrfs_pin_log_trans(). */
int rename_pinned(struct change *c, const char *old, const char *new);
/* A writer of the log only while it is told. */
int rename_pinned_late(struct change *c, const char *old, const char *new);
/* The log is told step by step. */
int rename_unpinned(struct change *c, const char *old, const char *new);

#endif
