/* coop_test.c: runs repeat bit for bit, deadlocks are told, time is virtual. */
#include "rt/test_pickers.h"
#include "rt/test_run.h"
#include "rt/trace.h"

static uint32_t obj, other;
static uint64_t value;
static struct mutex first;
static struct waitq wq;

/* ---- determinism ---- */

static void step_often(void *arg)
{
	for (int i = 0; i < 4; i++) {
		rt_point(i % 2 ? obj : other, i % 3 ? POINT_READ : POINT_WRITE);
		value = value * 31 + rt_self()->id;
		mutex_lock(&first);
		value += coop_choose(5);
		mutex_unlock(&first);
	}
}

static void busy_main(void *arg)
{
	obj = rt_obj_id();
	other = rt_obj_id();
	value = 0;
	mutex_init(&first, L_LOG, 0);
	run_tasks(4, step_often, NULL);
}

static void the_same_seed_is_the_same_run(void **state)
{
	uint64_t hashes = 0, last = 0;

	skip_under_tsan();
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct coop_result a = run_once(&test_even, "", seed, busy_main, NULL, NULL);
		uint64_t value_a = value;
		struct coop_result b = run_once(&test_even, "", seed, busy_main, NULL, NULL);
		assert_int_equal(a.trace_hash, b.trace_hash);
		assert_int_equal(a.steps, b.steps);
		assert_int_equal(a.preemptions, b.preemptions);
		assert_int_equal(value, value_a);
		hashes += a.trace_hash != last;
		last = a.trace_hash;
	}
	assert_true(hashes > 40); /* and other seeds are other runs */
}

/* ---- the trace hash ---- */

static enum point_kind kind;

static void one_access(void *arg)
{
	rt_point(obj, kind);
}

static void access_main(void *arg)
{
	obj = rt_obj_id();
	run_tasks(2, one_access, NULL);
}

static unsigned different_hashes(enum point_kind k)
{
	uint64_t seen[2] = { 0 };
	unsigned n = 0;

	kind = k;
	for (uint64_t seed = 0; seed < 40; seed++) {
		uint64_t hash = run_once(&test_even, "", seed, access_main, NULL, NULL).trace_hash;
		if ((n > 0 && hash == seen[0]) || (n > 1 && hash == seen[1]))
			continue;
		assert_true(n < 2);
		seen[n++] = hash;
	}
	return n;
}

static void reads_commute_and_writes_do_not(void **state)
{
	skip_under_tsan();
	assert_int_equal(different_hashes(POINT_READ), 1);
	assert_int_equal(different_hashes(POINT_WRITE), 2);
}

/* ---- ends ---- */

static bool never(void *arg)
{
	return false;
}

static void waits_for_ever(void *arg)
{
	wait_until(&wq, never, NULL);
}

static void deadlock_main(void *arg)
{
	obj = rt_obj_id();
	waitq_init(&wq, L_BIO);
	struct task *t = rt_spawn("sleeper", waits_for_ever, NULL, NULL);
	coop_choices(true);
	rt_join(t);
}

static void a_deadlock_is_stuck_and_says_who_waits(void **state)
{
	struct coop_result res;

	skip_under_tsan();
	res = run_once(&test_even, "", 1, deadlock_main, NULL, NULL);
	assert_int_equal(res.end, COOP_STUCK);
	assert_non_null(strstr(res.why, "sleeper (waits for BIO)"));
	assert_non_null(strstr(res.why, "main (waits for TASK)"));
	/* and the next run is not disturbed by what was left */
	res = run_once(&test_even, "", 1, busy_main, NULL, NULL);
	assert_int_equal(res.end, COOP_FINISHED);
}

/* One task waits for what another makes true; `enough` is what the other says to wait_give(). */
static bool enough;
static _Atomic bool made_true;

static bool is_true(void *arg)
{
	return atomic_load(&made_true);
}

static void waits_for_it(void *arg)
{
	wait_until(&wq, is_true, NULL);
}

static void makes_it_true(void *arg)
{
	rt_point(obj, POINT_WRITE);
	atomic_store(&made_true, true);
	wait_give(&wq, enough);
}

static void wake_main(void *arg)
{
	obj = rt_obj_id();
	waitq_init(&wq, L_BIO);
	atomic_store(&made_true, false);
	struct task *waiter = rt_spawn("waiter", waits_for_it, NULL, NULL);
	struct task *giver = rt_spawn("giver", makes_it_true, NULL, NULL);
	coop_choices(true);
	rt_join(giver);
	rt_join(waiter);
}

