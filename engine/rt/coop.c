/*
 * coop.c: back end 2: tasks are fibers on one OS thread, and a picker decides who goes on.
 *
 * Whoever stops decides who is next and switches there directly; the thread's own stack (base) is
 * used only before the first and after the last task.
 *
 * (C1) A task is enabled unless it is parked without a timeout, has ended, or is about to do what it cannot
 *      do now: take a lock that is not free, end a wait for what is not so. `timed` is a subset.
 * (C2) What a task is about to do is in the view before anybody else runs.
 * (C3) Nothing here depends on an address, on real time, or on what an earlier run left behind.
 *
 * Objects are numbered, and tasks too; a run begins with both counters at the same place (C3).
 */
#include "rt/coop.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "rt/coop_trace.h"
#include "rt/fiber.h"
#include "machine/mem.h"
#include "rt/task.h"
#include "rt/trace.h"

#define STEPS_HINT  1000
#define STEPS_MAX   1000000
#define TURNS_A_STEP 20  /* turns without a choice that a run may take for each step it may take */
#define STEP_NS     1000 /* searching: how time passes */
#define BIT(id)     (1ull << (id))

struct coop_task {
	struct fiber fiber;
	struct task_box *box; /* made at the first use of the slot, kept, and never retired */
	uint64_t clock;       /* virtual time: its own */
	uint64_t deadline;    /* of a task in view.timed */
	const struct rt_wait *wait; /* of a task in `awaiting`: on its stack */
};

const char *const granularity_name[] = { [COOP_COARSE] = "coarse", [COOP_FINE] = "fine" };

static struct coop_task tasks[COOP_TASKS_MAX];
static struct fiber base;
static bool running;

/* The run: */
static struct coop_view view;
static const struct coop_config *config;
static struct coop_result *result;
static struct rng rng;         /* data choices of pickers that have no opinion */
static uint64_t used, live;    /* slots taken; of these, not ended */
static uint64_t awaiting;      /* in coop_await() */
static uint64_t acquiring;     /* of these: a lock, whose state is looked at every turn; of the others, */
static uint64_t may_look;      /* all but those whose condition was looked at in vain since the last wake */
static uint64_t idler;         /* in coop_wait_idle() */
static uint32_t last_obj;
static uint64_t turns, turns_max;
static uint32_t steps_max;
static uint64_t search_now;
static bool choices;
static bool every_turn, watched; /* config->picker's, while it is asked */

static struct coop_task *current(void)
{
	return &tasks[view.current];
}

static uint32_t id_of(const struct task *t)
{
	CHECK(t->id < COOP_TASKS_MAX && tasks[t->id].box && &tasks[t->id].box->task == t);
	return t->id;
}

/* ---- who can go on ---- */

/* The condition is the waiting task's to look at: it may take a lock to do so (C1), and would in its own name. */
static bool holds(uint32_t id, const struct rt_wait *w)
{
	struct task *self = rt_self_ptr;

	if (w->with && atomic_load_explicit(&w->with->state, memory_order_relaxed))
		return false;
	rt_self_ptr = &tasks[id].box->task;
	bool ready = w->ready(w->arg);
	rt_self_ptr = self;
	if (!ready)
		may_look &= ~BIT(id);
	return ready;
}

static bool is_free(const struct rt_wait *w)
{
	return !(atomic_load_explicit(w->state, memory_order_relaxed) & w->taken);
}

static bool is_ready(uint32_t id, const struct rt_wait *w)
{
	if (w->state)
		return is_free(w);
	return w->kind == POINT_WAIT ? holds(id, w) : w->ready(w->arg);
}

/* Most who stop are about to take a lock: at each turn, and no branch that depends on whether it is free. */
static void look_again(void)
{
	uint64_t ready = 0;

	for (uint64_t left = acquiring; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		ready |= (uint64_t)is_free(tasks[id].wait) << id;
	}
	for (uint64_t left = may_look; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		view.enabled &= ~BIT(id);
		ready |= (uint64_t)is_ready(id, tasks[id].wait) << id;
	}
	view.enabled = (view.enabled & ~acquiring) | ready;
}

