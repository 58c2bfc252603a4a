/*
 * iolog.h: a log of calls (fio's write_iolog), which fio plays with read_iolog=FILE. Our own driver does not. It is
 * looked at before fio gets it: what space it needs, what it syncs, and that it stays within the target's folder.
 *
 * A name with a / in it leaves the folder, or is of a folder that is not there. A log of blktrace names devices. Both
 * are refused.
 *
 * Called by keys.c alone.
 */
#ifndef JOB_IOLOG_H
#define JOB_IOLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

struct job_iolog {
	uint64_t bytes;          /* of all its files */
	unsigned files;
	bool reads, writes, fsync, fdatasync; /* whether it makes some */
};

/* 0; or -EINVAL or -errno, and why names the log, the line and what is wrong. */
int job_iolog_look(const char *path, struct job_iolog *out, struct why *why);

#endif
