/*
 * mounts.h: what is mounted, where, and with which options: the kernel's table of mounts, read by libmount.
 *
 * Nothing here fails: where the table cannot be read, nothing is mounted. Called by file_open.c and facts.c, by
 * target/disk.c, and by recipe/env.c.
 */
#ifndef DEV_MOUNTS_H
#define DEV_MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct mounted {
	char type[64];         /* of the file system: "ext4" */
	char source[PATH_MAX]; /* a block device, if it begins with "/"; else what the file system calls itself */
	char folder[PATH_MAX];
	char options[512];     /* of this mount: "rw,relatime" */
	char fs_options[512];  /* of its file system, all mounts of it: "rw,nobarrier,data=ordered", "rw,ssd" */
};

/*
 * The first mount of the file system with this device number: the st_dev of its files, which is the number of the
 * block device below it where the file system has no number of its own. False when there is none.
 */
bool mounts_find(dev_t dev, struct mounted *out);
/* The mount through which this file or folder was opened. Also of a btrfs subvolume, whose files have an st_dev that
 * is in no table. */
bool mounts_find_fd(int fd, struct mounted *out);

#endif
