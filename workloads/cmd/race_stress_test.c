/*
 * race_stress_test.c: `fsyncstorm race stress` as a program: what it says, what a hit leaves behind; mistakes are one
 * line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static void the_command_says_what_it_did(void **state)
{
	json_t *j, *r;

	assert_int_equal(spawn("race stress seed --design postfix --rounds 3 --json out.json"), 0);
	assert_non_null(strstr(spawn_out, "no hit proves nothing"));
	j = json_load_file("out.json", 0, NULL);
	assert_non_null(j);
	r = json_array_get(json_object_get(j, "results"), 0);
	assert_string_equal(json_string_value(json_object_get(r, "design")), "postfix");
	assert_int_equal(json_integer_value(json_object_get(r, "rounds")), 3);
	assert_int_equal(json_integer_value(json_object_get(r, "hits")), 0);
	json_decref(j);
	unlink("out.json");
	assert_int_equal(spawn_left(), 0);
}

static void a_hit_is_exit_status_1_and_leaves_its_history(void **state)
{
	int ret = 0;

	for (int seed = 1; seed < 20 && !ret; seed++) {
		char args[100];
		snprintf(args, sizeof(args),
		         "race stress seed --design prefix --rounds 20 --seconds 2 --out the.hit --seed %d", seed);
		ret = spawn(args);
	}
	assert_int_equal(ret, 1);
	assert_non_null(strstr(spawn_out, "the first: block"));
	assert_int_equal(access("the.hit", R_OK), 0);
	unlink("the.hit");
	assert_int_equal(spawn_left(), 0);
}

static void wrong_options_are_one_line(void **state)
{
	static const char *const wrong[][2] = {
		{ "race stress", "which race?" },
		{ "race stress sed", "did you mean seed?" },
		{ "race stress seed --design prefixx", "did you mean prefix?" },
		{ "race stress seed --noise sleeep", "did you mean sleep?" },
		{ "race stress seed --seconds 0", "a time above 0" },
		{ "race stress seed --rounds 0", "a number from 1 on" },
		{ "race stress protocol", "no file system under it" },
		{ "race stress seed --design prefix --seconds 0.1 --json no/where.json",
		  "--json: no/where.json: No such file" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(spawn(wrong[i][0]), 2);
		assert_non_null(strstr(spawn_err, wrong[i][1]));
		assert_null(strchr(strchr(spawn_err, '\n') + 1, '\n'));
		unlink("race-seed-prefix.hit");
		assert_int_equal(spawn_left(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_says_what_it_did),
		cmocka_unit_test(a_hit_is_exit_status_1_and_leaves_its_history),
		cmocka_unit_test(wrong_options_are_one_line),
	};

	return cmocka_run_group_tests_name("race stress", tests, spawn_begin, spawn_end);
}
