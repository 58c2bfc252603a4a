/* hunt.c: see hunt.h. Here: the device, and the race's first content. */
#include "hunt/hunt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "hunt/faults.h"
#include "machine/mem.h"
#include "pick/pickers.h"
#include "rt/sanitize.h"

#define HUNT_DEV_SIZE (2u << 20)

/* ---- the first content ---- */

struct setting_up {
	struct hunt *h;
	int ret;
	struct why why;
};

static int make_files(struct hunt *h, struct why *why)
{
	struct mount_options o = h->race->mount;
	int ret, unmounted;

	o.design = h->design;
	ret = fs_mount(h->dev, &o, &h->run.fs, why);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < RACE_FILES && h->race->files[i].name; i++) {
		const struct race_file *f = &h->race->files[i];
		struct model_file *file = model_create(h->run.model, h->run.fs, f->subvol, f->name, NULL);
		CHECK(file);
		if (h->race->file_flags[i])
			model_set_flags(file, h->race->file_flags[i]);
		if (f->bytes)
			model_write(file, 0, f->bytes);
		if (h->race->preallocated[i])
			model_fallocate(file, f->bytes, h->race->preallocated[i], false);
		h->run.file[h->run.nfiles++] = file;
	}
	if (h->race->setup)
		h->race->setup(&h->run);
	ret = model_sync(h->run.model, h->run.fs);
	for (uint32_t i = 0; i < h->run.nfiles; i++)
		model_close(h->run.file[i]);
	unmounted = fs_unmount(h->run.fs);
	if (!ret)
		ret = unmounted;
	dev_drain(h->dev);
	if (ret)
		why_set(why, ret, "race %s: its first content could not be made: %s", h->race->name, strerror(-ret));
	return ret;
}

static void setup_main(void *arg)
{
	struct setting_up *s = arg;
	struct hunt *h = s->h;

	s->ret = ram_open(HUNT_DEV_SIZE, &h->dev);
	CHECK(!s->ret);
	h->faults_id = rt_obj_id();
	h->run.model = model_new(h->dev);
	s->ret = fs_mkfs(h->dev, &h->race->mkfs, &s->why);
	if (!s->ret)
		s->ret = make_files(h, &s->why);
}

/*
 * Under the controlled scheduler, without choices: the content is the same every time, and so are the numbers of the
 * device's objects. Traces of two hunts can therefore be compared (hunt.1, hunt.2). ThreadSanitizer does not support
 * fibers: under it there is only stress, and the content is made without the scheduler.
 */
static int make_content(struct hunt *h, struct why *why)
{
	struct coop_config cfg = { .picker = &pick_random };
	struct setting_up s = { .h = h };
	struct coop_result res;
	const char *none = NULL;

	if (RT_TSAN) {
		setup_main(&s);
	} else {
		cfg.picker_state = pick_random.create("", &none);
		coop_run(&cfg, setup_main, &s, &res);
		pick_random.destroy(cfg.picker_state);
		h->objects = res.objects;
		if (res.end != COOP_FINISHED)
			s.ret = why_set(&s.why, -EDEADLK, "race %s: its setup does not end: %s", h->race->name,
			                res.why);
	}
	return s.ret ? why_set(why, s.ret, "%s", s.why.text) : 0;
}

/* ---- the device ---- */

static int open_on_device(struct hunt *h, struct why *why)
{
	int ret = make_content(h, why);

	powercut_start(h->dev);
	h->dev->async = true;
	faults_open(h);
	h->judge = judge_new(h->run.model, h->dev);
	for (unsigned i = 0; i < RACE_FAULTS; i++)
		h->judge->errors |= h->race->fail[i] != 0;
	model_mark(h->run.model);
	return ret;
}

static int open_bare(struct hunt *h, struct why *why)
{
	if (!race_knows(h->race, h->design->name))
		return why_set(why, -EINVAL, "race %s has no design %s", h->race->name, h->design->name);
	h->bare = h->race->bare->open(h->design->name);
	return 0;
}

int hunt_open(const struct race *race, const struct design *design, struct hunt **out, struct why *why)
{
	struct hunt *h = mem_zalloc(sizeof(*h));

	h->race = race;
	h->run.race = race;
	h->design = design;
	h->granularity = race->granularity;
	h->run.shared = race->shared ? mem_zalloc(race->shared) : NULL;
	h->budget = (struct cut_budget){ .all_up_to = 10, .sampled = 64, .seed = 1 };
	schedule_init(&h->schedule);
	int ret = race->bare ? open_bare(h, why) : open_on_device(h, why);
	if (ret)
		hunt_close(h);
	else
		*out = h;
	return ret;
}

void hunt_close(struct hunt *h)
{
	if (h->bare)
		h->race->bare->close(h->bare);
	if (h->dev) {
		powercut_rewind(h->dev);
		powercut_stop(h->dev);
		judge_free(h->judge);
		model_free(h->run.model);
		dev_close(h->dev);
	}
	schedule_free(&h->schedule);
	free(h->run.shared);
	free(h);
}
