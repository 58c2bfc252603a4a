/* replace.c: see replace.h. */
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel has it */
#define NAMES_MAX 100

static ssize_t put(void *arg, const char *data, size_t size)
{
	struct replace *r = arg;
	size_t done = 0;

	while (done < size && !r->error) {
		ssize_t n = write(r->fd, data + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			r->error = -errno;
	}
	return r->error ? 0 : (ssize_t)size; /* 0 is an error to stdio */
}

/* The descriptor of ours that goes to this file, or -1. */
static int ours(const struct stat *st)
{
	struct stat own;

	for (int fd = 1; fd <= 2; fd++)
		if (!fstat(fd, &own) && own.st_dev == st->st_dev && own.st_ino == st->st_ino)
			return fd;
	return -1;
}

/* Where a file would come to be that is not there: where the last of a chain of links points. */
static int follow(const char *path, char out[REPLACE_PATH_MAX])
{
	char link[REPLACE_PATH_MAX];
	size_t folder;

	if (strlen(path) >= REPLACE_PATH_MAX - 32) /* room for the temporary name */
		return -ENAMETOOLONG;
	strcpy(out, path);
	for (int i = 0; i < LINKS_MAX; i++) {
		ssize_t n = readlink(out, link, sizeof(link) - 1);

		if (n < 0)
			return 0;
		link[n] = 0;
		folder = link[0] != '/' && strrchr(out, '/') ? (size_t)(strrchr(out, '/') + 1 - out) : 0;
		if (folder + (size_t)n >= REPLACE_PATH_MAX - 32)
			return -ENAMETOOLONG;
		strcpy(out + folder, link);
	}
	return -ELOOP;
}

/* Sets in_place, or the path. `st`: of what is there; its st_mode is 0 where nothing is. 0 or -errno. */
static int decide(struct replace *r, const char *path, struct stat *st)
{
	char real[PATH_MAX];

	*r = (struct replace){ .fd = -1 };
	if (stat(path, st)) {
		st->st_mode = 0;
		return errno == ENOENT ? follow(path, r->path) : -errno;
	}
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (S_ISBLK(st->st_mode))
		return -EOPNOTSUPP;
	r->in_place = !S_ISREG(st->st_mode) || ours(st) >= 0 || !realpath(path, real);
	return r->in_place ? 0 : follow(real, r->path);
}

static void folder_of(const char *path, char out[REPLACE_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		strcpy(out, ".");
	else
		snprintf(out, REPLACE_PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* The next name beside the file that may be free. */
static void next_name(struct replace *r, unsigned i)
{
	snprintf(r->tmp, sizeof(r->tmp), "%.*s.new-%d-%u", REPLACE_PATH_MAX - 32, r->path, (int)getpid(), i);
}

static int open_beside(struct replace *r, const struct stat *st)
{
	char folder[REPLACE_PATH_MAX];

	if (st->st_mode && access(r->path, W_OK)) /* as the shell's > has it */
		return -errno;
	folder_of(r->path, folder);
	if (!access("/proc/self/fd", X_OK)) /* by which it gets its name */
		r->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	r->named = r->fd < 0;
	for (unsigned i = 0; i < NAMES_MAX && r->fd < 0 && (!i || errno == EEXIST); i++) {
		next_name(r, i);
		r->fd = open(r->tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	}
	if (r->fd < 0)
		return -errno;
	if (st->st_mode)
		fchmod(r->fd, st->st_mode & 07777); /* that of the old one, where the file system has modes */
	return 0;
}

static int open_in_place(struct replace *r, const char *path, const struct stat *st)
{
	int own = ours(st);

	if (own >= 0)
		fflush(own == 1 ? stdout : stderr);
	r->fd = own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 3) : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return r->fd < 0 ? -errno : 0;
}

int replace_begin(struct replace *r, const char *path)
{
	cookie_io_functions_t io = { .write = put };
	struct stat st;
	int ret = decide(r, path, &st);

	if (!ret)
		ret = r->in_place ? open_in_place(r, path, &st) : open_beside(r, &st);
	if (ret)
		return ret;
	r->out = fopencookie(r, "w", io);
	if (r->out)
		return 0;
	close(r->fd);
	if (r->named)
		unlink(r->tmp);
	return -ENOMEM;
}

/* Gives the file its name. 0 or -errno. */
static int name_it(struct replace *r)
{
	char fd[64];

	snprintf(fd, sizeof(fd), "/proc/self/fd/%d", r->fd);
	if (!r->named && !linkat(AT_FDCWD, fd, AT_FDCWD, r->path, AT_SYMLINK_FOLLOW))
		return 0; /* nothing had that name */
	for (unsigned i = 0; i < NAMES_MAX && !r->named && errno == EEXIST; i++) {
		next_name(r, i);
		r->named = !linkat(AT_FDCWD, fd, AT_FDCWD, r->tmp, AT_SYMLINK_FOLLOW);
	}
	return r->named && !rename(r->tmp, r->path) ? 0 : -errno;
}

int replace_end(struct replace *r, bool whole)
{
	int ret;

	if (fclose(r->out) && !r->error)
		r->error = -EIO; /* stdio's own */
	ret = whole ? r->error : 0;
	if (whole && !ret && !r->in_place)
		ret = name_it(r);
	if (r->named && (!whole || ret))
		unlink(r->tmp);
	if (close(r->fd) && whole && !ret)
		ret = -errno;
	return ret;
}

int replace_check(const char *path)
{
	struct replace r;
	struct stat st;
	int ret = decide(&r, path, &st);

	if (ret || r.in_place)
		return ret ? ret : ours(&st) < 0 && access(path, W_OK) ? -errno : 0;
	ret = replace_begin(&r, path);
	return ret ? ret : replace_end(&r, false);
}

bool replace_in_place(const char *path)
{
	struct replace r;
	struct stat st;

	return !decide(&r, path, &st) && r.in_place;
}

void replace_nth_name(const char *path, unsigned i, char *out, size_t size)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') : path;
	const char *dot = strrchr(name, '.') ? strrchr(name, '.') : path + strlen(path);

	if (i < 2)
		snprintf(out, size, "%s", path);
	else
		snprintf(out, size, "%.*s-%u%s", (int)(dot - path), path, i, dot);
}

void replace_free_name(const char *path, char *out, size_t size)
{
	struct stat st;
	unsigned i = 1;

	do
		replace_nth_name(path, i++, out, size);
	while (!lstat(out, &st));
}
