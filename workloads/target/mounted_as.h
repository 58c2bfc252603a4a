/*
 * mounted_as.h: with which options the kernel has mounted a file system, its defaults included. It does not tell that
 * of a mount that is in no folder.
 *
 * Called by fs.c.
 */
#ifndef TARGET_MOUNTED_AS_H
#define TARGET_MOUNTED_AS_H

#include <stddef.h>

/*
 * The options of the super block of `device`, which is mounted by this process as `type` with `option` (NULL: with
 * none): "rw,data=ordered". A process of its own mounts it once more where nobody else sees it, and looks; both mounts
 * have one super block. "" in out where that is refused.
 */
void mounted_as(const char *device, const char *type, const char *option, char *out, size_t size);

#endif
