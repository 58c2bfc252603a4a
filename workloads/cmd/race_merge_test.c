/* race_merge_test.c: the shards of a hunt, joined, are the hunt; what is missing or does not belong is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "rt/sanitize.h"
#include "kit/spawn_test.h"

#define SHARDS 3

static void hunt(const char *design, unsigned shard, unsigned shards, const char *name)
{
	char line[512];

	snprintf(line, sizeof(line), "race hunt seed --design %s --picker random -n 600 --shard %u/%u --json "
	         "%s.json --traces %s.traces -o %s.schedule", design, shard, shards, name, name, name);
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
	assert_int_equal(spawn("race merge a2.json a3.json a1.json "
	                       "--traces a1.traces --traces a2.traces --traces a3.traces --json "
	                       "all.json"), 0);
	assert_non_null(strstr(spawn_out, "picker random, seed 1: 3 shards"));
	assert_non_null(strstr(spawn_out, "no violation in 600 schedules"));
	assert_non_null(strstr(spawn_out, "outside of the claim"));
	one = result_of("one.json");
	all = result_of("all.json");
	assert_int_equal(int_of(all, "schedules"), 600);
	assert_int_equal(int_of(all, "schedules"), int_of(one, "schedules"));
	assert_int_equal(int_of(all, "distinct"), int_of(one, "distinct"));
	assert_int_equal(spawn("race merge a2.json a3.json a1.json --json without.json"), 0);
	json_decref(all);
	all = result_of("without.json");
	assert_true(json_is_null(json_object_get(all, "distinct")));
	assert_true(int_of(all, "distinct_at_most") >= int_of(one, "distinct"));
	json_decref(one);
	json_decref(all);
}

/* A certificate's lines: the schedules of depth 2, and the most that one of pct has had. */
static void certificate_of(const char *path, json_int_t *schedules, json_int_t *longest)
{
	json_t *r = result_of(path), *c = json_object_get(r, "certificate");

	*longest = int_of(c, "longest");
	*schedules = int_of(json_array_get(json_object_get(c, "depths"), 0), "schedules");
	json_decref(r);
}

/*
 * Runs of one shard, drawn from fewer steps than another shard's longest schedule had, count for nothing
 * (certificate.1).
 */
static void the_certificate_is_of_the_longest_schedule_of_all(void **state)
{
	json_int_t n1, n2, n, k1, k2, k;

	for (unsigned i = 1; i <= 2; i++) {
		char line[256];
		snprintf(line, sizeof(line),
		         "race hunt seed --design postfix --picker pct:d=2 -n 400 --shard %u/2 --json c%u.json", i, i);
		assert_int_equal(spawn(line), 0);
	}
	assert_int_equal(spawn("race merge c1.json c2.json --json c.json"), 0);
	assert_non_null(strstr(spawn_out, "a bug of depth 2 is missed with probability at most"));
	certificate_of("c1.json", &n1, &k1);
	certificate_of("c2.json", &n2, &k2);
	certificate_of("c.json", &n, &k);
	assert_int_not_equal(k1, k2);
	assert_int_equal(k, k1 > k2 ? k1 : k2);
	assert_true(n < n1 + n2 && n >= (k1 > k2 ? n1 : n2));
}

