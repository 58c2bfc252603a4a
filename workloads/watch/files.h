/*
 * files.h: what a watched process made durable, file by file: how long it took, where the time went, and the slowest
 * calls of all.
 *
 * A sync is one of fsync, fdatasync, sync_file_range, msync, the first three through io_uring as well, and a write
 * through a descriptor that is O_SYNC or O_DSYNC. A write through io_uring is not seen.
 *
 * Called by cmd/watch.c.
 */
#ifndef WATCH_FILES_H
#define WATCH_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/hist.h"
#include "kwait/flushes.h"
#include "kwait/sum.h"
#include "watch/threads.h"

#define SLOWEST 10
#define EARLY   10 /* early returns that are told */

/* A call on a file, kept until its syncs are judged. */
struct watched_moment {
	uint64_t begin_ns, end_ns;
	pid_t tid;
};

struct watched_moments {
	struct watched_moment *at;
	size_t n, room;
};

/* A device under a watched file, whose flushes are recorded since it was found. */
struct watched_device {
	char name[64];
	struct flushes *flushes; /* NULL: why says why not */
	uint64_t since_ns;
	char why[160];
};

/* A sync that returned before any flush that could have made durable what was written before it (kwait/flushes.h). */
struct watched_early {
	uint64_t begin_ns, end_ns, wrote_ns;
	unsigned file;
	pid_t tid;
};

struct watched_file {
	char path[PATH_MAX];
	dev_t dev;                     /* of its file system; 0: not known */
	bool is_dsync;                 /* through a descriptor that syncs each write */
	struct hist sync;
	uint64_t count[KWAIT_KINDS];   /* calls of each kind, those that failed too */
	uint64_t failed;
	struct kwait_sum waits;
	/* of its writes, for a job that does the same */
	uint64_t writes, bytes, sequential, end, first_ns, last_ns, busy_ns;
	struct hist size;
	int device;                    /* of watched_files.device; -1: not known */
	struct watched_moments wrote, synced;
	uint64_t judged, early;
	uint64_t shown;                /* syncs that the last line told of */
	pid_t task[16];                /* threads that synced it, the first of them */
	unsigned ntasks;
};

struct watched_slow {
	uint64_t begin_ns, took_ns;
	unsigned file;
	enum kwait_kind kind;
	pid_t tid;
	char wait[KWAIT_SITE_NAME];    /* the longest; "" is none */
	uint64_t wait_ns;
	char waker[WAKER_NAME];        /* who ended most of that; "": not known */
	bool has_device;
	uint64_t device_ns;            /* the device had something to do */
};

struct watched_files {
	struct watched_file **file;
	unsigned n;
	struct watched_slow slow[SLOWEST]; /* the slowest first */
	unsigned nslow;
	uint64_t begin_ns, end_ns;
	const struct wakers *wakers;   /* NULL: no_wakers says why */
	char no_wakers[160];
	bool has_ring;                 /* a process has an io_uring */
	char no_uring[160];            /* why syncs through it are not seen; "" when they are */
	/* The name in /sys/block of the device under a path, if it has a cache to flush; else -errno with why. */
	int (*device_of)(const char *path, char *name, size_t size, struct why *why);
	struct watched_device device[4];
	unsigned ndevices;
	struct watched_early first[EARLY];
	uint64_t judged, early;
	struct { pid_t pid; int fd; unsigned file; } known[256]; /* which file a descriptor was */
	unsigned nknown;
};

/* For threads.h. */
struct watched_calls watched_files_calls(struct watched_files *f);

/* When all was seen: holds each sync against the flushes of its device. */
void watched_files_judge(struct watched_files *f);
/* A line for each file with syncs since the last time. `now_ns`: the time since then is told as a rate. */
void watched_files_line(struct watched_files *f, FILE *out, uint64_t since_ns, uint64_t now_ns);
/* The report: what costs most, first. `name`: of what was watched. */
void watched_files_print(const struct watched_files *f, const char *name, FILE *out);
json_t *watched_files_json(const struct watched_files *f, const char *name);
/* A job file that does the same: a section a file. -ENOENT when nothing was written and synced; or -errno. */
int watched_files_record(const struct watched_files *f, const char *name, FILE *out);
void watched_files_free(struct watched_files *f);

#endif
