/*
 * driver.h: runs a job against one instance of a target: one trial. There is a task for each clone. They are placed,
 * start on one line, and have a histogram each; these are merged when all tasks have ended. What happens in ramp_time
 * is not counted: all tasks stop at a second line, and the counters start at 0 there.
 *
 * driver.1: In a closed loop an operation's latency is its service time. With rate_iops a write, with the syncs that
 * follow it, has a service time, from its start, and a response time, from its *intended* start: a stall is paid by all
 * that it delayed.
 * driver.2: The phases of all fsyncs and fdatasyncs sum to their latency, exactly.
 *
 * Called by the bench command and by the project's own figures (bench-self).
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "base/hist.h"
#include "base/stop.h"
#include "dev/dev.h"
#include "bench/heat.h"
#include "job/job.h"
#include "job/ops.h"
#include "kwait/sum.h"
#include "rt/lock_stat.h"
#include "machine/place.h"
#include "rt/pmu.h"
#include "target/target.h"

struct driver_config {
	const struct target_spec *spec;
	const struct job_clone *clones;
	unsigned n;
	const char *placement; /* a plan of machine/place.h for all tasks; NULL: as the job's own keys say */
	uint64_t seconds_ns;   /* each task goes on for this long, whatever limits the job has; 0: the job's */
	uint64_t seed;
	const struct pmu_set *events; /* counted in each task; NULL: none */
	bool kwaits;           /* the sleeps of syncs are recorded: latencies are not to be used (kwait/task.h) */
	void (*progress)(void *arg, uint64_t elapsed_ns); /* now and then while it runs; may be NULL */
	void *arg;
};

struct driver_task { /* one line a task */
	char name[JOB_NAME_MAX + 12];
	struct placement where;
	int bound;             /* 0 or -errno */
	uint64_t writes, syncs; /* syncs: fsync and fdatasync */
	uint64_t sync_p50_ns, sync_p99_ns;
	bool grouped;          /* its job asks for group_reporting */
};

/* What a section's tasks did together. */
struct driver_section {
	char name[JOB_NAME_MAX];
	unsigned tasks;
	struct hist op[OP_KINDS];
	uint64_t bytes, read_bytes;
	uint64_t begin_ns, end_ns;   /* of the first of its tasks, of the last; of added trials: 0, and their sum */
};

struct driver_result {
	unsigned n;
	struct driver_section *section; /* nsections of them, in the order of the job; none when fio measured */
	unsigned nsections;
	struct driver_task *task;
	struct hist op[OP_KINDS];
	struct hist sync;            /* fsync and fdatasync together */
	/*
	 * A durable write: the writes since the last sync and the sync that makes them durable, added up; a write of a
	 * file that is open O_SYNC or O_DSYNC is one by itself. Empty where calls are in flight together, and of fio.
	 */
	struct hist durable;
	bool by_durable;             /* it is what this run is about */
	struct heat heat;            /* sync, over time */
	struct hist service, response; /* of a write with the syncs after it (driver.1); empty without rate_iops */
	uint64_t phase_ns[PH_NR];    /* driver.2 */
	uint64_t begin_ns;           /* when the first task left the line */
	uint64_t bytes, read_bytes;  /* written, read */
	uint64_t elapsed_ns;         /* start line to the end of the last task */
	uint64_t cpu_ns;             /* of the tasks, engine included */
	uint64_t counters[C_NR];
	struct lock_stat *waits;     /* L_NR */
	struct pmu_counts events;    /* of the tasks, engine included; not of the engine's own tasks */
	/* Where syncs of the kernel waited, from a trial of its own; all else here is of another. NULL: not known */
	struct kwait_sum *kwaits;
	bool has_device;
	struct dev_stats device;
	struct dev_facts drive;      /* what is known of the device and the drive under it */
	/* made, but not measured one kind apart from the other: `sync` is not to be used */
	bool syncs_unknown;
	uint64_t promised;           /* syncs, and writes that are syncs: each needs a flush of the device */
	bool has_barriers;           /* on a real file system, or a device that is a file: the next two are valid */
	struct target_barriers barriers;
	bool too_few_flushes;        /* some of what was promised is not durable */
	/* one write and flush below it, by one task, just before and after; may be empty */
	struct hist floor, floor_after;
	double others;               /* processors that others kept busy meanwhile */
	double stolen;               /* the share of wanted processor time that the host took */
	double mhz;                  /* of the processors, at its end; 0: not known */
	char helper_nodes[64];       /* where the engine's own tasks went; "" is anywhere, or there are none */
	char made[1280];             /* how the file system was made; "" when it was there */
	char notice[512];            /* what was not available or looks wrong, "" when nothing */
	int error;                   /* the first error of an operation; then the rest is not to be trusted */
	enum op_kind error_op;
	bool interrupted;
};

/* One trial. 0, or -errno with why; an operation's error is in the result instead. */
int driver_run(const struct driver_config *cfg, struct driver_result **out, struct why *why);
/* An empty result of n tasks, for who measures in another way, and what its target says of itself, with the checks. */
struct driver_result *driver_new(unsigned n);
void driver_facts(struct driver_result *r, const struct target *target, void *instance);
/* Tells in r->notice when there were fewer flushes than syncs. */
void driver_check_flushes(struct driver_result *r);
void driver_free(struct driver_result *r);

/* Where each task goes: out has cfg->n entries. -EINVAL with why. */
int driver_plan(const struct driver_config *cfg, struct placement *out, struct why *why);
/* Where the engine's own tasks go with that plan (driver_plan.1): a list of NUMA nodes; "" is anywhere. */
void driver_plan_helpers(const struct driver_config *cfg, const struct placement *plan, char *nodes, size_t size);

/* Operations a second. */
double driver_rate(const struct driver_result *r, const struct hist *h);

#endif
