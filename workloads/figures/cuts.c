/*
 * cuts.c: what power cuts on real file systems must reach, on ext4, xfs and btrfs of the running kernel: states judged
 * a second, and how much of that time is the kernel's own mount, read and unmount; cuts at one instant; all states of a
 * run; what recording costs; and, apart, false alarms among 20,000 states.
 */
#include "figures/cuts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cut/cut.h"
#include "cut/world.h"
#include "figures/turns.h"
#include "rt/rt.h"

#define WORK         "shared" /* a job: several files, one thread that syncs each */
#define STATES       600u
#define STATES_ALARM 20000u
#define AIMED        20u
#define BLOCKS       7u /* of recording and not recording */

struct kind {
	const char *fs;
	double rate; /* states a second that are due */
};
static const struct kind kinds[] = { { "fs:ext4", 100 }, { "fs:xfs", 60 }, { "fs:btrfs", 100 } };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *name_of(const struct kind *k, const char *what, char *buf, size_t size)
{
	snprintf(buf, size, "%s: %s", k->fs + strlen("fs:"), what);
	return buf;
}

/* 0, or -errno with why: not root, or no such file system. */
static int plan_for(const struct kind *k, struct cut_plan *p, struct why *why)
{
	*p = (struct cut_plan){ .jobs = rt_cpus() < 4 ? rt_cpus() : 4, .per_round = 40, .holds = 3, .seed = 1,
		                .tear = DEV_BLOCK };
	if (geteuid())
		return why_set(why, -EPERM, "making and mounting a file system needs root");
	return cut_fs_parse(k->fs, &p->fs, why);
}

/* The seconds that it took; 0 when it failed, with why. */
static double seconds_of(const struct cut_plan *p, const char *work, struct tally *t, struct why *why)
{
	uint64_t since = rt_now();

	return cut_run(p, work, t, why) ? 0 : (double)(rt_now() - since) / 1e9;
}

/* ---- states a second ---- */

static double s_of(const _Atomic uint64_t *ns)
{
	return (double)atomic_load(ns) / 1e9;
}

/* The parts of the time that `jobs` processes had, in percent. */
static void tell_times(struct self *s, const struct kind *k, const struct tally *t, double all)
{
	double put = s_of(&t->put_ns), mount = s_of(&t->mount_ns), read = s_of(&t->read_ns);
	double umount = s_of(&t->umount_ns), oracle = s_of(&t->judge_ns) - put - mount - read - umount;

	self_info(s, "%s: of the time, mounting is %.0f %%, reading %.0f, unmounting %.0f, making images %.0f, the "
	          "oracle %.0f; recording runs %.0f, making the file system for them %.0f", k->fs, 100 * mount / all,
	          100 * read / all, 100 * umount / all, 100 * put / all, 100 * oracle / all,
	          100 * s_of(&t->record_ns) / all, 100 * s_of(&t->open_ns) / all);
}

static void rates_of(struct self *s, const struct kind *k)
{
	struct tally *t = tally_new();
	char rate[40], share[40];
	struct cut_plan p;
	struct why why;

	name_of(k, "states judged", rate, sizeof(rate));
	name_of(k, "judging / kernel's mount and read", share, sizeof(share));
	double seconds = 0;
	if (!plan_for(k, &p, &why)) {
		p.states = STATES;
		seconds = seconds_of(&p, WORK, t, &why);
	}
	if (seconds <= 0) {
		self_missing(s, rate, "%s", why.text);
		self_missing(s, share, "%s", why.text);
	} else {
		double kernel = s_of(&t->mount_ns) + s_of(&t->read_ns) + s_of(&t->umount_ns);
		self_figure(s, rate, (double)atomic_load(&t->states) / seconds, AT_LEAST, k->rate, "/s");
		self_figure(s, share, s_of(&t->judge_ns) / kernel, AT_MOST, 1.5, "x");
		self_info(s, "%s: %lu states of %lu runs, %lu of them mounted; %lu broken", k->fs,
		          (unsigned long)atomic_load(&t->states), (unsigned long)atomic_load(&t->rounds),
		          (unsigned long)atomic_load(&t->mounted), (unsigned long)atomic_load(&t->broken));
		tell_times(s, k, t, seconds * p.jobs);
	}
	tally_free(t);
}

void cut_figures_rates(struct self *s)
{
	for (size_t i = 0; i < KINDS; i++)
		rates_of(s, &kinds[i]);
}

/* ---- cuts at one instant, each of a run of its own ---- */

void cut_figures_aimed(struct self *s)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct tally *t = tally_new();
		char name[40];
		struct cut_plan p;
		struct why why;
		double seconds = 0;

		name_of(&kinds[i], "aimed cuts", name, sizeof(name));
		if (!plan_for(&kinds[i], &p, &why)) {
			p.states = AIMED;
			strcpy(p.aim.thread, "writer");
			p.aim.nth = 1;
			p.aim.keep = AIM_LOST;
			seconds = seconds_of(&p, "fsync_twice_smallest", t, &why);
		}
		if (seconds > 0)
			self_figure(s, name, (double)atomic_load(&t->states) / seconds, AT_LEAST, 5, "/s");
		else
			self_missing(s, name, "%s", why.text);
		tally_free(t);
	}
}

