/*
 * dpor_test.c: the reduction finds exactly the traces that a plain search of all schedules finds, each
 * once, in small scenarios of every kind of access: locks, readers and writers, waits that give, wake or drop
 * a mutex, timeouts, data choices, deadlocks, and tasks that are woken by hand.
 */
#include "base/check.h"
#include "rt/dpor_test.h"

static struct mutex first, second;
static struct rwsem rwsem;
static struct waitq wq;
static uint32_t obj, other;
static uint64_t value;
static int items, left;
static struct task *sleeper;
static bool lost;

static void reset(void)
{
	mutex_init(&first, L_LOG, 0);
	mutex_init(&second, L_INODE_LOG, 0);
	rwsem_init(&rwsem, L_EM_TREE, 0);
	waitq_init(&wq, L_WORK);
	obj = rt_obj_id();
	other = rt_obj_id();
	value = 0;
	items = 0;
	lost = false;
}

/* ---- scenarios: task `i` of each ---- */

static void adds_in_two_steps(unsigned i)
{
	rt_point(obj, POINT_READ);
	uint64_t seen = value;
	rt_point(obj, POINT_WRITE);
	value = seen + 1;
}

static void two_objects(unsigned i)
{
	rt_point(i % 2 ? obj : other, POINT_WRITE);
	rt_point(i % 2 ? other : obj, POINT_READ);
}

static void two_locks(unsigned i)
{
	mutex_lock(&first);
	rt_point(obj, i ? POINT_READ : POINT_WRITE);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	rt_point(obj, POINT_READ);
	mutex_unlock(&second);
}

static void a_try(unsigned i)
{
	if (i ? mutex_trylock(&first) : (mutex_lock(&first), true)) {
		rt_point(obj, POINT_WRITE);
		mutex_unlock(&first);
	} else {
		lost = true;
	}
}

static void readers_and_writer(unsigned i)
{
	if (i) {
		read_lock(&rwsem);
		rt_point(obj, POINT_READ);
		read_unlock(&rwsem);
	} else {
		write_lock(&rwsem);
		rt_point(other, POINT_WRITE);
		write_unlock(&rwsem);
	}
	rt_point(other, POINT_READ);
}

static bool has_item(void *arg)
{
	return items > 0;
}

static void producers_and_consumer(unsigned i)
{
	if (i) {
		rt_point(obj, POINT_WRITE);
		items++;
		wake_all(&wq);
		rt_point(other, POINT_WRITE);
	} else {
		wait_until(&wq, has_item, NULL);
		items--;
		rt_access(wq.id, POINT_WRITE);
		rt_point(other, POINT_READ);
	}
}

static bool none_left(void *arg)
{
	return left == 0;
}

static void many_give(unsigned i)
{
	if (i) {
		rt_point(i == 1 ? obj : other, POINT_WRITE);
		wait_give(&wq, --left == 0);
		rt_point(obj, POINT_READ);
	} else {
		rt_point(other, POINT_READ);
		wait_until(&wq, none_left, NULL);
		rt_point(obj, POINT_WRITE);
	}
}

static void waits_with_a_mutex(unsigned i)
{
	mutex_lock(&first);
	if (i) {
		items++;
		wake_all(&wq);
	} else {
		wait_until_locked(&wq, &first, has_item, NULL);
		items--;
	}
	mutex_unlock(&first);
	rt_point(obj, i ? POINT_READ : POINT_WRITE);
}

static void a_timeout(unsigned i)
{
	if (i) {
		rt_point(obj, POINT_WRITE);
		items++;
		wake_all(&wq);
	} else if (!wait_until_timeout(&wq, has_item, NULL, 1000)) {
		lost = true;
	}
}

static void draws(unsigned i)
{
	rt_point(obj, POINT_READ);
	uint32_t n = coop_choose(3);
	if (n == 1)
		rt_point(other, POINT_WRITE);
	rt_point(n == 2 ? obj : other, i ? POINT_READ : POINT_WRITE);
}

static void embraces(unsigned i)
{
	rt_point(obj, POINT_READ);
	wait_until(&wq, has_item, NULL); /* nobody makes one unless it is second */
	rt_point(obj, POINT_WRITE);
}

static void one_makes_one_takes(unsigned i)
{
	if (i) {
		rt_point(obj, POINT_WRITE);
		items = value == 0;
		wake_all(&wq);
	} else {
		rt_point(obj, POINT_WRITE);
		value = 1;
		wait_until(&wq, has_item, NULL);
	}
}

static void woken_by_hand(unsigned i)
{
	if (!i) {
		sleeper = rt_self();
		rt_point(other, POINT_WRITE);
		while (!items)
			rt->park(0);
		rt_point(obj, POINT_WRITE);
	} else if (i == 1) {
		rt_point(obj, POINT_READ);
		items = 1;
		if (sleeper)
			rt->wake(sleeper);
		rt_point(obj, POINT_READ);
	} else {
		rt_point(obj, POINT_WRITE);
	}
}

