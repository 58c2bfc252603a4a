/*
 * doctor_test.c: each check says how it is and, where something is missing, what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "kit/spawn_test.h"

static const char *text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_t *check_of(json_t *list, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (!strcmp(text(o, "name"), name))
			return o;
	fail_msg("no check is called %s", name);
	return NULL;
}

static void what_is_missing_comes_with_advice(void **state)
{
	json_error_t e;
	json_t *list, *o;
	size_t i;

	assert_int_equal(spawn("doctor --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_true(json_array_size(list) >= 10);
	json_array_foreach(list, i, o) {
		assert_true(strlen(text(o, "found")) > 0);
		assert_int_equal(!strcmp(text(o, "state"), "ok"), !*text(o, "advice"));
	}
	assert_string_equal(text(check_of(list, "root"), "state"), geteuid() ? "limited" : "ok");
	json_decref(list);
	assert_int_equal(spawn("doctor"), 0);
	assert_non_null(strstr(spawn_out, "PMU"));
	assert_int_equal(spawn_left(), 0);
}

static void a_folder_without_a_device_is_told(void **state)
{
	json_error_t e;
	json_t *list;

	if (access("/dev/shm", W_OK))
		skip();
	assert_int_equal(spawn("doctor /dev/shm --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_string_equal(text(check_of(list, "device"), "state"), "no");
	json_decref(list);
	assert_int_equal(spawn("doctor /proc --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_string_equal(text(check_of(list, "O_DIRECT"), "state"), "no");
	json_decref(list);
}

static void mistakes_are_one_line(void **state)
{
	assert_int_equal(spawn("doctor nosuch"), 2);
	assert_non_null(strstr(spawn_err, "nosuch: No such file"));
	assert_int_equal(spawn("doctor . ."), 2);
	assert_non_null(strstr(spawn_err, "one folder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_comes_with_advice),
		cmocka_unit_test(a_folder_without_a_device_is_told),
		cmocka_unit_test(mistakes_are_one_line),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
