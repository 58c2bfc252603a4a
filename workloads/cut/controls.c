/* controls.c: see controls.h. */
#include "cut/controls.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "cut/choose.h"

/* The first thread alone is the honest run; the second one makes writes that are in flight beside its flushes. */
static const char alone[] = "[scenario]\nwhat = one thread writes and syncs\n"
                            "[setup]\nfile a 16k\n"
                            "[thread writer]\nrepeat 4\n"
                            "a pwrite 0 4k\na fsync\na pwrite 4k 8k\na fdatasync\na pwrite 12k 4k\na fsync\n";
static const char beside[] = "[scenario]\nwhat = the same beside another writer\n"
                             "[setup]\nfile a 16k\nfile b 64k\n"
                             "[thread writer]\nrepeat 8\n"
                             "a pwrite 0 4k\na fsync\na pwrite 4k 8k\na fdatasync\n"
                             "[thread other]\nrepeat 30\n"
                             "b pwrite -d 0 16k\nb pwrite -d 16k 32k\n";

#define STATES 24u /* judged of a record */
#define ROUNDS 6u  /* until a write is in flight beside a flush */

struct tally {
	struct world *w;
	unsigned states, broken;
	char first[320];
};

static int judge_one(void *arg, const struct cut *c)
{
	struct tally *t = arg;
	struct broken_list list = { .n = 0 };

	t->states++;
	if (!judge_cut(t->w->judge, c, &list))
		return 0;
	if (!t->broken++)
		snprintf(t->first, sizeof(t->first), "%s", list.b[0].text);
	return 0;
}

static int open_text(const char *name, const char *text, struct work *work)
{
	struct why why;

	*work = (struct work){ 0 };
	CHECK(!scene_parse(name, text, &work->scene, &why));
	strcpy(work->name, name);
	return 0;
}

static int run_alone(const struct cut_fs *fs, unsigned holds, struct controls *out, struct why *why)
{
	struct round r = { .recorder = { .seed = 1, .holds = holds }, .drive = { .seed = 1, .turns = 1 } };
	struct tally honest, liar;
	struct work work;
	struct world w;
	struct rng rng;

	open_text("control", alone, &work);
	int ret = world_open(&w, fs, &work, DEV_BLOCK, why);
	if (ret) {
		work_close(&work);
		return ret;
	}
	ret = world_round(&w, &r, why);
	if (ret == -ETIMEDOUT)
		return ret;
	honest = liar = (struct tally){ .w = &w };
	rng_seed(&rng, 1);
	if (!ret)
		choose_sample(&w, STATES, &rng, judge_one, &honest);
	r.lies = true;
	if (!ret) {
		world_reload(&w, &r);
		rng_seed(&rng, 1);
		choose_sample(&w, STATES, &rng, judge_one, &liar);
	}
	out->states = honest.states;
	out->broken = honest.broken;
	out->lied_states = liar.states;
	out->lied_broken = liar.broken;
	memcpy(out->first, honest.first, sizeof(out->first));
	if (!ret && r.failed)
		ret = why_set(why, -EIO, "a call of the control failed");
	world_close(&w);
	work_close(&work);
	return ret;
}

/* On a busy machine one thread may have ended before the other begins: so there are several rounds. */
static int run_beside(const struct cut_fs *fs, unsigned holds, struct controls *out, struct why *why)
{
	struct work work;
	struct world w;

	open_text("control_beside", beside, &work);
	int ret = world_open(&w, fs, &work, DEV_BLOCK, why);
	if (ret) {
		work_close(&work);
		return ret;
	}
	for (uint64_t i = 0; i < ROUNDS && !ret && !out->beside; i++) {
		struct round r = { .recorder = { .seed = i, .holds = holds }, .drive = { .seed = i, .turns = 1 } };
		ret = world_round(&w, &r, why);
		if (ret == -ETIMEDOUT)
			return ret;
		out->flushes += r.recorded.flushes;
		out->beside += r.recorded.beside;
	}
	world_close(&w);
	work_close(&work);
	return ret;
}

int cut_controls(const struct cut_fs *fs, unsigned holds, struct controls *out, struct why *why)
{
	*out = (struct controls){ 0 };
	int ret = run_alone(fs, holds, out, why);

	if (!ret)
		ret = run_beside(fs, holds, out, why);
	if (ret)
		return ret;
	if (!out->lied_broken)
		return why_set(why, -EIO, "a flush that lies was not caught in %u crashes: nothing that is judged here "
		               "means anything", out->lied_states);
	if (out->broken)
		return why_set(why, -EIO, "a correct run of one thread breaks %u of %u crashes: %s", out->broken,
		               out->states, out->first);
	if (!out->beside)
		return why_set(why, -EIO, "no write was in flight during any of %u flushes: the races between them are "
		               "out of sight", out->flushes);
	return 0;
}
