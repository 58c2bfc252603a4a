/* hunt.c: see hunt.h: one schedule run and judged. */
#include "hunt/hunt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/sanitize.h"

#define HUNT_DEV_SIZE (2u << 20)
#define STEPS_LIMIT   20000u /* decisions of one run: a race takes tens to hundreds */

const char *const violation_name[VIOLATION_NR] = {
	[VIOLATION_NONE] = "none",
	[VIOLATION_PROMISE] = "promise",
	[VIOLATION_ERROR] = "error",
	[VIOLATION_STUCK] = "stuck",
	[VIOLATION_TOO_LONG] = "too_long",
	[VIOLATION_STATE] = "state",
	[VIOLATION_CHECK] = "check",
};

void violation_init(struct violation *v)
{
	memset(v, 0, sizeof(*v));
	schedule_init(&v->schedule);
}

void violation_fini(struct violation *v)
{
	schedule_free(&v->schedule);
}

/* ---- the first content ---- */

static int mount_for(struct hunt *h, struct why *why)
{
	struct mount_options o = h->race->mount;

	o.design = h->design;
	return fs_mount(h->dev, &o, &h->run.fs, why);
}

struct setting_up {
	struct hunt *h;
	int ret;
	struct why why;
};

static int make_files(struct hunt *h, struct why *why)
{
	int ret = mount_for(h, why);

	if (ret)
		return ret;
	h->race->setup(&h->run);
	ret = model_sync(h->run.model, h->run.fs);
	for (uint32_t i = 0; i < h->run.nfiles; i++)
		model_close(h->run.file[i]);
	int err2 = fs_unmount(h->run.fs);
	if (!ret)
		ret = err2;
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
 * Under the controlled scheduler without choices: the same content every time, and the same numbers
 * for the device's objects, so that traces of two hunts can be compared (H1, H2). Fibers do not run
 * under ThreadSanitizer, where there is only stress.
 */
static int make_content(struct hunt *h, char *err)
{
	struct coop_config cfg = { .picker = &pick_random };
	struct setting_up s = { .h = h, .ret = -EDEADLK };
	struct coop_result res;
	const char *none = NULL;

	if (RT_TSAN) {
		setup_main(&s);
		if (s.ret)
			snprintf(err, 160, "%.159s", s.why.text);
		return s.ret;
	}
	cfg.picker_state = pick_random.create("", &none);
	coop_run(&cfg, setup_main, &s, &res);
	pick_random.destroy(cfg.picker_state);
	h->objects = res.objects;
	if (res.end != COOP_FINISHED)
		why_set(&s.why, s.ret, "race %s: its setup does not end: %s", h->race->name, res.why);
	if (s.why.text[0])
		snprintf(err, 160, "%.159s", s.why.text);
	return s.ret;
}

static int open_bare(struct hunt *h, char *err)
{
	if (!race_knows(h->race, h->design->name)) {
		snprintf(err, 160, "race %s has no design %s", h->race->name, h->design->name);
		return -EINVAL;
	}
	h->bare = h->race->bare->open(h->design->name);
	return 0;
}

/* The device of a race that asks for it fails one write of data. */
static int fail_data_write(void *arg, const struct bio *bio)
{
	struct hunt *h = arg;

	if (!(bio->flags & BIO_WRITE) || bio->flags & BIO_META || !bio->len)
		return 0;
	rt_access(h->faults_id, POINT_WRITE); /* which one it is depends on their order */
	return atomic_fetch_add(&h->data_writes, 1) + 1 == h->race->fail_data_write ? -EIO : 0;
}

static bool write_has_failed(const struct hunt *h)
{
	return h->race->fail_data_write && atomic_load(&h->data_writes) >= h->race->fail_data_write;
}

static int open_on_device(struct hunt *h, char *err)
{
	int ret = make_content(h, err);

	powercut_start(h->dev);
	h->dev->async = true;
	h->faults = (struct dev_faults){ .fail = fail_data_write, .arg = h };
	if (h->race->fail_data_write)
		h->dev->faults = &h->faults;
	h->judge = judge_new(h->run.model, h->dev);
	model_mark(h->run.model);
	return ret;
}

int hunt_open(const struct race *race, const struct design *design, struct hunt **out, char *err)
{
	struct hunt *h = mem_zalloc(sizeof(*h));

	h->race = race;
	h->run.race = race;
	h->design = design;
	h->budget = (struct cut_budget){ .all_up_to = 10, .sampled = 64, .seed = 1 };
	schedule_init(&h->schedule);
	int ret = race->bare ? open_bare(h, err) : open_on_device(h, err);
	if (ret)
		hunt_close(h);
	else
		*out = h;
	return ret;
}

static void close_device(struct hunt *h)
{
	powercut_rewind(h->dev);
	powercut_stop(h->dev);
	judge_free(h->judge);
	model_free(h->run.model);
	dev_close(h->dev);
}

void hunt_close(struct hunt *h)
{
	if (h->bare)
		h->race->bare->close(h->bare);
	if (h->dev)
		close_device(h);
	schedule_free(&h->schedule);
	free(h);
}

/* ---- a run ---- */

/*
 * Tasks are joined when all have ended: a task's number is used again once it is joined, and one
 * number for two tasks would be one line of the story for two people.
 */
struct crew {
	const uint64_t *absent;
	uint32_t left;
	struct task *main;
};

struct task_start {
	struct race_run run;
	struct crew *crew;
};

static void task_main(void *arg)
{
	struct task_start *s = arg;

	if (!(s->crew->absent[s->run.me] & TASK_ABSENT))
		s->run.race->tasks[s->run.me].run(&s->run);
	if (--s->crew->left == 0)
		rt->wake(s->crew->main);
}

static void run_tasks(struct hunt *h)
{
	struct crew crew = { h->absent.task, h->race->ntasks, rt_self() };
	struct task_start start[RACE_TASKS_MAX];
	struct task *t[RACE_TASKS_MAX];

	CHECK(h->race->ntasks <= RACE_TASKS_MAX);
	for (uint32_t i = 0; i < h->race->ntasks; i++) {
		start[i] = (struct task_start){ h->run, &crew };
		start[i].run.me = i;
		t[i] = rt_spawn(h->race->tasks[i].name, task_main, &start[i], NULL);
		h->task_id[i] = t[i]->id;
		model_leave_out(h->run.model, t[i]->id, h->absent.task[i] & ~TASK_ABSENT);
	}
	coop_wait_idle();
	coop_choices(false);
	while (crew.left) /* they are stuck */
		rt->park(0);
	for (uint32_t i = 0; i < h->race->ntasks; i++)
		rt_join(t[i]);
}

static void close_all(struct model *m)
{
	for (uint32_t i = 0; i < model_nfiles(m); i++)
		if (model_file(m, i)->f)
			model_close(model_file(m, i));
}

void hunt_rewind(struct hunt *h, uint64_t seed)
{
	model_rewind(h->run.model);
	powercut_rewind(h->dev);
	judge_restart(h->judge);
	atomic_store(&h->data_writes, 0);
	h->run.seed = seed;
}

void hunt_mount(struct hunt *h)
{
	int ret = mount_for(h, NULL);
	CHECK(!ret);
	for (uint32_t i = 0; i < h->run.nfiles; i++) {
		ret = model_open(h->run.file[i], h->run.fs);
		CHECK(!ret);
	}
}

void hunt_abandon(struct hunt *h)
{
	close_all(h->run.model);
	fs_abandon(h->run.fs);
	dev_drain(h->dev);
}

static void run_main(void *arg)
{
	struct hunt *h = arg;

	hunt_mount(h);
	coop_choices(true);
	run_tasks(h);
	hunt_abandon(h);
}

void hunt_run(struct hunt *h, const struct picker *picker, void *state, uint64_t seed)
{
	struct coop_config cfg = { .picker = picker, .picker_state = state, .seed = seed, .steps_hint = h->steps_hint,
				   .steps_max = STEPS_LIMIT, .record = &h->schedule, .objects_from = h->objects, .granularity = h->granularity };

	if (h->watch) {
		h->watch->inner = picker;
		h->watch->inner_state = state;
		cfg.picker = &pick_watch;
		cfg.picker_state = h->watch;
	}
	h->schedules++;
	if (h->bare) {
		h->run.seed = seed;
		coop_run(&cfg, h->race->bare->main, h->bare, &h->result);
		return;
	}
	hunt_rewind(h, seed);
	coop_run(&cfg, run_main, h, &h->result);
	if (h->result.end != COOP_FINISHED)
		model_forget_open(h->run.model);
}

/* ---- judging a run ---- */

static void keep_run(struct hunt *h, struct violation *v, enum violation_kind kind)
{
	v->kind = kind;
	v->run = h->result;
	v->seed = h->run.seed;
	v->granularity = h->granularity;
	v->absent = h->absent;
	v->broken.kind = BROKEN_NONE;
	v->crash = (struct crash){ 0 };
	schedule_copy(&v->schedule, &h->schedule);
}

/* Two tasks may make or remove one name: that one of them is refused is no failure. */
static bool call_failed(const struct model_op *o)
{
	return o->e != TICK_NEVER && o->ret && !((o->kind == OP_CREATE || o->kind == OP_UNLINK) && (o->ret == -EEXIST || o->ret == -ENOENT));
}

enum violation_kind hunt_judge_calls(struct hunt *h, struct violation *v)
{
	const struct model *m = h->run.model;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (!call_failed(o) || (o->ret == -EIO && model_is_sync(o) && write_has_failed(h)))
			continue;
		keep_run(h, v, VIOLATION_ERROR);
		snprintf(v->text, sizeof(v->text), "%s%s%s returned %d (%s), and the device had no error", model_op_name[o->kind],
		         o->file == MODEL_ALL ? "" : " of file ", o->file == MODEL_ALL ? "" : model_file(m, o->file)->name, o->ret,
		         strerror(-o->ret));
		return v->kind;
	}
	return VIOLATION_NONE;
}

