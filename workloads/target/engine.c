/*
 * engine.c: a design of fsync on a device: a fresh file system for each trial.
 *
 * A device file that was not there before is removed afterwards, unless it is to be kept.
 */
#include "target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/barriers.h"
#include "base/rng.h"
#include "base/stop.h"
#include "target/disk.h"
#include "target/floor.h"
#include "fs/fs.h"
#include "job/job.h"
#include "machine/mem.h"
#include "target/engine.h"

#define LAYOUT_CHUNK (1u << 20)

struct instance {
	struct dev *dev;
	struct fs *fs;                /* NULL: unmounted, by engine_look() */
	int unmounted;                /* with that result */
	uint64_t look_ns;             /* of a look at the floor afterwards; 0: none */
	struct dev_stats stats;
	struct hist floor;
	bool on_file;                 /* the next two are valid */
	struct barriers below;
	struct target_barriers barriers;
	struct dev_facts mounted;     /* of the file system that the file is in */
	char remove[TARGET_TEXT_MAX]; /* "" when it was there before, or is kept */
};

static void remove_device_file(struct instance *in)
{
	if (in->remove[0])
		unlink(in->remove);
}

static int make_fs(const struct target_spec *spec, struct instance *in, struct why *why)
{
	struct mkfs_options mkfs = { .nodesize = spec->nodesize, .single = spec->single, .subvols = spec->subvols };
	struct mount_options mount = {
		.design = fs_design_find(spec->design),
		.compress = spec->compress,
		.inline_max = spec->inline_max,
		.endio_workers = spec->endio_workers,
		.compress_workers = spec->compress_workers,
		.log_wait_ns = spec->log_wait_ns,
	};
	int ret = fs_mkfs(in->dev, &mkfs, why);

	return ret ? ret : fs_mount(in->dev, &mount, &in->fs, why);
}

/* A flush is a system call on that file: whether it goes further is its file system's. */
static void find_disk(const struct target_spec *spec, struct instance *in)
{
	int fd = spec->path[0] ? open(spec->path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0)
		return;
	in->on_file = true;
	disk_under(fd, &in->below.disk);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		facts_of_mount(fd, &in->mounted);
	close(fd);
}

static int engine_open(const struct target_spec *spec, void **instance, struct why *why)
{
	struct instance *in = mem_zalloc(sizeof(*in));
	int ret;

	hist_init(&in->floor);
	if (spec->path[0] && !spec->keep && access(spec->path, F_OK))
		strcpy(in->remove, spec->path);
	ret = dev_open(spec->device, spec->force, &in->dev, why);
	if (ret)
		goto free_instance;
	in->look_ns = spec->keep ? 0 : spec->floor_ns;
	if (spec->floor_ns)
		floor_of_dev(in->dev, spec->floor_ns, &in->floor);
	ret = make_fs(spec, in, why);
	if (ret)
		goto close_dev;
	find_disk(spec, in);
	*instance = in;
	return 0;

close_dev:
	dev_close(in->dev);
free_instance:
	remove_device_file(in);
	free(in);
	return ret;
}

static int lay_out(struct file *f, uint64_t bytes)
{
	uint64_t *buf = mem_alloc_pages(LAYOUT_CHUNK);
	struct rng rng;
	int ret = 0;

	rng_seed(&rng, fs_ino(f));
	for (size_t i = 0; i < LAYOUT_CHUNK / sizeof(*buf); i++)
		buf[i] = rng_next(&rng);
	for (uint64_t off = 0; off < bytes && ret >= 0; off += LAYOUT_CHUNK) {
		uint64_t left = bytes - off;
		ret = stop_asked() ? -EINTR : fs_write(f, off, buf, left < LAYOUT_CHUNK ? left : LAYOUT_CHUNK);
	}
	free(buf);
	/* A write that found no space says so to the fsync of its file, and to nobody else. */
	return ret < 0 ? ret : bytes ? fs_fsync(f) : 0;
}

/* A descriptor: two of one file are two, with the flags of each. */
struct engine_file {
	struct file *file;
	bool direct, mapped;
	bool dsync;              /* direct writes are O_DSYNC: their sync may have a lock rule of its own */
	struct fs_direct *wrote; /* such a write, until engine_sync_written() */
};

