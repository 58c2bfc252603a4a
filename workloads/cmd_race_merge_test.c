/* cmd_race_merge_test.c: the shards of a hunt, joined, are the hunt; what is missing or does not belong is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "rt/sanitize.h"
#include "spawn_test.h"

#define SHARDS 3

static void hunt(const char *design, unsigned shard, unsigned shards, const char *name)
{
	char line[512];

	snprintf(line, sizeof(line), "race hunt seed --design %s --picker random -n 600 --shard %u/%u --json %s.json --traces %s.traces -o %s.schedule",
	         design, shard, shards, name, name, name);
	assert_in_range(spawn(line), 0, 1);
}

static json_t *result_of(const char *path)
{
	json_t *o = json_load_file(path, 0, NULL), *r = json_incref(json_array_get(json_object_get(o, "results"), 0));

	json_decref(o);
	assert_non_null(r);
	return r;
}

static json_int_t int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void all_shards_are_the_hunt(void **state)
{
	json_t *one, *all;

	for (unsigned i = 1; i <= SHARDS; i++)
		hunt("postfix", i, SHARDS, (const char *[]){ "", "a1", "a2", "a3" }[i]);
	hunt("postfix", 1, 1, "one");
	assert_int_equal(spawn("race merge a2.json a3.json a1.json -t a1.traces -t a2.traces -t a3.traces --json all.json"), 0);
	assert_non_null(strstr(spawn_out, "3 shards"));
	assert_non_null(strstr(spawn_out, "no violation"));
	one = result_of("one.json");
	all = result_of("all.json");
	assert_int_equal(int_of(all, "schedules"), 600);
	assert_int_equal(int_of(all, "schedules"), int_of(one, "schedules"));
	assert_int_equal(int_of(all, "distinct"), int_of(one, "distinct"));
	json_decref(one);
	json_decref(all);
}

static void the_first_violation_is_the_hunts(void **state)
{
	json_t *one, *all;

	hunt("prefix", 1, 2, "b1");
	hunt("prefix", 2, 2, "b2");
	hunt("prefix", 1, 1, "one");
	assert_int_equal(spawn("race merge b1.json b2.json --json all.json"), 1);
	assert_non_null(strstr(spawn_out, "it breaks: schedule"));
	one = result_of("one.json");
	all = result_of("all.json");
	assert_string_equal(json_string_value(json_object_get(all, "verdict")), "breaks");
	assert_int_equal(int_of(all, "found_at"), int_of(one, "found_at"));
	json_decref(one);
	json_decref(all);
}

static void proofs_are_added(void **state)
{
	static const char *const shard = "{\"schema_version\":1,\"results\":[{\"race\":\"seed\",\"design\":\"postfix\",\"preemptions\":null,"
	                                 "\"shard\":%u,\"shards\":2,\"complete\":%s,\"executions\":%u,\"cut\":1,\"distinct\":%u,"
	                                 "\"seconds\":0.5,\"verdict\":\"holds\"}]}";
	char text[512];

	snprintf(text, sizeof(text), shard, 0, "true", 10, 10);
	spawn_file("p1.json", text);
	snprintf(text, sizeof(text), shard, 1, "true", 7, 7);
	spawn_file("p2.json", text);
	assert_int_equal(spawn("race merge p1.json p2.json"), 0);
	assert_non_null(strstr(spawn_out, "17 executions, 2 cut runs, 17 distinct traces: complete"));
	snprintf(text, sizeof(text), shard, 1, "false", 7, 7);
	spawn_file("p2.json", text);
	assert_int_equal(spawn("race merge p1.json p2.json"), 0);
	assert_non_null(strstr(spawn_out, "not complete"));
	assert_int_equal(spawn("race merge p1.json a2.json"), 2);
	assert_non_null(strstr(spawn_err, "a hunt and a proof cannot be joined"));
}

static void what_does_not_belong_is_refused(void **state)
{
	static const struct {
		const char *args, *line;
	} wrong[] = {
		{ "race merge", "no file" },
		{ "race merge a1.json a3.json", "1 of 3 shards missing, the first is 2/3" },
		{ "race merge a1.json a1.json a2.json a3.json", "shard 1 of 3 is here twice" },
		{ "race merge a1.json b2.json", "b2.json: of another campaign: its design is \"prefix\"" },
		{ "race merge a1.json nowhere.json", "nowhere.json" },
		{ "race merge a1.json cut.json", "cut.json:1:" },
		{ "race merge a1.json a1.traces", "a1.traces:1:" },
		{ "race merge a1.json a2.json a3.json -t a1.traces", "--traces: 1 files for 3 shards" },
		{ "race merge a1.json a2.json a3.json -t a1.traces -t a2.traces -t a3.json", "--traces a3.json:1: not a hash" },
	};

	spawn_file("cut.json", "{ \"results\": [");
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int ret = spawn(wrong[i].args);
		if (ret != 2 || !strstr(spawn_err, wrong[i].line))
			print_error("%s: %d, %s\n", wrong[i].args, ret, spawn_err);
		assert_int_equal(ret, 2);
		assert_non_null(strstr(spawn_err, wrong[i].line));
		assert_ptr_equal(strchr(spawn_err, '\n'), spawn_err + strlen(spawn_err) - 1);
		assert_string_equal(spawn_out, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_shards_are_the_hunt),
		cmocka_unit_test(the_first_violation_is_the_hunts),
		cmocka_unit_test(proofs_are_added),
		cmocka_unit_test(what_does_not_belong_is_refused),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
