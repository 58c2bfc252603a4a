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
/* Where a field stands in the tracepoint's records, " pid;" or " rwbs[" as its format writes it; 0: not known. */
unsigned tracefs_offset(int fd, const char *tracepoint, const char *field);

/* What keeps the records of one device, by its name in /sys/block: "dev == 7340032". 0, or -ENODEV. */
int tracefs_device_filter(const char *device, char *out, size_t size);

#endif