static enum violation_kind judge_end(struct hunt *h, struct violation *v)
{
	if (h->result.end == COOP_STUCK) {
		keep_run(h, v, VIOLATION_STUCK);
		snprintf(v->text, sizeof(v->text), "deadlock: %s", h->result.why);
	} else if (h->result.end == COOP_TOO_LONG) {
		keep_run(h, v, VIOLATION_TOO_LONG);
		snprintf(v->text, sizeof(v->text), "the run does not end (stopped after %u decisions)", h->result.steps);
	} else {
		return VIOLATION_NONE;
	}
	return v->kind;
}

static enum violation_kind judge_bare(struct hunt *h, struct violation *v)
{
	const char *broken = h->race->bare->judge(h->bare);

	if (!broken)
		return VIOLATION_NONE;
	keep_run(h, v, VIOLATION_STATE);
	snprintf(v->text, sizeof(v->text), "%s", broken);
	return v->kind;
}

static void keep_crash(struct violation *v, const struct cut *c)
{
	v->crash = (struct crash){ .pos = c->pos, .npending = c->npending };
	for (uint32_t i = 0; i < c->npending && v->crash.nkept < CRASH_KEPT_MAX; i++)
		if (c->keep[i / 64] >> i % 64 & 1)
			v->crash.kept[v->crash.nkept++] = c->pending[i];
}

