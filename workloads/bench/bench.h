/*
 * bench.h: one bench: a job, some targets, some numbers of tasks, and trials that take turns, so that what drifts in
 * the machine meets all targets alike.
 *
 * The trials are kept as they are (run.json), and summed up in plain tables. Nothing here compares two targets: ratios,
 * their intervals and what they come to are computed in analysis/ alone, from run.json.
 *
 * Called by the bench command.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include <stdio.h>

#include "base/screen.h"
#include "bench/driver.h"

#define BENCH_TARGETS_MAX 8
#define BENCH_LEVELS_MAX  16
#define BENCH_TRIALS_MAX  1000
#define BENCH_JOBS_MAX    4
#define BENCH_PERCENTILES_MAX 16

/* Who makes the calls: our own driver, or fio itself; AUTO: fio where ours cannot do the job. */
enum bench_driver { BENCH_AUTO, BENCH_OWN, BENCH_FIO };

struct bench_options {
	const char *job[BENCH_JOBS_MAX];
	unsigned njobs;
	const char *target[BENCH_TARGETS_MAX];
	unsigned ntargets;
	unsigned threads[BENCH_LEVELS_MAX]; /* numjobs of every section; none: the job's own */
	unsigned nthreads;
	unsigned trials;
	uint64_t seconds_ns, seed;
	double percentile[BENCH_PERCENTILES_MAX]; /* --percentile-list */
	unsigned npercentiles;
	const char *placement, *json, *out, *events, *size;
	enum bench_driver driver;
	bool no_results, keep, force, with_fio, dry_run, verbose, no_kernel_waits;
	char **fio_argv; /* fio's own options in place of a job file; NULL: none */
	int fio_argc;
};

/* One number of tasks: its clones, and trials[target][trial], NULL where none was made. */
struct bench_level {
	unsigned threads;       /* 0: the job's own numjobs */
	struct job_clone *clones[BENCH_JOBS_MAX];
	unsigned n[BENCH_JOBS_MAX];
	struct driver_result **trial[BENCH_TARGETS_MAX];
};

/* One of the jobs that are compared, or the only one. */
struct bench_job {
	struct job_file file;
	char path[PATH_MAX];
	char label[JOB_NAME_MAX]; /* its name, or so much of its path that it is another's neither */
};

struct bench {
	struct bench_options opt;
	struct pmu_set events;
	int argc;
	char **argv;
	struct bench_job job[BENCH_JOBS_MAX];
	unsigned njobs;
	unsigned of[BENCH_TARGETS_MAX];    /* the job of a target: each target is there once for each job */
	struct target_spec spec[BENCH_TARGETS_MAX];
	char label[BENCH_TARGETS_MAX][96]; /* short and different for each */
	int twin[BENCH_TARGETS_MAX];       /* of --with-fio's targets: the one of ours that ran the same job; -1 */
	bool by_fio;                       /* fio drives all targets */
	char why_fio[WHY_MAX];             /* why it was chosen; "" when it was asked for */
	struct bench_level level[BENCH_LEVELS_MAX];
	unsigned nlevels;
	uint64_t begin_ns;
	char no_kwaits[WHY_MAX];  /* why it is not recorded where a kernel's syncs wait; "" when it is */
	bool interrupted;
};

/* The columns of the table of latencies. */
enum bench_metric { BENCH_P50, BENCH_P99, BENCH_P999, BENCH_RATE };

/* The job of a target, and how many tasks it has at a level. */
static inline const struct job_file *bench_job(const struct bench *b, unsigned target)
{
	return &b->job[b->of[target]].file;
}

static inline unsigned bench_tasks(const struct bench *b, const struct bench_level *l, unsigned target)
{
	return l->n[b->of[target]];
}

/*
 * What the job is about: its syncs, or its writes when it has none, or its reads when it has none of these. Of several
 * jobs it is the durable write (struct driver_result).
 */
const struct hist *bench_subject(const struct driver_result *r);
const char *bench_subject_name(const struct bench *b);
/* By which call its writes become durable, such as "fdatasync" or "O_DSYNC"; "" by none, or only at its end. */
const char *bench_durable_by(const struct job_file *jf);
/* One figure of a trial or of a sum, in ns or per second; 0 when there are too few operations to tell. */
double bench_value(const struct driver_result *r, enum bench_metric m);
/* The same of one histogram, in ns; m is a percentile. */
double bench_percentile(const struct hist *h, enum bench_metric m);
/* Operations a second: the mean of the trials of a target at a level; 0 when it is not known of one of them. */
double bench_rate(const struct bench *b, const struct bench_level *l, unsigned target);
/* The p50 of a sync and of the writes before it, added up. */
double bench_request_ns(const struct driver_result *r);
/*
 * The floor of a trial is the least that the device takes: of the looks before and after it the one with the lower p50.
 * The other look was disturbed, and would make a ratio to it too good. Empty when there was no look.
 */
