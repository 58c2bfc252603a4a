/*
 * dpor_test.c: the reduction finds exactly the traces that a plain search of all schedules finds, each
 * once, in small scenarios of every kind of access: locks, readers and writers, waits that give, wake or drop
 * a mutex, timeouts, data choices, deadlocks, and tasks that are woken by hand; within a bound on preemptions
 * too; and in programs that are drawn by chance.
 */
#include "base/check.h"
#include "base/rng.h"
#include "pick/dpor_test.h"
#include "rt/test_trylock.h"

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
		struct trace_set sleep = traces_of(&scenarios[i], DPOR_SLEEP);
		struct trace_set races = traces_of(&scenarios[i], DPOR_RACES);
		if (!same_traces(&sleep, &races) || sleep.runs != sleep.n || sleep.cut < races.cut)
			fail_msg("%s: %lu traces in %lu runs, not %lu", scenarios[i].name, (unsigned long)sleep.n,
			         (unsigned long)sleep.runs, (unsigned long)races.n);
		free(sleep.hash);
		free(races.hash);
	}
}

/* ---- programs drawn by chance: what nobody thought of ---- */

#define OPS_MAX 3u

enum op {
	OP_READ, OP_WRITE, OP_LOCKED_READ, OP_LOCKED_WRITE, OP_BOTH_LOCKS, OP_SHARED, OP_EXCLUSIVE,
	OP_GIVE, OP_WAIT, OP_TRY, OP_SPAWN, OP_WAIT_LOCKED, OP_TIMEOUT, OP_DRAW, OP_NR
};

static struct program {
	unsigned ntasks;
	struct {
		unsigned n;
		struct {
			enum op op;
			unsigned obj;
		} op[OPS_MAX];
	} task[3];
} program;

static const char *const op_name[OP_NR] = {
	"read", "write", "locked read", "locked write", "both locks", "shared", "exclusive",
	"give", "wait", "try", "spawn", "wait locked", "timeout", "draw"
};

static void draw_program(uint64_t seed)
{
	struct rng r;

	rng_seed(&r, seed);
	program.ntasks = 2 + (unsigned)rng_below(&r, 2);
	for (unsigned i = 0; i < program.ntasks; i++) {
		program.task[i].n = 1 + (unsigned)rng_below(&r, program.ntasks == 2 ? OPS_MAX : 2);
		for (unsigned k = 0; k < program.task[i].n; k++) {
			program.task[i].op[k].op = (enum op)rng_below(&r, OP_NR);
			program.task[i].op[k].obj = (unsigned)rng_below(&r, 2);
		}
	}
}

static void spawned(void *arg)
{
	rt_point(*(uint32_t *)arg, POINT_WRITE);
}

static void locked(struct mutex *m, uint32_t o, enum point_kind kind)
{
	mutex_lock(m);
	rt_point(o, kind);
	mutex_unlock(m);
}

static void do_op(enum op op, unsigned which)
{
	static uint32_t to[2];
	uint32_t o = which ? obj : other;

	switch (op) {
	case OP_READ:
	case OP_WRITE:
		rt_point(o, op == OP_READ ? POINT_READ : POINT_WRITE);
		break;
	case OP_LOCKED_READ:
	case OP_LOCKED_WRITE:
		locked(&first, o, op == OP_LOCKED_READ ? POINT_READ : POINT_WRITE);
		break;
	case OP_BOTH_LOCKS:
		mutex_lock(&first);
		locked(&second, o, POINT_READ);
		mutex_unlock(&first);
		break;
	case OP_SHARED:
		read_lock(&rwsem);
		rt_point(o, POINT_READ);
		read_unlock(&rwsem);
		break;
	case OP_EXCLUSIVE:
		write_lock(&rwsem);
		write_unlock(&rwsem);
		break;
	case OP_GIVE:
		rt_point(o, POINT_WRITE);
		items++;
		wake_all(&wq);
		break;
	case OP_WAIT:
		wait_until(&wq, has_item, NULL);
		break;
	case OP_TRY:
		if (mutex_trylock(&first)) {
			rt_point(o, POINT_WRITE);
			mutex_unlock(&first);
		}
		break;
	case OP_WAIT_LOCKED:
		mutex_lock(&first);
		wait_until_locked(&wq, &first, has_item, NULL);
		items--;
		rt_access(wq.id, POINT_WRITE);
		mutex_unlock(&first);
		break;
	case OP_TIMEOUT:
		wait_until_timeout(&wq, has_item, NULL, 1000);
		break;
	case OP_DRAW:
		rt_point(o, coop_choose(2) ? POINT_READ : POINT_WRITE);
		break;
	default:
		to[which] = o;
		rt_join(rt_spawn("spawned", spawned, &to[which], NULL));
	}
}

