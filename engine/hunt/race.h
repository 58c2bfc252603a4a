/*
 * race.h: a race: a small scenario in which designs of fsync may differ in what survives a crash. It has a story,
 * tasks, and for each design the verdict that is due. A search that finds nothing where VERDICT_BREAKS is due has
 * failed, and so has one that finds a violation where VERDICT_HOLDS is due. VERDICT_ANY: nothing is due.
 *
 * Run by run.c under the controlled scheduler and by stress.c on threads. The races themselves are in
 * workloads/scenarios, as text, and in workloads/race.
 */
#ifndef HUNT_RACE_H
#define HUNT_RACE_H

#include "base/why.h"
#include "fs/fs.h"
#include "oracle/model.h"
#include "rt/coop.h"

enum verdict { VERDICT_HOLDS, VERDICT_BREAKS, VERDICT_ANY };

#define RACE_FILES     16u
#define RACE_DESIGNS   64u
#define RACE_TASKS_MAX 16u

/* What can fail in a run: one of its kind, while the tasks run. */
enum race_fault {
	FAULT_DATA_WRITE, FAULT_TREE_WRITE, FAULT_SUPER_WRITE, FAULT_FLUSH,
	FAULT_READ,       /* of data, or of a tree block */
	FAULT_LOG_MEMORY, /* a change of a log's tree finds no memory: no call is to be told of that */
	FAULT_DATA_SPACE, /* there is no space when some is to be taken for data, or for a stream's groups */
	FAULT_TREE_SPACE, /* the same for a block of a tree */
	RACE_FAULTS
};

/* A file's first content: `bytes` of it, written in one call. */
struct race_file {
	const char *name;
	uint32_t subvol, bytes;
};

/* What a task knows of its run. Each task has its own copy, to read; what tasks share is behind the pointers. */
struct race_run {
	const struct race *race;
	struct model *model;
	struct fs *fs;
	struct model_file *file[RACE_FILES]; /* race->files, open in every run */
	uint32_t nfiles;
	uint32_t me;                         /* the task's place in race->tasks */
	void *shared;                        /* race->shared bytes, the same for all tasks of a run; NULL: none */
	uint64_t seed;                       /* of this run, for tasks that draw what they do */
};

/* `run` may be called again and again in one run: under stress (stress.h) it is. */
struct race_task {
	const char *name;
	void (*run)(struct race_run *r);
};

/*
 * A race without a file system under it: it runs and judges itself. `main` is the first task of a controlled run, and
 * switches choices on and off (coop_choices()). `judge` says what a run that finished has broken, or NULL.
 */
struct race_bare {
	bool (*knows)(const char *design);
	void *(*open)(const char *design);
	void (*close)(void *state);
	void (*main)(void *state);
	const char *(*judge)(void *state);
};

struct race {
	const char *name;  /* the word in the name of its file and in its symbol */
	const char *what;  /* one line */
	const char *story; /* told to users: who does what, in which order, what is lost */
	const char *job;   /* the text of the fio job that it was made from (race/job.h); NULL: of none */
	const char *scenario; /* that of the scenario that it was made from (race/scenario.h); NULL: of none */
	const void *own;   /* of whoever made it */
	const struct race_bare *bare; /* when set, no member below it is used but `expect` */
	struct mkfs_options mkfs;
	struct mount_options mount; /* the hunt sets the design */
	enum granularity granularity; /* COOP_FINE: always run so; its window has no coarse point (coop.h) */
	uint32_t fail[RACE_FAULTS]; /* of each kind, the n-th in a run fails; 0: none does */
	struct race_file files[RACE_FILES]; /* made once, and durable before the first run; a name NULL ends them */
	uint32_t preallocated[RACE_FILES]; /* of file i: bytes after its first content that are preallocated */
	uint32_t file_flags[RACE_FILES]; /* of file i: enum fs_file_flags */
	/* Each may be NULL. Once, when the files are made and before they are durable: */
	void (*setup)(struct race_run *r);
	/* In each run, when it is mounted and before its tasks start; `shared` bytes are at run->shared: */
	void (*begin)(struct race_run *r);
	/* Under stress, when no task begins again: none may wait for another any more: */
	void (*over)(struct race_run *r);
	uint32_t shared;
	const struct race_task *tasks;
	uint32_t ntasks;
	struct {
		const char *design;
		enum verdict verdict;
	} expect[RACE_DESIGNS];
};

/* Where the race comes from that a schedule's file names. workloads/race/registry.h has the one there is. */
struct race_source {
	const struct race *(*find)(const char *name); /* NULL: there is none of that name */
	/* "; did you mean seed?", or nothing. Returns buf. */
	const char *(*nearest)(const char *name, char *buf, unsigned size);
	/* From the text of a fio job, or of a scenario; `name` is its name. 0, or -errno and why. */
	int (*from_job)(const char *name, const char *text, const struct race **out, struct why *why);
	int (*from_scenario)(const char *name, const char *text, const struct race **out, struct why *why);
};

/* Can the race be run with this design? */
bool race_knows(const struct race *race, const char *design);
/* The verdict that is due for a design: VERDICT_HOLDS when the race does not name it, or
 * VERDICT_ANY (struct design). */
enum verdict race_expect(const struct race *race, const char *design);
/* Is it what was due? */
bool race_as_due(enum verdict due, bool broken);
extern const char *const verdict_name[];

#endif
