/*
 * ours.h: where what comes with the program lies (job files, the analysis): under the current folder, or beside the
 * folder that the program was built in.
 */
#ifndef RECIPE_OURS_H
#define RECIPE_OURS_H

#include <limits.h>

/* The path of our folder of that name ("workloads/jobs"): PATH_MAX bytes in out. 0 or -ENOENT. */
int ours_find(const char *folder, char *out);

#endif