static void does_its_ops(unsigned i)
{
	for (unsigned k = 0; k < program.task[i].n; k++)
		do_op(program.task[i].op[k].op, program.task[i].op[k].obj);
}

static void print_program(void)
{
	for (unsigned i = 0; i < program.ntasks; i++) {
		print_message("task %u:", i);
		for (unsigned k = 0; k < program.task[i].n; k++)
			print_message(" %s %u;", op_name[program.task[i].op[k].op], program.task[i].op[k].obj);
		print_message("\n");
	}
}

static struct trace_set bounded_traces_of(const struct scenario *s, enum dpor_mode mode, uint32_t preemptions)
{
	struct dpor *d = dpor_new(mode);

	d->preemptions = preemptions;
	return search_all(d, run_scenario, NULL, (void *)(uintptr_t)s);
}

static void check_bound(const struct scenario *s, uint32_t preemptions, enum dpor_mode mode)
{
	struct trace_set all = bounded_traces_of(s, DPOR_ALL, preemptions);
	struct trace_set reduced = bounded_traces_of(s, mode, preemptions);

	if (!same_traces(&all, &reduced) && s->task == does_its_ops)
		print_program(); /* what failed, for whoever looks for the reason */
	if (!same_traces(&all, &reduced))
		fail_msg("%s, mode %d, %u preemptions: %lu traces, not %lu", s->name, mode, preemptions,
		         (unsigned long)reduced.n, (unsigned long)all.n);
	assert_true(reduced.runs <= all.runs);
	assert_int_equal(reduced.stuck > 0, all.stuck > 0);
	free(all.hash);
	free(reduced.hash);
}

static void within_a_bound_the_reduction_finds_what_a_plain_search_finds(void **state)
{
	skip_under_tsan();
	for (unsigned i = 0; i < SCENARIOS; i++)
		for (uint32_t preemptions = 0; preemptions <= 4; preemptions++) {
			check_bound(&scenarios[i], preemptions, DPOR_SLEEP);
			check_bound(&scenarios[i], preemptions, DPOR_RACES);
		}
}

/* A pass that no bound has limited has tried all: deepening ends by itself. */
static void deepened_until_nothing_is_left_it_finds_all(void **state)
{
	skip_under_tsan();
	for (const struct scenario *s = scenarios; s < scenarios + SCENARIOS; s++)
		for (enum dpor_mode mode = DPOR_RACES; mode <= (s->ntasks == 2 ? DPOR_ALL : DPOR_SLEEP); mode++) {
			struct dpor *d = dpor_new_deepening(mode, "");
			struct trace_set all = traces_of(s, DPOR_RACES);
			struct trace_set deepened = search_all(d, run_scenario, NULL, (void *)(uintptr_t)s);
			if (!same_traces(&all, &deepened))
				fail_msg("%s, mode %d: %lu traces, not %lu", s->name, mode, (unsigned long)deepened.n,
				         (unsigned long)all.n);
			free(all.hash);
			free(deepened.hash);
		}
	assert_null(dpor_new_deepening(DPOR_ALL, "k=many"));
}

static void programs_drawn_by_chance_too(void **state)
{
	char name[40];
	struct scenario s = { name, 0, does_its_ops, false };

	skip_under_tsan();
	for (unsigned seed = 1; seed <= (getenv("FAST_TESTS") ? 40 : 120); seed++) {
		draw_program(seed);
		snprintf(name, sizeof(name), "program %u", seed);
		s.ntasks = program.ntasks;
		check_bound(&s, DPOR_NO_BOUND, DPOR_RACES);
		for (uint32_t preemptions = 0; preemptions <= 2; preemptions++) {
			check_bound(&s, preemptions, DPOR_SLEEP);
			check_bound(&s, preemptions, DPOR_RACES);
		}
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
		cmocka_unit_test(within_a_bound_the_reduction_finds_what_a_plain_search_finds),
		cmocka_unit_test(deepened_until_nothing_is_left_it_finds_all),
		cmocka_unit_test(programs_drawn_by_chance_too),
		cmocka_unit_test(counts_are_what_can_be_counted_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
