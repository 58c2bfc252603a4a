/*
 * fidelity.c: does the engine predict the kernel? Real btrfs and `modern`, the design that is named for the fsync of
 * 5.10 to 6.12, take turns on one loop device over one image that was written in full, with the same copies of
 * metadata, 1 to 16 fsyncers. btrfs is mounted with ssd: the device may say that it is rotational, and then btrfs
 * sleeps a tick in its log commits. The engine has no such sleep unless asked (log_wait).
 *
 * `postfix` takes its turns beside them, without a bound. It is the fsync of Linux 3.18, another protocol than that of
 * any kernel which can be asked here; what it does otherwise is what has changed since.
 *
 * Flushes and bytes are those that the device counts, of each side alike. A trial makes its file system anew.
 *
 * There are two places: an image on the disk, and a device whose flush takes 1.5 ms (target/slow_image.h). That is so
 * slow that a busy machine moves little, and the protocol is what is left.
 *
 * While it is measured, all tasks of both sides run at real-time priority. Where others keep the processors busy, who
 * is woken waits for one. Then both sides take fewer flushes a sync, and btrfs fewer than `modern`; why is not known.
 * On a quiet machine both take as many as at real-time priority.
 *
 * A figure is how far the worst number of fsyncers is off, as a factor: 1.1 is a tenth, either way. That of the
 * intervals says whether the others can be believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "figures/figures.h"
#include "figures/trial.h"
#include "figures/turns.h"
#include "machine/mem.h"
#include "target/loop.h"
#include "target/scratch.h"
#include "target/slow_image.h"

#define SIZE        (256u << 20)
#define FLUSH_NS    1500000ull
#define BLOCKS      11
#define TRIAL_NS    500000000ull
#define RECORDED_NS 1000000000ull
#define SHOWN       0.02 /* of a sync's time: a phase with less everywhere is in no table */

#define OFF_TIME    1.15
#define OFF_FLUSHES 1.10
#define OFF_META    1.20

static const char job_text[] = "[dwsl]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

static const unsigned fsyncers[] = { 1, 2, 4, 8, 16 };
#define LEVELS (sizeof(fsyncers) / sizeof(fsyncers[0]))

enum side { BTRFS, POSTFIX, MODERN, SIDES };

static const char *const side_name[SIDES] = { "btrfs", "postfix", "modern" };
static const char *const side_target[SIDES] = { "fs:btrfs:%s,mkfs=-m dup,mount=ssd", "postfix@file:%s",
	                                        "modern@file:%s" };

/* What one side measured with so many fsyncers. */
struct cell {
	double p50[BLOCKS], rate[BLOCKS];
	uint64_t syncs, flushes, meta;
	double phase_ns[KW_NR]; /* of a sync, on average; of a kernel from a trial of its own */
};

struct fidelity {
	struct job_file job;
	struct why why;
	struct cell cell[LEVELS][SIDES];
};

static const char *const of[] = { "p50", "rate", "interval", "flushes a sync", "KiB a sync" };
enum { P50, RATE, INTERVAL, FLUSHES, META, FIGURES };

static void figure_name(char *out, size_t size, unsigned figure, const char *where)
{
	snprintf(out, size, "%s / btrfs%s: %s", side_name[MODERN], where, of[figure]);
}

/* ---- trials ---- */

static struct driver_result *run(struct fidelity *f, const char *device, enum side side, unsigned tasks, bool recorded)
{
	struct trial t = { .job = &f->job, .tasks = tasks, .seconds_ns = recorded ? RECORDED_NS : TRIAL_NS,
	                   .kwaits = recorded, .why = &f->why };
	char text[TARGET_TEXT_MAX];

	snprintf(text, sizeof(text), side_target[side], device);
	return trial_target(&t, text, &f->why) ? NULL : trial_run(&t);
}

static int measure(struct fidelity *f, const char *device, enum side side, unsigned level, unsigned block)
{
	struct driver_result *r = run(f, device, side, fsyncers[level], false);
	struct cell *c = &f->cell[level][side];

	if (!r)
		return -EIO;
	c->p50[block] = (double)hist_percentile(&r->sync, 50) + (double)hist_percentile(&r->op[OP_WRITE], 50);
	c->rate[block] = driver_rate(r, &r->sync);
	c->syncs += r->sync.n;
	c->flushes += r->barriers.flushes;
	c->meta += r->barriers.written > r->bytes ? r->barriers.written - r->bytes : 0;
	if (side != BTRFS && !block)
		for (unsigned ph = 0; ph < PH_NR; ph++)
			c->phase_ns[ph] = bench_phase_ns(r, ph);
	driver_free(r);
	return 0;
}