/* A shard as who stopped it left it; that it can be stopped, interrupt_test.c says. */
static void a_part_of_a_shard_is_named(void **state)
{
	assert_int_equal(system("sed 's/\"stopped\": false/\"stopped\": true/' a2.json > part.json"), 0);
	assert_int_equal(spawn("race merge a1.json part.json a3.json"), 0);
	assert_non_null(strstr(spawn_out, "stopped before their end: shards 2/3\n"));
	assert_int_equal(system("sed 's/\"deterministic\": true/\"deterministic\": false/' a2.json > part.json"), 0);
	assert_int_equal(spawn("race merge a1.json part.json a3.json"), 1);
	assert_non_null(strstr(spawn_out, "NOT DETERMINISTIC: shards 2/3\n"));
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
	static const char *const shard =
		"{\"schema_version\":1,\"results\":[{\"race\":\"seed\",\"design\":\"postfix\",\"preemptions\":1,"
		"\"reached\":1,\"all\":false,\"too_long\":false,\"shard\":%u,\"shards\":2,\"complete\":%s,"
		"\"executions\":%u,\"cut\":1,\"distinct\":%u,\"seconds\":0.5,\"verdict\":\"holds\"}]}";
	char text[512];

	snprintf(text, sizeof(text), shard, 0u, "true", 10u, 10u);
	spawn_file("p1.json", text);
	snprintf(text, sizeof(text), shard, 1u, "true", 7u, 7u);
	spawn_file("p2.json", text);
	assert_int_equal(spawn("race merge p1.json p2.json"), 0);
	assert_non_null(strstr(spawn_out, "17 executions, 2 cut runs"));
	assert_non_null(strstr(spawn_out, "at most 17 distinct traces, total no more than these"));
	assert_non_null(strstr(spawn_out,
	                       "PROVED: no violation in any schedule with at most 1 preemption, whenever the power "
	                       "fails"));
	assert_non_null(strstr(spawn_out, "outside of the claim"));
	snprintf(text, sizeof(text), shard, 1u, "false", 7u, 7u);
	spawn_file("p2.json", text);
	assert_int_equal(spawn("race merge p1.json p2.json"), 0);
	assert_non_null(strstr(spawn_out, "not complete: shards 2/2\n"));
	assert_non_null(strstr(spawn_out, "NOT COMPLETE"));
	assert_null(strstr(spawn_out, "PROVED"));
	snprintf(text, sizeof(text), shard, 1u, "false", 7u, 8u);
	spawn_file("p3.json", text);
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
		{ "race merge a1.json a1.traces", "a1.traces:2:" },
		{ "race merge a1.json a2.json a3.json --traces a1.traces", "--traces: 1 files for 3 shards" },
		{ "race merge a1.json a2.json a3.json --traces a1.traces --traces a2.traces --traces a3.json",
		  "--traces a3.json:1: not the traces" },
		{ "race merge a1.json a2.json a3.json --traces a1.traces --traces a1.traces --traces a1.traces",
		  "--traces a1.traces: shard 1 of 3 is here twice" },
		{ "race merge a1.json a2.json a3.json --traces a1.traces --traces a2.traces --traces b2.traces",
		  "b2.traces: of another campaign: its design" },
		{ "race merge a1.json a2.json a3.json --traces short.traces", "--traces short.traces: cut short" },
		{ "race merge a1.json a2.json a3.json --traces strange.traces",
		  "--traces strange.traces:3: not a hash" },
		{ "race merge a1.json a2.json a3.json --traces other.traces", "of another run of shard 1: 1 traces" },
		{ "race merge p1.json p2.json --traces a1.traces", "a hunt and a proof cannot be joined" },
		{ "race merge p1.json p3.json", "p3.json: 8 distinct traces of 7 executions" },
		{ "race merge .", ".: is a directory" },
		{ "race merge a1.json negative.json a3.json",
		  "negative.json: its schedules is -200, and a count is expected" },
		{ "race merge a1.json lacks.json a3.json", "lacks.json: its stopped is not there" },
		{ "race merge a1.json certificate.json a3.json", "the certificate of shard 2 is damaged" },
		{ "race merge a1.json a2.json a3.json --json nosuch/x", "--json: nosuch/x" },
		{ "race merge all.json", "all.json: not the result of one shard" },
	};

	assert_int_equal(system("head -n 3 a1.traces > short.traces; sed '3s/^./x/' a1.traces > strange.traces"), 0);
	assert_int_equal(system("sed '1s/\"distinct\":[0-9]*/\"distinct\":1/;3,$d' a1.traces > other.traces"), 0);
	assert_int_equal(system("sed 's/\"schedules\": 200/\"schedules\": -200/' a2.json > negative.json"), 0);
	assert_int_equal(system("sed '/\"stopped\"/d' a2.json > lacks.json; sed 's/\"lines\"/\"lime\"/' a2.json > "
	                        "certificate.json"), 0);
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
		cmocka_unit_test(the_certificate_is_of_the_longest_schedule_of_all),
		cmocka_unit_test(a_part_of_a_shard_is_named),
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
