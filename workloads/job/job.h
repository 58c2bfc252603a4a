/*
 * job.h: workloads in fio's own job-file language: what is to be written and read, and when it is synced.
 *
 * A job file that job_load() accepts, fio accepts too, with the same meaning, defaults included. Each key has one of
 * three answers: it changes the calls, and is done; it changes nothing here, and is taken; or it cannot be done here,
 * and the file is refused with all such keys and their lines. A section inherits from every [global] section above it,
 * as in fio. `include FILE` and ${VARIABLES} of the environment are resolved when the file is read.
 *
 * job.1: A clone (numjobs) is a task. Files are named as fio names them: as `filename` says, then all clones share
 * them; else as filename_format says, SECTION.CLONE.FILE. They lie in the target's own folder, whatever `directory`
 * says: a / in a name becomes a %.
 *
 * job.2: A file that is read or mapped, or that has overwrite=1, is written before (laid out). Any other has its space
 * preallocated (fallocate=native), unless fallocate says otherwise or create_on_open makes it while the job runs.
 *
 * job.3: With several files, each write is to the next file, and the syncs after it are of the file just written. fio
 * takes the next file after every K calls (file_service_type=roundrobin:K), a sync is a call, and is of the file whose
 * turn it is, which may be clean. Here a sync uses up one of the K calls, if one is left, and stays with its write. So
 * every file has the same writes, and as many syncs are made.
 *
 * job.4: KiB, MiB and GiB are powers of 1000 and k, kB, m, MB powers of 1024, as in fio, unless kb_base=1000 turns it
 * round.
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
#define JOB_FILE_MAX   256     /* bytes of a file's name, with its 0 */
#define JOB_SPLIT_MAX  16
#define JOB_FILES_MAX  100000u /* of a task */
#define JOB_CLONES_MAX 1024

enum job_rw { JOB_READ, JOB_WRITE, JOB_RW, JOB_RANDREAD, JOB_RANDWRITE, JOB_RANDRW };

/* How space is made of a file that is not laid out (job.2). */
enum job_fallocate { JOB_FALLOC_NATIVE, JOB_FALLOC_NONE, JOB_FALLOC_KEEP, JOB_FALLOC_TRUNCATE };

/* Which file is next. */
enum job_service { JOB_ROUNDROBIN, JOB_SEQUENTIAL, JOB_RANDOM };

/* sync_file_range(2)'s three steps. */
enum job_range { JOB_RANGE_WAIT_BEFORE = 1, JOB_RANGE_WRITE = 2, JOB_RANGE_WAIT_AFTER = 4 };

/* How a file is opened: O_SYNC and O_DSYNC make a sync of each write. */
enum job_sync { JOB_SYNC_NONE, JOB_SYNC_SYNC, JOB_SYNC_DSYNC };

/* When writes are meant to begin, with rate_iops. */
enum job_arrivals { JOB_LINEAR, JOB_POISSON };

/* A block size and in how many of 100 calls it is used. */
struct job_split {
	uint32_t bs, percent;
};

/* The block sizes of reads, or of writes: some with their shares, or, with `to`, any between split[0].bs and it. */
struct job_blocks {
	struct job_split split[JOB_SPLIT_MAX];
	unsigned n;                    /* 1 for a plain bs */
	uint32_t to;                   /* bsrange; 0: none */
};

struct job {
	char name[JOB_NAME_MAX];
	char description[256];
	unsigned line;                 /* where its section begins */
	enum job_rw rw;
	unsigned mix_read;             /* of a mix: reads of 100 calls */
	unsigned run;                  /* random: a new offset only after so many calls; 0 and 1: after each */
	bool identical;                /* the calls of a run are at one offset */
	struct job_blocks reads, writes;
	bool unaligned;                /* bsrange: any length */
	unsigned kb;                   /* kb_base (job.4) */
	uint64_t size;                 /* what it does in all, bytes: fio's `size` when all is derived */
	bool size_lent;                /* the file says none: it is the caller's */
	unsigned size_percent;         /* of each file; 0: all */
	uint64_t filesize;             /* of each file */
	unsigned larger;               /* so many files, the first, are larger by one block */
	unsigned nrfiles, openfiles;   /* openfiles 0: all */
	enum job_service service;
	unsigned service_calls;        /* K of job.3 */
	char filename[512];            /* names with : between; "" = as job.1 says */
	char format[128];              /* filename_format */
	char iolog[PATH_MAX];          /* read_iolog: fio plays these calls; "" = none */
	unsigned numjobs;
	unsigned fsync, fdatasync;     /* after every N writes; 0 = never */
	unsigned range_every, range_flags;
	enum job_sync sync;
	bool end_fsync, fsync_on_close; /* when a pass over the files is over; when a file is full, too */
	bool overwrite;                /* files are laid out before (job.2) */
	enum job_fallocate fallocate;
	bool create_on_open;           /* files are made while it runs */
	bool unlink;                   /* and removed at its end */
	bool unlink_each_loop;         /* and before each pass but the first */
	bool pre_read;                 /* what is laid out is read before it begins */
	bool append;                   /* a pass begins where the file ends: only the first one has room */
	bool direct;                   /* past the page cache */
	bool mapped;                   /* ioengine=mmap: stores through a mapping, of files that are laid out before */
	bool norandommap;              /* random offsets with repetition */
	bool async;                    /* ioengine: calls can be in flight together, as many as iodepth says */
	unsigned iodepth;
	uint64_t number_ios;           /* reads and writes; 0 = no limit */
	uint64_t io_size;              /* bytes; 0 = size */
	unsigned io_percent;           /* io_size in % of size; 0: not so given */
	unsigned loops;                /* passes over its files */
	uint64_t runtime_ns, ramp_ns, start_ns; /* start_ns: it begins so much later */
	bool time_based;
	bool stonewall;                /* it begins when all sections above have ended */
	unsigned rate_iops[2];         /* reads, writes a second for each clone; 0 = as fast as it goes */
	uint64_t rate[2];              /* bytes a second of reads, of writes */
	enum job_arrivals arrivals;
	uint64_t thinktime_ns, thinktime_spin_ns; /* idle after each thinktime_blocks calls; so much of it busy */
	unsigned thinktime_blocks;
	uint64_t randseed;
	char numa_cpu_nodes[64], cpus_allowed[128];
	enum place_memory numa_mem_policy;
	char numa_mem_nodes[64];       /* "" when the policy has none */
	bool group_reporting;          /* tasks are not told apart in the results */
};

