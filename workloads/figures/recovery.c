/*
 * recovery.c: how long oneflush takes to recover from 1 GiB of its stream, against reading as many bytes of the same
 * file in one go. The stream is that of 4 tasks, each of which overwrites 4 KiB at random places of its file and
 * fsyncs, with no commit in between: the most records that a byte of a stream can have. It is filled on tmpfs, where a
 * flush costs nothing, and copied to the device.
 *
 * The mounts that take turns with the reading are read-only: they replay in memory, and leave the image as it is. What
 * a mount for writing takes, with the commit at its end, is told beside them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/rig.h"
#include "figures/turns.h"
#include "machine/mem.h"

#define NAME     "recovery of 1 GiB / reading, oneflush"
#define IMAGE    "bench-self-recovery.img"
#define GIB      (1ull << 30)
#define DEVICE   (4 * GIB)
#define FILES    4u
#define NEVER_NS (3600 * 1000000000ull)
#define PIECE    (1u << 20)
#define BLOCKS   7u

struct recovery {
	char path[PATH_MAX];
	uint64_t bytes;      /* of the stream */
	struct why why;
	int ret;
};

/* ---- the stream ---- */

static uint64_t written(void)
{
	uint64_t counters[C_NR];

	rt_totals(counters);
	return counters[C_DATA_BYTES] + counters[C_META_BYTES];
}

static void fill_share(struct rig *g, unsigned file, void *arg)
{
	while (written() < GIB)
		for (unsigned i = 0; i < 1000; i++)
			rig_write_fsync(g, file);
}

/* A file system that has crashed with such a stream, in a file. */
static int fill(const char *path, uint64_t *bytes, struct why *why)
{
	struct rig_spec spec = { .design = "oneflush", .files = FILES, .file_blocks = 8192, .no_background = true,
		                 .commit_interval_ns = NEVER_NS };
	char device[PATH_MAX];
	struct rig g;

	snprintf(device, sizeof(device), "file:%.4000s,size=%llum,buffered", path, DEVICE >> 20);
	spec.device = device;
	int ret = rig_open(&g, &spec, why);
	if (ret)
		return ret;
	rt_reset_totals();
	rig_each_file(&g, fill_share, NULL);
	*bytes = written();
	rig_crash(&g);
	return 0;
}

/* Holes stay holes. */
static int copy(const char *from, const char *to, struct why *why)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	uint8_t *buf = mem_alloc_pages(PIECE);
	int ret = in < 0 || out < 0 || ftruncate(out, (off_t)DEVICE) ? -errno : 0;

	for (off_t at = 0; !ret && (at = lseek(in, at, SEEK_DATA)) >= 0;) {
		ssize_t n = pread(in, buf, PIECE, at);
		if (n <= 0)
			break;
		ret = pwrite(out, buf, (size_t)n, at) == n ? 0 : -EIO;
		at += n;
	}
	if (!ret && fsync(out))
		ret = -errno;
	free(buf);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ret ? why_set(why, ret, "%s: %s", to, strerror(-ret)) : 0;
}

/* ---- the two that take turns: bytes of the stream a second ---- */

static double per_second(const struct recovery *r, uint64_t since)
{
	return (double)r->bytes * 1e9 / (double)(rt_now() - since);
}

/* The image's first bytes that are no hole, as many as the stream has: most of them are the stream. */
static double read_all(void *arg)
{
	struct recovery *r = arg;
	int fd = open(r->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint8_t *buf = mem_alloc_pages(PIECE);
	uint64_t left = r->bytes, since = rt_now();

	for (off_t at = 0; left && (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
		ssize_t n = pread(fd, buf, left < PIECE ? DEV_BLOCK : PIECE, at / DEV_BLOCK * DEV_BLOCK);
		if (n <= 0)
			break;
		left -= (uint64_t)n < left ? (uint64_t)n : left;
		at += n;
	}
	if (left && !r->ret)
		r->ret = why_set(&r->why, -EIO, "%s: it cannot be read", r->path);
	double rate = per_second(r, since);
	free(buf);
	if (fd >= 0)
		close(fd);
	return rate;
}

static double mount_it(struct recovery *r, bool read_only)
{
	struct mount_options o = { .design = fs_design_find("oneflush"), .no_background = true,
		                   .read_only = read_only };
	char device[PATH_MAX];
	struct fs_info info;
	struct dev *dev;
	struct fs *fs;

	snprintf(device, sizeof(device), "file:%.4000s", r->path);
	if (!r->ret)
		r->ret = dev_open(device, true, &dev, &r->why);
	if (r->ret)
		return 0;
	uint64_t since = rt_now();
	r->ret = fs_mount(dev, &o, &fs, &r->why);
	double rate = per_second(r, since);
	if (!r->ret) {
		fs_info(fs, &info);
		if (!info.replayed)
			r->ret = why_set(&r->why, -EIO, "the mount found no stream");
		fs_abandon(fs);
	}
	dev_close(dev);
	return rate;
}

static double recover(void *arg)
{
	return mount_it(arg, true);
}

void self_recovery(struct self *s)
{
	struct recovery r = { .ret = 0 };
	char memory[PATH_MAX];

	self_scratch(s, IMAGE, r.path, sizeof(r.path));
	self_scratch_in("/dev/shm", IMAGE, memory, sizeof(memory));
	r.ret = fill(memory, &r.bytes, &r.why);
	if (!r.ret)
		r.ret = copy(memory, r.path, &r.why);
	unlink(memory);
	struct turn turn[] = { { read_all, &r, NULL }, { recover, &r, NULL } };
	if (!r.ret)
		turns_run(turn, 2, BLOCKS);
	double for_writing = r.ret ? 0 : mount_it(&r, false);
	if (r.ret) {
		self_missing(s, NAME, "%s", r.why.text);
	} else {
		self_figure(s, NAME, 1 / turns_ratio(&turn[1], &turn[0], BLOCKS), AT_MOST, 2, "x");
		self_info(s, "%.2f GiB of stream: read at %.0f MiB/s, recovered at %.0f read-only, at %.0f with the "
		          "commit", (double)r.bytes / GIB, median(turn[0].value, BLOCKS) / (1 << 20),
		          median(turn[1].value, BLOCKS) / (1 << 20), for_writing / (1 << 20));
	}
	if (turn[0].value)
		turns_free(turn, 2);
	unlink(r.path);
}
