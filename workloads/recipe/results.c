/*
 * results.c: one folder a run. See results.h.
 */
#include "recipe/results.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/replace.h"
#include "kit/abandoned.h"
#include "recipe/env.h"

#define RESULTS_TEMP ".new-"

static int fail(struct why *why, const char *path, int error)
{
	return why_set(why, -error, "%s: %s", path, strerror(error));
}

/* The date is that of the folder itself: the one clock that the file system has already read. */
static int date_of(const char *path, char *out, size_t size)
{
	struct stat st;
	struct tm tm;

	if (stat(path, &st))
		return -errno;
	gmtime_r(&st.st_mtim.tv_sec, &tm);
	strftime(out, size, "%Y%m%d-%H%M%S", &tm);
	return 0;
}

static const char default_parent[] = "results";

/* The folder that will hold it: made when it is the default one. */
static int parent_of(const char *folder, char *out, size_t size, bool *made, struct why *why)
{
	const char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder) {
		snprintf(out, size, "%s", default_parent);
		*made = !mkdir(out, 0777);
		return !*made && errno != EEXIST ? fail(why, out, errno) : 0;
	}
	if (slash == folder)
		snprintf(out, size, "/");
	else if (slash)
		snprintf(out, size, "%.*s", (int)(slash - folder), folder);
	else
		snprintf(out, size, ".");
	return 0;
}

int results_begin(struct results *r, const char *folder, const char *what, struct why *why)
{
	char parent[PATH_MAX - 300];
	struct stat st;
	int ret;

	*r = (struct results){ .final = "", .fd = -1 };
	if (folder && (!*folder || strlen(folder) >= sizeof(parent)))
		return fail(why, "--out", EINVAL);
	if (folder && !lstat(folder, &st)) /* also a link to nothing */
		return fail(why, folder, EEXIST);
	ret = parent_of(folder, parent, sizeof(parent), &r->made_parent, why);
	if (ret)
		return ret;
	snprintf(r->temp, sizeof(r->temp), "%s/" RESULTS_TEMP "XXXXXX", parent);
	if (!mkdtemp(r->temp))
		return fail(why, parent, errno);
	r->fd = abandoned_lock(r->temp);
	abandoned_tell(r->temp, RESULTS_TEMP);
	if (chmod(r->temp, 0755) || date_of(r->temp, r->date, sizeof(r->date))) {
		ret = fail(why, r->temp, errno);
		rmdir(r->temp);
		return ret;
	}
	if (folder)
		snprintf(r->final, sizeof(r->final), "%s", folder);
	else
		snprintf(r->final, sizeof(r->final), "%s/%s-%.64s-%.64s", parent, r->date, env_host(), what);
	return 0;
}

static int path_in(const struct results *r, const char *name, char *out, size_t size)
{
	return snprintf(out, size, "%s/%s", r->temp, name) < (int)size ? 0 : -ENAMETOOLONG;
}

int results_text(struct results *r, const char *name, const char *text, struct why *why)
{
	char path[PATH_MAX];
	FILE *out;
	int bad;

	if (path_in(r, name, path, sizeof(path)))
		return fail(why, name, ENAMETOOLONG);
	out = fopen(path, "we");
	if (!out)
		return fail(why, path, errno);
	bad = fputs(text, out) < 0;
	bad |= fclose(out) != 0;
	return bad ? fail(why, path, errno ? errno : EIO) : 0;
}

int results_json(struct results *r, const char *name, const json_t *json, struct why *why)
{
	char path[PATH_MAX];

	if (path_in(r, name, path, sizeof(path)))
		return fail(why, name, ENAMETOOLONG);
	errno = 0;
	if (json_dump_file(json, path, JSON_COMPACT | JSON_PRESERVE_ORDER))
		return fail(why, path, errno ? errno : EIO);
	return 0;
}

int results_commit(struct results *r, struct why *why)
{
	char at[PATH_MAX];
	int ret;

	/* Two runs of one second: the later one takes the next free name. */
	snprintf(at, sizeof(at), "%s", r->final);
	for (int i = 2; rename(r->temp, at); i++) {
		if ((errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) && i <= 99) {
			snprintf(at, sizeof(at), "%.*s-%d", PATH_MAX - 8, r->final, i);
			continue;
		}
		ret = why_set(why, -errno, "%.200s: %s: what was measured is in %.200s", at, strerror(errno),
		              r->temp);
		r->temp[0] = '\0';
		close(r->fd);
		return ret;
	}
	snprintf(r->final, sizeof(r->final), "%s", at);
	r->temp[0] = '\0';
	close(r->fd);
	return 0;
}

void results_abandon(struct results *r)
{
	char path[PATH_MAX];
	DIR *d = r->temp[0] ? opendir(r->temp) : NULL;

	if (!d)
		return;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (!path_in(r, e->d_name, path, sizeof(path)))
			unlink(path); /* . and .. refuse */
	closedir(d);
	rmdir(r->temp);
	if (r->made_parent)
		rmdir(default_parent);
	close(r->fd);
	r->temp[0] = '\0';
}

int results_json_check(const char *path, struct why *why)
{
	int ret = replace_check(path);

	return ret ? fail(why, path, -ret) : 0;
}

int results_json_file(const char *path, const json_t *json, struct why *why)
{
	struct replace file;
	int ret = replace_begin(&file, path);

	if (!ret) {
		json_dumpf(json, file.out, JSON_COMPACT | JSON_PRESERVE_ORDER);
		ret = replace_end(&file, true);
	}
	return ret ? fail(why, path, -ret) : 0;
}
