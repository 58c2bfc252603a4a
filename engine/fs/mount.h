/*
 * mount.h: what the files of engine/fs need of a mounted file system as a whole. mount.c makes and
 * takes apart; replay.c brings back the log.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "fs/state.h"

/* Flushes the device (everything before is durable), then writes super_for_commit with FUA; `log`: copy 0 alone.
 * kernel: barrier_all_devices(), write_all_supers(). */
int super_flush_and_write(struct fs *fs, bool log);
/* The same, and a log's super says that replay is to leave out an extent whose data are not there. */
int super_flush_and_write_gaps(struct fs *fs, bool log);
/* The same with the flush before the last copy alone: the first copy names what may not be durable. The fault of a
 * design. */
int super_flush_before_last(struct fs *fs, bool log);

/* What the design does at each event (designs.c). */
struct fs_events design_events(const struct design *d);

struct root *fs_root_by_id(struct fs *fs, uint64_t id);
/* Marks data blocks as used from the extent items of all subvolumes, and looks at what only several items tell. -EIO:
 * two extents overlap, on the disk or in a file, or an inode's number is not below next_ino. */
int mount_account_data(struct fs *fs);
/* Damage that is seen in several blocks or items: -EIO; the first such line is what fs_mount() tells. */
__attribute__((format(printf, 2, 3))) int mount_damage(struct fs *fs, const char *fmt, ...);

#endif
