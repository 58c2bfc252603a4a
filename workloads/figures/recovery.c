/*
 * recovery.c: how long oneflush takes to recover from 1 GiB of its stream, against reading as many bytes from the same
 * place in the same way. The stream is that of 4 tasks, each of which overwrites 4 KiB at random places of its file and
 * fsyncs, with no commit in between: the most records that a byte of a stream can have. It is filled on tmpfs, where a
 * flush costs nothing, and copied to the device.
 *
 * The mounts that take turns with the reading are read-only: they replay in memory, and leave the image as it is. What
 * a mount for writing takes, with the commit at its end, is told beside them.
 *
 * Called by cmd/bench_self.c.
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
#include "tree/super.h"

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
	uint64_t bytes, fsyncs; /* of the stream */
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
static int fill(const char *path, struct recovery *r)
{
	struct rig_spec spec = { .design = "oneflush", .files = FILES, .file_blocks = 8192, .no_background = true,
		                 .commit_interval_ns = NEVER_NS };
	uint64_t counters[C_NR];
	char device[PATH_MAX];
	struct rig g;

	snprintf(device, sizeof(device), "file:%.4000s,size=%llum,buffered", path, DEVICE >> 20);
	spec.device = device;
	int ret = rig_open(&g, &spec, &r->why);
	if (ret)
		return ret;
	rt_reset_totals();
	rig_each_file(&g, fill_share, NULL);
	rt_totals(counters);
	r->bytes = counters[C_DATA_BYTES] + counters[C_META_BYTES];
	r->fsyncs = counters[C_FSYNC];
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

/* NULL: it failed, or something has before. */
static struct dev *open_image(struct recovery *r)
{
	char device[PATH_MAX];
	struct dev *dev;

	snprintf(device, sizeof(device), "file:%.4000s", r->path);
	if (!r->ret)
		r->ret = dev_open(device, true, &dev, &r->why);
	return r->ret ? NULL : dev;
}

/* Where the stream begins, as many bytes as it has, as recovery reads them: through the device's door, a MiB at a time,
 * and the next one meanwhile. Nothing is done with them. */
static double read_all(void *arg)
{
	uint8_t *buf[2] = { mem_alloc_pages(PIECE), mem_alloc_pages(PIECE) };
	struct recovery *r = arg;
	struct batch batch[2];
	struct bio bio[2];
	struct super super;
	struct dev *dev = open_image(r);

	if (!r->ret)
		r->ret = super_read(dev, &super, &r->why);
	uint64_t since = rt_now(), n = r->bytes / PIECE;
	bool begun[2] = { false, false };
	for (uint64_t i = 0; i < n + 2; i++) {
		struct bio *b = &bio[i % 2];
		if (begun[i % 2] && batch_wait(&batch[i % 2]))
			r->ret = why_set(&r->why, -EIO, "%s: it cannot be read", r->path);
		begun[i % 2] = !r->ret && i < n;
		if (!begun[i % 2])
			continue;
		*b = (struct bio){ .off = super.stream.bytenr + i * PIECE, .len = PIECE, .buf = buf[i % 2] };
		batch_init(&batch[i % 2], dev);
		batch_submit(&batch[i % 2], b);
	}
	double rate = per_second(r, since);
	if (dev)
		dev_close(dev);
	free(buf[0]);
	free(buf[1]);
	return rate;
}

static double mount_it(struct recovery *r, bool read_only)
{
	struct mount_options o = { .design = fs_design_find("oneflush"), .no_background = true,
		                   .read_only = read_only };
	struct dev *dev = open_image(r);
	struct fs_info info;
	struct fs *fs;

	if (!dev)
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
	r.ret = fill(memory, &r);
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
		self_info(s, "%.2f GiB of stream, %lu fsyncs: read at %.0f MiB/s, recovered at %.0f read-only, at %.0f "
		          "with the commit", (double)r.bytes / GIB, (unsigned long)r.fsyncs,
		          median(turn[0].value, BLOCKS) / (1 << 20), median(turn[1].value, BLOCKS) / (1 << 20),
		          for_writing / (1 << 20));
	}
	if (turn[0].value)
		turns_free(turn, 2);
	unlink(r.path);
}
