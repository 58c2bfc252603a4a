/* kernel_fs.c: see kernel_fs.h. */
#include "target/kernel_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "job/job.h"
#include "kit/abandoned.h"
#include "machine/mem.h"
#include "target/scratch.h"

#define FOLDER "fsyncstorm-"

struct kernel_file {
	int fd;
};

/* ---- the folder ---- */

int kernel_fs_open(struct kernel_fs *k, const char *parent, struct why *why)
{
	int ret;

	k->dir = k->lock = -1;
	if (snprintf(k->path, sizeof(k->path), "%s/" FOLDER "XXXXXX", parent) >= (int)sizeof(k->path))
		return why_set(why, -ENAMETOOLONG, "the path is too long");
	if (!mkdtemp(k->path))
		return why_set(why, -errno, "cannot make a folder in %s: %s", parent, strerror(errno));
	k->dir = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->dir < 0) {
		ret = why_set(why, -errno, "%s: %s", k->path, strerror(errno));
		rmdir(k->path);
		return ret;
	}
	k->lock = abandoned_lock(k->path);
	abandoned_tell(k->path, FOLDER);
	disk_under(k->dir, &k->below.disk);
	return 0;
}

void kernel_fs_close(struct kernel_fs *k)
{
	DIR *d = opendir(k->path);

	/* There are only files in it. */
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		unlinkat(k->dir, e->d_name, 0); /* fails for . and .. */
	if (d)
		closedir(d);
	close(k->dir);
	rmdir(k->path);
	close(k->lock);
}

const char *kernel_folder(void *instance)
{
	return ((struct kernel_fs *)instance)->path;
}

uint64_t kernel_room(void *instance)
{
	const struct kernel_fs *k = instance;
	struct statvfs s;

	return fstatvfs(k->dir, &s) ? UINT64_MAX : (uint64_t)s.f_bavail * s.f_frsize;
}

/* ---- files ---- */

static int make_file(const struct kernel_fs *k, const struct target_file *want)
{
	int fd = openat(k->dir, want->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), ret = 0;

	if (fd < 0)
		return -errno;
	if (want->space && fallocate(fd, want->keep_size ? FALLOC_FL_KEEP_SIZE : 0, 0, (off_t)want->space))
		ret = -errno;
	if (ret || !want->layout)
		goto out;
	/* Through the page cache, whatever the job does later: a size need not be aligned. */
	ret = scratch_fill(fd, want->layout, want->layout);
	if (!ret && fsync(fd))
		ret = -errno;
	/*
	 * As fio does. What is written in large pieces is cached in large pieces, and a small write to one of
	 * those, and its writeback, take twice as long.
	 */
	if (!ret)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
out:
	close(fd);
	return ret;
}

static int kernel_file_open(void *instance, const struct target_file *want, void **file)
{
	static const int sync_flag[] = { [JOB_SYNC_NONE] = 0, [JOB_SYNC_SYNC] = O_SYNC, [JOB_SYNC_DSYNC] = O_DSYNC };
	const struct kernel_fs *k = instance;
	struct kernel_file *f;
	int fd, ret = want->mapped ? -EOPNOTSUPP : make_file(k, want);

	if (ret)
		return ret;
	fd = openat(k->dir, want->name, O_RDWR | O_CLOEXEC | sync_flag[want->sync] | (want->direct ? O_DIRECT : 0));
	if (fd < 0)
		return -errno;
	f = mem_alloc(sizeof(*f));
	f->fd = fd;
	*file = f;
	return 0;
}

static void kernel_file_close(void *file)
{
	struct kernel_file *f = file;

	close(f->fd);
	free(f);
}

int kernel_settle(void *instance)
{
	const struct kernel_fs *k = instance;

	return fsync(k->dir) ? -errno : 0;
}

/* ---- operations ---- */

static int kernel_write(void *file, uint64_t off, const void *buf, uint32_t len)
{
	const struct kernel_file *f = file;
	ssize_t did = pwrite(f->fd, buf, len, (off_t)off);

	if (__builtin_expect(did == (ssize_t)len, 1))
		return 0;
	return did < 0 ? -errno : -ENOSPC; /* of a part, the rest found no room */
}

static int kernel_fsync(void *file)
{
	const struct kernel_file *f = file;

	return fsync(f->fd) ? -errno : 0;
}

static int kernel_fdatasync(void *file)
{
	const struct kernel_file *f = file;

	return fdatasync(f->fd) ? -errno : 0;
}

static int kernel_sync_range(void *file, uint64_t off, uint64_t len, unsigned flags)
{
	const struct kernel_file *f = file;
	unsigned to = 0;

	if (flags & JOB_RANGE_WAIT_BEFORE)
		to |= SYNC_FILE_RANGE_WAIT_BEFORE;
	if (flags & JOB_RANGE_WRITE)
		to |= SYNC_FILE_RANGE_WRITE;
	if (flags & JOB_RANGE_WAIT_AFTER)
		to |= SYNC_FILE_RANGE_WAIT_AFTER;
	return sync_file_range(f->fd, (off_t)off, (off_t)len, to) ? -errno : 0;
}

const struct target_files kernel_files = {
	.open = kernel_file_open,
	.write = kernel_write,
	.fsync = kernel_fsync,
	.fdatasync = kernel_fdatasync,
	.sync_range = kernel_sync_range,
	.close = kernel_file_close,
};

/* ---- did they reach the device? ---- */

void kernel_begin(void *instance)
{
	struct kernel_fs *k = instance;

	barriers_begin(&k->below);
}

void kernel_facts(void *instance, struct target_facts *out)
{
	struct kernel_fs *k = instance;

	barriers_end(&k->below, &k->barriers);
	*out = (struct target_facts){ .barriers = &k->barriers, .floor = &k->floor };
}
