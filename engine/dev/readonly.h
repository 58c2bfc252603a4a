/*
 * readonly.h: a file or block device that is looked at and never written to, as a device.
 *
 * What always holds: it is open for reading alone, so nothing that is done with the device changes it; a write or a
 * flush ends with -EROFS. It may be mounted, or in use by somebody else: then what is read may be torn.
 *
 * Called by `fsyncstorm look`.
 */
#ifndef DEV_READONLY_H
#define DEV_READONLY_H

#include "dev/dev.h"

/* 0, or -errno and why. dev_close() closes it. */
int dev_open_readonly(const char *path, struct dev **out, struct why *why);

#endif