/* An access that may have made true what others wait for. */
static void wake_waiters(uint32_t obj)
{
	for (uint64_t left = awaiting & ~acquiring; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (tasks[id].wait->wake == obj)
			may_look |= BIT(id);
	}
}

/* ---- who is next ---- */

/* Between the phases that are searched: no choice, and time passes only when nobody else can go on. */
static uint32_t without_choice(void)
{
	uint64_t ready = view.enabled & ~view.timed;
	uint32_t first = 0;
	uint64_t least = UINT64_MAX;

	if (ready & BIT(view.current))
		return view.current;
	if (ready)
		return (uint32_t)__builtin_ctzll(ready);
	for (uint64_t left = view.enabled; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (tasks[id].deadline < least) {
			least = tasks[id].deadline;
			first = id;
		}
	}
	return first;
}

_Noreturn static void end_run(enum coop_end end)
{
	result->end = end;
	if (end == COOP_STUCK)
		coop_describe(result->why, sizeof(result->why));
	fiber_switch(&current()->fiber, &base, live == 0);
	CHECK(!"a run that has ended goes on");
	__builtin_unreachable();
}

static unsigned add_ids(char *buf, unsigned size, uint64_t ids)
{
	unsigned n = 0;

	for (; ids && n < size; ids &= ids - 1) {
		const struct task *t = &tasks[__builtin_ctzll(ids)].box->task;
		n += (unsigned)snprintf(buf + n, size - n, " %u (%s)", t->id, t->name);
	}
	return n;
}

_Noreturn static void diverged(uint32_t picked)
{
	char *why = result->why;
	unsigned size = sizeof(result->why);
	int n;

	if (picked == COOP_PICK_NONE)
		n = snprintf(why, size, "decision %u: the schedule has ended; enabled:", view.step);
	else if (picked == COOP_PICK_DATA)
		n = snprintf(why, size, "decision %u: the schedule has a data choice; enabled:", view.step);
	else
		n = snprintf(why, size, "decision %u: the schedule says task %u; enabled:", view.step, picked);
	add_ids(why + n, size - (unsigned)n, view.enabled);
	end_run(COOP_DIVERGED);
}

static void stop_asking(void)
{
	choices = every_turn = watched = false;
}

/* An end to what the picker sees of the run, once. */
static void picker_end(enum coop_end end)
{
	if (config->picker->end && !result->cut)
		config->picker->end(config->picker_state, end);
}

static uint32_t cut(void)
{
	picker_end(COOP_FINISHED);
	result->cut = true;
	stop_asking();
	return without_choice();
}

static uint32_t with_choice(void)
{
	uint32_t id;

	if (view.step >= steps_max)
		end_run(COOP_TOO_LONG);
	id = config->picker->pick(config->picker_state, &view);
	if (__builtin_expect(id == COOP_PICK_CUT, 0))
		return cut();
	if (__builtin_expect(id >= COOP_TASKS_MAX || !(view.enabled & BIT(id)), 0))
		diverged(id);
	if (!(view.enabled & (view.enabled - 1)))
		return id;
	view.step++;
	if (config->record)
		schedule_add(config->record, (struct decision){ .value = id });
	if (id != view.current) {
		result->switches++;
		if (view.enabled & ~view.timed & BIT(view.current))
			result->preemptions++;
	}
	return id;
}

static __attribute__((noinline)) uint32_t next_task(void)
{
	look_again();
	if (idler && !(view.enabled & ~view.timed)) {
		view.enabled |= idler;
		return (uint32_t)__builtin_ctzll(idler);
	}
	if (!view.enabled)
		end_run(live ? COOP_STUCK : COOP_FINISHED);
	if (++turns > turns_max)
		end_run(COOP_TOO_LONG);
	if (!(view.enabled & (view.enabled - 1)) && !every_turn)
		return (uint32_t)__builtin_ctzll(view.enabled);
	if (choices || config->virtual_time)
		return with_choice();
	return without_choice();
}

