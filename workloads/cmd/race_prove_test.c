/*
 * race_prove_test.c: `fsyncstorm race prove` as a program: a proof that was stopped goes on, its parts add up to the
 * whole; mistakes are one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static json_t *result_of(const char *path)
{
	json_t *o = json_load_file(path, 0, NULL), *r = json_incref(json_array_get(json_object_get(o, "results"), 0));

	json_decref(o);
	assert_non_null(r);
	return r;
}

static bool complete(const char *path)
{
	json_t *r = result_of(path);
	bool is = json_is_true(json_object_get(r, "complete"));

	json_decref(r);
	return is;
}

static json_int_t number_of(const char *path, const char *key)
{
	json_t *r = result_of(path);
	json_int_t n = json_integer_value(json_object_get(r, key));

	assert_true(json_is_integer(json_object_get(r, key)));
	json_decref(r);
	return n;
}

#define PROVE "race prove seed_smallest --design postfix -k 1 "
#define LONGER "race prove seed --design postfix -k 2 "

static void keep_half(const char *path, const char *to)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_true(n > 1000 && n < sizeof(text) - 1);
	text[n / 2] = 0;
	spawn_file(to, text);
}

static void a_proof_is_taken_up_where_it_stopped(void **state)
{
	assert_int_equal(spawn(LONGER "--checkpoint ck --seconds 0.05 --json a.json"), 0);
	assert_false(complete("a.json"));
	assert_non_null(strstr(spawn_out, "NOT COMPLETE"));
	assert_int_equal(access("ck", R_OK), 0);
	assert_int_equal(spawn(LONGER "--checkpoint ck --json b.json"), 0);
	assert_true(complete("b.json"));
	assert_non_null(strstr(spawn_out, "PROVED: no violation in any schedule with at most 2 preemptions"));
	assert_int_not_equal(access("ck", R_OK), 0);
	assert_int_equal(spawn(LONGER "--json c.json"), 0);
	/* none twice, none left out */
	assert_int_equal(number_of("b.json", "executions"), number_of("c.json", "executions"));
	assert_int_equal(number_of("b.json", "distinct"), number_of("c.json", "distinct"));
}

static void all_parts_are_the_whole(void **state)
{
	assert_int_equal(spawn(PROVE "--json whole.json"), 0);
	assert_int_equal(spawn(PROVE "--shard 1/2 --json p1.json --traces p1.traces"), 0);
	assert_int_equal(spawn(PROVE "--shard 2/2 --json p2.json --traces p2.traces"), 0);
	assert_int_equal(
		spawn("race merge p1.json p2.json --traces p1.traces --traces p2.traces --json merged.json"), 0);
	assert_non_null(strstr(spawn_out,
	                       "PROVED: no violation in any schedule with at most 1 preemption, whenever the power "
	                       "fails"));
	assert_int_equal(number_of("merged.json", "distinct"), number_of("whole.json", "distinct"));
	assert_true(number_of("p1.json", "distinct") + number_of("p2.json", "distinct") >
	            number_of("whole.json", "distinct"));
	assert_int_equal(spawn(PROVE "--jobs 2 --json j.json --traces j.traces"), 0);
	assert_true(complete("j.json"));
	assert_int_equal(number_of("j.json", "distinct"), number_of("whole.json", "distinct"));
	assert_int_equal(system("grep -hv '^{' p1.traces p2.traces | sort -u > union && grep -v '^{' j.traces | cmp "
	                        "- union"), 0);
	assert_int_equal(spawn("race prove seed_smallest --design prefix -k 2 --jobs 2 -o x.schedule"), 1);
	assert_int_equal(access("x.schedule", R_OK), 0);
	assert_int_equal(spawn("race replay x.schedule"), 1);
}

/* The bare protocol has no file system and no device; its proof is the same. */
static void the_bare_protocol_is_proved_too(void **state)
{
	assert_int_equal(spawn("race prove protocol --design postfix"), 0);
	assert_non_null(strstr(spawn_out, "PROVED: no violation in any schedule\n"));
	assert_int_equal(spawn("race prove protocol --design prefix -o p.schedule"), 1);
	assert_int_equal(spawn("race replay p.schedule"), 1);
}

static void mistakes_are_one_line(void **state)
{
	static const struct {
		const char *args, *line;
	} wrong[] = {
		{ "race prove", "which race?" },
		{ "race prove seed", "which design?" },
		{ "race prove seed --design all", "which design?" },
		{ "race prove seed --design postfix -k many", "--preemptions many" },
		{ "race prove seed --design postfix -k 1 --checkpoint ck", "of another proof" },
		{ LONGER "--shard 1/2 --checkpoint ck", "of --shard 1/1 --jobs 1, and this is --shard 1/2 --jobs 1" },
		{ LONGER "--jobs 2 --checkpoint ck", "ck is of a proof with --jobs 1, and this is one with --jobs 2" },
		{ LONGER "--checkpoint two",
		  "two.1 is of a proof with --jobs 2, and this is one with --jobs 1: go on with --jobs 2" },
		{ LONGER "--jobs 3 --checkpoint two",
		  "two.1 is of a proof with --jobs 2, and this is one with --jobs 3" },
		{ LONGER "--checkpoint traces", "damaged" },
		{ LONGER "--traces nosuch/t", "--traces: nosuch/t" },
		{ LONGER "--checkpoint other", "not a checkpoint" },
		{ LONGER "--checkpoint cut", "damaged" },
		{ LONGER "--checkpoint half", "damaged" },
	};

	assert_int_equal(spawn(LONGER "--checkpoint ck --seconds 0.05"), 0);
	spawn_file("other", "hello\n");
	spawn_file("cut", "fsyncstorm-proof 3\npart 1 of 1 jobs 1\nrace seed");
	assert_int_equal(spawn(LONGER "--checkpoint two --jobs 2 --seconds 0.05"), 0);
	assert_int_equal(system("sed '/^traces/,$d' ck > traces; echo traces 2 >> traces; echo 1a >> traces"), 0);
	keep_half("ck", "half");
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
		cmocka_unit_test(a_proof_is_taken_up_where_it_stopped),
		cmocka_unit_test(all_parts_are_the_whole),
		cmocka_unit_test(the_bare_protocol_is_proved_too),
		cmocka_unit_test(mistakes_are_one_line),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests_name("race prove", tests, spawn_begin, spawn_end);
}
