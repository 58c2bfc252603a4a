/*
 * replace.h: how an output file comes into being. All that a user names to be written goes through here.
 *
 * A regular file, or one that is not there yet, comes into being whole: what is written goes into a file without a name
 * (where the file system has none: under a new name beside it), which takes its name at the end. A reader finds the
 * old one or the new one, and a program that is killed leaves the old one. A symbolic link is followed: what it names
 * is replaced, and the link stays.
 * Anything else (a terminal, a pipe, /dev/null, /dev/full) is opened and written in place. So is the file that our own
 * stdout or stderr goes to: to replace it would lose what is printed. A folder and a block device are refused.
 *
 * Called by those who write JSON, schedules, hits, traces, checkpoints and pictures. (A run's folder:
 * recipe/results.h.)
 */
#ifndef BASE_REPLACE_H
#define BASE_REPLACE_H

#include <stdbool.h>
#include <stdio.h>

#define REPLACE_PATH_MAX 4096

struct replace {
	FILE *out;                    /* what is to be in it goes here */
	int fd, error;                /* error: the first write that failed, as -errno; else 0 */
	bool in_place, named;         /* named: it has the name tmp already */
	char path[REPLACE_PATH_MAX];  /* the file itself, links followed */
	char tmp[REPLACE_PATH_MAX];
};

/* 0, or -errno: then there is nothing to end. Blocks where open(2) does: at a pipe that nobody reads yet. */
int replace_begin(struct replace *r, const char *path);
/*
 * It is written, if `whole`; else what was written is thrown away. 0, or -errno: then what was at path is there as
 * before. What is written in place cannot be taken back.
 */
int replace_end(struct replace *r, bool whole);
/* Whether replace_begin() will be able to write there: 0 or -errno. Opens nothing that is written in place. */
int replace_check(const char *path);
/*
 * For a name that the user did not choose, where what stands there must stay: the i-th name for it, from 1 on: X.hit,
 * X-2.hit, X-3.hit.
 */
void replace_nth_name(const char *path, unsigned i, char *out, size_t size);
/* The first of them that nothing has. */
void replace_free_name(const char *path, char *out, size_t size);
/* Whether it is written in place: then a name made of this one is no file to write to, either. */
bool replace_in_place(const char *path);

#endif
