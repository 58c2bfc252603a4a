/*
 * ours.c: where our own files lie. See ours.h.
 */
#include "recipe/ours.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int ours_find(const char *folder, char *out)
{
	char exe[PATH_MAX];
	ssize_t n;

	snprintf(out, PATH_MAX, "%s", folder);
	if (!access(out, R_OK))
		return 0;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	for (char *slash = strrchr(exe, '/'); slash; slash = strrchr(exe, '/')) {
		*slash = '\0';
		if (snprintf(out, PATH_MAX, "%s/%s", exe, folder) < PATH_MAX && !access(out, R_OK))
			return 0;
	}
	return -ENOENT;
}
