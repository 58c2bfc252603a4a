/*
 * ours.c: where our own files lie. See ours.h.
 */
#include "recipe/ours.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Like /tmp: everybody makes files in it, and only the owner of a file removes it. */
static bool is_everybodys(const char *folder)
{
	struct stat st;

	return stat(*folder ? folder : "/", &st) || ((st.st_mode & S_IWOTH) && (st.st_mode & S_ISVTX));
}

int ours_beside(const char *name, char *out)
{
	static const char *const place[] = { "", "share/fsyncstorm/", "lib/fsyncstorm/" }; /* as built, as installed */
	char folder[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	folder[n < 0 ? 0 : n] = '\0';
	for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
		*slash = '\0';
		if (is_everybodys(folder))
			continue;
		for (unsigned i = 0; i < sizeof(place) / sizeof(place[0]); i++)
			if (snprintf(out, PATH_MAX, "%s/%s%s", folder, place[i], name) < PATH_MAX && !access(out, R_OK))
				return 0;
	}
	return -ENOENT;
}
