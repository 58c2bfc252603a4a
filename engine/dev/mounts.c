/* mounts.c: see mounts.h. */
#include "dev/mounts.h"

#include <fcntl.h>
#include <libmount/libmount.h>
#include <stdio.h>
#include <sys/stat.h>

/* The first mount of `dev`, or the one whose id is `id` if that is not 0. */
static bool find(dev_t dev, uint64_t id, struct mounted *out)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	bool found = false;

	while (table && iter && !found && !mnt_table_next_fs(table, iter, &fs)) {
		const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_source(fs);
		const char *folder = mnt_fs_get_target(fs), *options = mnt_fs_get_vfs_options(fs);
		const char *fs_options = mnt_fs_get_fs_options(fs);

		found = id ? (uint64_t)mnt_fs_get_id(fs) == id : mnt_fs_get_devno(fs) == dev;
		if (!found)
			continue;
		snprintf(out->type, sizeof(out->type), "%s", type ? type : "");
		snprintf(out->source, sizeof(out->source), "%s", source ? source : "");
		snprintf(out->folder, sizeof(out->folder), "%s", folder ? folder : "");
		snprintf(out->options, sizeof(out->options), "%s", options ? options : "");
		snprintf(out->fs_options, sizeof(out->fs_options), "%s", fs_options ? fs_options : "");
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return found;
}

bool mounts_find(dev_t dev, struct mounted *out)
{
	return find(dev, 0, out);
}

bool mounts_find_fd(int fd, struct mounted *out)
{
	struct statx sx;

	return !statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) && sx.stx_mask & STATX_MNT_ID &&
	       find(0, sx.stx_mnt_id, out);
}