/* Who runs goes on at a point, and at a wait that is over, while nobody is asked: as without_choice() has it. */
static bool passes(void)
{
	if (choices || config->virtual_time)
		return false;
	if (++turns > turns_max)
		end_run(COOP_TOO_LONG);
	return true;
}

static inline __attribute__((always_inline)) void go_on(bool ends)
{
	struct coop_task *from = current();
	uint32_t id = next_task();

	view.wake[id] = COOP_ANY; /* until it says what it stops for */
	if (&tasks[id] == from)
		return;
	view.current = id;
	rt_self_ptr = &tasks[id].box->task;
	fiber_switch(&from->fiber, &tasks[id].fiber, ends);
}

/* ---- the seam ---- */

static void tell_picker(uint32_t id, uint32_t obj, enum point_kind kind)
{
	const struct picker *p = config->picker;

	if (p->sync)
		p->sync(config->picker_state, id, obj, kind);
	else if (kind != POINT_UNLOCK)
		p->access(config->picker_state, id, obj, kind != POINT_READ && kind != POINT_SHARED && kind != POINT_WAITED);
}

static void accessed(uint32_t id, uint32_t obj, enum point_kind kind)
{
	if (awaiting && (kind == POINT_WRITE || kind == POINT_GIVE))
		wake_waiters(obj);
	if (!choices)
		return;
	if (kind != POINT_UNLOCK)
		coop_trace_access(id, obj, kind);
	if (__builtin_expect(watched, 0))
		tell_picker(id, obj, kind);
}

static void coop_point(uint32_t obj, enum point_kind kind)
{
	uint32_t id = view.current;

	search_now += STEP_NS;
	if (!passes()) {
		view.obj[id] = obj;
		view.kind[id] = (uint8_t)kind;
		go_on(false);
	}
	if (kind == POINT_READ || kind == POINT_WRITE)
		accessed(id, obj, kind);
}

static void coop_await(const struct rt_wait *w)
{
	uint32_t id = view.current;

	search_now += STEP_NS;
	if (passes() && is_ready(id, w))
		return;
	view.obj[id] = w->obj;
	view.kind[id] = (uint8_t)w->kind;
	view.with[id] = w->with ? w->with->id : 0;
	view.wake[id] = w->wake ? w->wake : w->obj;
	tasks[id].wait = w;
	awaiting |= BIT(id);
	*(w->state ? &acquiring : &may_look) |= BIT(id);
	go_on(false);
	awaiting &= ~BIT(id);
	acquiring &= ~BIT(id);
	may_look &= ~BIT(id);
}

static void coop_access(uint32_t obj, enum point_kind kind)
{
	if (kind != POINT_WAIT) {
		accessed(view.current, obj, kind);
		return;
	}
	view.obj[view.current] = view.wake[view.current] = obj;
	view.kind[view.current] = POINT_WAIT;
	view.with[view.current] = 0;
}

/* COOP_FINE: may the running task be stopped here? Its end is a point of its own. */
static bool stops_here(void)
{
	struct task *t = &current()->box->task;

	CHECK(rt_self_ptr == t); /* a condition that others look at (rt_wait) names nothing */
	return choices && !atomic_load_explicit(&t->finished, memory_order_relaxed);
}

static void fine_access(uint32_t obj, enum point_kind kind)
{
	if (kind != POINT_WAIT && stops_here())
		coop_point(obj, kind); /* which names it */
	else
		coop_access(obj, kind);
}

static void fine_accessed(uint32_t obj, enum point_kind kind)
{
	coop_access(obj, kind);
	if (stops_here())
		coop_point(0, POINT_YIELD);
}

static uint32_t coop_obj_id(void)
{
	last_obj++;
	if (choices) /* else its number is its name: there was one order only */
		coop_trace_object(last_obj, view.current);
	return last_obj;
}

static void coop_serve(struct task *t)
{
	coop_trace_serve(id_of(t), view.current);
	view.life[t->id]++;
}

