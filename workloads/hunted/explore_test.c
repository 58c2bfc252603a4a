/* explore_test.c: which programs there are, that each is run once whatever the division, and that a loss is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunted/explore.h"
#include "race/scenario.h"
#include "rt/sanitize.h"

static void run(struct explore *e, uint32_t jobs, struct violation *v)
{
	struct why why = WHY_NONE;

	if (explore_jobs(e, jobs, v, &why))
		fail_msg("%s", why.text);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void each_program_is_a_scenario_and_there_is_none_twice(void **state)
{
	const struct explore shape[] = { { .calls = 2, .threads = 1 }, { .calls = 1, .threads = 2, .setups = 2 } };

	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = explore_count(&shape[i]);
		char (*text)[EXPLORE_TEXT_MAX] = calloc(n, sizeof(*text));
		const struct race *race;
		struct why why;
		assert_true(n > 100);
		for (uint64_t k = 0; k < n; k++)
			explore_text(&shape[i], k, text[k], sizeof(text[k]));
		qsort(text, n, sizeof(*text), compare_texts);
		for (uint64_t k = 1; k < n; k++)
			assert_string_not_equal(text[k - 1], text[k]);
		for (uint64_t k = 0; k < n; k += 7)
			assert_int_equal(race_scenario_from_text("p", text[k], &race, &why), 0);
		free(text);
	}
}

/* Longer bounds keep the programs of shorter ones, with their numbers. */
static void the_smallest_come_first(void **state)
{
	const struct explore two = { .calls = 2, .threads = 1 }, three = { .calls = 3, .threads = 1 };
	char a[EXPLORE_TEXT_MAX], b[EXPLORE_TEXT_MAX];
	uint64_t n = explore_count(&two);

	for (uint64_t k = 0; k < n; k += 50)
		assert_string_equal(explore_text(&two, k, a, sizeof(a)), explore_text(&three, k, b, sizeof(b)));
	/* None is left out: of 24 calls, in six setups, all that begin with one that changes something, end with one by
	 * which the device gets something, and use a name that is there, or make one that is not. */
	assert_int_equal(n, 876);
	assert_int_equal(explore_count(&three), 20694);
}

static void postfix_holds_in_all_programs_of_two_calls(void **state)
{
	struct explore e = { .design = fs_design_find("postfix"), .calls = 2, .threads = 1 };
	struct violation v;

	if (RT_TSAN)
		skip(); /* fibers */
	violation_init(&v);
	run(&e, 1, &v);
	assert_true(e.complete && !e.found);
	assert_int_equal(e.run, explore_count(&e));
	assert_true(e.schedules > e.run);
	/* divided, and from a number on: the same programs */
	struct explore first = e, second = e;
	first.shards = second.shards = 2;
	second.shard = 1;
	run(&first, 1, &v);
	run(&second, 1, &v);
	assert_int_equal(first.run + second.run, e.run);
	assert_int_equal(first.schedules + second.schedules, e.schedules);
	first.shards = second.shards = 0;
	first.from = e.run - 10;
	run(&first, 2, &v);
	assert_true(first.complete);
	assert_int_equal(first.run, 10);
	violation_fini(&v);
}

/* Three calls and no preemption: what is written to a file without a name is not what its name brings back. */
static void a_loss_is_found_and_is_its_scenarios(void **state)
{
	struct explore e = { .design = fs_design_find("skips_unlinked"), .calls = 3, .threads = 1, .setups = 1 }, two;
	const struct race *race;
	struct violation v;
	struct why why;

	if (RT_TSAN)
		skip();
	violation_init(&v);
	run(&e, 1, &v);
	assert_true(e.found && !e.complete);
	assert_int_equal(v.kind, VIOLATION_PROMISE);
	assert_non_null(strstr(e.text, "rm a\n"));
	assert_int_equal(race_scenario_from_text("p", e.text, &race, &why), 0);
	assert_int_equal(race->ntasks, 1);
	/* by two processes: the same program */
	two = e;
	run(&two, 2, &v);
	assert_true(two.found);
	assert_int_equal(two.next, e.next);
	assert_string_equal(two.text, e.text);
	violation_fini(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_program_is_a_scenario_and_there_is_none_twice),
		cmocka_unit_test(the_smallest_come_first),
		cmocka_unit_test(postfix_holds_in_all_programs_of_two_calls),
		cmocka_unit_test(a_loss_is_found_and_is_its_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
