/* watch_test.c: what a picker that watches is told of a run, and what becomes of a run that it cuts. */
#include "pick/test_run.h"

#define STEPS 4

static uint32_t obj;
static unsigned ran;

struct watcher {
	unsigned picks, lone_picks, reads, writes, ends, cut_after;
	bool began;
	enum coop_end end;
};

static void steps(void *arg)
{
	for (unsigned i = 0; i < STEPS; i++)
		rt_point(obj, i ? POINT_WRITE : POINT_READ);
	ran++;
}

static void main_task(void *arg)
{
	obj = rt_obj_id();
	ran = 0;
	rt_point(obj, POINT_WRITE); /* before the choices: nobody's business */
	run_tasks(2, steps, NULL);
}

static void watcher_begin(void *state, uint64_t seed, uint32_t n)
{
	((struct watcher *)state)->began = true;
}

static uint32_t watcher_pick(void *state, const struct coop_view *v)
{
	struct watcher *w = state;

	w->lone_picks += !(v->enabled & (v->enabled - 1));
	if (++w->picks == w->cut_after)
		return COOP_PICK_CUT;
	return (uint32_t)__builtin_ctzll(v->enabled);
}

static void watcher_access(void *state, uint32_t task, uint32_t o, enum point_kind kind)
{
	struct watcher *w = state;

	w->reads += o == obj && kind == POINT_READ;
	w->writes += o == obj && kind == POINT_WRITE;
}

static void watcher_ended(void *state, enum coop_end end)
{
	struct watcher *w = state;

	w->ends++;
	w->end = end;
}

static struct coop_result watch(struct watcher *w, bool every_turn)
{
	const struct picker_ear ear = { .access = watcher_access, .end = watcher_ended };
	const struct picker p = { .name = "watcher", .begin = watcher_begin, .pick = watcher_pick,
				  .every_turn = every_turn, .ear = &ear };
	struct coop_config cfg = { .picker = &p, .picker_state = w };
	struct coop_result res;

	coop_run(&cfg, main_task, NULL, &res);
	return res;
}

static void a_watcher_sees_each_access_and_the_end(void **state)
{
	struct watcher w = { 0 };

	skip_under_tsan();
	struct coop_result res = watch(&w, false);
	assert_true(w.began);
	assert_int_equal(w.reads, 2);
	assert_int_equal(w.writes, 2 * (STEPS - 1));
	assert_int_equal(w.picks, res.steps);
	assert_int_equal(w.lone_picks, 0);
	assert_int_equal(w.ends, 1);
	assert_int_equal(w.end, COOP_FINISHED);
	assert_false(res.cut);
}

static void at_every_turn_the_lone_task_is_asked_for_and_is_no_decision(void **state)
{
	struct watcher each = { 0 }, some = { 0 };

	skip_under_tsan();
	struct coop_result a = watch(&each, true), b = watch(&some, false);
	assert_true(each.lone_picks > 0);
	assert_int_equal(each.picks, a.steps + each.lone_picks);
	assert_int_equal(a.steps, b.steps);
	assert_int_equal(a.trace_hash, b.trace_hash);
}

static void a_run_that_is_cut_ends_all_the_same(void **state)
{
	struct watcher w = { .cut_after = 3 };

	skip_under_tsan();
	struct coop_result res = watch(&w, true);
	assert_true(res.cut);
	assert_int_equal(res.end, COOP_FINISHED);
	assert_int_equal(ran, 2);
	assert_int_equal(w.picks, 3);
	assert_int_equal(w.ends, 1);
	assert_true(w.reads + w.writes < 2 * STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watcher_sees_each_access_and_the_end),
		cmocka_unit_test(at_every_turn_the_lone_task_is_asked_for_and_is_no_decision),
		cmocka_unit_test(a_run_that_is_cut_ends_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
