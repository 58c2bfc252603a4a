/* claim.c: see claim.h. */
#include "dev/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libmount/libmount.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dev/facts.h"
#include "dev/mounts.h"

#define CLAIMS_MAX 64

static struct claimed {
	int fd; /* that has the lock; open until the program ends, or nothing has that name any more */
	struct stat st;
} claims[CLAIMS_MAX];
static unsigned nclaims;

static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
		return a->st_rdev == b->st_rdev; /* whatever its node is called */
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool names(const char *path, const struct stat *st)
{
	struct stat is;

	return !stat(path, &is) && is_same(&is, st);
}

/* ---- in use? (claim.2) ---- */

/* The loop device that lies over it, into `name`. */
static bool is_under_loop(const struct stat *st, char *name, size_t size)
{
	bool found = false;
	char path[4096];
	glob_t g;

	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &g))
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		struct loop_info64 info;
		int fd;

		snprintf(name, size, "/dev/%.*s", (int)strcspn(g.gl_pathv[i] + 11, "/"), g.gl_pathv[i] + 11);
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info))
			found = S_ISBLK(st->st_mode) ? info.lo_rdevice == st->st_rdev :
			                               info.lo_device == st->st_dev && info.lo_inode == st->st_ino;
		if (fd >= 0)
			close(fd);
		FILE *f = found ? NULL : fopen(g.gl_pathv[i], "re"); /* where the device cannot be asked */
		if (f && fgets(path, sizeof(path), f)) {
			path[strcspn(path, "\n")] = 0;
			found = names(path, st);
		}
		if (f)
			fclose(f);
	}
	globfree(&g);
	return found;
}

static bool is_swap(const struct stat *st)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	bool found = false;

	if (table && iter && !mnt_table_parse_swaps(table, NULL))
		while (!found && !mnt_table_next_fs(table, iter, &fs)) {
			const char *source = mnt_fs_get_source(fs);

			found = source && names(source, st);
		}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return found;
}

/* What the kernel has made of a block device, into `what`. */
static bool is_held(const char *path, const struct stat *st, char *what, size_t size)
{
	struct mounted m;
	char pattern[128];
	glob_t g;

	if (mounts_find(st->st_rdev, &m)) {
		snprintf(what, size, "mounted on %.200s", m.folder);
		return true;
	}
	snprintf(pattern, sizeof(pattern), "/sys/dev/block/%u:%u/holders/*", major(st->st_rdev), minor(st->st_rdev));
	if (!glob(pattern, 0, NULL, &g)) {
		snprintf(what, size, "a part of %.100s", strrchr(g.gl_pathv[0], '/') + 1);
		globfree(&g);
		return true;
	}
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
	snprintf(what, size, "in use by the kernel: it or a part of it is mounted, or has another driver");
	return fd < 0 && errno == EBUSY;
}

static int check_use(const char *path, const struct stat *st, struct why *why)
{
	char what[512];

	if (is_under_loop(st, what, sizeof(what)))
		return why_set(why, -EBUSY, "%s is in use by a loop device, %s: never written to", path, what);
	if (is_swap(st))
		return why_set(why, -EBUSY, "%s is swap: never written to", path);
	if (S_ISBLK(st->st_mode) && is_held(path, st, what, sizeof(what)))
		return why_set(why, -EBUSY, "%s is %s: never written to", path, what);
	return 0;
}

/* ---- ours? (claim.1) ---- */

static int refuse_block_device(const char *path, struct why *why)
{
	char content[32];

	facts_content(path, content, sizeof(content));
	return why_set(why, -EPERM, "%s is a block device%s%s: all on it would be lost; --force if that is meant", path,
	               content[0] ? " with " : "", content);
}

static int check_mark(const char *path, int fd, const struct stat *st, struct why *why)
{
	char mark[CLAIM_MARK_SIZE] = "";

	if (!st->st_size || (pread(fd, mark, sizeof(mark), 0) > 0 && !memcmp(mark, CLAIM_MARK, CLAIM_MARK_SIZE)))
		return 0;
	return why_set(why, -EPERM, "%s was not made by fsyncstorm: it would be lost; --force if that is meant", path);
}

/* ---- ours alone? (claim.3) ---- */

/* Takes the lock, and keeps fd. A file system without locks has none to be broken. */
static int lock(const char *path, int fd, const struct stat *st, struct why *why)
{
	struct flock other = { .l_type = F_WRLCK };
	unsigned i = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return why_set(why, -EBUSY, "%s is in use by another run: never written to by two", path);
	if (!fcntl(fd, F_OFD_GETLK, &other) && other.l_type != F_UNLCK)
		return why_set(why, -EBUSY, "%s is locked by another program: never written to", path);
	if (!names(path, st)) /* the run that had it has ended just now */
		return why_set(why, -EBUSY, "%s was another file a moment ago: try again", path);
	while (i < nclaims && claims[i].fd >= 0)
		i++;
	if (i == CLAIMS_MAX)
		return why_set(why, -ENOSPC, "%s: more than %d files and devices", path, CLAIMS_MAX);
	claims[i] = (struct claimed){ .fd = fd, .st = *st };
	nclaims += i == nclaims;
	return 0;
}

/* Whether it is claimed already. Gives up what has no name any more: its space is free only when it is closed. */
static bool is_claimed(const struct stat *st)
{
	bool found = false;
	struct stat is;

	for (unsigned i = 0; i < nclaims; i++) {
		if (claims[i].fd < 0)
			continue;
		if (fstat(claims[i].fd, &is) || !is.st_nlink) {
			close(claims[i].fd);
			claims[i].fd = -1;
		} else {
			found |= is_same(&claims[i].st, st);
		}
	}
	return found;
}

int claim(const char *path, bool force, struct why *why)
{
	struct stat st;
	bool claimed;
	int fd, ret;

	if (stat(path, &st))
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return why_set(why, -EINVAL, "%s is neither a file nor a block device", path);
	ret = check_use(path, &st, why);
	if (!ret && !force && S_ISBLK(st.st_mode))
		ret = refuse_block_device(path, why);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	claimed = is_claimed(&st);
	if (!force)
		ret = check_mark(path, fd, &st, why);
	if (!ret && !claimed)
		ret = lock(path, fd, &st, why);
	if (ret || claimed)
		close(fd);
	return ret;
}

void unclaim(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return;
	for (unsigned i = 0; i < nclaims; i++) {
		if (!is_same(&claims[i].st, &st))
			continue;
		close(claims[i].fd);
		claims[i--] = claims[--nclaims];
	}
}