/* ---- a run of one ---- */

static const struct scenario {
	const char *name;
	unsigned ntasks;
	void (*task)(unsigned i);
	bool sticks; /* some schedule of it ends in a deadlock */
} scenarios[] = {
	{ "adds in two steps", 3, adds_in_two_steps, false },
	{ "two objects", 3, two_objects, false },
	{ "two locks", 2, two_locks, false },
	{ "a try", 2, a_try, false },
	{ "readers and a writer", 3, readers_and_writer, false },
	{ "producers and a consumer", 3, producers_and_consumer, false },
	{ "many give", 3, many_give, false },
	{ "waits with a mutex", 2, waits_with_a_mutex, false },
	{ "a timeout", 2, a_timeout, false },
	{ "draws", 2, draws, false },
	{ "nobody makes one", 2, embraces, true },
	{ "one makes, one takes", 2, one_makes_one_takes, true },
	{ "woken by hand", 3, woken_by_hand, false },
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

struct member {
	const struct scenario *s;
	unsigned i;
};

static void member_task(void *arg)
{
	const struct member *m = arg;

	m->s->task(m->i);
}

static void scenario_main(void *arg)
{
	const struct scenario *s = arg;
	struct member m[4];
	struct task *t[4];

	CHECK(s->ntasks && s->ntasks <= sizeof(t) / sizeof(t[0]));
	reset();
	left = (int)s->ntasks - 1;
	for (unsigned i = 0; i < s->ntasks; i++) {
		m[i] = (struct member){ s, i };
		t[i] = rt_spawn("task", member_task, &m[i], NULL);
	}
	sleeper = t[0];
	coop_choices(true);
	coop_wait_idle();
	coop_choices(false);
	for (unsigned i = 0; i < s->ntasks; i++)
		rt_join(t[i]);
}

static void run_scenario(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	coop_run(cfg, scenario_main, arg, res);
}

static struct trace_set traces_of(const struct scenario *s, enum dpor_mode mode)
{
	return search_all(dpor_new(mode), run_scenario, NULL, (void *)(uintptr_t)s);
}

static void the_reduction_finds_what_a_plain_search_finds_each_trace_once(void **state)
{
	skip_under_tsan();
	for (unsigned i = 0; i < SCENARIOS; i++) {
		struct trace_set all = traces_of(&scenarios[i], DPOR_ALL), races = traces_of(&scenarios[i], DPOR_RACES);
		if (!same_traces(&all, &races) || races.runs != races.n)
			fail_msg("%s: %lu traces in %lu runs, not %lu", scenarios[i].name, (unsigned long)races.n,
			         (unsigned long)races.runs, (unsigned long)all.n);
		assert_true(all.n > 1 || scenarios[i].sticks);
		assert_true(all.runs >= races.runs);
		assert_int_equal(races.stuck > 0, scenarios[i].sticks);
		free(all.hash);
		free(races.hash);
	}
}

static void sleep_sets_alone_find_the_same(void **state)
{
	skip_under_tsan();
	for (unsigned i = 0; i < SCENARIOS; i++) {
		struct trace_set sleep = traces_of(&scenarios[i], DPOR_SLEEP), races = traces_of(&scenarios[i], DPOR_RACES);
		if (!same_traces(&sleep, &races) || sleep.runs != sleep.n || sleep.cut < races.cut)
			fail_msg("%s: %lu traces in %lu runs, not %lu", scenarios[i].name, (unsigned long)sleep.n,
			         (unsigned long)sleep.runs, (unsigned long)races.n);
		free(sleep.hash);
		free(races.hash);
	}
}

/* Two writes that nothing orders are two traces, two reads one; three writes are six. */
static void writes_of(unsigned i)
{
	rt_point(obj, POINT_WRITE);
}

static void reads_of(unsigned i)
{
	rt_point(obj, POINT_READ);
}

static void counts_are_what_can_be_counted_by_hand(void **state)
{
	static const struct scenario writers = { "", 3, writes_of, false }, readers = { "", 3, reads_of, false };
	struct trace_set w, r;

	skip_under_tsan();
	w = traces_of(&writers, DPOR_RACES);
	r = traces_of(&readers, DPOR_RACES);
	assert_int_equal(w.runs, 6);
	assert_int_equal(r.runs, 1);
	assert_int_equal(r.cut, 0);
	free(w.hash);
	free(r.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reduction_finds_what_a_plain_search_finds_each_trace_once),
		cmocka_unit_test(sleep_sets_alone_find_the_same),
		cmocka_unit_test(counts_are_what_can_be_counted_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
