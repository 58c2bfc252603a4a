/*
 * program.h: runs another program to its end: mkfs, fio.
 *
 * Ctrl-C ends it, and so does our own death: nothing is left running.
 */
#ifndef KIT_PROGRAM_H
#define KIT_PROGRAM_H

#include "base/why.h"

/*
 * Runs argv[0], looked for in PATH and in the folders of the system's administrator. What it printed is
 * in *out (to free) unless out is NULL. 0, or -errno with why: it is not there (-ENOENT),
 * was stopped (-EINTR), crashed, or failed (-EIO, with the signal, or the last line that it said on stderr
 * before any line on its usage).
 */
int program_run(char *const argv[], char **out, struct why *why);
/* The same in a folder: what it writes without saying where is there. NULL: the current one. */
int program_run_in(const char *folder, char *const argv[], char **out, struct why *why);

#endif
