/*
 * find.c: where our own job files lie: in workloads/jobs, beside the program (ours.1).
 */
#include "job/job.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recipe/ours.h"

static const char folder[] = "workloads/jobs";

int job_find(const char *what, char *out)
{
	char where[PATH_MAX];

	if (strlen(what) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(out, what);
	if (strchr(what, '/') || !access(what, F_OK) || ours_beside(folder, where))
		return access(what, F_OK) ? -ENOENT : 0;
	if (snprintf(out, PATH_MAX, "%s/%s%s", where, what, strstr(what, ".fio") ? "" : ".fio") >= PATH_MAX ||
	    access(out, F_OK)) {
		snprintf(out, PATH_MAX, "%s", what);
		return -ENOENT;
	}
	return 0;
}

static int is_job(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && !strcmp(dot, ".fio");
}

int job_each(void (*fn)(const char *path, void *arg), void *arg)
{
	char where[PATH_MAX], path[PATH_MAX + 300];
	struct dirent **e;
	int n;

	if (ours_beside(folder, where))
		return -ENOENT;
	n = scandir(where, &e, is_job, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", where, e[i]->d_name);
		fn(path, arg);
		free(e[i]);
	}
	free(e);
	return n;
}
