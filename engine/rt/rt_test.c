/* rt_test.c: the phase clock sums exactly, tasks are counted and bound, statistics say who was waited for. */
#include "rt/lock_stat.h"
#include "rt/test_pickers.h"
#include "rt/test_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "machine/place.h"
#include "machine/test_place.h"

#define TASKS 3

static struct mutex mutex;
static struct waitq wq;
static _Atomic int flag;
static _Atomic uint64_t off_by; /* how far any sum of phases was from the time that passed */
static uint32_t obj;

/* ---- phases ---- */

static uint64_t sum_of_phases(const struct task *t)
{
	uint64_t sum = 0;

	for (int p = 0; p < PH_NR; p++)
		sum += t->phase_ns[p];
	return sum;
}

static bool turn(void *arg)
{
	return atomic_load(&flag) % TASKS == (int)(uintptr_t)arg;
}

/* Locks, waits, wakes, in changing phases; the first and the last change of phase give the time. */
static void walk_through_phases(void *arg)
{
	struct task *t = rt_self();
	uint64_t start, sum;

	phase(PH_OTHER);
	phase(PH_FLUSH);
	start = t->phase_since_ns;
	sum = sum_of_phases(t);
	for (int i = 0; i < (rt_controlled ? 3 : 300); i++) {
		phase(PH_INODE_LOCK);
		mutex_lock(&mutex);
		phase(PH_LOG_ITEMS);
		rt_work(10);
		mutex_unlock(&mutex);
		phase(PH_LOG_JOIN);
		wait_until(&wq, turn, arg);
		atomic_fetch_add(&flag, 1);
		wake_all(&wq);
	}
	phase(PH_IDLE);
	atomic_fetch_or(&off_by, sum_of_phases(t) - sum - (t->phase_since_ns - start));
}

static void phases_main(void *arg)
{
	struct task *t[TASKS];

	mutex_init(&mutex, L_LOG, 0);
	waitq_init(&wq, L_BIO);
	flag = 0;
	obj = rt_obj_id();
	for (int i = 0; i < TASKS; i++)
		t[i] = rt_spawn("task", walk_through_phases, (void *)(uintptr_t)i, NULL);
	if (rt_controlled)
		coop_choices(true);
	for (int i = 0; i < TASKS; i++)
		rt_join(t[i]);
}

static void phases_sum_to_the_time_that_passed(void **state)
{
	if (!rt_instrument)
		skip();
	off_by = 0;
	for (int i = 0; i < 5; i++)
		phases_main(NULL);
	assert_int_equal(off_by, 0);
	if (RT_TSAN)
		return;
	for (uint64_t seed = 0; seed < 100; seed++) {
		const struct picker *p = seed % 2 ? &test_even : &test_clock;
		assert_int_equal(run_once(p, "", seed, phases_main, NULL, NULL).end, COOP_FINISHED);
	}
	assert_int_equal(off_by, 0);
}

static void phase_says_what_was_left(void **state)
{
	if (!rt_instrument)
		skip();
	phase(PH_TRANS);
	assert_int_equal(phase(PH_SUPER), PH_TRANS);
	assert_int_equal(phase(PH_OTHER), PH_SUPER);
	assert_string_equal(phase_info[PH_LOG_JOIN].name, "log_join");
}

/* ---- statistics ---- */

static bool is_set(void *arg)
{
	return atomic_load(&flag);
}

static struct task *waiter;

static void holds_in_log_write(void *arg)
{
	phase(PH_LOG_WRITE);
	mutex_lock(&mutex);
	atomic_store(&flag, 1);
	wake_all(&wq);
	while (atomic_load(&mutex.state) != 2 || atomic_load(&waiter->token) != 2)
		rt->sleep(100000);
	rt->sleep(2000000); /* the time that the other is to wait, which is what is measured */
	mutex_unlock(&mutex);
}

static uint64_t wakeup_ns;

static void waits_for_it(void *arg)
{
	wait_until(&wq, is_set, NULL);
	phase(PH_INODE_LOCK);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	phase(PH_OTHER);
	wakeup_ns = rt_self()->phase_ns[PH_WAKEUP];
}