static int keep_broken(void *arg, const struct cut *c, const struct broken_list *list)
{
	struct hunt *h = arg;

	keep_run(h, h->found, VIOLATION_PROMISE);
	h->found->broken = list->b[0];
	keep_crash(h->found, c);
	snprintf(h->found->text, sizeof(h->found->text), "%s", list->b[0].text);
	return 1;
}

static int judge_one_epoch(void *arg, const struct epoch *e)
{
	struct hunt *h = arg;

	return judge_epoch(h->judge, e, &h->budget, keep_broken, h);
}

enum violation_kind hunt_judge(struct hunt *h, struct violation *v)
{
	enum violation_kind kind = judge_end(h, v);

	if (kind || h->result.end != COOP_FINISHED)
		return kind;
	if (h->bare)
		return judge_bare(h, v);
	kind = hunt_judge_calls(h, v);
	if (kind)
		return kind;
	h->found = v;
	return powercut_epochs(h->dev, judge_one_epoch, h) ? VIOLATION_PROMISE : VIOLATION_NONE;
}

/* ---- a schedule again, a crash again ---- */

void hunt_again(struct hunt *h, const struct violation *v, bool strict)
{
	void *state = replay_state(&v->schedule, strict);

	h->absent = v->absent;
	hunt_run(h, &pick_replay, state, v->seed);
	replay_state_free(state);
}