/* Where the kernel's syncs wait: shares of trials in which they are watched, of the time that others took. */
static int record(struct fidelity *f, const char *device, unsigned level)
{
	struct driver_result *r = run(f, device, BTRFS, fsyncers[level], true);

	if (!r)
		return -EIO;
	for (unsigned ph = 0; ph < KW_NR; ph++)
		f->cell[level][BTRFS].phase_ns[ph] = bench_phase_ns(r, ph);
	driver_free(r);
	return 0;
}

static int measure_all(struct fidelity *f, const char *device)
{
	struct why why;
	bool seen = !kwait_allowed(&why);
	int ret = 0;

	memset(f->cell, 0, sizeof(f->cell));
	for (unsigned level = 0; level < LEVELS && !ret; level++) {
		for (unsigned b = 0; b < BLOCKS && !ret; b++)
			for (unsigned i = 0; i < SIDES && !ret; i++)
				ret = measure(f, device, b % 2 ? SIDES - 1 - i : i, level, b);
		if (!ret && seen)
			ret = record(f, device, level);
	}
	return ret;
}

/* ---- what it comes to ---- */

static double off(double ratio)
{
	return ratio < 1 ? 1 / ratio : ratio;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* Of one metric with so many fsyncers: the design's through btrfs's, of each block. */
struct ratio {
	double middle, low, high;
};

static struct ratio ratio_of(const double *ours, const double *theirs)
{
	double x[BLOCKS];
	struct ratio r;

	for (unsigned i = 0; i < BLOCKS; i++)
		x[i] = ours[i] / theirs[i];
	r.middle = median(x, BLOCKS);
	median_interval(x, BLOCKS, &r.low, &r.high);
	return r;
}

static double a_sync(uint64_t of_all, const struct cell *c)
{
	return c->syncs ? (double)of_all / (double)c->syncs : 0;
}

static void tell_level(struct self *s, const struct fidelity *f, const char *where, unsigned level)
{
	const struct cell *c = f->cell[level];
	char line[WHY_MAX];
	int n = snprintf(line, sizeof(line), "%2u fsyncer%s%s, btrfs: p50 %.0f us, %.0f fsync/s, %.2f flush, %.0f KiB",
	                 fsyncers[level], level ? "s" : "", where, median(c[BTRFS].p50, BLOCKS) / 1e3,
	                 median(c[BTRFS].rate, BLOCKS), a_sync(c[BTRFS].flushes, &c[BTRFS]),
	                 a_sync(c[BTRFS].meta, &c[BTRFS]) / 1024);

	for (unsigned i = POSTFIX; i < SIDES; i++) {
		struct ratio p50 = ratio_of(c[i].p50, c[BTRFS].p50), rate = ratio_of(c[i].rate, c[BTRFS].rate);

		n += snprintf(line + n, sizeof(line) - (size_t)n, "; %s: p50 %.2f x [%.2f, %.2f], rate %.2f x [%.2f, "
		              "%.2f], %.2f flushes, %.0f KiB", side_name[i], p50.middle, p50.low, p50.high, rate.middle,
		              rate.low, rate.high, a_sync(c[i].flushes, &c[i]), a_sync(c[i].meta, &c[i]) / 1024);
	}
	self_info(s, "%s", line);
}

/* A phase is a column that both have where it is the same thing. */
static void tell_phases(struct self *s, const struct fidelity *f, const char *where, unsigned level)
{
	char line[WHY_MAX] = "";
	double sum[SIDES] = { 0 };
	int n = 0;

	for (unsigned ph = 0; ph < KW_NR; ph++)
		for (unsigned i = 0; i < SIDES; i++)
			sum[i] += f->cell[level][i].phase_ns[ph];
	for (unsigned ph = 0; ph < KW_NR && n < (int)sizeof(line); ph++) {
		const struct cell *c = f->cell[level];
		bool shown = false;

		for (unsigned i = 0; i < SIDES; i++)
			shown |= c[i].phase_ns[ph] > SHOWN * sum[i];
		if (shown)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "%s%s %.0f %.0f %.0f", n ? ", " : "",
			              kwait_phase_name(ph), c[BTRFS].phase_ns[ph] / 1e3, c[POSTFIX].phase_ns[ph] / 1e3,
			              c[MODERN].phase_ns[ph] / 1e3);
	}
	self_info(s, "%2u fsyncer%s%s, us of a sync in each phase, btrfs postfix modern: %s", fsyncers[level],
	          level ? "s" : "", where, line);
}

