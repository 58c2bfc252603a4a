/*
 * facts.h: what a result says of a device besides figures: the drive under it, its write cache, how a back end does its
 * flushes. The facts are text for readers and for JSON; io_uring's back end alone acts on some of them (uring.c).
 */
#ifndef DEV_FACTS_H
#define DEV_FACTS_H

#include <sys/stat.h>

#include "dev/dev.h"

#define FACTS_MAX 32

struct dev_facts {
	unsigned n;
	struct fact {
		char key[24], value[168];
	} fact[FACTS_MAX];
};

/* Adds one. An empty value is not added, and one beyond FACTS_MAX is dropped. */
__attribute__((format(printf, 3, 4))) void facts_add(struct dev_facts *f, const char *key, const char *fmt, ...);
/* The value; "" when it is not known. */
const char *facts_get(const struct dev_facts *f, const char *key);

/* All that is known of an open device. */
void dev_facts(struct dev *d, struct dev_facts *out);

/*
 * Opens a file, folder or block device to be looked at, and for nothing else (O_PATH); the folder in which it would be
 * made when it is not there. A descriptor, or -1 as open().
 */
int facts_open(const char *path);
/* stat() of the same. 0, or -1 as stat(). */
int facts_stat(const char *path, struct stat *st);
/*
 * Of the drive under a file or block device (of a partition the whole drive): model, sectors, write
 * cache, FUA, queues, scheduler, NUMA node; of a loop device the file behind it. Adds nothing where there is none
 * (tmpfs).
 */
void facts_of_fd(int fd, struct dev_facts *out);
/*
 * Of the file system that the file or folder is in: its type, and the options of its super block. Adds nothing where
 * its mount is in no table.
 */
void facts_of_mount(int fd, struct dev_facts *out);
/* The drive's NUMA node (OS index); -1 when it has none or it is not known. */
int facts_node(const struct stat *st);
/* What libblkid finds on a block device, such as "ext4"; "" for nothing it knows. */
void facts_content(const char *path, char *out, size_t size);

#endif