const struct hist *bench_floor(const struct driver_result *r);
/* The first trial of a target; NULL when there is none. */
const struct driver_result *bench_first(const struct bench *b, unsigned target);
/*
 * What the floor of a target is of: its drive, how that is written to, whether a flush is one. "" where it has none.
 * Targets of which that is the same have one floor: a disk has one, however many lie on it.
 */
void bench_floor_of(const struct bench *b, unsigned target, char *out, size_t size);
/* The floor of a target at a level: of its trials, and of those of all that have the same one. */
void bench_floor_sum(const struct bench *b, const struct bench_level *l, unsigned target, struct hist *out);
/*
 * Bytes beside the data that a sync has written: what a design counts, or what the device took that is the target's
 * `alone`. 0 when it cannot be told.
 */
double bench_meta_bytes(const struct driver_result *r, bool alone);
/* Flushes of the device a sync; 0 when it cannot be told. */
double bench_flushes(const struct driver_result *r);
/*
 * Mean ns of a sync in a phase (enum phase, or enum kwait_phase beyond): they sum to the mean. Of a kernel's syncs the
 * shares are those of trials of their own (kwait/task.h). 0 where phases are not known.
 */
double bench_phase_ns(const struct driver_result *r, unsigned phase);
/* Syncs of a kernel that returned before what was written could be durable, of all trials of a target. */
uint64_t bench_early(const struct bench *b, unsigned target, uint64_t *judged);
/* Whether they are. */
bool bench_has_phases(const struct driver_result *r);
/*
 * A histogram of a result by its number, with its name: each kind of operation, service, response; NULL past the end.
 */
const struct hist *bench_hist(const struct driver_result *r, unsigned i, const char **name);
/* Trials of one target at one level, added up; NULL when there are none. To be freed with driver_free(). */
struct driver_result *bench_sum(const struct bench *b, const struct bench_level *l, unsigned target);

/*
 * drivers.c: chooses who drives, by --driver, by what the job has that our own driver cannot do, and by the targets, if
 * they are known. 0, or -EINVAL with why it cannot be done: one line.
 */
int bench_choose_driver(struct bench *b, struct why *why);

/* Runs all trials, in turn. 0, or -errno with why; what was measured before stands in b. */
int bench_run(struct bench *b, struct why *why);
/* Why a target's trials have no events; NULL when they have. */
const char *bench_no_events(const struct bench *b, unsigned target);

/* table.c, json.c */
void bench_print(const struct bench *b, FILE *out);
/* A table of figures of targets, its first columns, which each row begins with, and its end: shown and freed. */
struct screen_table *bench_rows(void);
void bench_row(struct screen_table *t, const struct bench *b, unsigned threads, unsigned target);
void bench_put_table(struct screen_table *t, const char *title, FILE *out);
json_t *bench_json(const struct bench *b, const char *date);
json_t *bench_env(const struct bench *b);
/* What is under a target (recipe/env.h). A new reference; NULL: it is in memory. */
json_t *bench_backing(const struct bench *b, unsigned target);
/*
 * sections.c: a row for each kind of call of each section, at the largest level; nothing when one row would say all.
 */
void bench_print_sections(const struct bench *b, const struct driver_result *const *sum, FILE *out);
/* percentiles.c: "50,99,99.99": 0, or -EINVAL. The table: nothing when none was asked for. */
int bench_parse_percentiles(const char *text, struct bench_options *o);
void bench_print_percentiles(const struct bench *b, FILE *out);
/* What one run measured, whoever drove it: operations, phases, waits, counters, the device. */
void bench_put_measured(json_t *o, const struct driver_result *r);

/* machine.c: what the devices are, and what the processor and the kernel counted */
void bench_print_drive(const struct bench *b, unsigned target, FILE *out);
json_t *bench_drive_json(const struct driver_result *r);
void bench_print_events(const struct bench *b, const struct driver_result *const *sum, FILE *out);
json_t *bench_events_json(const struct bench *b, unsigned target, const struct driver_result *r);
void bench_print_nodes(const struct bench *b, const struct driver_result *const *sum, FILE *out);
/* --events: -EINVAL with one line in err (PMU_ERR_MAX), which names the nearest event. */
int bench_events(const char *list, struct pmu_set *out, char *err);

#endif
