/*
 * ours.h: where the files lie that come with the program: job files, the analysis.
 *
 * ours.1: They are looked for beside our own program alone, in the folders that hold it, as they lie where it was
 * built, and as `make install` puts them (share/fsyncstorm, lib/fsyncstorm): whoever may write there may also replace
 * the program. A folder where everybody may make files (such as /tmp) is passed over, and the current folder does not
 * count.
 *
 * Called by whoever needs such a file.
 */
#ifndef RECIPE_OURS_H
#define RECIPE_OURS_H

#include <limits.h>

/* The path of a file or a folder that comes with the program (ours.1): PATH_MAX bytes in out. 0 or -ENOENT. */
int ours_beside(const char *name, char *out);

#endif
