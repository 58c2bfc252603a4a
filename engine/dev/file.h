/*
 * file.h: between file_open.c (may a file or block device be used, is it made) and the back ends that do
 * its I/O: file.c and uring.c.
 */
#ifndef DEV_FILE_H
#define DEV_FILE_H

#include "dev/dev.h"

/*
 * Opens what args ("PATH[,size=SIZE][,buffered]") names, making the file when it is not there and a
 * size is given. Sets d->size. The descriptor, or -errno and why. *direct:
 * whether it bypasses the page cache.
 */
int file_open_path(struct dev *d, const char *args, bool *direct, struct why *why);
/* Does what bio->stage says by a system call: its fault, 0 or -errno. */
int file_io_now(int fd, const struct bio *bio);
/* The same of a FUA write, by a plain write and a flush. */
int file_fua_by_flush(int fd, const struct bio *bio);

#endif