/* What becomes of a key. JOB_CANNOT: fio itself can do it; JOB_REFUSED: it would leave the target. */
enum job_answer { JOB_DONE, JOB_NOTHING, JOB_CANNOT, JOB_REFUSED, JOB_UNKNOWN };

/* A key where it stands. */
struct job_said {
	char key[40], value[64];       /* value: its beginning */
	const char *what;              /* what it does here, or why it cannot be done */
	char hint[48];                 /* of JOB_UNKNOWN */
	unsigned line;
	char file[JOB_NAME_MAX];       /* the file that it stands in; "" in the job file itself */
	enum job_answer answer;
};

struct job_file {
	char path[PATH_MAX];
	char name[JOB_NAME_MAX];       /* the file's name without folder and ending */
	struct job *job;
	unsigned n;
	struct job_said *said;         /* every key, in order */
	unsigned nsaid;
	char *text;                    /* without comments; includes and variables resolved */
};

/* One task: clone number `clone` (from 0, counted over all sections) of a section, of which it is the `nth`. */
struct job_clone {
	const struct job *job;
	unsigned clone, nth;
};

/* Parses and checks. 0, or -errno with why: "FILE:LINE: key: what is expected". */
int job_load(const char *path, struct job_file *out, struct why *why);
/* The same from text; `path` is what errors name, and where includes are looked for. */
int job_parse(const char *path, const char *text, struct job_file *out, struct why *why);
/*
 * The same, but what cannot be done here is no error: it is in out->said. size: of each section that says none, as fio
 * writes sizes; NULL: such a section is an error.
 */
int job_parse_any(const char *path, const char *text, const char *size, struct job_file *out, struct why *why);
/*
 * -EINVAL, and why names all keys that cannot be done here, each with its line; 0 when there is none. by_fio: that
 * cannot be done by fio itself in the target's place.
 */
int job_refused(const struct job_file *jf, bool by_fio, struct why *why);
/*
 * The text of a job that is given as fio's options (--name=a --rw=write ...), to free. NULL, with why, when an argument
 * is none.
 */
char *job_from_options(int argc, char *const *argv, struct why *why);
/* What the file says, to be freed; NULL and errno. */
char *job_read(const char *path);
void job_free(struct job_file *jf);

/*
 * The path of job `what`: `what` itself if it is a path; else it is the bare name of a job of ours, which is looked for
 * in workloads/jobs beside the program. out: PATH_MAX bytes. 0 or -ENOENT.
 */
int job_find(const char *what, char *out);
/* Calls fn with the path of each of our own job files, by name. Number of files, or -errno. */
int job_each(void (*fn)(const char *path, void *arg), void *arg);

/* Clones of all sections; `numjobs` > 0 is used for every section in place of its own. An array to free. */
struct job_clone *job_clones(const struct job_file *jf, unsigned numjobs, unsigned *n);
/* Name of file i of a clone (job.1). */
void job_file_name(const struct job_clone *c, unsigned i, char *out, unsigned size);
/* Bytes of its file i, and of all of them. */
uint64_t job_file_size(const struct job *j, unsigned i);
uint64_t job_bytes(const struct job *j);
/* Whether its files are written before it begins (job.2). */
bool job_layout(const struct job *j);
/* Whether space is made of its files before it begins. */
bool job_preallocates(const struct job *j);
bool job_reads(const struct job *j);
bool job_writes(const struct job *j);
bool job_random(const struct job *j);
/* Calls that it may have in flight together. */
unsigned job_depth(const struct job *j);
/* How many of fsync, fdatasync and sync_file_range it calls. */
unsigned job_sync_kinds(const struct job *j);
/* If it calls only one of them: after how many writes. 0 if it calls none. */
unsigned job_sync_every(const struct job *j);
/* Largest and smallest block that a job reads or writes. */
uint32_t job_max_bs(const struct job *j);
uint32_t job_min_bs(const struct job *j);

/* The known keys, for help; NULL past the end. */
const char *job_key(unsigned i, const char **what);

#endif
