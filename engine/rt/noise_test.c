/*
 * noise_test.c: noise on threads makes seldom interleavings happen, and is gone when it is switched off. All on
 * one processor: there two steps so close are as good as never torn apart, but by noise.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/noise.h"
#include "rt/rt.h"
#include "rt/test_pickers.h"
#include "rt/test_run.h"

#define TASKS  4
#define STEPS  200
#define ROUNDS 100

static _Atomic uint32_t sum;
static uint32_t obj;

/* Not one step: what comes between is lost. */
static void add_in_two_steps(void *arg)
{
	for (int i = 0; i < STEPS; i++) {
		uint32_t was = atomic_load(&sum);
		rt_point(obj, POINT_WRITE);
		atomic_store(&sum, was + 1);
	}
}

static bool round_loses(enum noise kind, uint64_t seed)
{
	struct task *t[TASKS];

	atomic_store(&sum, 0);
	noise_start(kind, seed);
	for (int i = 0; i < TASKS; i++)
		t[i] = rt_spawn("adder", add_in_two_steps, NULL, NULL);
	for (int i = 0; i < TASKS; i++)
		rt_join(t[i]);
	noise_stop();
	return atomic_load(&sum) != TASKS * STEPS;
}

static void loses_soon(enum noise kind)
{
	uint64_t seed = 1;

	obj = rt_obj_id();
	while (seed < ROUNDS && !round_loses(kind, seed))
		seed++;
	assert_int_not_equal(seed, ROUNDS);
}

static void yields_let_others_between_two_steps(void **state)
{
	loses_soon(NOISE_YIELD);
}

static void sleeps_let_others_between_two_steps(void **state)
{
	loses_soon(NOISE_SLEEP);
}

static void points_are_heard_of_only_when_somebody_listens(void **state)
{
	assert_false(rt_points);
	noise_start(NOISE_YIELD, 1);
	assert_true(rt_points);
	noise_stop();
	assert_false(rt_points);
	noise_start(NOISE_NONE, 1);
	assert_false(rt_points);
	noise_stop();
}

static void note_points(void *arg)
{
	*(bool *)arg = rt_points;
}

static void a_picker_hears_of_points_and_then_no_longer(void **state)
{
	bool heard = false;

	skip_under_tsan();
	run_once(&test_even, "", 1, note_points, &heard, NULL);
	assert_true(heard);
	assert_false(rt_points);
}

static int to_one_processor(void **state)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yields_let_others_between_two_steps),
		cmocka_unit_test(sleeps_let_others_between_two_steps),
		cmocka_unit_test(points_are_heard_of_only_when_somebody_listens),
		cmocka_unit_test(a_picker_hears_of_points_and_then_no_longer),
	};

	return cmocka_run_group_tests_name("noise", tests, to_one_processor, NULL);
}