/* The waiter goes on if it comes when the condition holds, and not because the scheduler sees that. (coop_next.2) */
static void a_wake_that_is_lost_leaves_the_run_stuck(void **state)
{
	unsigned stuck[2] = { 0 };

	skip_under_tsan();
	for (unsigned e = 0; e < 2; e++)
		for (uint64_t seed = 1; seed <= 100; seed++) {
			enough = e;
			struct coop_result res = run_once(&test_even, "", seed, wake_main, NULL, NULL);
			stuck[e] += res.end == COOP_STUCK;
			if (res.end == COOP_STUCK)
				assert_non_null(strstr(res.why, "waiter (waits for BIO)"));
		}
	assert_in_range(stuck[false], 1, 99);
	assert_int_equal(stuck[true], 0);
}

static void holds_and_waits(void *arg)
{
	mutex_lock(&first);
	wait_until(&wq, never, NULL);
}

static void wants_the_mutex(void *arg)
{
	mutex_lock(&first);
}

static void holder_main(void *arg)
{
	mutex_init(&first, L_LOG, 0);
	waitq_init(&wq, L_BIO);
	rt_spawn("holder", holds_and_waits, NULL, NULL);
	rt->sleep(1);
	rt_join(rt_spawn("wanter", wants_the_mutex, NULL, NULL));
}

static void the_holder_of_a_lock_is_named(void **state)
{
	struct coop_result res;

	skip_under_tsan();
	res = run_once(&test_even, "", 1, holder_main, NULL, NULL);
	assert_int_equal(res.end, COOP_STUCK);
	assert_non_null(strstr(res.why, "wanter (waits for LOG of holder)"));
}

static void for_ever(void *arg)
{
	for (;;)
		rt_point(obj, POINT_READ);
}

static void endless_main(void *arg)
{
	obj = rt_obj_id();
	run_tasks(2, for_ever, NULL);
}

static void polls_for_ever(void *arg)
{
	for (;;)
		wait_until_timeout(&wq, never, NULL, 1000);
}

static void polling_main(void *arg)
{
	waitq_init(&wq, L_BIO);
	run_tasks(1, polls_for_ever, NULL);
}

static void an_endless_run_is_cut(void **state)
{
	skip_under_tsan();
	assert_int_equal(run_once(&test_even, "", 1, endless_main, NULL, NULL).end, COOP_TOO_LONG);
	assert_int_equal(run_once(&test_even, "", 1, polling_main, NULL, NULL).end, COOP_TOO_LONG);
}

/* ---- choices ---- */

static void nothing_to_choose_main(void *arg)
{
	struct task *t[3];

	obj = rt_obj_id();
	other = rt_obj_id();
	value = 0;
	mutex_init(&first, L_LOG, 0);
	for (int i = 0; i < 3; i++)
		t[i] = rt_spawn("task", step_often, NULL, NULL);
	for (int i = 0; i < 3; i++)
		rt_join(t[i]);
}

static void without_choices_nothing_is_decided(void **state)
{
	struct schedule record;
	struct coop_result res;

	skip_under_tsan();
	schedule_init(&record);
	res = run_once(&test_even, "", 1, nothing_to_choose_main, NULL, &record);
	assert_int_equal(res.end, COOP_FINISHED);
	assert_int_equal(res.steps, 0);
	assert_int_equal(record.n, 0);
	schedule_free(&record);
}

/* ---- timeouts and time ---- */

static bool timed_out, woken;
static _Atomic int flag;

static bool is_set(void *arg)
{
	return atomic_load(&flag);
}

static void waits_a_while(void *arg)
{
	if (wait_until_timeout(&wq, is_set, NULL, 1000000))
		woken = true;
	else
		timed_out = true;
}

static void sets(void *arg)
{
	rt_point(obj, POINT_WRITE);
	atomic_store(&flag, 1);
	wake_all(&wq);
}

static void timeout_main(void *arg)
{
	struct task *a, *b;

	obj = rt_obj_id();
	flag = 0;
	waitq_init(&wq, L_BIO);
	a = rt_spawn("waiter", waits_a_while, NULL, NULL);
	b = rt_spawn("setter", sets, NULL, NULL);
	coop_choices(true);
	rt_join(a);
	rt_join(b);
}

static void a_timeout_may_come_at_any_time(void **state)
{
	skip_under_tsan();
	timed_out = woken = false;
	for (uint64_t seed = 0; seed < 50; seed++)
		assert_int_equal(run_once(&test_even, "", seed, timeout_main, NULL, NULL).end, COOP_FINISHED);
	assert_true(timed_out);
	assert_true(woken);
}

static uint64_t order[8];
static unsigned norder;

static void sleeps(void *arg)
{
	uint64_t ns = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < 2; i++) {
		rt->sleep(ns);
		order[norder++] = ns;
	}
}

static uint64_t elapsed;

static void virtual_main(void *arg)
{
	uint64_t start = rt_now();
	struct task *a, *b;

	norder = 0;
	a = rt_spawn("long", sleeps, (void *)5000, NULL);
	b = rt_spawn("short", sleeps, (void *)2000, NULL);
	rt_join(a);
	rt_join(b);
	elapsed = rt_now() - start;
}

