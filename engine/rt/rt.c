/*
 * rt.c: what both back ends share: the registry of tasks, adoption of foreign threads, spawn and
 * join, and the sums of counters.
 *
 * A task is in the registry from task_begin() to task_retire(); from then on its counters are in `finished`. So at any
 * time a sum over both misses nothing and counts nothing twice. A box of a controlled run stays in the registry from
 * task to task, and its counters add up.
 */
#include "rt/rt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/task.h"
#include "rt/trace.h"

#define ID_BATCH 1024

const struct rt_ops *rt = &threads_ops;
bool rt_points;
bool rt_controlled;
bool rt_searching;
bool rt_fine;
__thread struct task *rt_self_ptr;

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
/* registry guards these: */
static struct list living = { &living, &living };
static struct list pool = { &pool, &pool };
static uint64_t finished[C_NR];

static _Atomic uint32_t next_task_id;

void task_registry_lock(void)
{
	pthread_mutex_lock(&registry);
}

void task_registry_unlock(void)
{
	pthread_mutex_unlock(&registry);
}

/* ---- boxes ---- */

struct task_box *task_box_get(void)
{
	struct task_box *box = NULL;

	task_registry_lock();
	if (!list_empty(&pool)) {
		box = list_first(&pool, struct task_box, pool_link);
		list_del(&box->pool_link);
	}
	task_registry_unlock();
	if (!box) {
		box = mem_zalloc(sizeof(*box));
		list_init(&box->pool_link);
	}
	return box;
}

void task_box_put(struct task_box *box)
{
	task_registry_lock();
	list_add_tail(&box->pool_link, &pool);
	task_registry_unlock();
}

void task_begin_again(struct task_box *box, const char *name, uint32_t id)
{
	struct task *t = &box->task;
	size_t n = strnlen(name, TASK_NAME_MAX - 1);

	memcpy(t->name, name, n); /* not snprintf(): a controlled run makes several tasks in a microsecond */
	t->name[n] = 0;
	t->id = id;
	t->nheld = 0;
	t->waits_against_order = false;
	t->sample = 1 + id % HOLD_ONE_IN; /* so that not all tasks sample their first acquisitions */
	t->node = 0;
	t->placed = false;
	t->pmu = NULL;
	t->wait_class = -1;
	t->wait_owner = NULL;
	/* relaxed: other tasks see it after the registry's mutex, or after the spawn */
	atomic_store_explicit(&t->token, 0, memory_order_relaxed);
	atomic_store_explicit(&t->woken_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&t->finished, false, memory_order_relaxed);
	atomic_store_explicit(&t->phase, PH_OTHER, memory_order_relaxed);
	memset(t->phase_ns, 0, sizeof(t->phase_ns));
	t->phase_since_ns = rt_now();
	waitq_init(&box->done, L_TASK);
	if (trace_on)
		trace_name_task(id, t->name);
}

void task_begin(struct task_box *box, const char *name, uint32_t id)
{
	task_begin_again(box, name, id);
	task_registry_lock();
	list_add_tail(&box->task.all_link, &living);
	lock_stat_begin_task(box);
	task_registry_unlock();
}

void task_retire(struct task_box *box)
{
	struct task *t = &box->task;

	task_registry_lock();
	for (int i = 0; i < C_NR; i++) {
		finished[i] += t->count[i];
		t->count[i] = 0;
	}
	lock_stat_retire_task(box);
	list_del(&t->all_link);
	task_registry_unlock();
}

void task_finish(struct task_box *box)
{
	CHECK(box->task.nheld == 0);
	atomic_store_explicit(&box->task.finished, true, memory_order_release); /* the barrier is in wait_give() */
	wait_give(&box->done, true);
}

void task_for_each(void (*fn)(struct task *t, void *arg), void *arg)
{
	struct list *pos;

	list_for_each(pos, &living)
		fn(list_entry(pos, struct task, all_link), arg);
}

/* ---- adoption: main(), and threads of a library that calls us ---- */

static pthread_key_t adopted;

static void adopted_thread_ends(void *arg)
{
	task_retire(arg);
	task_box_put(arg);
	rt_self_ptr = NULL;
}

__attribute__((constructor)) static void make_key(void)
{
	CHECK(pthread_key_create(&adopted, adopted_thread_ends) == 0);
}

struct task *rt_adopt(const char *name)
{
	if (rt_self_ptr)
		return rt_self_ptr;

	struct task_box *box = task_box_get();
	rt_self_ptr = &box->task; /* first: what follows may take locks */
	task_begin(box, name, atomic_fetch_add(&next_task_id, 1));
	atomic_store(&box->bound, 0);
	pthread_setspecific(adopted, box);
	return rt_self_ptr;
}

/* ---- spawn and join ---- */

static char helper_nodes[64];
static struct placement helper_place = { .pu = -1, .node = -1, .nodes = helper_nodes };

void rt_place_helpers(const char *nodes)
{
	snprintf(helper_nodes, sizeof(helper_nodes), "%s", nodes ? nodes : "");
	bool one = helper_nodes[0] && !helper_nodes[strspn(helper_nodes, "0123456789")];
	helper_place.node = one ? atoi(helper_nodes) : -1;
}

struct task *rt_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where)
{
	return rt->spawn(name, fn, arg, where || !helper_nodes[0] ? where : &helper_place);
}

static bool has_finished(void *arg)
{
	struct task *t = arg;

	return atomic_load(&t->finished);
}

void rt_join(struct task *t)
{
	wait_until(&task_box_of(t)->done, has_finished, t);
	rt->reap(t);
}

uint32_t task_next_id(void)
{
	return atomic_fetch_add(&next_task_id, 1);
}

/* ---- object numbers ---- */

/* A thread takes a batch of numbers at a time: every page and extent has locks, and threads make them all the time. */
uint32_t rt_obj_id(void)
{
	static __thread uint32_t next, end;

	if (rt_controlled)
		return coop_obj_id();
	if (next == end) {
		static _Atomic uint32_t batch;
		next = atomic_fetch_add_explicit(&batch, ID_BATCH, memory_order_relaxed);
		end = next + ID_BATCH;
	}
	return ++next;
}

uint64_t rt_cpu_ns(void)
{
	return clock_cpu_ns();
}

const char *rt_clock_name(void)
{
	return clock_name();
}

/* ---- sums ---- */

static void add_counters(struct task *t, void *arg)
{
	uint64_t *sums = arg;

	for (int i = 0; i < C_NR; i++)
		sums[i] += __atomic_load_n(&t->count[i], __ATOMIC_RELAXED);
}

void rt_totals(uint64_t counters[C_NR])
{
	task_registry_lock();
	memcpy(counters, finished, sizeof(finished));
	task_for_each(add_counters, counters);
	task_registry_unlock();
}

static void zero_counters(struct task *t, void *arg)
{
	for (int i = 0; i < C_NR; i++)
		__atomic_store_n(&t->count[i], 0, __ATOMIC_RELAXED);
}

void rt_reset_totals(void)
{
	task_registry_lock();
	memset(finished, 0, sizeof(finished));
	task_for_each(zero_counters, NULL);
	lock_stat_reset();
	task_registry_unlock();
}
