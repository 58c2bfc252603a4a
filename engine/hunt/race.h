/*
 * race.h: a race: a small scenario in which designs of fsync may differ in what survives a crash: its story,
 * its tasks, and the verdict that is due for each design. A finder that finds nothing where something is due
 * fails, and so does one that finds something where nothing is due.
 *
 * Called by the hunter (hunt.c), which runs a race under the controlled scheduler. The races themselves are in
 * workloads/race, one a file.
 */
#ifndef HUNT_RACE_H
#define HUNT_RACE_H

#include "fs/fs.h"
#include "oracle/model.h"

enum verdict { VERDICT_HOLDS, VERDICT_BREAKS };

#define RACE_ERR_MAX 512 /* of race_source.from_job */
#define RACE_FILES   16u
#define RACE_DESIGNS 16u
#define RACE_TASKS_MAX 16u

/* What the tasks of one run know. Each has a copy of its own, to read; what they share is behind the pointers. */
struct race_run {
	const struct race *race;
	struct model *model;
	struct fs *fs;
	struct model_file *file[RACE_FILES]; /* made by setup, open in every run */
	uint32_t nfiles;
	uint32_t me;                         /* the task's place in race->tasks */
	uint64_t seed;                       /* of this run, for tasks that draw */
};

/* Under stress a task does the same again and again: it must be able to. */
struct race_task {
	const char *name;
	void (*run)(struct race_run *r);
};

/*
 * A race without a file system under it: it runs and judges itself. `main` is the main of a controlled
 * run: it switches choices on and off. `judge` says, of a run that finished, what is broken, or NULL.
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
	const char *story; /* who does what, in which order, what is lost */
	const char *job;   /* race/job.h: the text that it was made from; NULL: it is one of the table */
	const struct race_bare *bare; /* when set, it is all there is, but for `expect` */
	struct mkfs_options mkfs;
	struct mount_options mount; /* but for the design */
	uint32_t fail_data_write;   /* of a run, the n-th write of data fails with -EIO; 0: none does */
	/* Once, not under a picker: makes the files and their first content, which is then synced: durable. */
	void (*setup)(struct race_run *r);
	const struct race_task *tasks;
	uint32_t ntasks;
	struct {
		const char *design;
		enum verdict verdict;
	} expect[RACE_DESIGNS];
};

/* Where a race comes from that a schedule's file names: workloads/race has the registry. */
struct race_source {
	const struct race *(*find)(const char *name); /* NULL: there is none of that name */
	/* "; did you mean seed?", or nothing. Returns buf. */
	const char *(*nearest)(const char *name, char *buf, unsigned size);
	/* From the text of a fio job; `name` is the job's. 0, or -errno with one line in err (RACE_ERR_MAX bytes). */
	int (*from_job)(const char *name, const char *text, const struct race **out, const char **clamped, char *err);
};

/* Can the race be run with this design? */
bool race_knows(const struct race *race, const char *design);
/* What is due for a design; VERDICT_HOLDS when the race does not name it. */
enum verdict race_expect(const struct race *race, const char *design);
extern const char *const verdict_name[];

#endif
