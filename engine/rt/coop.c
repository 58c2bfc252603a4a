/*
 * coop.c: back end 2: tasks are fibers on one OS thread, and a picker decides which one goes on. This file has a run
 * from its beginning to its end, and what the run's main() may ask of it; coop_state.h says where the rest is.
 *
 * coop.1: Nothing in a run depends on an address, on real time, or on what an earlier run left behind. Tasks and
 * objects are numbered, and both counters begin at the same place in each run.
 */
#include <stddef.h>
#include <string.h>

#include "rt/coop_state.h"
#include "rt/coop_trace.h"
#include "rt/sanitize.h"

#define STEPS_HINT   1000
#define STEPS_MAX    1000000
#define TURNS_A_STEP 20 /* turns without a choice that a run may take for each step it may take */

const char *const granularity_name[] = { [COOP_COARSE] = "coarse", [COOP_FINE] = "fine" };

struct coop coop;

static const struct rt_ops coop_ops = {
	.name = "coop",
	.spawn = coop_spawn,
	.reap = coop_reap,
	.park = coop_park,
	.wake = coop_wake,
	.point = coop_point,
	.sleep = coop_sleep,
};

/* ---- a run ---- */

/* (coop.1) */
static void begin_run(const struct coop_config *cfg, struct coop_result *res)
{
	coop.config = cfg;
	coop.result = res;
	memset(res, 0, offsetof(struct coop_result, why));
	res->why[0] = 0;
	coop.view.enabled = coop.view.timed = 0;
	coop.view.current = coop.view.step = coop.view.ntasks = 0;
	coop.used = coop.live = coop.awaiting = coop.acquiring = coop.may_look = coop.idler = 0;
	coop.last_obj = cfg->objects_from;
	coop.turns = 0;
	coop.steps_max = cfg->steps_max ? cfg->steps_max : STEPS_MAX;
	coop.turns_max = (uint64_t)coop.steps_max * TURNS_A_STEP;
	coop.search_now = COOP_STEP_NS; /* 0 means "no time" in places */
	coop.task[0].clock = COOP_STEP_NS;
	coop_stop_asking();
	rng_seed(&coop.rng, rng_mix(cfg->seed) ^ 1);
	coop_trace_begin();
	if (cfg->record)
		schedule_clear(cfg->record);
	cfg->picker->begin(cfg->picker_state, cfg->seed, cfg->steps_hint ? cfg->steps_hint : STEPS_HINT);
}

void coop_run(const struct coop_config *cfg, void (*main)(void *), void *arg, struct coop_result *res)
{
	struct task *outer = rt_self();

	CHECK(!coop.running);
	CHECK(!RT_TSAN); /* it sees one thread and finds nothing: use it on the threads back end */
	CHECK(atomic_load(&threads_alive) == 0); /* they would use this back end, from another thread */
	CHECK(!(cfg->granularity == COOP_FINE && cfg->virtual_time));
	coop.running = true;
	coop.thread.stack = NULL; /* the calling thread's, which may be another one than last time */
	rt_searching = !cfg->virtual_time;
	rt_fine = cfg->granularity == COOP_FINE;
	rt = &coop_ops;
	rt_points = true;
	rt_controlled = true;
	begin_run(cfg, res);
	rt_self_ptr = rt_spawn("main", main, arg, NULL);
	fiber_switch(&coop.thread, &coop.task[0].fiber, false);
	coop_picker_end(res->end);
	res->steps = coop.view.step;
	res->objects = coop.last_obj;
	res->trace_hash = coop_trace_hash();
	rt_self_ptr = outer;
	rt = &threads_ops;
	rt_points = false;
	rt_controlled = false;
	rt_searching = false;
	rt_fine = false;
	coop.running = false;
}

_Noreturn void coop_end_run(enum coop_end end)
{
	coop.result->end = end;
	if (end == COOP_STUCK)
		coop_describe(coop.result->why, sizeof(coop.result->why));
	fiber_switch(&coop_current()->fiber, &coop.thread, coop.live == 0);
	CHECK(!"a run that has ended goes on");
	__builtin_unreachable();
}

/* ---- for the run's main() and its tasks ---- */

void coop_choices(bool on)
{
	CHECK(coop.running);
	const struct picker *p = coop.config->picker;

	coop_stop_asking();
	if (!on || coop.result->cut)
		return;
	coop.choices = true;
	coop.every_turn = p->every_turn;
	coop.watched = p->ear && p->ear->access;
}

void coop_wait_idle(void)
{
	CHECK(coop.running && !coop.idler);
	coop.idler = BIT(coop.view.current);
	coop.view.enabled &= ~coop.idler;
	coop.view.wake[coop.view.current] = 0;
	coop_go_on(false);
	coop.idler = 0;
}

uint32_t coop_choose(uint32_t n)
{
	CHECK(coop.running);
	const struct picker *p = coop.config->picker;
	uint32_t value;

	if (!coop.choices || n < 2)
		return 0;
	value = p->choose ? p->choose(coop.config->picker_state, n) : (uint32_t)rng_below(&coop.rng, n);
	if (value >= n)
		coop_diverged(value);
	if (coop.config->record)
		schedule_add(coop.config->record, (struct decision){ .data = true, .value = value, .of = n });
	coop_trace_choice(coop.view.current, value);
	return value;
}

uint32_t coop_step(void)
{
	return coop.running ? coop.view.step : 0;
}

uint32_t coop_obj_id(void)
{
	coop.last_obj++;
	if (coop.choices) /* else the number names it: there was one order only */
		coop_trace_object(coop.last_obj, coop.view.current);
	return coop.last_obj;
}
