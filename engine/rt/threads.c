/*
 * threads.c: back end 1: a task is an OS thread, a park is a futex, time is real.
 *
 * threads.1: The token goes 0 -> 2 (parked) only by its own task, 0 or 2 -> 1 (a wake is pending) only by wakers, and
 *     back to 0 only by its own task. A wake that finds 0 leaves the 1 behind: that is rt.1.
 * threads.2: woken_ns is stamped only when the task is parked, and before the token says so: a task that leaves
 *     futex_wait() reads the stamp of its own wake, or 0.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "machine/mem_node.h"
#include "rt/cpu.h"
#include "rt/futex.h"
#include "rt/noise.h"
#include "rt/rt.h"
#include "rt/task.h"

/* A futex round trip is tens of microseconds; a hand-over within this time costs none. */
#define SPIN_NS 1500

/* Whatever `ulimit -s` says: fibers do with a sixteenth of it. */
#define STACK_SIZE (1u << 20)

_Atomic uint32_t threads_alive;
static unsigned cpus;

__attribute__((constructor)) static void count_cpus(void)
{
	cpu_set_t set;

	cpus = 1;
	if (!sched_getaffinity(0, sizeof(set), &set))
		cpus = (unsigned)CPU_COUNT(&set);
}

unsigned rt_cpus(void)
{
	return cpus;
}

static bool take_pending_wake(struct task *t)
{
	if (atomic_load_explicit(&t->token, memory_order_relaxed) != 1)
		return false;
	atomic_exchange(&t->token, 0);
	return true;
}

static bool spin_for_wake(struct task *t)
{
	uint64_t end;

	if (cpus < 2)
		return false;
	for (end = clock_now() + SPIN_NS; clock_now() < end; cpu_relax())
		if (take_pending_wake(t))
			return true;
	return false;
}

/* Token is 2. Returns when it is not, or at the timeout. */
static void sleep_until_woken(struct task *t, uint64_t timeout_ns)
{
	uint64_t end = timeout_ns ? clock_now() + timeout_ns : 0;

	while (atomic_load(&t->token) == 2) {
		uint64_t now = end ? clock_now() : 0;
		if (end && now >= end)
			return;
		futex_wait(&t->token, 2, end ? end - now : 0);
	}
}

/* A task that no node was named for may have moved while it slept. */
static void note_node(struct task *t)
{
	int node;

	if (!rt_instrument || t->placed)
		return;
	node = place_node_of_cpu(sched_getcpu());
	if (node >= 0)
		t->node = (uint32_t)node;
}

static bool threads_park(uint64_t timeout_ns)
{
	struct task *t = rt_self();
	uint32_t running = 0;

	if (take_pending_wake(t) || spin_for_wake(t))
		return true;
	atomic_store_explicit(&t->woken_ns, 0, memory_order_relaxed);
	if (atomic_compare_exchange_strong(&t->token, &running, 2)) {
		sleep_until_woken(t, timeout_ns);
		note_node(t);
	} else {
		CHECK(running == 1); /* (threads.1) a wake came meanwhile; nobody else parks this task */
	}
	return atomic_exchange(&t->token, 0) == 1;
}

static void threads_wake(struct task *t)
{
	if (rt_instrument && atomic_load_explicit(&t->token, memory_order_relaxed) == 2) { /* (threads.2) */
		atomic_store_explicit(&t->woken_from, rt_self()->node, memory_order_relaxed);
		atomic_store_explicit(&t->woken_ns, clock_now(), memory_order_relaxed);
	}
	if (atomic_exchange(&t->token, 1) == 2)
		futex_wake_one(&t->token);
}

/* ---- life of a thread ---- */

/* Goes to where it is to run. Only a task that is bound is known to be on its node. */
static int go_to_place(struct task *t, const struct placement *where)
{
	int ret = place_bind_self(where);

	t->placed = !ret && where->node >= 0;
	t->node = t->placed ? (uint32_t)where->node : 0;
	mem_use_placement(where); /* if it fails, mem_notice() says so, and the task runs all the same */
	return ret;
}

static void *thread_main(void *arg)
{
	struct task_box *box = arg;
	struct task *t = &box->task;

	rt_self_ptr = t;
	atomic_store(&box->bound, box->placed ? go_to_place(t, &box->where) : 0);
	t->phase_since_ns = rt_now();
	t->fn(t->arg);
	task_finish(box);
	return NULL;
}

static int create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int ret;

	CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK_SIZE) == 0);
	ret = pthread_create(thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return ret;
}

static struct task *threads_spawn(const char *name, void (*fn)(void *), void *arg, const struct placement *where)
{
	struct task_box *box = task_box_get();
	struct task *t = &box->task;

	task_begin(box, name, task_next_id());
	t->fn = fn;
	t->arg = arg;
	box->placed = where != NULL;
	if (where)
		box->where = *where;
	atomic_store(&box->bound, BIND_PENDING);
	atomic_fetch_add(&threads_alive, 1);
	int ret = create(&box->thread, thread_main, box);
	if (ret)
		out_of("threads", ret, "fewer tasks, or a higher limit (`ulimit -u`, `ulimit -v`), may do");
	return t;
}

static void threads_reap(struct task *t)
{
	struct task_box *box = task_box_of(t);

	CHECK(pthread_join(box->thread, NULL) == 0);
	atomic_fetch_sub(&threads_alive, 1);
	task_retire(box);
	task_box_put(box);
}

static void *pass(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

int rt_threads_fit(unsigned n)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t *thread = malloc(n * sizeof(*thread));
	unsigned made = 0;
	int ret = thread ? 0 : ENOMEM;

	pthread_mutex_lock(&gate);
	while (!ret && made < n) {
		ret = create(&thread[made], pass, &gate);
		made += !ret;
	}
	pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < made; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	free(thread);
	return -ret;
}

int rt_bind_result(struct task *t)
{
	_Atomic int *bound = &task_box_of(t)->bound;

	while (atomic_load(bound) == BIND_PENDING)
		sched_yield();
	return atomic_load(bound);
}

/* ---- the rest of the seam ---- */

static void threads_point(uint32_t obj, enum point_kind kind)
{
	noise_point();
}

static void threads_sleep(uint64_t ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

const struct rt_ops threads_ops = {
	.name = "threads",
	.spawn = threads_spawn,
	.reap = threads_reap,
	.park = threads_park,
	.wake = threads_wake,
	.point = threads_point,
	.sleep = threads_sleep,
};
