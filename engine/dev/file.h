/*
 * file.h: between file_open.c (may a file or block device be used, and making it) and the back ends that do its
 * I/O, file.c and uring.c.
 */
#ifndef DEV_FILE_H
#define DEV_FILE_H

#include "dev/dev.h"

/*
 * Opens the file or block device of args ("PATH[,size=SIZE][,buffered]"). Makes the file when it is not there and a
 * size is given. Sets d->size, and d->notice when O_DIRECT is refused. Returns the descriptor, or -errno and why.
 * *direct: it bypasses the page cache.
 */
int file_open_path(struct dev *d, const char *args, bool *direct, struct why *why);
/* Does the bio's stage by a system call: 0 or -errno; bio->fault without doing it when that is set. */
int file_io_now(int fd, const struct bio *bio);
/* Does a FUA write by a plain write and a flush: the same results. */
int file_fua_by_flush(int fd, const struct bio *bio);

#endif
