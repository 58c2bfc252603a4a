/*
 * fs.h: the real file systems whose power is cut: how each is made, mounted and looked at.
 *
 * A mount is in no folder (fs_options.2).
 *
 * Called by cut/world.c and cut/drive.c (the recorded run), and by cut/slot.c (crash images).
 */
#ifndef CUT_FS_H
#define CUT_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "target/fs_options.h"

#define CUT_SUBVOLS   8u

struct cut_fs_type;

struct cut_fs {
	const struct cut_fs_type *type;
	struct fs_options options;
	uint64_t size;              /* of the device */
	char text[3 * FS_OPTIONS_TEXT]; /* as it was given */
};

/* "fs:ext4|xfs|btrfs[,mkfs=ARGUMENTS][,mount=OPTIONS][,size=SIZE]". 0, or -EINVAL with why. */
int cut_fs_parse(const char *text, struct cut_fs *out, struct why *why);
/*
 * Which of them lies at the beginning of a device of `size` bytes: "fs:ext4,size=64m". The size that it gives is that
 * of the device or, where such are not taken, more. 0, or -EINVAL with why.
 */
int cut_fs_find(const uint8_t *content, uint64_t size, char *out, size_t room, struct why *why);
/* The largest device. */
#define CUT_FS_SIZE_MAX (1024ull << 20)
/* "btrfs". */
const char *cut_fs_name(const struct cut_fs *fs);
/* Its checksums tell a block of two writes from one of one: else files are written in place (rules.5). */
bool cut_fs_in_place(const struct cut_fs *fs);
/* Inode numbers are used again, so a file is told by its generation too. */
bool cut_fs_reuses_inodes(const struct cut_fs *fs);

/* Makes it on the block device. 0, or -errno with why. */
int cut_fs_make(const struct cut_fs *fs, const char *device, struct why *why);
/*
 * Mounts it; `more`: further options, "" for none. The descriptor of its root, or -errno with why, which has what the
 * kernel said.
 */
int cut_fs_mount(const struct cut_fs *fs, const char *device, const char *more, struct why *why);
/*
 * What a run of its checker says of an unmounted device, which it does not change: 0: whole; 1: it complains, and why
 * says how; -errno with why: it could not be run.
 */
int cut_fs_check(const struct cut_fs *fs, const char *device, struct why *why);

/*
 * Makes the folder of subvolume nr (from 1 on; 0 is the root itself) below `root`: a subvolume where the file system
 * has such. 0 or -errno.
 */
int cut_fs_subvol_make(const struct cut_fs *fs, int root, unsigned nr);
/* Its open descriptor, or -errno. */
int cut_fs_subvol_open(int root, unsigned nr);
/* A name in a root that no workload has made. */
bool cut_fs_is_own_name(const char *name);

/* The running transaction or log of the folder's mount goes to the device, and no data that is not in it yet. */
void cut_fs_commit(const struct cut_fs *fs, int dir);
/* Which file this is: the same number after a crash, and never that of another file. 0: not known. */
uint64_t cut_fs_file_id(const struct cut_fs *fs, int fd);
/* The file, which is empty, is to be written in place, where the file system can do that. */
int cut_fs_set_in_place(const struct cut_fs *fs, int fd);

#endif