static void virtual_time_orders_sleepers_and_costs_none(void **state)
{
	skip_under_tsan();
	assert_int_equal(run_once(&test_clock, "", 0, virtual_main, NULL, NULL).end, COOP_FINISHED);
	assert_int_equal(norder, 4);
	assert_int_equal(order[0], 2000);
	assert_int_equal(order[1], 2000); /* at 4000, before the long one's 5000 */
	assert_int_equal(order[2], 5000);
	assert_int_equal(order[3], 5000);
	assert_int_equal(elapsed, 10000);
}

static void works_under_the_lock(void *arg)
{
	mutex_lock(&first);
	rt_work(1000);
	mutex_unlock(&first);
}

static void works_alone(void *arg)
{
	rt_work(1000);
}

static void (*worker)(void *);

static void working_main(void *arg)
{
	struct task *t[4];
	uint64_t start = rt_now();

	mutex_init(&first, L_LOG, 0);
	for (int i = 0; i < 4; i++)
		t[i] = rt_spawn("worker", worker, NULL, NULL);
	for (int i = 0; i < 4; i++)
		rt_join(t[i]);
	elapsed = rt_now() - start;
}

static void in_virtual_time_a_lock_serialises_and_work_alone_is_parallel(void **state)
{
	skip_under_tsan();
	worker = works_alone;
	run_once(&test_clock, "", 0, working_main, NULL, NULL);
	assert_int_equal(elapsed, 1000);
	worker = works_under_the_lock;
	run_once(&test_clock, "", 0, working_main, NULL, NULL);
	assert_int_equal(elapsed, 4000);
}

/* ---- the rest ---- */

static void counts(void *arg)
{
	count(C_FSYNC);
	rt_point(obj, POINT_WRITE);
	count_add(C_FSYNC, 2);
}

static void counting_main(void *arg)
{
	obj = rt_obj_id();
	run_tasks(3, counts, NULL);
}

static void counters_of_tasks_that_ended_are_summed(void **state)
{
	uint64_t sums[C_NR];

	skip_under_tsan();
	rt_reset_totals();
	run_once(&test_even, "", 1, counting_main, NULL, NULL);
	count(C_FSYNC);
	rt_totals(sums);
	assert_int_equal(sums[C_FSYNC], rt_instrument ? 10 : 0);
	rt_reset_totals();
	rt_totals(sums);
	assert_int_equal(sums[C_FSYNC], 0);
}

static void tells(void *arg)
{
	trace(EV_CALL_BEGINS, rt_self()->id);
}

static void telling_main(void *arg)
{
	run_tasks(2, tells, NULL);
}

static void a_trace_tells_who_did_what_in_order(void **state)
{
	const struct trace_entry *e;
	uint32_t n;

	skip_under_tsan();
	trace_start();
	run_once(&test_even, "", 1, telling_main, NULL, NULL);
	e = trace_stop(&n);
	assert_int_equal(n, 2);
	assert_int_equal(e[0].task + e[1].task, 1 + 2);
	assert_int_equal(e[0].event, EV_CALL_BEGINS);
	assert_int_equal(trace_arg(&e[0], ROLE_CALL), e[0].task);
	assert_int_equal(e[1].tick, 1);
	assert_string_equal(trace_task_name(0), "main");
	assert_string_equal(trace_task_name(1), "task");
	assert_string_equal(trace_task_name(9), "?");
}

static void spawns_one(void *arg)
{
	unsigned *depth = arg, below = *depth - 1;

	if (*depth)
		rt_join(rt_spawn("child", spawns_one, &below, NULL));
}

static void many_main(void *arg)
{
	unsigned depth = 20;

	for (int i = 0; i < 200; i++)
		rt_join(rt_spawn("parent", spawns_one, &depth, NULL));
}

static void slots_of_joined_tasks_serve_again(void **state)
{
	skip_under_tsan();
	assert_int_equal(run_once(&test_even, "", 1, many_main, NULL, NULL).end, COOP_FINISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(reads_commute_and_writes_do_not),
		cmocka_unit_test(a_deadlock_is_stuck_and_says_who_waits),
		cmocka_unit_test(a_wake_that_is_lost_leaves_the_run_stuck),
		cmocka_unit_test(the_holder_of_a_lock_is_named),
		cmocka_unit_test(an_endless_run_is_cut),
		cmocka_unit_test(without_choices_nothing_is_decided),
		cmocka_unit_test(a_timeout_may_come_at_any_time),
		cmocka_unit_test(virtual_time_orders_sleepers_and_costs_none),
		cmocka_unit_test(in_virtual_time_a_lock_serialises_and_work_alone_is_parallel),
		cmocka_unit_test(counters_of_tasks_that_ended_are_summed),
		cmocka_unit_test(a_trace_tells_who_did_what_in_order),
		cmocka_unit_test(slots_of_joined_tasks_serve_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
