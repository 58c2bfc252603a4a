/*
 * scene.h: a scenario as text: files, threads that work on them, and the verdict that is due of each design. It says
 * what programs do, and nothing of how a file system does its part: what reads it may be the hunter of our engine
 * (race/scenario.h), or power cuts on a real file system.
 *
 *	[scenario]
 *	what = a page dirtied between fsync's flush and its lock
 *	story = One thread writes, another calls fsync.
 *	        A line that begins with a space goes on with the value above.
 *	cites = Linux 669249eea365
 *	beside = writer-fsyncer       # a second scenario, NAME_beside, has a thread more (scene_beside_text())
 *
 *	[setup]                       # made, and durable, before the threads start
 *	mkfs = nodesize=4k, metadata=single, subvols=2
 *	mount = compress, max_inline=2k, memory=4, pieces   # pieces: no free space is longer than 4k
 *	file a 8k                     # its first 8k are written in one call
 *	file b 4k in 1                # in the second subvolume
 *	file c nodatasum              # without checksums; nodatacow: written over in place, and without checksums
 *	a truncate 64k                # any operation below, in order
 *
 *	[thread writer]               # one thread; the sections' order is that of the threads
 *	repeat 2
 *	a pwrite 0 4k                 # one operation a line: the file first, then the words of xfs_io
 *	mark written
 *
 *	[thread syncer]
 *	at written                    # waits until another thread has reached the mark
 *	a fsync
 *
 *	[faults]                      # each once, and only while the threads run
 *	data_write_error = 1          # the first write of data that the device gets fails with EIO
 *	tree_write_error = 2          # the second write of what is neither data nor a super block does
 *	super_write_error = 1         # so does the first write of a super block
 *	flush_error = 1               # so does the first flush
 *	read_error = 3                # so does the third read, be it of data or of a tree
 *	log_memory_error = 1          # the first change of a log finds no memory; for a device nothing fails
 *	data_space_error = 2          # the second time that space is taken for data there is none (ENOSPC)
 *	tree_space_error = 1          # so it is the first time that a tree needs a block
 *
 *	[hunt]                        # for a controlled scheduler; all others skip it
 *	granularity = fine            # its window has no coarse point (rt/coop.h)
 *	completion_workers = 2        # tasks that end writes; 1 where nothing is said
 *
 *	[expect]                      # holds, breaks, or any; what is not named holds
 *	prefix = breaks
 *
 *	[expect beside]               # the same beside a writer, where that differs (below)
 *	postfix = any
 *
 * Sizes are fio's and xfs_io's: 4096, 4k, 1m. Operations:
 *
 *	FILE create [in N]            makes it, in subvolume N, and opens it for all threads
 *	FILE open, FILE close         what has that name now; such a file is used by one thread
 *	FILE pwrite [-d] [-D] OFF LEN -d: past the page cache, as with O_DIRECT; -D: with RWF_DSYNC
 *	FILE aio_write OFF LEN        as pwrite -d, but nobody waits: aio_wait does, and the end of the thread
 *	FILE truncate SIZE            FILE falloc [-k] OFF LEN         FILE fpunch OFF LEN
 *	FILE fsync                    FILE fdatasync                   FILE sync_range [-w] [-b] [-a] OFF LEN
 *	FILE mmap OFF LEN             FILE mwrite OFF LEN              FILE msync OFF LEN
 *	FILE writeback                one pass of the flusher: the dirty pages go to the device, nobody waits
 *	FILE fiemap                   asks where its extents are
 *	FILE fadvise -d               its clean pages, and what else memory has of it, may go
 *	mv OLD NEW                    ln OLD NEW                       rm NAME
 *	aio_wait                      until all aio_writes of the thread are done
 *	sync                          commit: of the running transaction; no data is flushed for it
 *	drop_caches                   memory is short everywhere: what may go of clean files goes
 *	. fsync                       of the directory of the first subvolume; `.1 fsync`: of the second
 *	mark M                        at M
 *
 * scene.1: A file's word is a descriptor: what was open under it stays the same file when its name goes. Only mv, ln
 *      and rm work on names. All threads share the descriptors. An operation on one that is not open does nothing.
 * scene.2: Each mark that is waited for is reached when no thread stops for anything else (marks.c): a scenario
 *      never waits for itself.
 *
 * Called by race/scenario.c, by power cuts, and by the fuzzers.
 */
#ifndef SCENE_SCENE_H
#define SCENE_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

#define SCENE_NAME_MAX 48u /* of a file, a mark, a design, the scenario itself; the zero included */
#define SCENE_THREAD_MAX 24u /* letters of a thread's name, the zero included */
#define SCENE_NAMES    16u
#define SCENE_THREADS  8u
#define SCENE_MARKS    16u
#define SCENE_STEPS    60u /* of a thread */
#define SCENE_REPEAT   100u
#define SCENE_EXPECTS  64u
#define SCENE_BYTES    (1u << 20) /* no file is larger */
#define SCENE_NONE     UINT8_MAX

