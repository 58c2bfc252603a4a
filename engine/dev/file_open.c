/*
 * file_open.c: opens a file or block device as a device, and makes a new file. What may be opened says claim.h.
 *
 * file_open.1: A new file is written once in full, so that a later write finds its blocks allocated and a flush has no
 *      metadata of the file system below to write. If that fails, the file is removed.
 *
 * Called by file.c and uring.c when a device is opened.
 */
#include "dev/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/stop.h"
#include "dev/claim.h"
#include "machine/mem.h"

#define FILL_SIZE (1u << 20)

struct file_args {
	char path[256];
	uint64_t size; /* 0: not given */
	bool buffered;
};

static int parse_args(struct dev *d, const char *args, struct file_args *fa, struct why *why)
{
	char *opt, *save;

	snprintf(fa->path, sizeof(fa->path), "%s", args);
	fa->size = 0;
	fa->buffered = false;
	opt = strtok_r(fa->path, ",", &save);
	if (!opt || opt != fa->path)
		return why_set(why, -EINVAL, "%s: no path: want %s:PATH[,size=SIZE][,buffered]", d->ops->name,
			       d->ops->name);
	while ((opt = strtok_r(NULL, ",", &save))) {
		int ret = 0;

		if (!strcmp(opt, "buffered"))
			fa->buffered = true;
		else if (!strncmp(opt, "size=", 5))
			ret = dev_parse_size(opt + 5, &fa->size, why);
		else
			ret = why_set(why, -EINVAL, "%s: unknown option '%s': want size=SIZE or buffered", d->ops->name,
				      opt);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- a new file (file_open.1) ---- */

static int fill(int fd, uint64_t size)
{
	char *zeros = mem_alloc_pages(FILL_SIZE);
	int ret = 0;

	memset(zeros, 0, FILL_SIZE);
	memcpy(zeros, CLAIM_MARK, CLAIM_MARK_SIZE);
	for (uint64_t off = 0; off < size && !ret; off += FILL_SIZE) {
		size_t n = size - off < FILL_SIZE ? size - off : FILL_SIZE;
		ssize_t did = stop_asked() ? (errno = EINTR, -1) : pwrite(fd, zeros, n, off);

		if (did != (ssize_t)n)
			ret = did < 0 ? -errno : -ENOSPC;
		memset(zeros, 0, CLAIM_MARK_SIZE);
	}
	if (!ret && fdatasync(fd))
		ret = -errno;
	free(zeros);
	return ret;
}

/* So that a file that will not fit is refused before it has filled the disk. */
static int check_room(struct dev *d, const struct file_args *fa, int fd, struct why *why)
{
	struct statvfs s;
	uint64_t room = fstatvfs(fd, &s) ? UINT64_MAX : (uint64_t)s.f_bavail * s.f_frsize;

	if (fa->size <= room)
		return 0;
	return why_set(why, -ENOSPC, "%s: size=%llum, and there is room for %llu MiB: make it smaller, or free some",
		       fa->path, (unsigned long long)(fa->size >> 20), (unsigned long long)(room >> 20));
}

static void take_back(const struct file_args *fa, bool was_there)
{
	if (!was_there)
		unlink(fa->path);
	else if (truncate(fa->path, 0))
		return; /* the caller tells of its own error */
}

static int make_file(struct dev *d, const struct file_args *fa, bool was_there, struct why *why)
{
	int fd, ret;

	if (!fa->size)
		return why_set(why, -ENOENT, "%s %s: give a size, as in %s:%s,size=1g", fa->path,
			       was_there ? "is empty" : "is not there", d->ops->name, fa->path);
	fd = open(fa->path, O_WRONLY | O_CLOEXEC | (was_there ? 0 : O_CREAT | O_EXCL), 0644);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", fa->path, strerror(errno));
	ret = was_there ? 0 : claim(fa->path, true, why);
	if (ret) { /* it is another run's, which has found it empty */
		close(fd);
		return ret;
	}
	ret = check_room(d, fa, fd, why);
	if (ret)
		goto take_back;
	ret = fill(fd, fa->size);
	if (ret) {
		why_set(why, ret, "%s: cannot make a file of %llu bytes: %s", fa->path, (unsigned long long)fa->size,
			strerror(-ret));
		goto take_back;
	}
	close(fd);
	d->size = fa->size;
	return 0;

take_back:
	close(fd);
	take_back(fa, was_there);
	return ret;
}

/* Sets d->size: what was asked for, or all that is there. */
static int find_size(struct dev *d, const struct file_args *fa, int fd, const struct stat *st, struct why *why)
{
	uint64_t size = st->st_size;

	if (S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, &size))
		return why_set(why, -errno, "%s: cannot tell its size: %s", fa->path, strerror(errno));
	if (fa->size > size || (fa->size && S_ISREG(st->st_mode) && fa->size != size))
		return why_set(why, -EINVAL, "%s has %llu bytes, not size=%llu: leave the size out, or remove the file",
			       fa->path, (unsigned long long)size, (unsigned long long)fa->size);
	if (fa->size)
		size = fa->size;
	d->size = size - size % DEV_BLOCK;
	if (d->size < 1u << 20)
		return why_set(why, -EINVAL, "%s has %llu bytes: want at least 1m", fa->path, (unsigned long long)size);
	return 0;
}

/* O_EXCL: a block device that is mounted or held by another driver refuses, also since it was claimed (claim.2). */
static int open_for_io(struct dev *d, const struct file_args *fa, const struct stat *st, bool *direct, struct why *why)
{
	int flags = O_RDWR | O_CLOEXEC | (S_ISBLK(st->st_mode) ? O_EXCL : 0);
	int fd = -1;

	*direct = !fa->buffered;
	if (*direct)
		fd = open(fa->path, flags | O_DIRECT);
	if (fd < 0 && *direct && errno == EINVAL) {
		*direct = false;
		snprintf(d->notice, sizeof(d->notice), "O_DIRECT refused by %.100s: writes go through the page cache",
			 fa->path);
	}
	if (fd < 0 && !*direct)
		fd = open(fa->path, flags);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", fa->path, strerror(errno));
	return fd;
}

int file_open_path(struct dev *d, const char *args, bool *direct, struct why *why)
{
	struct file_args fa;
	struct stat st;
	int fd, ret;
	bool there;

	ret = parse_args(d, args, &fa, why);
	if (ret)
		return ret;
	there = !stat(fa.path, &st);
	if (!there && errno != ENOENT)
		return why_set(why, -errno, "%s: %s", fa.path, strerror(errno));
	if (there)
		ret = claim(fa.path, d->force, why);
	if (!ret && (!there || (S_ISREG(st.st_mode) && !st.st_size)))
		ret = make_file(d, &fa, there, why);
	if (ret)
		return ret;
	if (stat(fa.path, &st))
		return why_set(why, -errno, "%s: %s", fa.path, strerror(errno));
	fd = open_for_io(d, &fa, &st, direct, why);
	if (fd < 0)
		return fd;
	ret = find_size(d, &fa, fd, &st, why);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}
