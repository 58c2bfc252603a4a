/* replay_test.c: a recorded schedule replays bit for bit, also from its text; one that does not fit says where. */
#include <stdio.h>
#include <stdlib.h>

#include "pick/test_run.h"
#include "rt/schedule.h"

static uint32_t obj, other;
static uint64_t value;
static struct mutex first;

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

static char *as_text(const struct schedule *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	schedule_print(s, f);
	fclose(f);
	return text;
}

static void a_record_replays_also_from_its_text(void **state)
{
	struct schedule record, parsed;
	char err[128];

	skip_under_tsan();
	schedule_init(&record);
	schedule_init(&parsed);
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct coop_result a = run_once(&pick_pct, "d=auto", seed, busy_main, NULL, &record);
		uint64_t value_a = value;
		char *text = as_text(&record);
		assert_int_equal(schedule_parse(&parsed, text, err), 0);
		free(text);
		struct coop_result b = replay(&parsed, true, busy_main, NULL);
		assert_int_equal(b.end, COOP_FINISHED);
		assert_int_equal(b.trace_hash, a.trace_hash);
		assert_int_equal(value, value_a);
	}
	schedule_free(&record);
	schedule_free(&parsed);
}

static void a_schedule_that_does_not_fit_diverges_and_says_where(void **state)
{
	struct schedule record;
	struct coop_result res;

	skip_under_tsan();
	schedule_init(&record);
	run_once(&pick_random, "", 7, busy_main, NULL, &record);
	record.d[3] = (struct decision){ .value = 60 };
	res = replay(&record, true, busy_main, NULL);
	assert_int_equal(res.end, COOP_DIVERGED);
	assert_non_null(strstr(res.why, "says task 60"));
	assert_int_equal(replay(&record, false, busy_main, NULL).end, COOP_FINISHED);
	record.n = 2;
	res = replay(&record, true, busy_main, NULL);
	assert_int_equal(res.end, COOP_DIVERGED);
	assert_non_null(strstr(res.why, "has ended"));
	schedule_free(&record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_replays_also_from_its_text),
		cmocka_unit_test(a_schedule_that_does_not_fit_diverges_and_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