enum scene_op {
	SCENE_CREATE, SCENE_OPEN, SCENE_CLOSE, SCENE_PWRITE, SCENE_AIO_WRITE, SCENE_TRUNCATE, SCENE_FALLOC,
	SCENE_FPUNCH, SCENE_FSYNC,
	SCENE_FDATASYNC, SCENE_SYNC_RANGE, SCENE_MMAP, SCENE_MWRITE, SCENE_MSYNC, SCENE_WRITEBACK, SCENE_FIEMAP,
	SCENE_FADVISE,
	SCENE_DIR_FSYNC, SCENE_DROP_CACHES, SCENE_MV, SCENE_LN, SCENE_RM, SCENE_AIO_WAIT, SCENE_SYNC, SCENE_COMMIT,
	SCENE_MARK, SCENE_AT, SCENE_OPS
};

/* Letters after a '-' that a step has. */
#define SCENE_DIRECT    1u /* pwrite -d, fadvise -d */
#define SCENE_DSYNC     2u /* pwrite -D */
#define SCENE_KEEP_SIZE 4u /* falloc -k */
#define SCENE_WAIT      8u /* sync_range -a or -b */

/* What [faults] can let fail. */
enum scene_fault {
	SCENE_DATA_WRITE_ERROR, SCENE_TREE_WRITE_ERROR, SCENE_SUPER_WRITE_ERROR, SCENE_FLUSH_ERROR, SCENE_READ_ERROR,
	SCENE_LOG_MEMORY_ERROR, SCENE_DATA_SPACE_ERROR, SCENE_TREE_SPACE_ERROR, SCENE_FAULTS
};

/* One line of a thread. */
struct scene_step {
	uint8_t op;       /* enum scene_op */
	uint8_t file;     /* in scene->name_of; SCENE_NONE: of no file */
	uint8_t to;       /* the new name, of mv and ln */
	uint8_t mark;     /* of scene->mark: of mark and at */
	uint8_t flags;
	uint32_t subvol;  /* of create and of a directory's fsync */
	uint64_t off, len; /* truncate: off is the size */
	unsigned line;    /* of the text, from 1 on */
};

struct scene_thread {
	char name[SCENE_THREAD_MAX];
	unsigned line, repeat, n;
	struct scene_step step[SCENE_STEPS];
};

/* How its data are kept; nodatacow implies nodatasum. */
enum scene_attribute { SCENE_DATASUM, SCENE_NODATASUM, SCENE_NODATACOW };

/* A name, and the descriptor that is opened under it (scene.1). */
struct scene_name {
	char name[SCENE_NAME_MAX];
	uint32_t subvol, bytes;
	uint8_t attribute; /* enum scene_attribute */
	bool there;  /* a file of [setup] */
	bool made;   /* a file of [setup], or some line creates it */
	bool opens;  /* the same, or some line opens it */
	bool placed; /* its subvolume is known */
	unsigned line;
};

enum scene_verdict { SCENE_HOLDS, SCENE_BREAKS, SCENE_ANY };

struct scene_expect {
	char design[SCENE_NAME_MAX];
	uint8_t verdict; /* enum scene_verdict */
	bool beside;     /* of [expect beside] */
	unsigned line;
};

struct scene {
	char name[SCENE_NAME_MAX]; /* of its file, without the ending */
	char *what, *story, *cites; /* "" where the text has none; lines of the story end with '\n', but for the last */
	uint32_t nodesize, subvols, max_inline;
	uint32_t memory; /* pages and extent maps that may be in memory before that is short; 0: it never is */
	bool dup, compress, pieces, fine;
	bool beside; /* it is also run beside a writer: scene_beside_text() */
	uint32_t fault[SCENE_FAULTS]; /* which one of its kind fails; 0: none */
	uint32_t completion_workers; /* 0: one */
	unsigned nnames, nthreads, nmarks, nexpects;
	struct scene_name name_of[SCENE_NAMES];
	struct scene_thread setup;
	struct scene_thread thread[SCENE_THREADS];
	char mark[SCENE_MARKS][SCENE_NAME_MAX];
	struct scene_expect expect[SCENE_EXPECTS];
};

/*
 * Reads a text; `path` is what errors begin with, and its last part, without .scn, the scenario's name. 0 and the
 * caller's *out, or -EINVAL and why: "FILE:LINE: WORD: what is wrong; did you mean X?".
 */
int scene_parse(const char *path, const char *text, struct scene **out, struct why *why);
/* Reads the file. The caller's *text is what it holds. 0, or -errno and why. */
int scene_load(const char *path, struct scene **out, char **text, struct why *why);
void scene_free(struct scene *s);

/* "pwrite". */
const char *scene_op_name(enum scene_op op);
extern const char *const scene_verdict_name[];

/*
 * What a run of the scenario depends on: its text without comments, without [expect] and without the words for people
 * ([scenario]); lines keep their numbers. scene_parse() of it gives the same threads again. The caller's.
 */
char *scene_bare_text(const char *text);
/*
 * The same scenario beside a thread that writes and syncs a file of its own: the text with that file and that thread
 * behind it, and without [expect]. The caller's.
 */
char *scene_beside_text(const char *text);

/* The same with `more` behind it, and without [expect]. The caller's. */
char *scene_text_with(const char *text, const char *more);

/* ---- those that come with the program: workloads/scenarios, compiled in ---- */

struct scene_text {
	const char *name, *text;
};
extern const struct scene_text scene_shipped[]; /* by name; a NULL name ends them */

#endif
