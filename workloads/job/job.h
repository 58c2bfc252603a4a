/*
 * job.h: workloads in fio's own job-file language: what is to be written and when it is synced.
 *
 * A job file that job_load() accepts, fio accepts too, with the same meaning. A key that is not known here is never
 * ignored: it is an error that names the file, the line, the key and the nearest known key. A section inherits from
 * every [global] section above it, as in fio.
 *
 * job.1: A clone (numjobs) is a task. Files are named as fio names them: as `filename` says, then all clones share
 * them; else SECTION.CLONE.FILE.
 *
 * job.2: rw=write starts from empty files (fio: fallocate=none) unless overwrite=1, and at the end of a file it goes
 * on at its beginning. rw=randwrite overwrites files that were laid out before (fio: overwrite=1); its offsets are
 * drawn with repetition (fio: norandommap=1).
 *
 * job.3: With several files, each write is to the next file, and the syncs after it are of the file just written. fio
 * takes the next file after every K calls (file_service_type=roundrobin:K), and a sync is a call. That is the same only
 * with one sync after each write and K = 2, or without syncs and K = 1; other values are refused. With rw=write fio
 * starts over when all files are full: it syncs the first file, which is clean, and from then on it syncs each file
 * before it writes to it.
 *
 * job.c parses; ops.h turns a clone into its stream of operations. Called by the bench driver, and by the commands that
 * list jobs and that hunt in a small job.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "machine/place.h"

#define JOB_NAME_MAX   64
#define JOB_SPLIT_MAX  16
#define JOB_FILES_MAX  64
#define JOB_CLONES_MAX 1024

enum job_rw { JOB_RW_NONE, JOB_WRITE, JOB_RANDWRITE };

/* sync_file_range(2)'s three steps. */
enum job_range { JOB_RANGE_WAIT_BEFORE = 1, JOB_RANGE_WRITE = 2, JOB_RANGE_WAIT_AFTER = 4 };

/* How a file is opened: O_SYNC and O_DSYNC make a sync of each write. */
enum job_sync { JOB_SYNC_NONE, JOB_SYNC_SYNC, JOB_SYNC_DSYNC };
/* Space for a file that starts empty: none, for all of it, or that without its size. */
enum job_fallocate { JOB_FALLOCATE_NONE, JOB_FALLOCATE_SIZE, JOB_FALLOCATE_KEEP };

/* When writes are meant to begin, with rate_iops. */
enum job_arrivals { JOB_LINEAR, JOB_POISSON };

/* A block size and in how many of 100 writes it is used. */
struct job_split {
	uint32_t bs, percent;
};

struct job {
	char name[JOB_NAME_MAX];
	char description[256];
	unsigned line;                 /* where its section begins */
	enum job_rw rw;
	struct job_split split[JOB_SPLIT_MAX];
	unsigned nsplit;               /* 1 for a plain bs */
	uint64_t size;                 /* of all its files together; 0 = from filesize */
	uint64_t filesize;             /* of each file */
	unsigned nrfiles;
	unsigned file_service;         /* roundrobin:K (job.3); 0: not said */
	char filename[256];            /* names with : between; "" = as job.1 says */
	unsigned numjobs;
	unsigned fsync, fdatasync;     /* after every N writes; 0 = never */
	unsigned range_every, range_flags;
	enum job_sync sync;
	bool overwrite;                /* files are laid out before (job.2) */
	bool direct;                   /* past the page cache */
	bool mapped;                   /* ioengine=mmap: stores through a mapping, of files that are laid out before */
	enum job_fallocate fallocate;  /* of files that start empty */
	uint64_t number_ios;           /* writes; 0 = no limit */
	uint64_t io_size;              /* bytes; 0 = size */
	uint64_t runtime_ns, ramp_ns;
	bool time_based;
	unsigned rate_iops;            /* writes a second for each clone; 0 = as fast as it goes */
	enum job_arrivals arrivals;
	uint64_t thinktime_ns;         /* idle after each write */
	uint64_t randseed;
	char numa_cpu_nodes[64], cpus_allowed[128];
	enum place_memory numa_mem_policy;
	char numa_mem_nodes[64];       /* "" when the policy has none */
	bool group_reporting;          /* tasks are not told apart in the results */
};

struct job_file {
	char path[PATH_MAX];
	char name[JOB_NAME_MAX];       /* the file's name without folder and ending */
	struct job *job;
	unsigned n;
};

/* One task: clone number `clone` (from 0, counted over all sections) of a section. */
struct job_clone {
	const struct job *job;
	unsigned clone;
};

/* Parses and checks. 0, or -errno with why: "FILE:LINE: key: what is expected". */
int job_load(const char *path, struct job_file *out, struct why *why);
/* The same from text; `path` is only what errors name. */
int job_parse(const char *path, const char *text, struct job_file *out, struct why *why);
/* What the file says, to be freed; NULL and errno. */
char *job_read(const char *path);
void job_free(struct job_file *jf);

/*
 * The path of job `what`: `what` itself if it is a path; else it is the bare name of a job of ours, which is looked for
 * in workloads/jobs under the current folder and beside the program. out: PATH_MAX bytes. 0 or -ENOENT.
 */
int job_find(const char *what, char *out);
/* Calls fn with the path of each of our own job files, by name. Number of files, or -errno. */
int job_each(void (*fn)(const char *path, void *arg), void *arg);

/* Clones of all sections; `numjobs` > 0 is used for every section in place of its own. An array to free. */
struct job_clone *job_clones(const struct job_file *jf, unsigned numjobs, unsigned *n);
/* Name of file i of a clone (job.1). */
void job_file_name(const struct job_clone *c, unsigned i, char *out, unsigned size);
/* Bytes that are written of each of its files before it begins (job.2). */
uint64_t job_layout(const struct job *j);
/* How many of fsync, fdatasync and sync_file_range it calls. */
unsigned job_sync_kinds(const struct job *j);
/* If it calls only one of them: after how many writes. 0 if it calls none. */
unsigned job_sync_every(const struct job *j);
/* Largest block that a job writes. */
uint32_t job_max_bs(const struct job *j);

/* The known keys, for help; NULL past the end. */
const char *job_key(unsigned i, const char **what);

#endif
