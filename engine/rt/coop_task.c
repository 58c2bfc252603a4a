/*
 * coop_task.c: a task's life in a controlled run: a slot, a fiber, parks and wakes, and its end.
 *
 * coop_task.1: A slot keeps its fiber and its box from task to task and from run to run, so that a spawn costs no
 * system call and no lock.
 *
 * There is one thread: what threads.c must exchange atomically is read and written plainly here.
 * Called through rt_ops (coop.c).
 */
#include "rt/coop_state.h"
#include "rt/coop_trace.h"

/* ---- park and wake; the token's values are those of threads.c ---- */

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

bool coop_park(uint64_t timeout_ns)
{
	struct task *t = rt_self_ptr;
	uint64_t deadline = coop_now() + timeout_ns;
	bool woken;

	if (take_token(t) == 1)
		return true;
	set_token(t, 2);
	if (timeout_ns) {
		coop_stop_until(deadline);
	} else {
		coop.view.enabled &= ~BIT(t->id);
		coop_go_on(false);
		CHECK(get_token(t) == 1); /* only a wake enables it again */
	}
	woken = take_token(t) == 1;
	if (!woken)
		coop_advance_to(deadline);
	return woken;
}

/* The waker goes on; the task that it wakes can be picked at the next turn. */
void coop_wake(struct task *t)
{
	uint32_t id = coop_id(t);
	uint32_t token = get_token(t);

	set_token(t, 1);
	if (token != 2)
		return;
	CHECK(coop.live & BIT(id));
	coop.view.enabled |= BIT(id);
	coop.view.timed &= ~BIT(id);
	coop.view.kind[id] = POINT_WAIT;
	if (coop.task[id].clock < coop_current()->clock)
		coop.task[id].clock = coop_current()->clock;
	coop.view.clock[id] = coop.task[id].clock;
}

/* ---- begin and end ---- */

/* What a fiber runs. Its last act is to choose the task that goes on: nobody comes back to it. */
static void task_main(void)
{
	struct task_box *box = coop_current()->box;
	uint32_t id = box->task.id;

	box->task.fn(box->task.arg);
	task_finish(box);
	coop.live &= ~BIT(id);
	coop.view.enabled &= ~BIT(id);
	coop.view.wake[id] = 0;
	coop_go_on(true);
}

struct task *coop_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where)
{
	CHECK(~coop.used && "a controlled run has at most COOP_TASKS_MAX tasks at a time");
	uint32_t id = (uint32_t)__builtin_ctzll(~coop.used);
	struct coop_task *ct = &coop.task[id];

	if (!ct->box) {
		ct->box = task_box_get();
		fiber_make(&ct->fiber);
		task_begin(ct->box, name, id);
	} else {
		task_begin_again(ct->box, name, id); /* (coop_task.1) */
	}
	ct->box->task.fn = fn;
	ct->box->task.arg = arg;
	ct->box->task.node = where && where->node > 0 ? (uint32_t)where->node : 0;
	atomic_store_explicit(&ct->box->bound, 0, memory_order_relaxed);
	fiber_start(&ct->fiber, task_main);
	ct->clock = coop_current()->clock;
	coop.view.clock[id] = ct->clock;
	coop.view.obj[id] = 0;
	coop.view.kind[id] = POINT_READ;
	coop_trace_task(id, coop.view.current);
	if (id >= coop.view.ntasks) {
		coop.view.ntasks = id + 1;
		coop.view.life[id] = 0;
	}
	coop.view.life[id]++;
	coop.view.enabled |= BIT(id);
	coop.used |= BIT(id);
	coop.live |= BIT(id);
	return &ct->box->task;
}

void coop_reap(struct task *t)
{
	uint32_t id = coop_id(t);

	CHECK(!(coop.live & BIT(id)));
	coop.used &= ~BIT(id);
}

void rt_serve(struct task *t)
{
	coop_trace_serve(coop_id(t), coop.view.current);
	coop.view.life[t->id]++;
}
