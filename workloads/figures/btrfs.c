/*
 * btrfs.c: postfix against real btrfs, in turns: how long a write and fsync takes where the store costs least,
 * how fsyncs a second grow from 1 fsyncer to 8 on one image, and where a flush takes 1.5 ms.
 *
 * btrfs lies on a loop device over a file that was written in full, and postfix in such a file itself, as the bench
 * command has them. What the loop device adds is shown: postfix on that very device, too. The slow one is
 * target/slow_image.h's. A trial makes its file system anew, so neither finds it better prepared.
 *
 * Why the bounds are held where they are: on a disk whose flush is most of either's fsync, no engine is three times as
 * fast, so p50s are held in memory and told of the disk. And where each flush takes the same time whatever else is
 * under way, btrfs, whose two logs take turns, comes close to a growth of 4, and the most there is is 8: twice as much
 * is the end of the scale. So its growth is held on the disk's image, and told of the slow one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/trial.h"
#include "figures/turns.h"
#include "target/loop.h"
#include "target/scratch.h"
#include "target/slow_image.h"

#define SIZE      (256u << 20)
#define FLUSH_NS  1500000ull
#define LOG_WAIT  "300us" /* a fifth of a flush: two processors bring all who were woken back in that time */
#define BLOCKS    7
#define TRIAL_NS  400000000ull
#define SCALES    5
#define SCALE_NS  1000000000ull
#define MEMORY    "/dev/shm"
#define FASTER    "write + fsync p50, btrfs / postfix"
#define GROWTH    "fsyncs/s, 8 / 1, 1.5 ms a flush"
#define GROWS_AS  "growth 8 / 1 on the disk, / btrfs's"

static const char job_text[] = "[dwsl]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

struct versus {
	struct job_file job;
	struct why why;
};

static int init_trial(struct versus *v, struct trial *t, const char *format, const char *device, unsigned tasks,
                      uint64_t ns)
{
	char text[TARGET_TEXT_MAX];

	*t = (struct trial){ .job = &v->job, .tasks = tasks, .seconds_ns = ns, .why = &v->why };
	snprintf(text, sizeof(text), format, device);
	return trial_target(t, text, &v->why);
}

/* ---- images ---- */

/* A file in `dir`, written in full: open, or -errno. */
static int open_image(const char *dir, const char *name, char *path, size_t size)
{
	int fd, ret;

	self_scratch_in(dir, name, path, size);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = scratch_fill(fd, SIZE, 1);
	if (!ret && fsync(fd))
		ret = -errno;
	if (ret)
		close(fd);
	return ret ? ret : fd;
}

/* An image to be used as a file, and a loop device over another beside it. */
struct store {
	char file[TARGET_TEXT_MAX - 64], device[64];
	bool is_memory;
};

/* The loop device, open; or -errno. */
static int open_store(const char *dir, struct store *store)
{
	int fd = open_image(dir, "bench-self-btrfs.img", store->file, sizeof(store->file)), ret;
	char under[PATH_MAX];
	bool direct;

	if (fd < 0)
		return fd;
	close(fd);
	fd = open_image(dir, "bench-self-loop.img", under, sizeof(under));
	if (fd < 0)
		return fd;
	ret = loop_attach(fd, store->device, sizeof(store->device), &direct);
	close(fd);
	unlink(under);
	return ret;
}

/* Of each: in a file, on the loop device, btrfs on the loop device. */
static void report_p50(struct self *s, const struct turn turn[3], const char *store, unsigned fsyncers)
{
	self_info(s,
	          "write + fsync p50 %s, %u fsyncer%s: postfix %.0f us, on the loop device %.0f us; btrfs on it %.0f "
	          "us: %.2f and %.2f x",
	          store, fsyncers, fsyncers > 1 ? "s" : "", median(turn[0].value, BLOCKS) / 1e3,
	          median(turn[1].value, BLOCKS) / 1e3, median(turn[2].value, BLOCKS) / 1e3,
	          turns_ratio(&turn[2], &turn[0], BLOCKS), turns_ratio(&turn[2], &turn[1], BLOCKS));
}

