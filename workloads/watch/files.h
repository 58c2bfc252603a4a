/*
 * files.h: what a watched process made durable, file by file: how long it took, where the time went, and the slowest
 * calls of all.
 *
 * A sync is one of fsync, fdatasync, sync_file_range, msync, and a write through a descriptor that is O_SYNC or
 * O_DSYNC.
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
#include "kwait/sum.h"
#include "watch/threads.h"

#define SLOWEST 10

struct watched_file {
	char path[PATH_MAX];
	bool is_dsync;                 /* through a descriptor that syncs each write */
	struct hist sync;
	uint64_t count[KWAIT_KINDS];   /* calls of each kind, those that failed too */
	uint64_t failed;
	struct kwait_sum waits;
	/* of its writes, for a job that does the same */
	uint64_t writes, bytes, sequential, end, first_ns, last_ns, busy_ns;
	struct hist size;
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
};

struct watched_files {
	struct watched_file **file;
	unsigned n;
	struct watched_slow slow[SLOWEST]; /* the slowest first */
	unsigned nslow;
	uint64_t begin_ns, end_ns;
	struct { pid_t pid; int fd; unsigned file; } known[256]; /* which file a descriptor was */
	unsigned nknown;
};

/* For threads.h. */
struct watched_calls watched_files_calls(struct watched_files *f);

/* A line for each file with syncs since the last time. `now_ns`: the time since then is told as a rate. */
void watched_files_line(struct watched_files *f, FILE *out, uint64_t since_ns, uint64_t now_ns);
/* The report: what costs most, first. `name`: of what was watched. */
void watched_files_print(const struct watched_files *f, const char *name, FILE *out);
json_t *watched_files_json(const struct watched_files *f, const char *name);
/* A job file that does the same: a section a file. -ENOENT when nothing was written and synced; or -errno. */
int watched_files_record(const struct watched_files *f, const char *name, FILE *out);
void watched_files_free(struct watched_files *f);

#endif
