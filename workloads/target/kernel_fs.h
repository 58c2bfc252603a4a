/*
 * kernel_fs.h: a folder of our own on a mounted file system, driven by ordinary system calls: what the
 * targets that are real file systems have in common.
 *
 * Everything that a trial makes lies in that folder, and is removed with it. An operation is one system call and
 * nothing else, so its cost is the kernel's.
 *
 * Called by path.c and fs.c.
 */
#ifndef TARGET_KERNEL_FS_H
#define TARGET_KERNEL_FS_H

#include <limits.h>

#include "target/barriers.h"
#include "target/target.h"

struct kernel_fs {
	char path[PATH_MAX];  /* of our folder, for another program */
	int dir, lock;        /* lock: of the folder, see kit/abandoned.h; or -1 */
	struct barriers below; /* its disk is the one under the folder, unless the target sets another */
	struct target_barriers barriers;
	struct hist floor;
	uint64_t look_ns;     /* how long the floor is measured afterwards; 0: not at all */
};

/* Makes the folder below `parent`. 0, or -errno with why. What k->floor holds already stays. */
int kernel_fs_open(struct kernel_fs *k, const char *parent, struct why *why);
/* Removes it with all that is in it. */
void kernel_fs_close(struct kernel_fs *k);

/* For struct target, of an instance that begins with a struct kernel_fs. */
extern const struct target_files kernel_files;
int kernel_settle(void *instance);
void kernel_begin(void *instance);
void kernel_facts(void *instance, struct target_facts *out);
const char *kernel_folder(void *instance);
uint64_t kernel_room(void *instance);

#endif
