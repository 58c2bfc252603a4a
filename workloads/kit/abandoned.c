/* abandoned.c: see abandoned.h. */
#include "kit/abandoned.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define YOUNG_S  2 /* older than our own by less: it may be about to be locked */
#define TOLD_MAX 512

int abandoned_lock(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -1;
}

static bool is_temporary(const char *name, const char *prefix)
{
	size_t n = strlen(prefix), rest = strlen(name) < n ? 0 : strlen(name) - n;

	return !strncmp(name, prefix, n) && (rest == 6 || rest == 8) &&
	       strspn(name + n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == rest;
}

static bool is_abandoned(const char *path, const struct stat *own)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_ctime + YOUNG_S > own->st_ctime)
		return false;
	fd = abandoned_lock(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool was_told(ino_t ino)
{
	static ino_t told[TOLD_MAX];
	static unsigned n;

	for (unsigned i = 0; i < n; i++)
		if (told[i] == ino)
			return true;
	if (n == TOLD_MAX)
		return true;
	told[n++] = ino;
	return false;
}

void abandoned_tell(const char *own, const char *prefix)
{
	const char *base = strrchr(own, '/');
	char path[PATH_MAX], parent[PATH_MAX];
	struct stat st;
	DIR *d;

	snprintf(parent, sizeof(parent), "%.*s", base ? (int)(base - own) : 1, base ? own : ".");
	d = stat(own, &st) ? NULL : opendir(parent);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		if (!is_temporary(e->d_name, prefix) ||
		    snprintf(path, sizeof(path), "%s/%s", parent, e->d_name) >= (int)sizeof(path))
			continue;
		if (is_abandoned(path, &st) && !was_told(e->d_ino))
			fprintf(stderr, "notice: %s was left behind by a run that was killed; "
			        "to remove it: rm -r '%s'\n", path, path);
	}
	if (d)
		closedir(d);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	remove(path);
	return 0;
}

void abandoned_remove(const char *folder, int lock)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (lock >= 0)
		close(lock);
}
