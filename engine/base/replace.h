/*
 * replace.h: a file that comes into being whole: it is written under a temporary name beside it, and renamed. A reader
 * finds the old file or the new one.
 *
 * Called by those who write schedules, hits, traces, checkpoints and pictures. (A run's folder: recipe/results.h.)
 */
#ifndef BASE_REPLACE_H
#define BASE_REPLACE_H

#include <stdbool.h>
#include <stdio.h>

#define REPLACE_PATH_MAX 4096

struct replace {
	FILE *out;        /* what is to be in it goes here */
	const char *path; /* the caller's */
	char tmp[REPLACE_PATH_MAX];
};

/* 0, or -errno: then there is nothing to end. */
int replace_begin(struct replace *r, const char *path);
/*
 * Puts the new file in the place of the old one, if `whole`; else removes it. 0, or -errno: then what was at path is
 * there as before.
 */
int replace_end(struct replace *r, bool whole);

#endif
