/* kernel_fs.c: see kernel_fs.h. */
#include "target/kernel_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
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

static int take_space(int fd, const struct target_file *want)
{
	int ret = 0;

	if (want->fallocate == JOB_FALLOC_TRUNCATE)
		ret = ftruncate(fd, (off_t)want->space);
	else if (want->fallocate != JOB_FALLOC_NONE)
		ret = fallocate(fd, want->fallocate == JOB_FALLOC_KEEP ? FALLOC_FL_KEEP_SIZE : 0, 0,
		                (off_t)want->space);
	/* As fio: a file system that has no such call has none of its effects either. */
	return ret && errno != EOPNOTSUPP && errno != ENOSYS ? -errno : 0;
}

static int kernel_file_make(void *instance, const struct target_file *want)
{
	const struct kernel_fs *k = instance;
	int fd = openat(k->dir, want->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), ret = 0;

	if (fd < 0)
		return -errno;
	/* Through the page cache, whatever the job does later: a size need not be aligned. */
	if (want->layout)
		ret = scratch_fill(fd, want->layout, want->layout);
	if (!ret && want->layout && fsync(fd))
		ret = -errno;
	/*
	 * As fio does. What is written in large pieces is cached in large pieces, and a small write to one of
	 * those, and its writeback, take twice as long.
	 */
	if (!ret && want->layout)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (!ret && want->space)
		ret = take_space(fd, want);
	close(fd);
	return ret;
}

static int kernel_file_open(void *instance, const struct target_file *want, void **file)
{
	static const int sync_flag[] = { [JOB_SYNC_NONE] = 0, [JOB_SYNC_SYNC] = O_SYNC, [JOB_SYNC_DSYNC] = O_DSYNC };
	const struct kernel_fs *k = instance;
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | sync_flag[want->sync] | (want->direct ? O_DIRECT : 0);
	struct kernel_file *f;
	int fd;

	if (want->mapped)
		return -EOPNOTSUPP;
	fd = openat(k->dir, want->name, flags, 0644);
	if (fd < 0)
		return -errno;
	f = mem_alloc(sizeof(*f));
	f->fd = fd;
	*file = f;
	return 0;
}

static int kernel_file_unlink(void *instance, const struct target_file *want)
{
	const struct kernel_fs *k = instance;

	return unlinkat(k->dir, want->name, 0) ? -errno : 0;
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

static int kernel_read(void *file, uint64_t off, void *buf, uint32_t len)
{
	const struct kernel_file *f = file;
	ssize_t did = pread(f->fd, buf, len, (off_t)off);

	if (__builtin_expect(did == (ssize_t)len, 1))
		return 0;
	return did < 0 ? -errno : -EIO;
}

/* ---- calls in flight together ---- */

struct kernel_queue {
	struct io_uring ring;
	uint32_t *len; /* of the call with each tag */
};

static int kernel_queue_open(unsigned depth, void **queue)
{
	struct kernel_queue *q = mem_zalloc(sizeof(*q));
	int ret = io_uring_queue_init(depth, &q->ring, 0);

	if (ret) {
		free(q);
		return ret;
	}
	q->len = mem_zalloc(sizeof(*q->len) * depth);
	*queue = q;
	return 0;
}

static int kernel_queue_put(void *queue, void *file, bool write, uint64_t off, void *buf, uint32_t len, unsigned tag)
{
	const struct kernel_file *f = file;
	struct kernel_queue *q = queue;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);
	int ret;

	if (write)
		io_uring_prep_write(sqe, f->fd, buf, len, off);
	else
		io_uring_prep_read(sqe, f->fd, buf, len, off);
	io_uring_sqe_set_data64(sqe, tag);
	q->len[tag] = len;
	do
		ret = io_uring_submit(&q->ring);
	while (ret == -EINTR || ret == -EAGAIN);
	return ret < 0 ? ret : 0;
}

static unsigned kernel_queue_get(void *queue, int *ret)
{
	struct kernel_queue *q = queue;
	struct io_uring_cqe *cqe;
	unsigned tag;
	int err;

	do
		err = io_uring_wait_cqe(&q->ring, &cqe);
	while (err == -EINTR || err == -EAGAIN);
	CHECK(!err); /* the ring is ours, and a call is in flight */
	tag = (unsigned)io_uring_cqe_get_data64(cqe);
	*ret = cqe->res < 0 ? cqe->res : (uint32_t)cqe->res == q->len[tag] ? 0 : -ENOSPC;
	io_uring_cqe_seen(&q->ring, cqe);
	return tag;
}

static void kernel_queue_close(void *queue)
{
	struct kernel_queue *q = queue;

	io_uring_queue_exit(&q->ring);
	free(q->len);
	free(q);
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
	.make = kernel_file_make,
	.open = kernel_file_open,
	.unlink = kernel_file_unlink,
	.write = kernel_write,
	.read = kernel_read,
	.fsync = kernel_fsync,
	.fdatasync = kernel_fdatasync,
	.sync_range = kernel_sync_range,
	.close = kernel_file_close,
	.queue_open = kernel_queue_open,
	.queue_put = kernel_queue_put,
	.queue_get = kernel_queue_get,
	.queue_close = kernel_queue_close,
};

/* ---- did they reach the device? ---- */

void kernel_begin(void *instance)
{
	struct kernel_fs *k = instance;

	barriers_begin(&k->below);
}

/* How many copies btrfs writes of its metadata is in no option of its mount. The kernel has a folder for each kind. */
static void add_profile(int dir, struct dev_facts *out)
{
	static const char *const profile[] = { "dup", "single" };
	struct btrfs_ioctl_fs_info_args info = { .flags = 0 };
	char path[128], id[40] = "";

	if (ioctl(dir, BTRFS_IOC_FS_INFO, &info))
		return;
	for (unsigned i = 0, n = 0; i < BTRFS_FSID_SIZE; i++)
		n += (unsigned)sprintf(id + n, "%s%02x", i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "", info.fsid[i]);
	for (unsigned i = 0; i < sizeof(profile) / sizeof(profile[0]); i++) {
		snprintf(path, sizeof(path), "/sys/fs/btrfs/%s/allocation/metadata/%s", id, profile[i]);
		if (!access(path, F_OK))
			facts_add(out, "metadata", "%s", profile[i]);
	}
}

void kernel_facts(void *instance, struct target_facts *out)
{
	struct kernel_fs *k = instance;

	barriers_end(&k->below, &k->barriers);
	*out = (struct target_facts){ .barriers = &k->barriers, .floor = &k->floor };
	facts_of_fd(k->dir, &out->drive);
	facts_of_mount(k->dir, &out->drive);
	add_profile(k->dir, &out->drive);
}
