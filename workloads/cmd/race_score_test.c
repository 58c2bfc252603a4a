/* race_score_test.c: `fsyncstorm race score` as a program: its rows, a mismatch; mistakes are one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static void the_command_writes_every_row(void **state)
{
	json_t *j, *rows;

	if (RT_TSAN)
		skip();
	assert_int_equal(spawn("race score protocol --strategy random --strategy surw --seeds 3 --cap 300 --json "
	                       "out.json"), 0);
	assert_non_null(strstr(spawn_out, "0 mismatches"));
	assert_non_null(strstr(spawn_out, "ranked: "));
	j = json_load_file("out.json", 0, NULL);
	rows = json_object_get(j, "rows");
	assert_true(json_array_size(rows) >= 8);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "strategy")), "surw");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "searches")), 3);
	assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "median_95"))); /* of three there is none */
	assert_int_equal(json_array_size(json_object_get(j, "mismatches")), 0);
	json_decref(j);
	unlink("out.json");
	assert_int_equal(spawn_left(), 0);
}

/* Two schedules do not find what is due: a mismatch. */
static void a_mismatch_is_exit_status_1(void **state)
{
	if (RT_TSAN)
		skip();
	assert_int_equal(spawn("race score seed --design prefix --strategy pct --seeds 1 --cap 1"), 1);
	assert_non_null(strstr(spawn_out, "MISMATCH: breaks is due, and it holds"));
}

static void wrong_options_are_one_line(void **state)
{
	static const char *const wrong[][2] = {
		{ "race score sed", "did you mean seed?" },
		{ "race score --strategy surv", "not a picker" },
		{ "race score --seeds 0", "a number from 1 on" },
		{ "race score --cap x", "a number from 1 on" },
		{ "race score --design postfi", "did you mean postfix?" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(spawn(wrong[i][0]), 2);
		assert_non_null(strstr(spawn_err, wrong[i][1]));
		assert_string_equal(spawn_out, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_writes_every_row),
		cmocka_unit_test(a_mismatch_is_exit_status_1),
		cmocka_unit_test(wrong_options_are_one_line),
	};

	return cmocka_run_group_tests_name("race score", tests, spawn_begin, spawn_end);
}
