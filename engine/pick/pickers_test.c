/* pickers_test.c: the pickers find what they must find, and keep what their papers promise. */
#include "base/rng.h"
#include "pick/test_run.h"

#define TRIES 2000

static uint32_t obj;
static uint64_t counter;

/* ---- a planted lost update: read, point, write ---- */

static void adds(void *arg)
{
	rt_point(obj, POINT_READ);
	uint64_t seen = counter;
	rt_point(obj, POINT_WRITE);
	counter = seen + 1;
}

static void lost_update_main(void *arg)
{
	obj = rt_obj_id();
	counter = 0;
	run_tasks(2, adds, NULL);
}

/* The first seed that loses the update; TRIES when none does. */
static unsigned schedules_to_bug(const struct picker *p, const char *args, uint64_t from)
{
	for (unsigned i = 0; i < TRIES; i++) {
		run_once(p, args, from + i, lost_update_main, NULL, NULL);
		if (counter != 2)
			return i;
	}
	return TRIES;
}

static void a_lost_update_is_found_soon(void **state)
{
	skip_under_tsan();
	for (uint64_t from = 0; from < 10000; from += 1000) {
		assert_true(schedules_to_bug(&pick_random, "", from) < 50);
		assert_true(schedules_to_bug(&pick_pct, "d=2", from) < 500); /* its bound: 1/(3*50) each */
		assert_true(schedules_to_bug(&pick_pct, "d=auto", from) < 500);
		assert_true(schedules_to_bug(&pick_pos, "", from) < 50);
		assert_true(schedules_to_bug(&pick_urw, "", from) < 50);
		assert_true(schedules_to_bug(&pick_surw, "", from) < 50);
	}
}

static void pct_with_no_change_point_never_preempts(void **state)
{
	skip_under_tsan();
	assert_int_equal(schedules_to_bug(&pick_pct, "d=1", 0), TRIES);
}

/* ---- pickers alone, on a view made by hand ---- */

static void random_is_even(void **state)
{
	struct coop_view v = { .enabled = (1ull << 3) | (1ull << 17) | (1ull << 63) };
	unsigned hits[COOP_TASKS_MAX] = { 0 };
	const char *err = NULL;
	void *state_ = pick_random.create("", &err);

	pick_random.begin(state_, 5, 100);
	for (int i = 0; i < 30000; i++)
		hits[pick_random.pick(state_, &v)]++;
	for (int id = 0; id < COOP_TASKS_MAX; id++) {
		if (v.enabled & (1ull << id))
			assert_in_range(hits[id], 9500, 10500);
		else
			assert_int_equal(hits[id], 0);
	}
	pick_random.destroy(state_);
}

/* How often the pick changes although everybody stays enabled. */
static unsigned changes(void *state, uint64_t seed, unsigned steps)
{
	struct coop_view v = { .enabled = 0x1f };
	uint32_t last;
	unsigned n = 0;

	pick_pct.begin(state, seed, steps);
	last = pick_pct.pick(state, &v);
	for (unsigned i = 1; i < steps; i++) {
		uint32_t id = pick_pct.pick(state, &v);
		n += id != last;
		last = id;
	}
	return n;
}

static void pct_changes_at_most_d_minus_one_times(void **state)
{
	static const struct {
		const char *args;
		unsigned most;
	} rows[] = { { "d=1", 0 }, { "d=2", 1 }, { "", 2 }, { "d=5", 4 }, { "d=auto", 5 } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *err = NULL;
		void *pct = pick_pct.create(rows[i].args, &err);
		unsigned most = 0;
		assert_null(err);
		for (uint64_t seed = 0; seed < 300; seed++) {
			unsigned n = changes(pct, seed, 100);
			most = n > most ? n : most;
		}
		assert_int_equal(most, rows[i].most); /* never more, and reached */
		pick_pct.destroy(pct);
	}
}

