/* controls.c: see controls.h. */
#include "cut/controls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cut/choose.h"
#include "cut/verdict.h"
#include "cut/world.h"

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
	struct evidence *of;
	struct why *why;
	unsigned states, broken;
	char first[320];
};

static int judge_one(void *arg, const struct cut *c)
{
	struct tally *t = arg;
	struct verdict v;
	int ret = verdict_look(t->of, c, &v, t->why);

	if (ret)
		return ret;
	t->states++;
	if (v.broken.n && !t->broken++)
		snprintf(t->first, sizeof(t->first), "%s", v.broken.b[0].text);
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

/* A record as it is, and as it would be if its flushes were lies. */
static int judge_alone(struct evidence *e, struct controls *out, struct why *why)
{
	struct tally honest = { .of = e, .why = why }, liar = { .of = e, .why = why };
	struct rng rng;

	rng_seed(&rng, 1);
	int ret = choose_sample(e, STATES, &rng, judge_one, &honest);
	if (ret)
		return ret;
	evidence_lie(e);
	rng_seed(&rng, 1);
	ret = choose_sample(e, STATES, &rng, judge_one, &liar);
	out->states = honest.states;
	out->broken = honest.broken;
	out->lied_states = liar.states;
	out->lied_broken = liar.broken;
	memcpy(out->first, honest.first, sizeof(out->first));
	return ret;
}

/* save: a file that the record goes to, instead of being judged; NULL: it is judged. */
static int run_alone(const struct cut_fs *fs, unsigned holds, const char *save, struct controls *out, struct why *why)
{
	struct round r = { .recorder = { .seed = 1, .holds = holds }, .drive = { .seed = 1, .turns = 1 } };
	struct work work;
	struct world w;

	open_text("control", alone, &work);
	int ret = world_open(&w, fs, &work, DEV_BLOCK, why);
	if (ret) {
		work_close(&work);
		return ret;
	}
	ret = world_round(&w, &r, why);
	if (ret == -ETIMEDOUT)
		return ret;
	if (!ret && r.counts.failed)
		ret = why_set(why, -EIO, "a call of the control failed");
	if (!ret && save)
		ret = evidence_save(save, &w.e, why);
	else if (!ret)
		ret = judge_alone(&w.e, out, why);
	world_close(&w);
	work_close(&work);
	return ret;
}

/* On a busy machine one thread may have ended before the other begins: hence several rounds. The last is saved. */
static int run_beside(const struct cut_fs *fs, unsigned holds, const char *save, struct controls *out, struct why *why)
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
		out->flushes += r.counts.flushes;
		out->beside += r.counts.beside;
	}
	if (!ret && save)
		ret = evidence_save(save, &w.e, why);
	world_close(&w);
	work_close(&work);
	return ret;
}

static int verdict(const struct controls *c, struct why *why)
{
	if (!c->lied_broken)
		return why_set(why, -EIO, "a flush that lies was not caught in %u crashes: nothing that is judged here "
		               "means anything", c->lied_states);
	if (c->broken)
		return why_set(why, -EIO, "a correct run of one thread breaks %u of %u crashes: %s", c->broken,
		               c->states, c->first);
	if (!c->beside)
		return why_set(why, -EIO, "no write was in flight during any of %u flushes: the races between them are "
		               "out of sight", c->flushes);
	return 0;
}

int cut_controls(const struct cut_fs *fs, unsigned holds, struct controls *out, struct why *why)
{
	*out = (struct controls){ 0 };
	int ret = run_alone(fs, holds, NULL, out, why);

	if (!ret)
		ret = run_beside(fs, holds, NULL, out, why);
	return ret ? ret : verdict(out, why);
}

static void path_in(const char *folder, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%.4000s/%s", folder, name);
}

int cut_controls_record(const struct cut_fs *fs, unsigned holds, const char *folder, struct why *why)
{
	struct controls none = { 0 };
	char path[PATH_MAX];

	path_in(folder, CONTROL_ALONE, path);
	int ret = run_alone(fs, holds, path, &none, why);
	path_in(folder, CONTROL_BESIDE, path);
	return ret ? ret : run_beside(fs, holds, path, &none, why);
}

static int judge_record(const char *folder, const char *name, struct controls *out, struct why *why)
{
	struct round_counts counts;
	char path[PATH_MAX];
	struct evidence e;

	path_in(folder, name, path);
	int ret = evidence_load(path, &e, why);
	if (ret)
		return ret;
	if (!strcmp(name, CONTROL_BESIDE)) {
		evidence_count(&e, &counts);
		out->flushes = counts.flushes;
		out->beside = counts.beside;
	} else {
		ret = evidence_open_slot(&e, why);
		if (!ret)
			ret = judge_alone(&e, out, why);
	}
	evidence_free(&e);
	return ret;
}

int cut_controls_judge(const char *folder, struct controls *out, struct why *why)
{
	*out = (struct controls){ 0 };
	int ret = judge_record(folder, CONTROL_ALONE, out, why);

	if (!ret)
		ret = judge_record(folder, CONTROL_BESIDE, out, why);
	return ret ? ret : verdict(out, why);
}