static struct root *home_of(struct instance *in, const struct target_file *want)
{
	return fs_subvol(in->fs, want->home % fs_nsubvols(in->fs));
}

static int take_space(struct file *f, const struct target_file *want)
{
	switch (want->fallocate) {
	case JOB_FALLOC_TRUNCATE:
		return fs_truncate(f, want->space);
	case JOB_FALLOC_NATIVE:
	case JOB_FALLOC_KEEP:
		return fs_fallocate(f, 0, want->space, want->fallocate == JOB_FALLOC_KEEP);
	default:
		return 0;
	}
}

static int engine_file_make(void *instance, const struct target_file *want)
{
	struct file *f;
	int ret = fs_create(home_of(instance, want), want->name, &f);

	if (ret)
		return ret;
	ret = lay_out(f, want->layout);
	if (!ret && want->space)
		ret = take_space(f, want);
	fs_close(f);
	return ret;
}

static int engine_file_open(void *instance, const struct target_file *want, void **file)
{
	struct root *home = home_of(instance, want);
	struct engine_file *e = mem_alloc(sizeof(*e));
	int ret = fs_open(home, want->name, &e->file);

	if (ret == -ENOENT)
		ret = fs_create(home, want->name, &e->file);
	if (!ret && want->mapped)
		ret = fs_mmap(e->file); /* 0 */
	e->direct = want->direct;
	e->mapped = want->mapped;
	e->dsync = want->direct && want->sync != JOB_SYNC_NONE;
	e->wrote = NULL;
	if (ret)
		free(e);
	else
		*file = e;
	return ret;
}

static int engine_file_unlink(void *instance, const struct target_file *want)
{
	return fs_unlink(home_of(instance, want), want->name);
}

static struct file *file_of(void *file)
{
	return ((struct engine_file *)file)->file;
}

/* The flusher may have bios in flight: the device looks at its stats under its lock. */
static void use_stats(struct instance *in, struct dev_stats *stats)
{
	spin_lock(&in->dev->lock);
	in->dev->stats = stats;
	spin_unlock(&in->dev->lock);
}

static int engine_settle(void *instance)
{
	struct instance *in = instance;
	int ret = fs_sync(in->fs);

	if (ret)
		return ret;
	hist_init(&in->stats.write);
	hist_init(&in->stats.flush);
	hist_init(&in->stats.fua);
	hist_init(&in->stats.read);
	use_stats(in, &in->stats);
	return 0;
}

static void engine_begin(void *instance)
{
	barriers_begin(&((struct instance *)instance)->below);
}

static int engine_write(void *file, uint64_t off, const void *buf, uint32_t len)
{
	struct engine_file *e = file;
	int ret = e->dsync ? fs_write_direct_dsync(e->file, off, buf, len, &e->wrote) :
		e->direct ? fs_write_direct(e->file, off, buf, len) :
		e->mapped ? fs_mmap_store(e->file, off, buf, len) : fs_write(e->file, off, buf, len);

	return ret < 0 ? ret : 0;
}

static int engine_read(void *file, uint64_t off, void *buf, uint32_t len)
{
	int ret = fs_read(file_of(file), off, buf, len);

	return ret < 0 ? ret : (uint32_t)ret < len ? -EIO : 0;
}

/*
 * Direct writes are in flight together. Anything else is done when it is put, as the kernel does with what goes through
 * the page cache.
 */
struct engine_queue {
	unsigned depth, n;              /* n: in flight, the oldest first */
	struct {
		unsigned tag;
		int ret;
		struct fs_direct *io;       /* NULL: done with `ret` */
	} call[];
};

static int engine_queue_open(unsigned depth, void **queue)
{
	struct engine_queue *q = mem_zalloc(sizeof(*q) + depth * sizeof(q->call[0]));

	q->depth = depth;
	*queue = q;
	return 0;
}

static int engine_queue_put(void *queue, void *file, bool write, uint64_t off, void *buf, uint32_t len, unsigned tag)
{
	const struct engine_file *e = file;
	struct engine_queue *q = queue;
	struct fs_direct *io = NULL;
	int ret = 0;

	if (write && e->direct)
		ret = fs_write_direct_start(e->file, off, buf, len, &io);
	else
		ret = write ? engine_write(file, off, buf, len) : engine_read(file, off, buf, len);
	q->call[q->n].tag = tag;
	q->call[q->n].ret = ret;
	q->call[q->n++].io = io;
	return 0;
}

