/*
 * flushes.c: flushes per fsync when 1, 2, 4 and 8 tasks fsync files of one subvolume: 2, 2, 1,
 * 0.5, as Btrfs on any machine: two logs take turns, and each carries half of the waiting tasks. With oneflush half of
 * that; and with gathering (log_wait_ns) one group carries all: an eighth, as nearly as tasks come back in time.
 *
 * And how fsyncs a second grow from 1 task to 8 when the leader of a log commit waits a little for the tasks that the
 * last commit has woken (mount option log_wait_ns; Btrfs does so on rotational disks): then one log carries all.
 *
 * The bound is on virtual time, where the device is slow enough for fsyncs to overlap and everything
 * else is as fast as the model says: a fact of the protocol, with no machine in it. Threads are shown
 * as information.
 *
 * The device is so large that no transaction commit falls into the measurement: all tasks would wait for it and then
 * start together, and without the jitter of a real machine they would stay together, in one batch.
 */
#include <stdio.h>
#include <stdlib.h>

#include "figures/figures.h"
#include "figures/rig.h"
#include "pick/pickers.h"
#include "rt/coop.h"

#define DEVICE     "slow:nvme,write=300000,flush=1500000,fua=1500000/ram:2g"
#define LOG_WAIT    100000
#define COMMIT_INTERVAL 100000000 /* ns; hundreds of times as often as it need be, so that a percentile sees them */
#define VIRTUAL_OPS 200
#define THREAD_OPS  60

struct flushes {
	const char *design;
	unsigned tasks, ops; /* ops: of each task */
	const char *device;     /* NULL: DEVICE */
	uint64_t log_wait_ns, commit_interval_ns; /* commit_interval_ns 0: there are no commits */
	double per_fsync, rate; /* rate: fsyncs a second */
	uint64_t commits;
	double pause;           /* 99.9 % of the fsyncs take at most so many times what half of them do */
	double kib;             /* written for an fsync */
	struct why why;
};

static struct hist took[RIG_FILES_MAX]; /* ns, the fsyncs of each file */

static void fsync_often(struct rig *g, unsigned file, void *arg)
{
	const struct flushes *c = arg;

	hist_init(&took[file]);
	for (unsigned i = 0; i < c->ops; i++) {
		rig_write(g, file);
		uint64_t since = rt_now();
		rig_fsync(g, file);
		hist_add(&took[file], rt_now() - since);
	}
}

static void count_flushes(void *arg)
{
	struct flushes *c = arg;
	struct rig_spec spec = { .device = c->device ? c->device : DEVICE, .design = c->design, .files = c->tasks,
		                 .file_blocks = 64,
		                 .no_background = !c->commit_interval_ns, .log_wait_ns = c->log_wait_ns,
		                 .commit_interval_ns = c->commit_interval_ns };
	uint64_t counters[C_NR];
	struct rig rig;

	if (rig_open(&rig, &spec, &c->why))
		return;
	uint64_t since = rt_now();
	rt_reset_totals();
	if (rt_controlled)
		coop_choices(true);
	rig_each_file(&rig, fsync_often, c);
	rt_totals(counters);
	c->rate = (double)c->tasks * c->ops * 1e9 / (double)(rt_now() - since);
	if (rt_controlled)
		coop_choices(false);
	for (unsigned i = 1; i < c->tasks; i++)
		hist_merge(&took[0], &took[i]);
	c->pause = (double)hist_percentile(&took[0], 99.9) / (double)hist_percentile(&took[0], 50);
	c->commits = counters[C_TRANS_COMMIT];
	c->per_fsync = (double)counters[C_DEV_FLUSH] / (double)counters[C_FSYNC];
	c->kib = (double)(counters[C_DATA_BYTES] + counters[C_META_BYTES]) / 1024 / (double)counters[C_FSYNC];
	rig_close(&rig);
}

static int count_in_virtual_time(struct flushes *c)
{
	const char *why;
	struct coop_config cfg = { .picker = &pick_clock,
		                   .picker_state = pick_clock.create("", &why),
		                   .virtual_time = true,
		                   .steps_max = 100000000 };
	struct coop_result res;

	coop_run(&cfg, count_flushes, c, &res);
	pick_clock.destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		why_set(&c->why, -1, "the run did not end: %s", res.why);
	return c->why.text[0] ? -1 : 0;
}