static uint64_t coop_now(void)
{
	return config->virtual_time ? current()->clock : search_now;
}

static void advance_to(uint64_t ns)
{
	uint64_t *now = config->virtual_time ? &current()->clock : &search_now;

	if (*now < ns)
		*now = ns;
	view.clock[view.current] = current()->clock;
}

/* Stops until picked: enabled, but to pick it is to let the time pass. */
static void stop_until(uint64_t deadline)
{
	uint32_t id = view.current;

	CHECK(id < COOP_TASKS_MAX);
	tasks[id].deadline = deadline;
	view.clock[id] = deadline;
	view.timed |= BIT(id);
	view.kind[id] = POINT_YIELD;
	go_on(false);
	view.timed &= ~BIT(id);
}

/* There is one thread: what threads.c must exchange is read and written here. */
static uint32_t get_token(const struct task *t)
{
	return atomic_load_explicit(&t->token, memory_order_relaxed);
}

static void set_token(struct task *t, uint32_t token)
{
	atomic_store_explicit(&t->token, token, memory_order_relaxed);
}

static uint32_t take_token(struct task *t)
{
	uint32_t token = get_token(t);

	set_token(t, 0);
	return token;
}

static bool coop_park(uint64_t timeout_ns)
{
	struct task *t = rt_self_ptr;
	uint64_t deadline = coop_now() + timeout_ns;
	bool woken;

	if (take_token(t) == 1)
		return true;
	set_token(t, 2);
	if (timeout_ns) {
		stop_until(deadline);
	} else {
		view.enabled &= ~BIT(t->id);
		go_on(false);
	}
	woken = take_token(t) == 1;
	if (!woken)
		advance_to(deadline);
	return woken;
}

static void coop_wake(struct task *t)
{
	uint32_t id = id_of(t);

	uint32_t token = get_token(t);

	set_token(t, 1);
	if (token != 2)
		return;
	view.enabled |= BIT(id);
	view.timed &= ~BIT(id);
	view.kind[id] = POINT_WAIT;
	if (tasks[id].clock < current()->clock)
		tasks[id].clock = current()->clock;
	view.clock[id] = tasks[id].clock;
}

static void coop_work(uint64_t ns)
{
	advance_to(coop_now() + ns);
	if (config->virtual_time)
		go_on(false); /* those whose time comes before the end of this work */
}

static void coop_sleep(uint64_t ns)
{
	uint64_t end = coop_now() + ns;

	stop_until(end);
	advance_to(end);
}

/* ---- life of a task ---- */

static void task_main(void)
{
	struct coop_task *me = current();
	struct task_box *box = me->box;

	box->task.fn(box->task.arg);
	task_finish(box);
	live &= ~BIT(box->task.id);
	view.enabled &= ~BIT(box->task.id);
	view.wake[box->task.id] = 0;
	go_on(true);
}

static struct task *coop_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where)
{
	CHECK(~used && "a controlled run has at most COOP_TASKS_MAX tasks at a time");
	uint32_t id = (uint32_t)__builtin_ctzll(~used);
	struct coop_task *ct = &tasks[id];

	if (!ct->box) {
		ct->box = task_box_get();
		fiber_make(&ct->fiber);
		task_begin(ct->box, name, id);
	} else {
		task_begin_again(ct->box, name, id);
	}
	ct->box->task.fn = fn;
	ct->box->task.arg = arg;
	ct->box->task.node = where && where->node > 0 ? (uint32_t)where->node : 0;
	atomic_store_explicit(&ct->box->bound, 0, memory_order_relaxed);
	fiber_start(&ct->fiber, task_main);
	ct->clock = current()->clock;
	view.clock[id] = ct->clock;
	view.obj[id] = 0;
	view.kind[id] = POINT_READ;
	coop_trace_task(id, view.current);
	if (id >= view.ntasks) {
		view.ntasks = id + 1;
		view.life[id] = 0;
	}
	view.life[id]++;
	view.enabled |= BIT(id);
	used |= BIT(id);
	live |= BIT(id);
	return &ct->box->task;
}