static void a_wait_is_charged_to_the_phase_of_the_holder(void **state)
{
	struct lock_stat *sums = calloc(L_NR, sizeof(*sums));
	struct lock_stat *log = &sums[L_LOG];
	struct task *a;

	if (!rt_instrument)
		skip();
	mutex_init(&mutex, L_LOG, 0);
	waitq_init(&wq, L_BIO);
	flag = 0;
	rt_reset_totals();
	lock_stats_enable(true);
	waiter = rt_spawn("waiter", waits_for_it, NULL, NULL);
	a = rt_spawn("holder", holds_in_log_write, NULL, NULL);
	rt_join(a);
	rt_join(waiter);
	lock_totals(sums);
	lock_stats_enable(false);
	assert_int_equal(log->acquired, 2);
	assert_int_equal(log->contended, 1);
	assert_int_equal(log->wait.n, 1);
	assert_true(log->wait_ns >= 1000000);
	assert_int_equal(log->by_phase_ns[PH_LOG_WRITE], log->wait_ns);
	assert_true(log->wakeup_ns > 0 && log->wakeup_ns < log->wait_ns);
	assert_true(wakeup_ns >= log->wakeup_ns);
	assert_true(sums[L_BIO].acquired == 1 && sums[L_BIO].contended <= 1);
	rt_reset_totals();
	lock_totals(sums);
	assert_int_equal(log->acquired, 0);
	assert_int_equal(log->wait.min, UINT64_MAX);
	free(sums);
}

static void holds_are_sampled_one_in_1024(void **state)
{
	struct lock_stat *sums = calloc(L_NR, sizeof(*sums));

	if (!rt_instrument)
		skip();
	mutex_init(&mutex, L_LOG, 0);
	rt_reset_totals();
	lock_stats_enable(true);
	for (int i = 0; i < 102400; i++) {
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
	}
	lock_totals(sums);
	lock_stats_enable(false);
	mutex_lock(&mutex); /* not counted any more */
	mutex_unlock(&mutex);
	assert_int_equal(sums[L_LOG].acquired, 102400);
	assert_int_equal(sums[L_LOG].hold_n, 100);
	assert_int_equal(sums[L_LOG].hold.n, 100);
	rt_reset_totals();
	free(sums);
}

/* A made-up topology that is said to be this machine's: each of two processors is a node. */
static int two_nodes(void **state)
{
	place_fini();
	setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
	setenv("HWLOC_THISSYSTEM", "1", 1);
	return place_init();
}

static int this_machine_again(void **state)
{
	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_THISSYSTEM");
	place_fini();
	return 0;
}