static int compare_p50(struct self *s, struct versus *v, const struct store *store, unsigned fsyncers)
{
	struct trial t[3];
	struct turn turn[3];
	int ret = init_trial(v, &t[0], "postfix@file:%s", store->file, fsyncers, TRIAL_NS);

	if (!ret)
		ret = init_trial(v, &t[1], "postfix@file:%s", store->device, fsyncers, TRIAL_NS);
	if (!ret)
		ret = init_trial(v, &t[2], "fs:btrfs:%s", store->device, fsyncers, TRIAL_NS);
	if (ret)
		return ret;
	for (unsigned i = 0; i < 3; i++)
		turn[i] = (struct turn){ trial_write_fsync_p50, &t[i], NULL };
	turns_run(turn, 3, BLOCKS);
	if (!v->why.text[0] && store->is_memory)
		self_figure(s, FASTER, turns_ratio(&turn[2], &turn[0], BLOCKS), AT_LEAST, 3, "x");
	if (!v->why.text[0])
		report_p50(s, turn, store->is_memory ? "in memory" : "on the disk", fsyncers);
	turns_free(turn, 3);
	return v->why.text[0] ? -EIO : 0;
}

/* ---- growth, both on one loop device ---- */

struct growth {
	double ours, theirs;
};

static void report_growth(struct self *s, const struct turn turn[4], const char *where, struct growth *g)
{
	*g = (struct growth){ turns_ratio(&turn[1], &turn[0], SCALES), turns_ratio(&turn[3], &turn[2], SCALES) };
	self_info(s,
	          "fsyncs/s of 1 and 8 on one loop device %s, in turns: postfix (log_wait " LOG_WAIT
	          ") %.0f and %.0f (%.2f x), btrfs %.0f and %.0f (%.2f x): %.2f",
	          where, median(turn[0].value, SCALES), median(turn[1].value, SCALES), g->ours,
	          median(turn[2].value, SCALES), median(turn[3].value, SCALES), g->theirs, g->ours / g->theirs);
}

static int compare_growth(struct self *s, struct versus *v, const char *device, const char *where, struct growth *g)
{
	struct trial t[4];
	struct turn turn[4];

	for (unsigned i = 0; i < 4; i++) {
		int ret = init_trial(v, &t[i], i < 2 ? "postfix@file:%s,log_wait=" LOG_WAIT : "fs:btrfs:%s", device,
		                     i % 2 ? 8 : 1, SCALE_NS);
		if (ret)
			return ret;
		turn[i] = (struct turn){ trial_fsync_rate, &t[i], NULL };
	}
	turns_run(turn, 4, SCALES);
	if (!v->why.text[0])
		report_growth(s, turn, where, g);
	turns_free(turn, 4);
	return v->why.text[0] ? -EIO : 0;
}

/* ---- the three places ---- */

static void in_memory(struct self *s, struct versus *v)
{
	struct store m = { .is_memory = true };
	int fd = open_store(MEMORY, &m);

	if (fd < 0) {
		self_missing(s, FASTER, "no loop device over a file in " MEMORY ": %s", strerror(-fd));
		return;
	}
	if (compare_p50(s, v, &m, 1))
		self_missing(s, FASTER, "%s", v->why.text);
	loop_detach(fd, m.device);
	unlink(m.file);
}

static void on_disk(struct self *s, struct versus *v)
{
	struct store d = { .is_memory = false };
	struct growth g;
	int fd = open_store(s->dir, &d);

	if (fd < 0) {
		self_missing(s, GROWS_AS, "no loop device over a file in %s: %s", s->dir, strerror(-fd));
		return;
	}
	if (compare_p50(s, v, &d, 1) || compare_p50(s, v, &d, 8) || compare_growth(s, v, d.device, "on the disk", &g))
		self_missing(s, GROWS_AS, "%s", v->why.text);
	else
		self_figure(s, GROWS_AS, g.ours / g.theirs, AT_LEAST, 2, "x");
	loop_detach(fd, d.device);
}

static void on_slow_image(struct self *s, struct versus *v)
{
	struct slow_image im;
	struct growth g;
	struct why why;

	if (slow_image_open(&im, SIZE, FLUSH_NS, &why)) {
		self_missing(s, GROWTH, "no block device with a slow flush: %s", why.text);
		return;
	}
	if (compare_growth(s, v, im.path, "with 1.5 ms a flush", &g))
		self_missing(s, GROWTH, "%s", v->why.text);
	else
		self_figure(s, GROWTH, g.ours, AT_LEAST, 6, "x");
	slow_image_close(&im);
}

void self_btrfs(struct self *s)
{
	static const char *const name[] = { FASTER, GROWS_AS, GROWTH };
	struct versus v = { .why = WHY_NONE };
	int ret = geteuid() ? why_set(&v.why, -EPERM, "making and mounting a real btrfs needs root") :
		  trial_job(s, job_text, &v.job, &v.why);

	for (unsigned i = 0; i < 3 && ret; i++)
		self_missing(s, name[i], "%s", v.why.text);
	if (ret)
		return;
	in_memory(s, &v);
	v.why = WHY_NONE;
	on_disk(s, &v);
	v.why = WHY_NONE;
	on_slow_image(s, &v);
	job_free(&v.job);
}