static unsigned engine_queue_get(void *queue, int *ret)
{
	struct engine_queue *q = queue;
	unsigned i = 0, tag;

	while (i < q->n && q->call[i].io)
		i++;
	i = i < q->n ? i : 0;
	tag = q->call[i].tag;
	*ret = q->call[i].ret;
	if (q->call[i].io) {
		*ret = fs_direct_wait(q->call[i].io);
		*ret = *ret < 0 ? *ret : 0;
	}
	memmove(&q->call[i], &q->call[i + 1], (--q->n - i) * sizeof(q->call[0]));
	return tag;
}

static int engine_fsync(void *file)
{
	return fs_fsync(file_of(file));
}

static int engine_fdatasync(void *file)
{
	return fs_fdatasync(file_of(file));
}

static int engine_sync_written(void *file, uint64_t off, uint64_t len)
{
	struct engine_file *e = file;
	struct fs_direct *wrote = e->wrote;

	e->wrote = NULL;
	return wrote ? fs_direct_sync(wrote) : fs_fsync_range(e->file, off, len);
}

static int engine_sync_range(void *file, uint64_t off, uint64_t len, unsigned flags)
{
	return fs_sync_range(file_of(file), off, len, flags & (JOB_RANGE_WAIT_BEFORE | JOB_RANGE_WAIT_AFTER));
}

static void engine_facts(void *instance, struct target_facts *out)
{
	struct instance *in = instance;

	use_stats(in, NULL);
	barriers_end(&in->below, &in->barriers);
	*out = (struct target_facts){ .device = &in->stats, .floor = &in->floor };
	if (in->on_file)
		out->barriers = &in->barriers;
	dev_facts(in->dev, &out->drive);
	for (unsigned i = 0; i < in->mounted.n; i++)
		facts_add(&out->drive, in->mounted.fact[i].key, "%s", in->mounted.fact[i].value);
	snprintf(out->notice, sizeof(out->notice), "%s", in->dev->notice);
}

static void engine_file_close(void *file)
{
	fs_close(file_of(file));
	free(file);
}

static void engine_look(void *instance, struct hist *h)
{
	struct instance *in = instance;

	if (!in->look_ns)
		return;
	in->unmounted = fs_unmount(in->fs);
	in->fs = NULL;
	floor_of_dev(in->dev, in->look_ns, h);
}

static int engine_close(void *instance)
{
	struct instance *in = instance;
	int ret = in->fs ? fs_unmount(in->fs) : in->unmounted;

	dev_close(in->dev);
	remove_device_file(in);
	free(in);
	return ret;
}

void engine_tape_start(void *instance, struct tape *t, uint32_t cap)
{
	tape_start(((struct instance *)instance)->dev, t, cap);
}

void engine_tape_mark(void *instance)
{
	tape_mark(((struct instance *)instance)->dev);
}

void engine_tape_stop(void *instance)
{
	tape_stop(((struct instance *)instance)->dev);
}

/* At most: metadata takes of it, too. What is larger than the device can be told at once. */
static uint64_t engine_room(void *instance)
{
	const struct instance *in = instance;

	return in->dev->size;
}

static const struct target_files engine_files = {
	.make = engine_file_make,
	.open = engine_file_open,
	.unlink = engine_file_unlink,
	.write = engine_write,
	.read = engine_read,
	.fsync = engine_fsync,
	.fdatasync = engine_fdatasync,
	.sync_written = engine_sync_written,
	.sync_range = engine_sync_range,
	.close = engine_file_close,
	.queue_open = engine_queue_open,
	.queue_put = engine_queue_put,
	.queue_get = engine_queue_get,
	.queue_close = free,
};

const struct target target_engine = {
	.name = "engine",
	.what = "a design of fsync on a device: DESIGN@DEVICE[,key=value...]; on that of fs: targets: "
	        "DESIGN@image[:PATH][,size=SIZE]",
	.open = engine_open,
	.settle = engine_settle,
	.close = engine_close,
	.files = &engine_files,
	.view = { .begin = engine_begin, .facts = engine_facts, .look = engine_look, .room = engine_room },
};
