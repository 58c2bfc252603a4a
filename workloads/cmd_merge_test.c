/* cmd_merge_test.c: runs that are merged keep every trial, and what does not fit together is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "spawn_test.h"

static const char *const made = "bench dwsl --target prefix@ram:64m --target postfix@ram:64m --trials 3 --seconds 20ms --out ";

static void make_run(const char *args, const char *folder)
{
	char line[512];

	snprintf(line, sizeof(line), "%s%s", args, folder);
	int ret = spawn(line);
	if (ret)
		print_error("%s: %s\n", line, spawn_err);
	assert_int_equal(ret, 0);
}

static json_t *run_of(const char *folder)
{
	char path[256];
	json_t *o;

	snprintf(path, sizeof(path), "%s/run.json", folder);
	o = json_load_file(path, 0, NULL);
	assert_non_null(o);
	return o;
}

/* Operations of all trials together. */
static json_int_t fsyncs(const char *folder, json_int_t *sum_ns)
{
	json_t *o = run_of(folder), *trial;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "runs"), i, trial) {
		json_t *h = json_object_get(json_object_get(trial, "ops"), "fsync");
		n += json_integer_value(json_object_get(h, "n"));
		*sum_ns += json_integer_value(json_object_get(h, "sum_ns"));
	}
	json_decref(o);
	return n;
}

static void all_trials_are_there_and_compared_again(void **state)
{
	json_int_t parts = 0, whole = 0, n;
	json_t *o, *c;
	size_t i;

	make_run(made, "one");
	make_run(made, "two");
	assert_int_equal(spawn("merge one two/run.json --out all"), 0);
	n = fsyncs("one", &parts) + fsyncs("two", &parts);
	assert_int_equal(fsyncs("all", &whole), n);
	assert_int_equal(whole, parts);
	o = run_of("all");
	assert_int_equal(json_integer_value(json_object_get(o, "trials")), 6);
	assert_int_equal(json_array_size(json_object_get(o, "runs")), 12);
	assert_int_equal(json_array_size(json_object_get(o, "comparisons")), 4);
	json_array_foreach(json_object_get(o, "comparisons"), i, c)
		assert_int_equal(json_integer_value(json_object_get(c, "blocks")), 6);
	json_decref(o);
	assert_int_equal(access("all/threads-1-B-fsync.hgrm", R_OK), 0);
	assert_int_equal(access("all/env.json", R_OK), 0);
}

static void refused(const char *args, const char *line)
{
	unsigned before = spawn_left();
	int ret = spawn(args);

	if (ret != 2 || !strstr(spawn_err, line) || strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
		print_error("%s: %d, %s\n", args, ret, spawn_err);
	assert_int_equal(ret, 2);
	assert_non_null(strstr(spawn_err, line));
	assert_ptr_equal(strchr(spawn_err, '\n'), spawn_err + strlen(spawn_err) - 1);
	assert_int_equal(spawn_left(), before);
}

static void what_does_not_fit_is_refused(void **state)
{
	make_run("bench dwsl --target prefix@ram:64m --trials 1 --seconds 10ms --out ", "other");
	make_run("bench append --target prefix@ram:64m --target postfix@ram:64m --trials 1 --seconds 10ms --out ", "job");
	refused("merge one", "two or more runs");
	refused("merge one nowhere", "nowhere");
	refused("merge one other --out x", "target B is ``");
	refused("merge one job --out x", "its job is `append`");
	refused("merge one two --out one", "one");
	assert_int_equal(mkdir("cut", 0700), 0);
	spawn_file("cut/run.json", "{ \"schema\": \"fsyncstorm-bench\", ");
	refused("merge one cut --out x", "cut/run.json:1:");
	spawn_file("cut/run.json", "{ \"schema\": \"fsyncstorm-bench\", \"schema_version\": 9 }");
	refused("merge one cut --out x", "schema version 9");
	spawn_file("cut/run.json", "{ \"schema\": \"else\" }");
	refused("merge one cut --out x", "not a bench's run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_trials_are_there_and_compared_again),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