/* ---- all states of a run of 100 calls ---- */

static const char hundred[] = "[scenario]\nwhat = a hundred calls\n"
                              "[setup]\nfile a 64k\n"
                              "[thread writer]\nrepeat 20\n"
                              "a pwrite 0 4k\na pwrite 16k 8k\na fsync\na pwrite 32k 4k\na fdatasync\n";

void cut_figures_exhaustive(struct self *s)
{
	char path[PATH_MAX];
	struct why why;
	int ret = self_scratch_text(s, "hundred.scn", hundred, path, sizeof(path), &why);

	for (size_t i = 0; i < KINDS; i++) {
		struct tally *t = tally_new();
		char name[40];
		struct cut_plan p = { .jobs = 0 };
		double seconds = 0;

		name_of(&kinds[i], "all states of 100 calls", name, sizeof(name));
		if (!ret && !plan_for(&kinds[i], &p, &why)) {
			p.exhaustive = true;
			p.rounds = 1;
			seconds = seconds_of(&p, path, t, &why);
		}
		if (seconds > 0) {
			self_figure(s, name, seconds, AT_MOST, 10, "s");
			self_info(s, "%s: %lu states of a run of %lu calls, judged by %u processes", kinds[i].fs,
			          (unsigned long)atomic_load(&t->states), (unsigned long)atomic_load(&t->calls),
			          p.jobs);
		} else {
			self_missing(s, name, "%s", why.text);
		}
		tally_free(t);
	}
}

/* ---- what recording costs ---- */

struct recording {
	struct world *w;
	bool on;
	struct why *why;
	int ret;
};

/* Syncs a second of the run's threads. */
static double sync_rate(void *arg)
{
	struct recording *r = arg;
	struct round round = { .drive = { .seed = 1 }, .unrecorded = !r->on };

	if (!r->ret)
		r->ret = world_round(r->w, &round, r->why);
	return r->ret || !round.ran_ns ? 0 : (double)round.counts.syncs * 1e9 / (double)round.ran_ns;
}

static void recording_of(struct self *s, const struct kind *k)
{
	struct cut_plan p;
	struct work work;
	struct world w;
	struct why why;
	char name[40];
	int ret = plan_for(k, &p, &why);

	name_of(k, "syncs unrecorded / recorded", name, sizeof(name));
	if (!ret)
		ret = work_open("fsync_beside_append", &work, &why);
	if (!ret) {
		ret = world_open(&w, &p.fs, &work, DEV_BLOCK, &why);
		if (ret)
			work_close(&work);
	}
	if (ret) {
		self_missing(s, name, "%s", why.text);
		return;
	}
	struct recording on = { &w, true, &why, 0 }, off = { &w, false, &why, 0 };
	struct turn turn[] = { { sync_rate, &on, NULL }, { sync_rate, &off, NULL } };
	turns_run(turn, 2, BLOCKS);
	if (on.ret || off.ret)
		self_missing(s, name, "%s", why.text);
	else
		self_figure(s, name, turns_ratio(&turn[1], &turn[0], BLOCKS), AT_MOST, 1.5, "x");
	turns_free(turn, 2);
	if (on.ret != -ETIMEDOUT && off.ret != -ETIMEDOUT)
		world_close(&w);
	work_close(&work);
}

void cut_figures_recording(struct self *s)
{
	for (size_t i = 0; i < KINDS; i++)
		recording_of(s, &kinds[i]);
}

/* ---- false alarms ---- */

void cut_figures_alarms(struct self *s)
{
	static const char *const works[] = { "shared", "mixed" };

	for (size_t i = 0; i < KINDS; i++) {
		struct tally *t = tally_new();
		char name[40];
		struct cut_plan p;
		struct why why;
		int ret = plan_for(&kinds[i], &p, &why);

		name_of(&kinds[i], "broken of 20,000 states", name, sizeof(name));
		p.check_every = 50;
		for (unsigned k = 0; k < 2 && !ret; k++) {
			p.states = STATES_ALARM / 2 * (k + 1);
			ret = cut_run(&p, works[k], t, &why);
		}
		if (ret)
			self_missing(s, name, "%s", why.text);
		else
			self_figure(s, name, (double)atomic_load(&t->broken), AT_MOST, 0, "");
		self_info(s, "%s: %lu states of %lu runs of %s and %s", kinds[i].fs,
		          (unsigned long)atomic_load(&t->states), (unsigned long)atomic_load(&t->rounds), works[0],
		          works[1]);
		tally_free(t);
	}
}