static void a_poller_does_not_starve_others_under_pct(void **state)
{
	struct coop_view v = { .enabled = 3, .timed = 1 };
	const char *err = NULL;
	void *pct = pick_pct.create("d=1", &err);

	for (uint64_t seed = 0; seed < 20; seed++) {
		pick_pct.begin(pct, seed, 100);
		pick_pct.pick(pct, &v);
		assert_int_equal(pick_pct.pick(pct, &v), 1);
	}
	pick_pct.destroy(pct);
}

/* Two that begin again for each other's sake, in turns of priority, would do so for ever. */
static void a_long_run_is_fair_under_pct(void **state)
{
	struct coop_view v = { .enabled = 3 };
	const char *err = NULL;
	void *pct = pick_pct.create("d=1", &err);
	unsigned turns[2] = { 0, 0 };

	pick_pct.begin(pct, 1, 100);
	uint32_t first = pick_pct.pick(pct, &v);
	for (unsigned i = 0; i < 800; i++)
		assert_int_equal(pick_pct.pick(pct, &v), first);
	for (unsigned i = 0; i < 1000; i++)
		turns[pick_pct.pick(pct, &v)]++;
	assert_true(turns[0] > 400 && turns[1] > 400);
	pick_pct.destroy(pct);
}

/* Who comes second of three, when what the first did conflicts with the others', and when not. */
static uint32_t second_of_three(uint64_t seed, bool conflict)
{
	struct coop_view v = { .enabled = 7, .ntasks = 3 };
	const char *err = NULL;
	void *pos = pick_pos.create("", &err);

	for (uint32_t id = 0; id < 3; id++) {
		v.obj[id] = conflict ? 1 : id + 1;
		v.kind[id] = POINT_WRITE;
	}
	pick_pos.begin(pos, seed, 100);
	v.enabled &= ~(1ull << pick_pos.pick(pos, &v));
	uint32_t second = pick_pos.pick(pos, &v);
	pick_pos.destroy(pos);
	return second;
}

static void pos_draws_again_for_what_conflicts_and_only_for_that(void **state)
{
	unsigned differ = 0;

	for (uint64_t seed = 0; seed < 1000; seed++)
		differ += second_of_three(seed, false) != second_of_three(seed, true);
	assert_in_range(differ, 440, 560);
}

/* ---- pickers that learn ---- */

struct scene {
	const struct picker *picker;
	void *state;
	struct coop_result result;
};

static void scene_open(struct scene *s, const struct picker *p, const char *args)
{
	const char *err = NULL;

	*s = (struct scene){ .picker = p, .state = p->create(args, &err) };
	assert_null(err);
}

static void scene_run(struct scene *s, uint64_t seed, void (*fn)(void *), struct schedule *record)
{
	struct coop_config cfg = {
		.picker = s->picker, .picker_state = s->state, .seed = rng_mix(seed), .record = record,
	};

	coop_run(&cfg, fn, NULL, &s->result);
	assert_int_equal(s->result.end, COOP_FINISHED);
}

static void scene_close(struct scene *s)
{
	s->picker->destroy(s->state);
}

/* Two tasks: each does two things to the shared object; the second one thirty to one of its own before each. */
#define PADDING 30

static uint32_t own, order, slow_steps, quick_at;

static void touches_twice(void *arg)
{
	bool slow = rt_self()->id == 2;

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < PADDING && slow; k++) {
			rt_point(own, POINT_WRITE);
			slow_steps++;
		}
		rt_point(obj, POINT_WRITE);
		order = order << 1 | slow;
		if (!slow && !i)
			quick_at = slow_steps;
	}
}

static void uneven_main(void *arg)
{
	obj = rt_obj_id();
	own = rt_obj_id();
	order = slow_steps = quick_at = 0;
	run_tasks(2, touches_twice, NULL);
}

