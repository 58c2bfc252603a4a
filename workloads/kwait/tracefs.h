/*
 * tracefs.h: the kernel's tracepoints by their numbers, from a tracefs that is mounted in no folder: the mount goes
 * with its descriptor, so nothing is left behind, and a machine without /sys/kernel/tracing has them, too.
 *
 * Called by task.c and flushes.c.
 */
#ifndef KWAIT_TRACEFS_H
#define KWAIT_TRACEFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

/* The descriptor of the mount, to be closed; or -errno with why. */
int tracefs_open(struct why *why);
/* The number of "syscalls/sys_enter_fsync"; 0 when this kernel has none. */
uint64_t tracefs_number(int fd, const char *tracepoint);
/* The text that says how its records look: as much as fits, with an end; how much, or -errno. */
ssize_t tracefs_format(int fd, const char *tracepoint, char *out, size_t size);

#endif
