/*
 * ours.h: where the files lie that come with the program: job files, the analysis.
 *
 * ours.1: What is run as a program is looked for beside our own program alone, in the folders that hold it: whoever may
 * write there may also replace the program. A folder where everybody may make files (such as /tmp) is passed over, and
 * the current folder does not count.
 *
 * Called by whoever needs such a file.
 */
#ifndef RECIPE_OURS_H
#define RECIPE_OURS_H

#include <limits.h>

/* The path of what is to be run (ours.1): PATH_MAX bytes in out. 0 or -ENOENT. */
int ours_beside(const char *name, char *out);
/*
 * The path of a file or folder that is only read ("workloads/jobs"): under the current folder, else beside the program.
 */
int ours_find(const char *folder, char *out);

#endif