static void coop_reap(struct task *t)
{
	uint32_t id = id_of(t);

	CHECK(!(live & BIT(id)));
	used &= ~BIT(id);
}

static const struct rt_ops coop_ops = {
	.name = "coop",
	.spawn = coop_spawn,
	.reap = coop_reap,
	.park = coop_park,
	.wake = coop_wake,
	.point = coop_point,
	.await = coop_await,
	.access = coop_access,
	.accessed = coop_access,
	.obj_id = coop_obj_id,
	.serve = coop_serve,
	.work = coop_work,
	.sleep = coop_sleep,
	.now = coop_now,
};

static const struct rt_ops *ops_of(enum granularity g)
{
	static struct rt_ops fine;

	if (g == COOP_COARSE)
		return &coop_ops;
	fine = coop_ops;
	fine.access = fine_access;
	fine.accessed = fine_accessed;
	return &fine;
}

/* ---- a run ---- */

static void begin_run(const struct coop_config *cfg, struct coop_result *res)
{
	config = cfg;
	result = res;
	memset(res, 0, offsetof(struct coop_result, why));
	res->why[0] = 0;
	view.enabled = view.timed = 0;
	view.current = view.step = view.ntasks = 0;
	used = live = awaiting = acquiring = may_look = idler = 0;
	last_obj = cfg->objects_from;
	turns = 0;
	steps_max = cfg->steps_max ? cfg->steps_max : STEPS_MAX;
	turns_max = (uint64_t)steps_max * TURNS_A_STEP;
	search_now = STEP_NS; /* 0 means "no time" in places */
	tasks[0].clock = STEP_NS;
	stop_asking();
	rng_seed(&rng, rng_mix(cfg->seed) ^ 1);
	coop_trace_begin();
	if (cfg->record)
		schedule_clear(cfg->record);
	cfg->picker->begin(cfg->picker_state, cfg->seed, cfg->steps_hint ? cfg->steps_hint : STEPS_HINT);
}

void coop_run(const struct coop_config *cfg, void (*main)(void *), void *arg, struct coop_result *res)
{
	struct task *outer = rt_self();

	CHECK(!running);
	CHECK(!RT_TSAN); /* it sees one thread and finds nothing: use it on the threads back end */
	CHECK(atomic_load(&threads_alive) == 0); /* they would use this back end, from another thread */
	running = true;
	base.stack = NULL; /* the calling thread's, which may be another one than last time */
	rt_searching = !cfg->virtual_time;
	rt_fine = cfg->granularity == COOP_FINE;
	CHECK(!(rt_fine && cfg->virtual_time));
	rt = ops_of(cfg->granularity);
	rt_points = true;
	rt_controlled = true;
	begin_run(cfg, res);
	rt_self_ptr = rt_spawn("main", main, arg, NULL);
	fiber_switch(&base, &tasks[0].fiber, false);
	picker_end(res->end);
	res->steps = view.step;
	res->objects = last_obj;
	res->trace_hash = coop_trace_hash();
	rt_self_ptr = outer;
	rt = &threads_ops;
	rt_points = false;
	rt_controlled = false;
	rt_searching = false;
	rt_fine = false;
	running = false;
}

void coop_choices(bool on)
{
	CHECK(running);
	stop_asking();
	if (!on || result->cut)
		return;
	choices = true;
	every_turn = config->picker->every_turn;
	watched = config->picker->access || config->picker->sync;
}

void coop_wait_idle(void)
{
	CHECK(running && !idler);
	idler = BIT(view.current);
	view.enabled &= ~idler;
	view.wake[view.current] = 0;
	go_on(false);
	idler = 0;
}

