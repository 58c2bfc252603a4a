/*
 * images.c: crash images judged a second: a durable file of 16 blocks of 4 KiB, each written
 * again and fsynced, on a recorded ram device; then every crash image that the record allows is built,
 * mounted, its log replayed, and each block read and judged. Nothing is remembered from one image to the
 * next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "figures/figures.h"
#include "figures/turns.h"
#include "oracle/check.h"

#define NAME     "crash images judged"
#define BLOCKS   16
#define ROUNDS   7
#define ROUND_NS 300000000ull

struct images {
	struct dev *dev;
	struct model *model;
	struct judge *judge;
	uint64_t images, blocks, broken, end_ns;
};

/* ---- the record ---- */

static int write_and_fsync(struct images *im, struct model_file *f)
{
	int ret = 0;

	powercut_start(im->dev);
	for (unsigned i = 0; i < BLOCKS && !ret; i++) {
		ret = model_write(f, i * FS_BLOCK, FS_BLOCK);
		if (!ret)
			ret = model_fsync(f);
	}
	return ret;
}

static int make_file(struct images *im, struct fs *fs)
{
	struct model_file *f;
	int ret = 0;

	f = model_create(im->model, fs, 0, "file", &ret);
	if (!f)
		return ret;
	ret = model_write(f, 0, BLOCKS * FS_BLOCK);
	if (!ret)
		ret = model_sync(im->model, fs);
	if (!ret)
		ret = write_and_fsync(im, f);
	model_close(f);
	return ret;
}

/* All of it on threads: what is pending when is as it comes; a round judges the same record again and again. */
static int make_record(struct images *im, struct why *why)
{
	struct mount_options o = { .no_background = true };
	struct fs *fs;
	int ret = dev_open("ram:8m", false, &im->dev, why);

	if (ret)
		return ret;
	ret = fs_mkfs(im->dev, &(struct mkfs_options){ 0 }, why);
	if (ret)
		return ret;
	im->model = model_new(im->dev);
	im->judge = judge_new(im->model, im->dev);
	ret = fs_mount(im->dev, &o, &fs, why);
	if (ret)
		return ret;
	ret = make_file(im, fs);
	if (ret)
		why_set(why, ret, "%s", strerror(-ret));
	fs_abandon(fs);
	return ret;
}

static void end_record(struct images *im)
{
	if (im->judge)
		judge_free(im->judge);
	if (im->model)
		model_free(im->model);
	if (im->dev)
		dev_close(im->dev);
}

/* ---- judging ---- */

static int judge_one(void *arg, const struct cut *c)
{
	struct images *im = arg;
	struct recovered *r;
	struct dev *image;

	CHECK(powercut_image(im->dev, c, &image) == 0);
	r = recover_image(image);
	im->broken += judge_recovered(im->judge, c->pos, r, NULL);
	im->images++;
	for (uint32_t i = 0; i < r->nfiles; i++)
		im->blocks += r->file[i].nblocks;
	recovered_free(r);
	dev_close(image);
	return rt_cpu_ns() >= im->end_ns;
}

static int judge_all_of(void *arg, const struct epoch *e)
{
	struct images *im = arg;
	const struct cut_budget all = { .all_up_to = 10, .sampled = 64, .tears = true, .seed = 1 };

	return powercut_cuts(im->dev, e, &all, judge_one, im);
}

static double images_per_second(void *arg)
{
	struct images *im = arg;
	uint64_t begin = rt_cpu_ns(), before = im->images;

	im->end_ns = begin + ROUND_NS;
	while (!powercut_epochs(im->dev, judge_all_of, im))
		;
	return (double)(im->images - before) * 1e9 / (double)(rt_cpu_ns() - begin);
}

void self_images(struct self *s)
{
	struct images im = { 0 };
	struct turn turn = { images_per_second, &im, NULL };
	struct why why;

	if (make_record(&im, &why)) {
		self_missing(s, NAME, "%s", why.text);
		end_record(&im);
		return;
	}
	turns_run(&turn, 1, ROUNDS);
	if (im.broken)
		self_missing(s, NAME, "%lu broken promises in images of a correct design", (unsigned long)im.broken);
	else
		self_figure(s, NAME, median(turn.value, ROUNDS), AT_LEAST, 5000, "/s");
	self_info(s, "crash images: %lu built, mounted, replayed and judged, %.1f blocks each",
	          (unsigned long)im.images, (double)im.blocks / (double)im.images);
	turns_free(&turn, 1);
	end_record(&im);
}