/* The pending writes of e that the crash keeps. False when one of them is not pending. */
static bool kept_mask(const struct crash *c, const struct epoch *e, uint64_t *keep)
{
	for (uint32_t k = 0; k < c->nkept; k++) {
		uint32_t i = 0;
		while (i < e->npending && e->pending[i] != c->kept[k])
			i++;
		if (i == e->npending || i >= CRASH_KEPT_MAX)
			return false;
		*keep |= 1ull << i;
	}
	return true;
}

int hunt_crash_check(const struct hunt *h, const struct crash *c, char *err)
{
	uint32_t end = powercut_position(h->dev);
	uint64_t keep = 0;
	struct epoch e;

	if (c->pos > end) {
		snprintf(err, 160, "the run ends at position %u", end);
		return -EINVAL;
	}
	powercut_epoch_at(h->dev, c->pos, &e);
	if (e.npending == c->npending && e.npending <= CRASH_KEPT_MAX && kept_mask(c, &e, &keep))
		return 0;
	if (e.npending != c->npending)
		snprintf(err, 160, "%u writes are pending there", e.npending);
	else
		snprintf(err, 160, "a write that it keeps is not pending there");
	return -EINVAL;
}

struct recovered *hunt_recover_crash(struct hunt *h, const struct crash *c)
{
	uint64_t keep = 0;
	struct epoch e;
	struct dev *image;
	char err[160];

	if (hunt_crash_check(h, c, err))
		return NULL;
	powercut_epoch_at(h->dev, c->pos, &e);
	kept_mask(c, &e, &keep);
	struct cut cut = { .pos = c->pos, .pending = e.pending, .npending = e.npending, .keep = &keep };
	int ret = powercut_image(h->dev, &cut, &image);
	CHECK(!ret);
	struct recovered *r = recover_image(image);
	dev_close(image);
	return r;
}

enum violation_kind hunt_judge_crash(struct hunt *h, const struct crash *c, struct violation *v)
{
	struct recovered *r = hunt_recover_crash(h, c);
	struct broken_list list = { .n = 0 };

	if (!r)
		return VIOLATION_NONE;
	judge_recovered(h->judge, c->pos, r, &list);
	recovered_free(r);
	if (!list.n)
		return VIOLATION_NONE;
	struct crash crash = *c; /* may be v's own */
	keep_run(h, v, VIOLATION_PROMISE);
	v->broken = list.b[0];
	v->crash = crash;
	snprintf(v->text, sizeof(v->text), "%s", list.b[0].text);
	return v->kind;
}

bool violation_same(const struct violation *a, const struct violation *b)
{
	return a->kind == b->kind && a->broken.kind == b->broken.kind;
}

enum violation_kind hunt_one(struct hunt *h, const struct picker *picker, void *state, uint64_t seed, struct violation *v)
{
	hunt_run(h, picker, state, seed);
	return hunt_judge(h, v);
}
