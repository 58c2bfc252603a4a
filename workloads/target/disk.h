/*
 * disk.h: the block device under a file or a folder, and how many flushes it has completed: evidence
 * that an fsync reached it.
 *
 * disk.1: The device is the one that does the I/O: of a partition its disk, of a mapped device what lies under it.
 *
 * disk.2: A count includes the flushes of all other programs, so it can only be too high. That there were too few
 * flushes is therefore certain; that there were enough is not.
 *
 * Called by the targets that are real file systems, by `floor` and by `doctor`.
 */
#ifndef TARGET_DISK_H
#define TARGET_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk {
	char name[64];   /* "vda"; "" when none was found */
	char why[128];   /* flushes cannot be counted, or need none: why; "" when they can be */
	bool write_back; /* it has a volatile cache: without a flush nothing is durable */
	bool fua;
};

/* The device under an open file or folder, of whatever file system. Never fails: see why. */
void disk_under(int fd, struct disk *out);
/* The same of a block device itself. */
void disk_of(dev_t rdev, struct disk *out);
/* The file or block device of a device's spec (dev.h); "" when it has none. */
void disk_spec_path(const char *spec, char *path, size_t size);
/* Flushes completed since the machine started. -ENOENT when it does not count them. */
int disk_flushes(const struct disk *d, uint64_t *out);
/* The same of reads, and of bytes written, whether it counts its flushes or not. -ENOENT where there is no disk. */
int disk_traffic(const struct disk *d, uint64_t *reads, uint64_t *written);
/* Of a loop device: the disk under the file behind it. Of others out->name is "". */
void disk_behind(const struct disk *loop, struct disk *out);
/* The block device is mounted, or a part of it is, or the kernel uses it in another way. */
bool disk_in_use(const char *path);

#endif
