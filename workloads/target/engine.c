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

	if (fd < 0)
		return;
	in->on_file = true;
	disk_under(fd, &in->below.disk);
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

/* How a job writes its file. */
struct engine_file {
	struct file *f;
	bool direct, mapped;
};

static int engine_file_open(void *instance, const struct target_file *want, void **file)
{
	struct instance *in = instance;
	struct engine_file *e;
	struct file *f;

	int ret = fs_create(fs_subvol(in->fs, want->home % fs_nsubvols(in->fs)), want->name, &f);
	if (ret)
		return ret;
	ret = lay_out(f, want->layout);
	if (!ret && want->space)
		ret = fs_fallocate(f, 0, want->space, want->keep_size);
	if (!ret && want->mapped)
		ret = fs_mmap(f);
	if (ret) {
		fs_close(f);
		return ret;
	}
	e = mem_alloc(sizeof(*e));
	*e = (struct engine_file){ f, want->direct, want->mapped };
	*file = e;
	return 0;
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
	const struct engine_file *e = file;
	int ret = e->direct ? fs_write_direct(e->f, off, buf, len) :
		e->mapped ? fs_mmap_store(e->f, off, buf, len) : fs_write(e->f, off, buf, len);

	return ret < 0 ? ret : 0;
}

static int engine_fsync(void *file)
{
	return fs_fsync(((struct engine_file *)file)->f);
}

static int engine_fdatasync(void *file)
{
	return fs_fdatasync(((struct engine_file *)file)->f);
}

static int engine_sync_range(void *file, uint64_t off, uint64_t len, unsigned flags)
{
	return fs_sync_range(((struct engine_file *)file)->f, off, len,
			     flags & (JOB_RANGE_WAIT_BEFORE | JOB_RANGE_WAIT_AFTER));
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
	snprintf(out->notice, sizeof(out->notice), "%s", in->dev->notice);
}

static void engine_file_close(void *file)
{
	struct engine_file *e = file;

	fs_close(e->f);
	free(e);
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

static const struct target_files engine_files = {
	.open = engine_file_open,
	.write = engine_write,
	.fsync = engine_fsync,
	.fdatasync = engine_fdatasync,
	.sync_range = engine_sync_range,
	.close = engine_file_close,
};

const struct target target_engine = {
	.name = "engine",
	.what = "a design of fsync on a device: DESIGN@DEVICE[,key=value...]",
	.open = engine_open,
	.settle = engine_settle,
	.close = engine_close,
	.files = &engine_files,
	.view = { .begin = engine_begin, .facts = engine_facts, .look = engine_look },
};