uint32_t coop_choose(uint32_t n)
{
	uint32_t value;

	CHECK(running);
	if (!choices || n < 2)
		return 0;
	value = config->picker->choose ? config->picker->choose(config->picker_state, n) : (uint32_t)rng_below(&rng, n);
	if (value >= n)
		diverged(value);
	if (config->record)
		schedule_add(config->record, (struct decision){ .data = true, .value = value, .of = n });
	coop_trace_choice(view.current, value);
	return value;
}

uint32_t coop_step(void)
{
	return running ? view.step : 0;
}

/* ---- telling who waits for what ---- */

static const char *name_of(uint32_t id)
{
	return id < view.ntasks && tasks[id].box ? tasks[id].box->task.name : NULL;
}

static int describe_wait(char *buf, unsigned size, const struct task *t)
{
	struct task *owner = t->wait_owner ? atomic_load(t->wait_owner) : NULL;
	char name[TASK_NAME_MAX] = "";

	if (t->wait_class < 0)
		return snprintf(buf, size, "is parked");
	if (owner)
		task_label(owner->id, view.ntasks, name_of, name);
	return snprintf(buf, size, "waits for %s%s%s", lock_info[t->wait_class].name, owner ? " of " : "", name);
}

static int describe_task(char *buf, unsigned size, uint32_t id)
{
	const struct task *t = &tasks[id].box->task;
	char name[TASK_NAME_MAX];
	int n = snprintf(buf, size, "%s (", task_label(id, view.ntasks, name_of, name));

	if (n < 0 || (unsigned)n >= size)
		return n;
	if (t == rt_self_ptr && (view.enabled & BIT(id)))
		n += snprintf(buf + n, size - (unsigned)n, "runs");
	else if (atomic_load(&t->token) == 2 || awaiting & ~view.enabled & BIT(id))
		n += describe_wait(buf + n, size - (unsigned)n, t);
	else
		n += snprintf(buf + n, size - (unsigned)n, "can go on");
	if ((unsigned)n < size)
		n += snprintf(buf + n, size - (unsigned)n, ")");
	return n;
}

/* Who holds or owes what the task waits for; COOP_TASKS_MAX when it waits for nobody in particular. */
static uint32_t waits_for(uint32_t id)
{
	CHECK(id < COOP_TASKS_MAX);
	const struct task *t = &tasks[id].box->task;
	const struct task *owner = t->wait_class >= 0 && t->wait_owner ? atomic_load(t->wait_owner) : NULL;

	if (!owner || view.enabled & BIT(id) || owner->id >= COOP_TASKS_MAX || !(live & BIT(owner->id)))
		return COOP_TASKS_MAX;
	return owner->id;
}

/* "; cycle: a -> b -> a", when those that wait for each other are one. */
static unsigned describe_cycle(char *buf, unsigned size)
{
	uint32_t id = COOP_TASKS_MAX, start;
	char name[TASK_NAME_MAX];
	unsigned n;

	for (uint64_t left = live; left && id == COOP_TASKS_MAX; left &= left - 1) {
		id = (uint32_t)__builtin_ctzll(left);
		for (unsigned i = 0; i < COOP_TASKS_MAX && id < COOP_TASKS_MAX; i++)
			id = waits_for(id); /* so often that it is inside the cycle, if there is one */
	}
	if (id == COOP_TASKS_MAX)
		return 0;
	start = id;
	n = (unsigned)snprintf(buf, size, "; cycle: %s", task_label(id, view.ntasks, name_of, name));
	do {
		id = waits_for(id);
		if (n < size)
			n += (unsigned)snprintf(buf + n, size - n, " -> %s", task_label(id, view.ntasks, name_of, name));
	} while (id != start);
	return n;
}

void coop_describe(char *buf, unsigned size)
{
	unsigned n = 0;

	if (size)
		buf[0] = 0;
	for (uint64_t left = running ? live : 0; left && n < size; left &= left - 1) {
		if (n)
			n += (unsigned)snprintf(buf + n, size - n, ", ");
		if (n < size)
			n += (unsigned)describe_task(buf + n, size - n, (uint32_t)__builtin_ctzll(left));
	}
	if (running && n < size)
		describe_cycle(buf + n, size - n);
}
