/*
 * bench_self_btrfs.c: postfix against real btrfs, on the very same block device, in turns: how long a write and fsync
 * takes on this machine's disk, and how fsyncs a second grow from 1 fsyncer to 8 where a flush takes 1.5 ms.
 *
 * A trial of either makes its file system anew on that device, so neither finds it better prepared. The disk is a loop
 * device over a file that was written in full; the one of 1.5 ms is slow_image.h's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_self.h"
#include "bench_self_trial.h"
#include "bench_self_turns.h"
#include "loop.h"
#include "rt/mem.h"
#include "slow_image.h"

#define SIZE      (256u << 20)
#define CHUNK     (1u << 20)
#define FLUSH_NS  1500000ull
#define LOG_WAIT  "300us" /* a fifth of a flush: two processors bring all who were woken back in that time */
#define BLOCKS    9
#define TRIAL_NS  400000000ull
#define SCALES    5
#define SCALE_NS  1000000000ull
#define FASTER    "write + fsync p50, btrfs / postfix"
#define GROWTH    "fsyncs/s, 8 / 1, 1.5 ms a flush"
#define GROWS_AS  "the same / btrfs's"

static const char job_text[] = "[dwsl]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

struct versus {
	struct job_file job;
	char err[SELF_WHY_MAX];
};

static int init_trial(struct versus *v, struct trial *t, const char *format, const char *device, unsigned tasks,
                      uint64_t ns)
{
	char text[TARGET_TEXT_MAX];

	*t = (struct trial){ .job = &v->job, .tasks = tasks, .seconds_ns = ns, .err = v->err };
	snprintf(text, sizeof(text), format, device);
	return trial_target(t, text, v->err);
}

/* ---- the disk ---- */

static int fill(int fd)
{
	char *buf = mem_alloc_pages(CHUNK);
	int ret = 0;

	memset(buf, 'f', CHUNK);
	for (uint32_t off = 0; off < SIZE && !ret; off += CHUNK)
		ret = pwrite(fd, buf, CHUNK, off) == CHUNK ? 0 : -ENOSPC;
	free(buf);
	return ret ? ret : fsync(fd) ? -errno : 0;
}

/* The loop device, open, or -errno. The image has no name. */
static int open_disk(const struct self *s, char *path, size_t size)
{
	int fd = open(s->dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600), ret;
	bool direct;

	if (fd < 0)
		return -errno;
	ret = fill(fd);
	if (!ret)
		ret = loop_attach(fd, path, size, &direct);
	close(fd);
	return ret;
}

static void compare_p50(struct self *s, struct versus *v, const char *device)
{
	struct trial ours, theirs;
	struct turn turn[] = { { trial_write_fsync_p50, &ours, NULL }, { trial_write_fsync_p50, &theirs, NULL } };

	if (init_trial(v, &ours, "postfix@file:%s", device, 1, TRIAL_NS) ||
	    init_trial(v, &theirs, "fs:btrfs:%s", device, 1, TRIAL_NS)) {
		self_missing(s, FASTER, "%.200s", v->err);
		return;
	}
	turns_run(turn, 2, BLOCKS);
	if (v->err[0]) {
		self_missing(s, FASTER, "%.200s", v->err);
	} else {
		self_figure(s, FASTER, turns_ratio(&turn[1], &turn[0], BLOCKS), AT_LEAST, 3, "x");
		self_info(s, "write + fsync p50 on one loop device over this disk, in turns: postfix %.0f us, btrfs %.0f us",
		          median(turn[0].value, BLOCKS) / 1e3, median(turn[1].value, BLOCKS) / 1e3);
	}
	turns_free(turn, 2);
}

static void on_disk(struct self *s, struct versus *v)
{
	char path[64];
	int fd = open_disk(s, path, sizeof(path));

	if (fd < 0) {
		self_missing(s, FASTER, "no loop device over a file in %.100s: %s", s->dir, strerror(-fd));
		return;
	}
	compare_p50(s, v, path);
	close(fd);
}

/* ---- the slow one ---- */

static void report_growth(struct self *s, const struct turn turn[4])
{
	double ours = turns_ratio(&turn[1], &turn[0], SCALES), theirs = turns_ratio(&turn[3], &turn[2], SCALES);

	self_figure(s, GROWTH, ours, AT_LEAST, 6, "x");
	self_figure(s, GROWS_AS, ours / theirs, AT_LEAST, 2, "x");
	self_info(s, "fsyncs/s of 1 and 8 on one loop device with 1.5 ms a flush, in turns: postfix (log_wait " LOG_WAIT
	          ") %.0f and %.0f, btrfs %.0f and %.0f (%.2f x)", median(turn[0].value, SCALES),
	          median(turn[1].value, SCALES), median(turn[2].value, SCALES), median(turn[3].value, SCALES), theirs);
}

static void compare_growth(struct self *s, struct versus *v, const char *device)
{
	struct trial t[4];
	struct turn turn[4];

	for (unsigned i = 0; i < 4 && !v->err[0]; i++) {
		init_trial(v, &t[i], i < 2 ? "postfix@file:%s,log_wait=" LOG_WAIT : "fs:btrfs:%s", device, i % 2 ? 8 : 1,
		           SCALE_NS);
		turn[i] = (struct turn){ trial_fsync_rate, &t[i], NULL };
	}
	if (!v->err[0]) {
		turns_run(turn, 4, SCALES);
		if (!v->err[0])
			report_growth(s, turn);
		turns_free(turn, 4);
	}
	if (v->err[0]) {
		self_missing(s, GROWTH, "%.200s", v->err);
		self_missing(s, GROWS_AS, "%.200s", v->err);
	}
}

static void on_slow_image(struct self *s, struct versus *v)
{
	struct slow_image im;
	char err[256];

	if (slow_image_open(&im, SIZE, FLUSH_NS, err)) {
		self_missing(s, GROWTH, "no block device with a slow flush: %.190s", err);
		self_missing(s, GROWS_AS, "no block device with a slow flush: %.190s", err);
		return;
	}
	compare_growth(s, v, im.path);
	slow_image_close(&im);
}

void self_btrfs(struct self *s)
{
	static const char *const name[] = { FASTER, GROWTH, GROWS_AS };
	struct versus v = { .err = "" };
	char err[JOB_ERR_MAX];
	const char *why = geteuid() ? "making and mounting a real btrfs needs root" : NULL;

	if (!why && trial_job(s, job_text, &v.job, err))
		why = err;
	for (unsigned i = 0; i < 3 && why; i++)
		self_missing(s, name[i], "%.200s", why);
	if (why)
		return;
	on_disk(s, &v);
	v.err[0] = '\0';
	on_slow_image(s, &v);
	job_free(&v.job);
}