static void takes_on_its_node(void *arg)
{
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

static void hand_overs_between_nodes_are_counted(void **state)
{
	static const struct placement on_1 = { .pu = -1, .node = 1 }, on_0 = { .pu = -1, .node = 0 };
	struct lock_stat *sums;

	if (!rt_instrument || rt_cpus() < 2)
		skip();
	sums = calloc(L_NR, sizeof(*sums));
	mutex_init(&mutex, L_LOG, 0);
	lock_stats_enable(true);
	rt_join(rt_spawn("a", takes_on_its_node, NULL, &on_1));
	rt_join(rt_spawn("b", takes_on_its_node, NULL, &on_1));
	rt_join(rt_spawn("c", takes_on_its_node, NULL, &on_1));
	rt_join(rt_spawn("d", takes_on_its_node, NULL, &on_0));
	lock_totals(sums);
	lock_stats_enable(false);
	assert_int_equal(sums[L_LOG].other_node, 2);
	rt_reset_totals();
	free(sums);
}

/* Where they were to go says nothing of where they run. */
static void tasks_that_are_not_bound_hand_nothing_over(void **state)
{
	static const struct placement on_1 = { .pu = -1, .node = 1 }, on_0 = { .pu = -1, .node = 0 };
	struct lock_stat *sums = calloc(L_NR, sizeof(*sums));
	struct task *t;

	unsetenv("HWLOC_THISSYSTEM");
	place_fini();
	mutex_init(&mutex, L_LOG, 0);
	lock_stats_enable(true);
	t = rt_spawn("a", takes_on_its_node, NULL, &on_1);
	assert_int_equal(rt_bind_result(t), PLACE_SYNTHETIC);
	rt_join(t);
	rt_join(rt_spawn("b", takes_on_its_node, NULL, &on_0));
	lock_totals(sums);
	lock_stats_enable(false);
	assert_int_equal(sums[L_LOG].other_node, 0);
	rt_reset_totals();
	free(sums);
}

/* One sleeps, round after round, until the other, which sees that it does, wakes it. */
#define NAPS 5u

static struct waitq nap;
static _Atomic unsigned called;

static bool is_called(void *arg)
{
	return called > *(unsigned *)arg;
}

static void naps(void *arg)
{
	for (unsigned i = 0; i < NAPS; i++)
		wait_until(&nap, is_called, &i);
}

static void calls(void *arg)
{
	struct task *sleeper = arg;

	for (unsigned i = 0; i < NAPS; i++) {
		while (atomic_load(&sleeper->token) != 2)
			sched_yield();
		called = i + 1;
		wake_all(&nap);
	}
}

static void wake_ups_between_nodes_are_counted(void **state)
{
	static const struct placement on[2] = { { .pu = -1, .node = 0 }, { .pu = -1, .node = 1 } };
	struct lock_stat *sums;

	if (!rt_instrument || rt_cpus() < 2)
		skip();
	sums = calloc(L_NR, sizeof(*sums));
	for (unsigned node = 0; node < 2; node++) {
		struct task *sleeper, *waker;

		waitq_init(&nap, L_LOG_COMMIT);
		called = 0;
		lock_stats_enable(true);
		sleeper = rt_spawn("sleeper", naps, NULL, &on[1]);
		waker = rt_spawn("waker", calls, sleeper, &on[node]);
		rt_join(waker);
		rt_join(sleeper);
		lock_totals(sums);
		lock_stats_enable(false);
		assert_int_equal(sums[L_LOG_COMMIT].woken, NAPS);
		assert_int_equal(sums[L_LOG_COMMIT].woken_remote, node ? 0 : NAPS);
		rt_reset_totals();
	}
	free(sums);
}

/* ---- tasks ---- */

static void counts(void *arg)
{
	count_add(C_DATA_BYTES, 5);
}

static void *foreign_thread(void *arg)
{
	count(C_DATA_BYTES); /* adopted here */
	assert_string_equal(rt_self()->name, "main");
	return NULL;
}

static void counters_of_all_kinds_of_tasks_are_summed(void **state)
{
	uint64_t sums[C_NR];
	pthread_t thread;
	struct task *t;

	if (!rt_instrument)
		skip();
	rt_reset_totals();
	t = rt_spawn("counter", counts, NULL, NULL);
	assert_int_equal(pthread_create(&thread, NULL, foreign_thread, NULL), 0);
	count_add(C_DATA_BYTES, 100);
	rt_join(t);
	pthread_join(thread, NULL);
	rt_totals(sums);
	assert_int_equal(sums[C_DATA_BYTES], 106);
	assert_string_equal(counter_info[C_DATA_BYTES].name, "data_bytes");
	rt_reset_totals();
}

static void where_a_task_was_bound_is_known(void **state)
{
	static const struct placement here = { .pu = -1, .node = -1, .cpus = "all" };
	static const struct placement nowhere = { .pu = 65000, .node = -1 };
	struct task *t = rt_spawn("bound", counts, NULL, &here);

	assert_int_equal(rt_bind_result(t), 0);
	rt_join(t);
	t = rt_spawn("not", counts, NULL, &nowhere);
	assert_int_equal(rt_bind_result(t), -EINVAL);
	rt_join(t);
}

static void time_goes_on(void **state)
{
	uint64_t start = rt_now(), last = start;

	rt->sleep(2000000);
	assert_true(rt_now() - start >= 1900000); /* two clocks */
	for (int i = 0; i < 10000; i++) {
		uint64_t now = rt_now();
		assert_true(now >= last);
		last = now;
	}
}

static void object_numbers_are_all_different(void **state)
{
	uint32_t last = rt_obj_id();

	for (int i = 0; i < 5000; i++) {
		uint32_t id = rt_obj_id();
		assert_true(id > last);
		last = id;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_sum_to_the_time_that_passed),
		cmocka_unit_test(phase_says_what_was_left),
		cmocka_unit_test(a_wait_is_charged_to_the_phase_of_the_holder),
		cmocka_unit_test(holds_are_sampled_one_in_1024),
		cmocka_unit_test_setup_teardown(hand_overs_between_nodes_are_counted, two_nodes, this_machine_again),
		cmocka_unit_test_setup_teardown(tasks_that_are_not_bound_hand_nothing_over, two_nodes,
		                                this_machine_again),
		cmocka_unit_test_setup_teardown(wake_ups_between_nodes_are_counted, two_nodes, this_machine_again),
		cmocka_unit_test(counters_of_all_kinds_of_tasks_are_summed),
		cmocka_unit_test(where_a_task_was_bound_is_known),
		cmocka_unit_test(time_goes_on),
		cmocka_unit_test(object_numbers_are_all_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
