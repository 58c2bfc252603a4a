/* merge_test.c: runs that are merged keep every trial, and what does not fit together is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "kit/spawn_test.h"

static const char *const made = "bench dwsl --target prefix@ram:64m --target postfix@ram:64m --trials 3 "
				"--seconds 20ms --out ";

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

/* Of all trials together: how often, and how long. */
static json_int_t count_of(const char *folder, const char *op, json_int_t *sum_ns)
{
	json_t *o = run_of(folder), *trial;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "runs"), i, trial) {
		json_t *h = json_object_get(json_object_get(trial, "ops"), op);
		n += json_integer_value(json_object_get(h, "n"));
		*sum_ns += json_integer_value(json_object_get(h, "sum_ns"));
	}
	json_decref(o);
	return n;
}

static void all_trials_are_there_and_compared_again(void **state)
{
	json_int_t parts = 0, whole = 0, n;
	json_t *o, *row;
	size_t i;

	make_run(made, "one");
	make_run(made, "two");
	assert_int_equal(spawn("merge one two/run.json --out all"), 0);
	n = count_of("one", "fsync", &parts) + count_of("two", "fsync", &parts);
	assert_int_equal(count_of("all", "fsync", &whole), n);
	assert_int_equal(whole, parts);
	o = run_of("all");
	assert_int_equal(json_integer_value(json_object_get(o, "trials")), 6);
	assert_int_equal(json_array_size(json_object_get(o, "runs")), 12);
	assert_int_equal(json_array_size(json_object_get(o, "merged_from")), 2);
	json_decref(o);
	assert_int_equal(spawn("compare all -m p50 -m rate --json -"), 0);
	o = json_loads(spawn_out, 0, NULL);
	json_array_foreach(json_object_get(o, "comparisons"), i, row)
		assert_int_equal(json_integer_value(json_object_get(row, "blocks")), 6);
	assert_int_equal(i, 2);
	json_decref(o);
	assert_int_equal(access("all/threads-1-B-fsync.hgrm", R_OK), 0);
	assert_int_equal(access("all/env.json", R_OK), 0);
}

static void hgrm_has(const char *path, json_int_t n)
{
	char text[1 << 16], foot[64];

	spawn_slurp(open(path, O_RDONLY), text, sizeof(text));
	snprintf(foot, sizeof(foot), "Total count    = %12lld]", (long long)n);
	if (!strstr(text, foot))
		print_error("%s has not %s:\n%s", path, foot, text);
	assert_non_null(strstr(text, foot));
}

__attribute__((format(printf, 1, 2))) static void says_row(const char *fmt, ...)
{
	char row[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(row, sizeof(row), fmt, ap);
	va_end(ap);
	if (!strstr(spawn_out, row))
		print_error("no row `%s` in:\n%s", row, spawn_out);
	assert_non_null(strstr(spawn_out, row));
}

/* With rate_iops the caller's latency is in service and response: of one run, and of all. */
static void open_loop_is_there_with_what_its_caller_saw(void **state)
{
	static const char open_loop[] = "bench open.fio --target null --trials 2 --percentile-list 50 --out ";
	json_int_t ns = 0;

	spawn_file("open.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=40\nrate_iops=10000\nfsync=2\n");
	make_run(open_loop, "o1");
	says_row("      1  A null  %-9s ", "write");
	says_row("      1  A null  %-9s ", "fsync");
	says_row("      1  A null  %-9s ", "service");
	says_row("      1  A null  %-9s ", "response");
	make_run(open_loop, "o2");
	hgrm_has("o1/threads-1-A-service.hgrm", 80);
	hgrm_has("o1/threads-1-A-response.hgrm", count_of("o1", "response", &ns));
	assert_int_equal(spawn("merge o1 o2 --out o"), 0);
	says_row("%-9s %10s", "service", "160");
	says_row("%-9s %10s", "response", "160");
	hgrm_has("o/threads-1-A-service.hgrm", 160);
	hgrm_has("o/threads-1-A-response.hgrm", 160);
	assert_int_equal(access("all/threads-1-A-response.hgrm", F_OK), -1); /* closed loop has none */
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
	make_run("bench append --target prefix@ram:512m --target postfix@ram:512m --trials 1 --seconds 10ms --out ",
	         "job");
	refused("merge", "two or more runs");
	refused("merge one", "two or more runs");
	refused("merge one two --uot x", "did you mean --out?");
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

/* Whatever its folder is called by now, and whatever it was merged into. */
static void a_trial_counts_once(void **state)
{
	refused("merge one one --out x", "one: trial 0 of target A is also in one");
	refused("merge one two one/run.json --out x", "one/run.json: trial 0 of target A is also in one");
	refused("merge two all --out x", "all: trial 3 of target A is also in two");
	refused("merge all one --out x", "one: trial 0 of target A is also in all");
	assert_int_equal(rename("one", "moved"), 0);
	refused("merge all moved --out x", "moved: trial 0 of target A is also in all");
	make_run(made, "three");
	assert_int_equal(spawn("merge moved three --out more"), 0);
	refused("merge all more --out x", "more: trial 0 of target A is also in all");
	assert_int_equal(spawn("merge all three --out more3"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_trials_are_there_and_compared_again),
		cmocka_unit_test(open_loop_is_there_with_what_its_caller_saw),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_trial_counts_once),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
