/*
 * bench_self_btrfs.c: postfix against real btrfs, in turns: how long a write and fsync takes on this machine's disk, and
 * how fsyncs a second grow from 1 fsyncer to 8 where a flush takes 1.5 ms.
 *
 * On the disk btrfs lies on a loop device over a file that was written in full, and postfix in such a file itself, as the
 * bench command has them. What the loop device adds is shown: postfix on that very device, too. The one of 1.5 ms is
 * slow_image.h's, and both lie on it. A trial makes its file system anew, so neither finds it better prepared.
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
#define BLOCKS    7
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

/* A file in s->dir, written in full: open, or -errno. */
static int open_image(struct self *s, const char *name, char *path, size_t size)
{
	int fd, ret;

	self_scratch(s, name, path, size);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ret = fd < 0 ? -errno : fill(fd);
	if (ret && fd >= 0)
		close(fd);
	return ret ? ret : fd;
}

/* The image to be used as a file, and a loop device, open, over another; or -errno. */
static int open_disk(struct self *s, char *file, size_t file_size, char *device, size_t device_size)
{
	int fd = open_image(s, "bench-self-btrfs.img", file, file_size), ret;
	char under[PATH_MAX];
	bool direct;

	if (fd < 0)
		return fd;
	close(fd);
	fd = open_image(s, "bench-self-loop.img", under, sizeof(under));
	if (fd < 0)
		return fd;
	ret = loop_attach(fd, device, device_size, &direct);
	close(fd);
	return ret;
}

/* Of each: in a file, on the loop device, btrfs on the loop device. */
static void report_p50(struct self *s, const struct turn turn[3], unsigned fsyncers)
{
	double loop = turns_ratio(&turn[2], &turn[1], BLOCKS), file = turns_ratio(&turn[2], &turn[0], BLOCKS);

	if (fsyncers == 1)
		self_figure(s, FASTER, file, AT_LEAST, 3, "x");
	self_info(s, "write + fsync p50, %u fsyncer%s: postfix %.0f us, on the loop device %.0f us; btrfs on it %.0f us: %.2f and "
	          "%.2f x", fsyncers, fsyncers > 1 ? "s" : "", median(turn[0].value, BLOCKS) / 1e3,
	          median(turn[1].value, BLOCKS) / 1e3, median(turn[2].value, BLOCKS) / 1e3, file, loop);
}

static int compare_p50(struct self *s, struct versus *v, const char *file, const char *device, unsigned fsyncers)
{
	struct trial t[3];
	struct turn turn[3];
	int ret = init_trial(v, &t[0], "postfix@file:%s", file, fsyncers, TRIAL_NS);

	if (!ret)
		ret = init_trial(v, &t[1], "postfix@file:%s", device, fsyncers, TRIAL_NS);
	if (!ret)
		ret = init_trial(v, &t[2], "fs:btrfs:%s", device, fsyncers, TRIAL_NS);
	if (ret)
		return ret;
	for (unsigned i = 0; i < 3; i++)
		turn[i] = (struct turn){ trial_write_fsync_p50, &t[i], NULL };
	turns_run(turn, 3, BLOCKS);
	if (!v->err[0])
		report_p50(s, turn, fsyncers);
	turns_free(turn, 3);
	return v->err[0] ? -EIO : 0;
}

static void on_disk(struct self *s, struct versus *v)
{
	char device[64], file[PATH_MAX];
	int fd = open_disk(s, file, sizeof(file), device, sizeof(device));

	if (fd < 0) {
		self_missing(s, FASTER, "no loop device over a file in %.150s: %s", s->dir, strerror(-fd));
		return;
	}
	if (compare_p50(s, v, file, device, 1))
		self_missing(s, FASTER, "%.200s", v->err);
	else
		compare_p50(s, v, file, device, 8);
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
