/* pick_test.c: the pickers find what they must find, and keep what their papers promise. */
#include "rt/test_run.h"

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
		cmocka_unit_test(wrong_arguments_are_refused_with_a_line),
		cmocka_unit_test(pickers_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
