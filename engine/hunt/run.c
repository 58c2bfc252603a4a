/* run.c: see run.h. */
#include "hunt/run.h"

#include "base/check.h"
#include "hunt/faults.h"
#include "machine/mem.h"
#include "pick/pickers.h"

#define STEPS_LIMIT 20000u /* decisions of one run: a race takes tens to hundreds */

uint64_t hunt_seed(uint64_t search_seed, uint64_t i)
{
	return rng_mix(rng_mix(search_seed) + i);
}

void hunt_rewind(struct hunt *h, uint64_t seed)
{
	model_rewind(h->run.model);
	powercut_rewind(h->dev);
	judge_restart(h->judge);
	faults_rewind(h);
	h->run.seed = seed;
}

void hunt_mount(struct hunt *h)
{
	struct mount_options o = h->race->mount;

	o.design = h->design;
	faults_mount(h, &o);
	int ret = fs_mount(h->dev, &o, &h->run.fs, NULL);
	CHECK(!ret);
	for (uint32_t i = 0; i < h->run.nfiles; i++) {
		ret = model_open(h->run.file[i], h->run.fs);
		CHECK(!ret);
	}
	if (h->race->begin)
		h->race->begin(&h->run);
	faults_start(h);
}

void hunt_abandon(struct hunt *h)
{
	struct model *m = h->run.model;

	for (uint32_t i = 0; i < model_nfiles(m); i++)
		if (model_file(m, i)->f)
			model_close(model_file(m, i));
	fs_abandon(h->run.fs);
	dev_drain(h->dev);
}

/* ---- the tasks ---- */

/*
 * Tasks are joined when all have ended. A joined task's number is given to the next task, and a story must not
 * show two tasks under one number.
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
	while (crew.left) /* they are stuck: this park does not return, and the run ends as COOP_STUCK */
		rt->park(0);
	for (uint32_t i = 0; i < h->race->ntasks; i++)
		rt_join(t[i]);
}

static void run_main(void *arg)
{
	struct hunt *h = arg;

	hunt_mount(h);
	coop_choices(true);
	run_tasks(h);
	hunt_abandon(h);
}

/* ---- a run ---- */

/*
 * A run that got stuck: its tasks stand in the middle of things, so all that it has stays in memory. It is kept here,
 * so that a checker of leaks tells of those alone that nobody knows of.
 */
struct left_behind {
	struct left_behind *next;
	struct fs *fs;
	struct file *file[RACE_FILES];
};
static struct left_behind *left_behind;

static void leave_behind(struct hunt *h)
{
	struct left_behind *l = mem_zalloc(sizeof(*l));

	l->fs = h->run.fs;
	for (uint32_t i = 0; i < h->run.nfiles; i++)
		l->file[i] = h->run.file[i]->f;
	l->next = left_behind;
	left_behind = l;
	model_forget_open(h->run.model);
}

void hunt_run(struct hunt *h, const struct picker *picker, void *state, uint64_t seed)
{
	struct coop_config cfg = { .picker = picker, .picker_state = state, .seed = seed, .steps_hint = h->steps_hint,
		                   .steps_max = STEPS_LIMIT, .record = &h->schedule, .objects_from = h->objects,
		                   .granularity = h->granularity };

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
		leave_behind(h);
}

void hunt_again(struct hunt *h, const struct violation *v, bool strict)
{
	void *state = replay_state(&v->schedule, strict);

	h->absent = v->absent;
	hunt_run(h, &pick_replay, state, v->seed);
	replay_state_free(state);
}
