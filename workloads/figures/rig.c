/* rig.c: see rig.h. */
#include "figures/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/mem.h"

static int add_file(struct rig *g, unsigned i)
{
	struct rig_file *rf = &g->file[i];
	char name[16];
	int ret;

	rf->buf = mem_alloc_pages(FS_BLOCK);
	rng_seed(&rf->rng, i + 1);
	for (uint32_t k = 0; k < FS_BLOCK / sizeof(uint64_t); k++)
		((uint64_t *)rf->buf)[k] = rng_next(&rf->rng);
	snprintf(name, sizeof(name), "file%u", i);
	ret = fs_create(fs_subvol(g->fs, 0), name, &rf->f);
	for (uint32_t b = 0; b < g->spec.file_blocks && ret >= 0; b++)
		ret = fs_write(rf->f, (uint64_t)b * FS_BLOCK, rf->buf, FS_BLOCK);
	return ret < 0 ? ret : 0;
}

static void close_files(struct rig *g)
{
	for (unsigned i = 0; i < g->spec.files; i++) {
		if (g->file[i].f)
			fs_close(g->file[i].f);
		free(g->file[i].buf);
	}
}

int rig_open(struct rig *g, const struct rig_spec *spec, struct why *why)
{
	struct mount_options o = { .design = fs_design_find(spec->design), .no_background = spec->no_background,
	                           .log_wait_ns = spec->log_wait_ns,
	                           .commit_interval_ns = spec->commit_interval_ns };
	int ret;

	*g = (struct rig){ .spec = *spec };
	ret = dev_open(spec->device, false, &g->dev, why);
	if (ret)
		return ret;
	ret = fs_mkfs(g->dev, &(struct mkfs_options){ 0 }, why);
	if (!ret)
		ret = fs_mount(g->dev, &o, &g->fs, why);
	if (ret)
		goto close_dev;
	for (unsigned i = 0; i < spec->files && !ret; i++)
		ret = add_file(g, i);
	if (!ret)
		ret = fs_sync(g->fs);
	if (!ret)
		return 0;
	why_set(why, ret, "cannot write the files: %s", strerror(-ret));
	close_files(g);
	fs_abandon(g->fs);
close_dev:
	dev_close(g->dev);
	return ret;
}

void rig_close(struct rig *g)
{
	close_files(g);
	CHECK(fs_unmount(g->fs) == 0);
	dev_close(g->dev);
}

void rig_crash(struct rig *g)
{
	close_files(g);
	fs_abandon(g->fs);
	dev_close(g->dev);
}

void rig_write(struct rig *g, unsigned i)
{
	struct rig_file *rf = &g->file[i];
	uint64_t off = rng_below(&rf->rng, g->spec.file_blocks) * FS_BLOCK;

	++*(uint64_t *)rf->buf;
	CHECK(fs_write(rf->f, off, rf->buf, FS_BLOCK) == (int)FS_BLOCK);
}

void rig_fsync(struct rig *g, unsigned i)
{
	CHECK(fs_fsync(g->file[i].f) == 0);
}

void rig_write_fsync(struct rig *g, unsigned i)
{
	rig_write(g, i);
	rig_fsync(g, i);
}

struct fsyncer {
	struct rig *g;
	unsigned i;
	void (*body)(struct rig *g, unsigned i, void *arg);
	void *arg;
};

static void run_fsyncer(void *arg)
{
	struct fsyncer *f = arg;

	f->body(f->g, f->i, f->arg);
}

void rig_each_file(struct rig *g, void (*body)(struct rig *g, unsigned i, void *arg), void *arg)
{
	struct fsyncer fsyncer[RIG_FILES_MAX];
	struct task *task[RIG_FILES_MAX];

	for (unsigned i = 0; i < g->spec.files; i++) {
		fsyncer[i] = (struct fsyncer){ g, i, body, arg };
		task[i] = rt_spawn("fsyncer", run_fsyncer, &fsyncer[i], NULL);
	}
	for (unsigned i = 0; i < g->spec.files; i++)
		rt_join(task[i]);
}