static void surw_makes_each_order_of_shared_accesses_equally_likely(void **state)
{
	unsigned seen[16] = { 0 };
	struct scene s;

	skip_under_tsan();
	scene_open(&s, &pick_surw, "all");
	for (uint64_t i = 0; i < 6020; i++) {
		scene_run(&s, i, uneven_main, NULL);
		if (i >= 20) /* it has learned what there is */
			seen[order]++;
	}
	for (unsigned i = 0; i < 16; i++)
		if (__builtin_popcount(i) == 2)
			assert_in_range(seen[i], 800, 1200);
	scene_close(&s);
}

static void urw_spreads_a_short_task_over_a_long_one(void **state)
{
	unsigned third[3] = { 0 };
	struct scene s;

	skip_under_tsan();
	scene_open(&s, &pick_urw, "");
	for (uint64_t i = 0; i < 3020; i++) {
		scene_run(&s, i, uneven_main, NULL);
		if (i >= 20)
			third[quick_at * 3 / (2 * PADDING + 1)]++;
	}
	assert_true(third[1] > 500 && third[2] > 50); /* of 3000; the random walk: 0 in the last third, and it */
	scene_close(&s);
	scene_open(&s, &pick_random, "");
	for (uint64_t i = 0; i < 1000; i++) {
		scene_run(&s, i, uneven_main, NULL);
		assert_true(quick_at * 3 / (2 * PADDING + 1) < 1);
	}
	scene_close(&s);
}

/* What was learned depends on the runs that a picker was given, and its recording alone repeats a run. */
static void who_learns_alike_picks_alike(void **state)
{
	static const struct picker *const learners[] = { &pick_urw, &pick_surw };
	struct schedule record;

	skip_under_tsan();
	schedule_init(&record);
	for (unsigned i = 0; i < 2; i++) {
		struct scene a, b;
		scene_open(&a, learners[i], "");
		scene_open(&b, learners[i], "");
		for (uint64_t seed = 0; seed < 200; seed++) {
			scene_run(&a, seed, uneven_main, &record);
			scene_run(&b, seed, uneven_main, NULL);
			assert_int_equal(a.result.trace_hash, b.result.trace_hash);
			struct coop_result again = replay(&record, true, uneven_main, NULL);
			assert_int_equal(again.end, COOP_FINISHED);
			assert_int_equal(again.trace_hash, a.result.trace_hash);
		}
		scene_close(&a);
		scene_close(&b);
	}
	schedule_free(&record);
}

static void wrong_arguments_are_refused_with_a_line(void **state)
{
	static const char *const wrong[] = { "d=0", "d=33", "d=", "x", "d=3x", "d=-1" };
	const char *err;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err = NULL;
		assert_null(pick_pct.create(wrong[i], &err));
		assert_non_null(err);
	}
	err = NULL;
	assert_null(pick_random.create("d=3", &err));
	assert_non_null(err);
	err = NULL;
	assert_null(pick_surw.create("most", &err));
	assert_non_null(err);
}

static void pickers_are_found_by_name(void **state)
{
	assert_ptr_equal(picker_find("random"), &pick_random);
	assert_ptr_equal(picker_find("pct"), &pick_pct);
	assert_null(picker_find("rand"));
	for (unsigned i = 0; picker_at(i); i++)
		assert_ptr_equal(picker_find(picker_at(i)->name), picker_at(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_update_is_found_soon),
		cmocka_unit_test(pct_with_no_change_point_never_preempts),
		cmocka_unit_test(random_is_even),
		cmocka_unit_test(pct_changes_at_most_d_minus_one_times),
		cmocka_unit_test(a_poller_does_not_starve_others_under_pct),
		cmocka_unit_test(a_long_run_is_fair_under_pct),
		cmocka_unit_test(pos_draws_again_for_what_conflicts_and_only_for_that),
		cmocka_unit_test(surw_makes_each_order_of_shared_accesses_equally_likely),
		cmocka_unit_test(urw_spreads_a_short_task_over_a_long_one),
		cmocka_unit_test(who_learns_alike_picks_alike),
		cmocka_unit_test(wrong_arguments_are_refused_with_a_line),
		cmocka_unit_test(pickers_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