static void report(struct self *s, const struct fidelity *f, const char *where)
{
	static const double bound[FIGURES] = { OFF_TIME, OFF_TIME, OFF_TIME, OFF_FLUSHES, OFF_META };
	double worst[FIGURES] = { 0 };
	char name[40];

	for (unsigned level = 0; level < LEVELS; level++) {
		const struct cell *ours = &f->cell[level][MODERN], *theirs = &f->cell[level][BTRFS];
		struct ratio p50 = ratio_of(ours->p50, theirs->p50), rate = ratio_of(ours->rate, theirs->rate);

		worst[P50] = larger(worst[P50], off(p50.middle));
		worst[RATE] = larger(worst[RATE], off(rate.middle));
		worst[INTERVAL] = larger(worst[INTERVAL], larger(sqrt(p50.high / p50.low), sqrt(rate.high / rate.low)));
		worst[FLUSHES] = larger(worst[FLUSHES],
		                        off(a_sync(ours->flushes, ours) / a_sync(theirs->flushes, theirs)));
		worst[META] = larger(worst[META], off(a_sync(ours->meta, ours) / a_sync(theirs->meta, theirs)));
	}
	for (unsigned i = 0; i < FIGURES; i++) {
		figure_name(name, sizeof(name), i, where);
		self_figure(s, name, worst[i], AT_MOST, bound[i], "x");
	}
}

static void all_missing(struct self *s, const char *where, const char *why)
{
	char name[40];

	for (unsigned i = 0; i < FIGURES; i++) {
		figure_name(name, sizeof(name), i, where);
		self_missing(s, name, "%.300s", why);
	}
}

/* The tasks and programs that are started from here on have it, too. Without the right to it, it is not so. */
static void run_before_others(bool on)
{
	struct sched_param p = { .sched_priority = on };

	sched_setscheduler(0, on ? SCHED_RR : SCHED_OTHER, &p);
}

static void compare_on(struct self *s, struct fidelity *f, const char *device, const char *where)
{
	int ret;

	f->why = (struct why)WHY_NONE;
	run_before_others(true);
	ret = measure_all(f, device);
	run_before_others(false);
	if (ret) {
		all_missing(s, where, f->why.text);
		return;
	}
	report(s, f, where);
	for (unsigned level = 0; level < LEVELS; level++) {
		tell_level(s, f, where, level);
		tell_phases(s, f, where, level);
	}
}

/* ---- the two places ---- */

/* A loop device over a file of no name in `dir`, written in full: open, or -errno. */
static int open_loop(const char *dir, char *device, size_t size)
{
	int fd = scratch_open(dir), ret;
	bool direct;

	if (fd < 0)
		return fd;
	ret = scratch_fill(fd, SIZE, 1);
	if (!ret && fsync(fd))
		ret = -errno;
	if (!ret)
		ret = loop_attach(fd, device, size, &direct);
	close(fd);
	return ret;
}

static void on_disk(struct self *s, struct fidelity *f)
{
	char device[64], why[WHY_MAX];
	int fd = open_loop(s->dir, device, sizeof(device));

	if (fd < 0) {
		snprintf(why, sizeof(why), "no loop device over a file in %.200s: %s", s->dir, strerror(-fd));
		all_missing(s, "", why);
		return;
	}
	compare_on(s, f, device, "");
	loop_detach(fd, device);
}

static void on_slow_image(struct self *s, struct fidelity *f)
{
	static const char where[] = ", slow";
	struct slow_image im;
	struct why why;
	int ret;

	run_before_others(true); /* its server, too */
	ret = slow_image_open(&im, SIZE, FLUSH_NS, &why);
	run_before_others(false);
	if (ret) {
		all_missing(s, where, why.text);
		return;
	}
	compare_on(s, f, im.path, where);
	slow_image_close(&im);
}

void self_fidelity(struct self *s)
{
	struct fidelity *f = mem_zalloc(sizeof(*f));
	int ret = geteuid() ? why_set(&f->why, -EPERM, "making and mounting a real btrfs needs root") :
		  trial_job(s, job_text, &f->job, &f->why);

	if (ret) {
		all_missing(s, "", f->why.text);
		all_missing(s, ", slow", f->why.text);
	} else {
		on_disk(s, f);
		on_slow_image(s, f);
		job_free(&f->job);
	}
	free(f);
}
