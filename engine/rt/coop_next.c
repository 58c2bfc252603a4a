/*
 * coop_next.c: which tasks of a controlled run can go on, which one does, and the accesses that they name.
 *
 * The task that stops asks for its successor and switches there itself: no scheduler has a stack of its own.
 *
 * coop_next.1: A task is enabled unless it has ended, is parked without a timeout, or is about to do what it cannot do
 * now: take a lock that is held, or end a wait whose condition is false. Tasks in view.timed are enabled.
 * coop_next.2: A condition that a task has found false is looked at again after a wake, and not because it may be true
 * by now. So a wake that is lost, or given before the condition holds, leaves the run stuck, as it hangs on threads.
 * After wake_one() all waiters look, where on threads one does: that one of them was not enough is not seen.
 */
#include "rt/coop_state.h"
#include "rt/coop_trace.h"
#include "rt/lock.h"

/* ---- which tasks can go on ---- */

/*
 * Looks at the condition that task `id` waits for. It is looked at in that task's name: it may take a lock to look, and
 * a lock notes its owner. Once false it is not looked at again before a wake.
 */
static bool holds(uint32_t id, const struct rt_wait *w)
{
	struct task *self = rt_self_ptr;

	if (w->with && atomic_load_explicit(&w->with->state, memory_order_relaxed))
		return false;
	rt_self_ptr = &coop.task[id].box->task;
	bool ready = w->ready(w->arg);
	rt_self_ptr = self;
	if (!ready)
		coop.may_look &= ~BIT(id);
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

/*
 * Brings view.enabled up to date. Most tasks that stop are about to take a lock: these are looked at in each turn, in a
 * loop without a branch that depends on the lock. (coop_next.1)
 */
static void look_again(void)
{
	uint64_t ready = 0;

	for (uint64_t left = coop.acquiring; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		ready |= (uint64_t)is_free(coop.task[id].wait) << id;
	}
	for (uint64_t left = coop.may_look; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		coop.view.enabled &= ~BIT(id);
		ready |= (uint64_t)is_ready(id, coop.task[id].wait) << id;
	}
	coop.view.enabled = (coop.view.enabled & ~coop.acquiring) | ready;
}

/* ---- which one does ---- */

/*
 * Between the phases that are searched there is no choice: the running task goes on while it can, else the lowest
 * number. Time passes only when no task can go on without that.
 */
static uint32_t without_choice(void)
{
	uint64_t ready = coop.view.enabled & ~coop.view.timed;
	uint32_t first = 0;
	uint64_t least = UINT64_MAX;

	if (ready & BIT(coop.view.current))
		return coop.view.current;
	if (ready)
		return (uint32_t)__builtin_ctzll(ready);
	for (uint64_t left = coop.view.enabled; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		if (coop.task[id].deadline < least) {
			least = coop.task[id].deadline;
			first = id;
		}
	}
	return first;
}

void coop_stop_asking(void)
{
	coop.choices = coop.every_turn = coop.watched = false;
}

void coop_picker_end(enum coop_end end)
{
	const struct picker_ear *ear = coop.config->picker->ear;

	if (ear && ear->end && !coop.result->cut)
		ear->end(coop.config->picker_state, end);
}

static uint32_t with_choice(void)
{
	struct coop_view *v = &coop.view;
	uint32_t id;

	if (v->step >= coop.steps_max)
		coop_end_run(COOP_TOO_LONG);
	id = coop.config->picker->pick(coop.config->picker_state, v);
	if (__builtin_expect(id == COOP_PICK_CUT, 0)) {
		coop_picker_end(COOP_FINISHED);
		coop.result->cut = true;
		coop_stop_asking();
		return without_choice();
	}
	if (__builtin_expect(id >= COOP_TASKS_MAX || !(v->enabled & BIT(id)), 0))
		coop_diverged(id);
	if (!(v->enabled & (v->enabled - 1)))
		return id;
	v->step++;
	if (coop.config->record)
		schedule_add(coop.config->record, (struct decision){ .value = id });
	if (id != v->current) {
		coop.result->switches++;
		if (v->enabled & ~v->timed & BIT(v->current))
			coop.result->preemptions++;
	}
	return id;
}

__attribute__((noinline)) uint32_t coop_next_task(void)
{
	look_again();
	if (coop.idler && !(coop.view.enabled & ~coop.view.timed)) {
		coop.view.enabled |= coop.idler;
		return (uint32_t)__builtin_ctzll(coop.idler);
	}
	if (!coop.view.enabled)
		coop_end_run(coop.live ? COOP_STUCK : COOP_FINISHED);
	if (++coop.turns > coop.turns_max)
		coop_end_run(COOP_TOO_LONG);
	if (!(coop.view.enabled & (coop.view.enabled - 1)) && !coop.every_turn)
		return (uint32_t)__builtin_ctzll(coop.view.enabled);
	if (coop.choices || coop.config->virtual_time)
		return with_choice();
	return without_choice();
}

/* While the picker is not asked, the running task passes points and waits that are over, as without_choice() has it. */
static bool passes(void)
{
	if (coop.choices || coop.config->virtual_time)
		return false;
	if (++coop.turns > coop.turns_max)
		coop_end_run(COOP_TOO_LONG);
	return true;
}

/* ---- accesses ---- */

static void accessed(uint32_t id, uint32_t obj, enum point_kind kind)
{
	if (!coop.choices)
		return;
	if (kind != POINT_UNLOCK)
		coop_trace_access(id, obj, kind);
	if (__builtin_expect(coop.watched, 0))
		coop.config->picker->ear->access(coop.config->picker_state, id, obj, kind);
}

static void name_access(uint32_t obj, enum point_kind kind)
{
	uint32_t id = coop.view.current;

	if (kind != POINT_WAIT) {
		accessed(id, obj, kind);
		return;
	}
	coop.view.obj[id] = coop.view.wake[id] = obj; /* of the park that comes next */
	coop.view.kind[id] = POINT_WAIT;
	coop.view.with[id] = 0;
}

/* A fine search: may the running task be stopped here? Its end is a point of its own. */
static bool stops_here(void)
{
	struct task *t = &coop_current()->box->task;

	CHECK(rt_self_ptr == t); /* a condition that holds() looks at names no access */
	return coop.choices && !atomic_load_explicit(&t->finished, memory_order_relaxed);
}

void coop_access(uint32_t obj, enum point_kind kind)
{
	if (__builtin_expect(rt_fine, 0) && kind != POINT_WAIT && stops_here())
		coop_point(obj, kind); /* which names the access */
	else
		name_access(obj, kind);
}

void coop_accessed(uint32_t obj, enum point_kind kind)
{
	name_access(obj, kind);
	if (__builtin_expect(rt_fine, 0) && stops_here())
		coop_point(0, POINT_YIELD);
}

/* The running task has made true, maybe, what others wait for, and says so. (coop_next.2) */
void coop_woke(uint32_t obj, enum point_kind kind)
{
	for (uint64_t left = coop.awaiting & ~coop.acquiring; left; left &= left - 1) {
		uint32_t waiter = (uint32_t)__builtin_ctzll(left);
		if (coop.task[waiter].wait->wake == obj)
			coop.may_look |= BIT(waiter);
	}
	coop_accessed(obj, kind);
}

/* ---- points ---- */

void coop_point(uint32_t obj, enum point_kind kind)
{
	uint32_t id = coop.view.current;

	coop.search_now += COOP_STEP_NS;
	if (!passes()) {
		coop.view.obj[id] = obj; /* (picker.1) */
		coop.view.kind[id] = (uint8_t)kind;
		coop_go_on(false);
	}
	if (kind == POINT_READ || kind == POINT_WRITE)
		accessed(id, obj, kind);
}

void rt_await(const struct rt_wait *w)
{
	uint32_t id = coop.view.current;

	coop.search_now += COOP_STEP_NS;
	if (passes() && is_ready(id, w))
		return;
	coop.view.obj[id] = w->obj; /* (picker.1) */
	coop.view.kind[id] = (uint8_t)w->kind;
	coop.view.with[id] = w->with ? w->with->id : 0;
	coop.view.wake[id] = w->wake ? w->wake : w->obj;
	coop.task[id].wait = w;
	coop.awaiting |= BIT(id);
	*(w->state ? &coop.acquiring : &coop.may_look) |= BIT(id);
	coop_go_on(false);
	coop.awaiting &= ~BIT(id);
	coop.acquiring &= ~BIT(id);
	coop.may_look &= ~BIT(id);
}
