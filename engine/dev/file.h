/*
 * file.h: between the file device's two halves: file_open.c (may it be used, is it made) and file.c
 * (its I/O).
 */
#ifndef DEV_FILE_H
#define DEV_FILE_H

#include "dev/dev.h"

/*
 * Opens what args ("PATH[,size=SIZE][,buffered]") names, making the file when it is not there and a
 * size is given. Sets d->size. The descriptor, or -errno with one clear line in d->notice. *direct:
 * whether it bypasses the page cache.
 */
int file_open_path(struct dev *d, const char *args, bool *direct);

#endif