/* In virtual time the bound, on threads what this machine makes of it. */
static void growth(struct self *s)
{
	struct flushes one = { .design = "postfix", .tasks = 1, .ops = VIRTUAL_OPS, .log_wait_ns = LOG_WAIT };
	struct flushes all = { .design = "postfix", .tasks = 8, .ops = VIRTUAL_OPS, .log_wait_ns = LOG_WAIT };

	if (count_in_virtual_time(&one) || count_in_virtual_time(&all))
		self_missing(s, "fsyncs/s, 8 fsyncers / 1", "%.200s", one.why.text[0] ? one.why.text : all.why.text);
	else
		self_figure(s, "fsyncs/s, 8 fsyncers / 1", all.rate / one.rate, AT_LEAST, 6, "x");
	double flushes = all.per_fsync;
	one.ops = all.ops = THREAD_OPS;
	count_flushes(&one);
	count_flushes(&all);
	self_info(s,
	          "fsyncs/s on a device with 1.5 ms a flush, log_wait %u us: %.2f flushes for each of 8 fsyncers in "
	          "virtual time; on OS threads %.2f times the rate of 1",
	          LOG_WAIT / 1000, flushes, all.rate / one.rate);
}

/* One fsync writes one block, and its group. */
static void one_flush(struct self *s)
{
	static const struct {
		unsigned tasks;
		uint64_t log_wait_ns;
		double due;
	} of[] = { { 1, 0, 1.0 }, { 2, 0, 1.0 }, { 4, 0, 0.5 }, { 8, 0, 0.25 }, { 8, LOG_WAIT, 0.15 } };
	char name[60];

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct flushes c = { .design = "oneflush", .tasks = of[i].tasks, .ops = VIRTUAL_OPS,
				     .log_wait_ns = of[i].log_wait_ns };
		bool gathers = c.log_wait_ns;

		snprintf(name, sizeof(name), "flushes per fsync, oneflush%s, %u",
			 gathers ? " gathers" : "", c.tasks);
		if (count_in_virtual_time(&c)) {
			self_missing(s, name, "%.200s", c.why.text);
			continue;
		}
		self_figure(s, name, c.per_fsync, gathers ? AT_MOST : NEAR, of[i].due, "a call");
		if (!i)
			self_figure(s, "KiB written, oneflush, 4 KiB each", c.kib, AT_MOST, 9, "KiB");
	}
}

/* While a commit is written, the stream goes on: who fsyncs then waits for the commit's super, and little more. */
static void pauses(struct self *s)
{
	struct flushes c = { .design = "oneflush", .tasks = 8, .ops = 10 * VIRTUAL_OPS,
			     .device = "slow:nvme/ram:2g", .commit_interval_ns = COMMIT_INTERVAL };
	struct flushes old = c;

	old.design = "postfix";
	if (count_in_virtual_time(&c) || count_in_virtual_time(&old)) {
		self_missing(s, "p99.9 / p50, oneflush, 8, commits", "%.200s", c.why.text[0] ? c.why.text :
			     old.why.text);
		return;
	}
	self_figure(s, "p99.9 / p50, oneflush, 8, commits", c.pause, AT_MOST, 3, "x");
	self_info(s, "a commit each %u ms beside 8 fsyncers: %lu in %u fsyncs of oneflush; postfix %.2f x with %lu",
		  COMMIT_INTERVAL / 1000000, (unsigned long)c.commits, c.tasks * c.ops, old.pause,
		  (unsigned long)old.commits);
}

void self_flushes(struct self *s)
{
	static const struct {
		unsigned tasks;
		double due;
	} of[] = { { 1, 2.0 }, { 2, 2.0 }, { 4, 1.0 }, { 8, 0.5 } };
	double threads[4] = { 0 };
	char name[40];

	for (unsigned i = 0; i < 4; i++) {
		struct flushes c = { .design = "postfix", .tasks = of[i].tasks, .ops = VIRTUAL_OPS };

		snprintf(name, sizeof(name), "flushes per fsync, %u fsyncers", c.tasks);
		if (count_in_virtual_time(&c))
			self_missing(s, name, "%.200s", c.why.text);
		else
			self_figure(s, name, c.per_fsync, NEAR, of[i].due, "a call");
	}
	for (unsigned i = 0; i < 4; i++) {
		struct flushes c = { .design = "postfix", .tasks = of[i].tasks, .ops = THREAD_OPS };

		count_flushes(&c);
		threads[i] = c.per_fsync;
	}
	self_info(s,
	          "flushes per fsync on OS threads, 1 2 4 8 fsyncers: %.2f %.2f %.2f %.2f (where a wake-up takes "
	          "longer than the first half of an fsync, the task that wakes others is back in their batch)",
	          threads[0], threads[1], threads[2], threads[3]);
	growth(s);
	one_flush(s);
	pauses(s);
}
