/*
 * dir.h: what designs do at a rename, and at an fsync of the directory (struct fs_events).
 */
#ifndef FS_DIR_H
#define FS_DIR_H

#include "fs/state.h"

struct change;

/* The event rename. dir_lock and the locks of the inodes are held, a handle is open. 0 or an error, which aborts.
 * A writer of the log from before the first entry changes until the log has all of it (log_name.2). kernel:
 * btrfs_rename() with btrfs_pin_log_trans(). */
int rename_pinned(struct change *c, const char *old, const char *new);
/* A writer of the log only while it is told. */
int rename_pinned_late(struct change *c, const char *old, const char *new);
/* The log is told step by step. */
int rename_unpinned(struct change *c, const char *old, const char *new);

/* The event sync_dir: what has changed in the directory is made durable by its log, or by a group of the stream. No
 * lock is held. 0 or an error. */
int dir_sync_log(struct root *root);
int dir_sync_stream(struct root *root);

#endif
