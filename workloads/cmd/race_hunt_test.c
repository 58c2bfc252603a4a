/* race_hunt_test.c: `fsyncstorm race hunt` as a program: slices add up to the whole; mistakes are one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <sys/stat.h>

#include "base/crc32c.h"
#include "kit/spawn_test.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static void mistakes_are_one_line_and_status_2(void **state)
{
	static const struct {
		const char *args, *says;
	} bad[] = {
		{ "race hunt protocol --jobs 0", "--jobs 0: a number from 1 to 64" },
		{ "race hunt protocol --jobs 65", "--jobs 65" },
		{ "race hunt protocol --shard 0/3", "--shard 0/3: I/N" },
		{ "race hunt protocol --shard 4/3", "--shard 4/3" },
		{ "race hunt protocol --shard 1/3x", "--shard 1/3x" },
		{ "race hunt protocol --shard 3", "--shard 3" },
		{ "race hunt protocol --traces t", "--traces is for one --design" },
		{ "race hunt protocol --design postfix -n 10 --traces nosuch/t", "--traces: nosuch/t" },
		{ "race hunt protocol --json nosuch/t", "--json: nosuch/t" },
		{ "race hunt protocol --design prefix --out nosuch/t", "--out: nosuch/t" },
		{ "race prove protocol --design prefix --out nosuch/t", "--out: nosuch/t" },
		{ "race prove protocol --design prefix --checkpoint nosuch/t", "--checkpoint: nosuch/t" },
		{ "race stress seed --design prefix --out nosuch/t", "--out: nosuch/t" },
		{ "race stress seed --design prefix --json nosuch/t", "--json: nosuch/t" },
		{ "race hunt protocol --picker surww", "did you mean surw?" },
		{ "race hunt protocol --picker surw:most", "surw takes" },
		{ "race hunt protocol --granularity medium", "--granularity medium: coarse or fine" },
		{ "race hunt protokol", "did you mean protocol?" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned before = spawn_left();
		assert_int_equal(spawn(bad[i].args), 2);
		assert_string_equal(spawn_out, "");
		if (!strstr(spawn_err, bad[i].says) || strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
			fail_msg("%s says: %s", bad[i].args, spawn_err);
		assert_int_equal(spawn_left(), before);
	}
}

/* The first result of a hunt that writes JSON to its output. */
static json_t *result(const char *args, int status)
{
	assert_int_equal(spawn(args), status);
	json_t *all = json_loads(spawn_out, 0, NULL);
	assert_non_null(all);
	json_t *r = json_incref(json_array_get(json_object_get(all, "results"), 0));
	json_decref(all);
	return r;
}

static long number(const json_t *r, const char *key)
{
	assert_true(json_is_integer(json_object_get(r, key)));
	return (long)json_integer_value(json_object_get(r, key));
}

/* Three shards, each in a process of its own, and three jobs: the same schedules, so the same traces. */
static void shards_and_jobs_are_the_same_slices(void **state)
{
	char args[200], line[32];
	long schedules = 0;

	for (int i = 1; i <= 3; i++) {
		snprintf(args, sizeof(args),
		         "race hunt protocol --design postfix -n 500 --shard %d/3 --traces t%d --json -", i, i);
		json_t *r = result(args, 0);
		assert_int_equal(number(r, "shard"), i - 1);
		assert_int_equal(number(r, "shards"), 3);
		schedules += number(r, "schedules");
		json_decref(r);
	}
	assert_int_equal(schedules, 500);
	json_t *r = result("race hunt protocol --design postfix -n 500 --jobs 3 --traces all --json -", 0);
	assert_int_equal(number(r, "schedules"), 500);
	assert_int_equal(system("grep -hv '^{' t1 t2 t3 | sort -u > union && grep -v '^{' all | cmp - union"), 0);
	FILE *lines = fopen("union", "r");
	long n = 0;
	while (fgets(line, sizeof(line), lines))
		n++;
	fclose(lines);
	assert_int_equal(number(r, "distinct"), n);
	json_decref(r);
	assert_int_equal(system("rm t1 t2 t3 all union"), 0);
}

static void what_is_found_is_told_with_its_schedule_and_its_picker(void **state)
{
	json_t *r = result("race hunt protocol --design prefix --seed 3 --json -", 1), *first, *member;
	size_t i;
	long found = 0, schedules = 0;

	assert_non_null(strstr(spawn_err, "\n  minimal: no schedule with fewer preemptions fails in this way ("));
	assert_string_equal(json_string_value(json_object_get(r, "race")), "protocol");
	assert_string_equal(json_string_value(json_object_get(r, "strategy")), "portfolio");
	assert_int_equal(json_array_size(json_object_get(r, "found")), 1);
	first = json_array_get(json_object_get(r, "found"), 0);
	assert_int_equal(number(first, "number"), number(r, "found_at"));
	assert_true(strlen(json_string_value(json_object_get(first, "schedule"))) > 8);
	json_array_foreach(json_object_get(r, "members"), i, member) {
		found += number(member, "found");
		schedules += number(member, "schedules");
	}
	assert_int_equal(found, 1);
	assert_int_equal(schedules, number(r, "schedules"));
	assert_null(json_object_get(r, "certificate"));
	json_decref(r);
	assert_int_equal(spawn("race replay race-protocol-prefix.schedule"), 1);
	assert_non_null(strstr(spawn_out, "it breaks as recorded"));
	assert_int_equal(spawn("race replay race-protocol-prefix.passing.schedule"), 0);
	assert_non_null(strstr(spawn_out, "it holds, as recorded"));
	assert_int_equal(system("rm race-protocol-prefix.schedule race-protocol-prefix.passing.schedule "
	                        "race-protocol-prefix.story.json"), 0);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* The two steps whose order decides, where they stand, and both schedules. */
static void what_decides_is_in_the_json(void **state)
{
	json_t *r = result("race hunt seed --design prefix -o x.schedule --json -", 1);
	json_t *v = json_object_get(r, "violation");
	json_t *pair = json_object_get(v, "pair");
	json_t *first = json_object_get(pair, "first"), *second = json_object_get(pair, "second");
	json_t *preempted = json_object_get(v, "preempted");

	assert_string_equal(text_of(first, "function"), "ordered_collect");
	assert_string_equal(text_of(second, "function"), "ordered_add");
	assert_string_equal(text_of(second, "task"), "flusher");
	assert_true(number(second, "line") > 0);
	assert_int_equal(json_array_size(preempted), 2);
	assert_string_equal(text_of(json_object_get(json_array_get(preempted, 0), "stopped"), "file"),
	                    "engine/fs/fsync.c");
	assert_string_equal(text_of(v, "file"), "x.schedule");
	assert_string_equal(text_of(v, "passing_file"), "x.passing.schedule");
	assert_string_equal(text_of(v, "story_file"), "x.story.json");
	json_t *story = json_load_file("x.story.json", 0, NULL);
	assert_string_equal(text_of(story, "schema"), "fsyncstorm-story");
	assert_string_equal(text_of(story, "story"), text_of(v, "story"));
	assert_true(json_equal(json_object_get(story, "pair"), pair));
	json_decref(story);
	assert_non_null(strstr(spawn_err,
	                       "the nearest schedule that holds: fsyncstorm race replay x.passing.schedule\n"));
	json_decref(r);
	assert_int_equal(spawn("race replay x.schedule"), 1);
	assert_int_equal(spawn("race replay x.passing.schedule"), 0);
	assert_non_null(strstr(spawn_out, "race seed, design prefix: it holds, as recorded\n"));
	assert_int_equal(system("rm x.schedule x.passing.schedule x.story.json"), 0);
}

/* Where it stands is gone by then: that is met when it is written, for no --out has named a file. */
static void what_cannot_be_written_down_is_told_all_the_same(void **state)
{
	static const struct {
		const char *args, *says;
	} search[] = {
		{ "race hunt protocol --design prefix", "found by portfolio" },
		{ "race prove protocol --design prefix", "executions" },
		{ "race stress seed --design prefix --rounds 100", "the first: " },
	};

	assert_true(!mkdir("gone", 0700) && !chdir("gone") && !rmdir("../gone"));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(spawn(search[i].args), 2);
		assert_non_null(strstr(spawn_out, search[i].says));
		assert_non_null(strstr(spawn_err, "cannot be written: No such file or directory"));
	}
	assert_int_equal(chdir(spawn_folder), 0);
}

/* Of all designs: a table with each, and who did not do what is due. */
static void a_hunt_over_designs_ends_with_a_table(void **state)
{
	if (RT_TSAN)
		skip();
	assert_int_equal(spawn("race hunt seed -n 1"), 1);
	assert_non_null(strstr(spawn_out, "\ndesign                   due      found    at schedule\n"));
	assert_non_null(strstr(spawn_out, "\npostfix                  holds    holds    none of 1\n"));
	assert_non_null(strstr(spawn_out, "\nprefix                   breaks   holds    none of 1  <- not as due\n"));
	assert_int_equal(spawn("race hunt seed -n 3000 -o x.schedule"), 0);
	assert_non_null(strstr(spawn_out, "\nprefix                   breaks   breaks   "));
	assert_null(strstr(spawn_out, "not as due"));
	assert_int_equal(system("rm x.*"), 0);
}

static bool says(const char *path, const char *what)
{
	char text[4096] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	return strstr(text, what) != NULL;
}

/* Replay needs no option: the file says it. */
static void a_schedule_of_fine_points_is_replayed_with_fine_points(void **state)
{
	assert_int_equal(spawn("race hunt seed --design prefix --granularity fine -o fine.schedule"), 1);
	assert_true(says("fine.schedule", "\ngranularity fine\n"));
	assert_int_equal(spawn("race replay fine.schedule"), 1);
	assert_non_null(strstr(spawn_out, "it breaks as recorded"));
	assert_int_equal(spawn("race hunt seed --design prefix --granularity coarse -o coarse.schedule"), 1);
	assert_false(says("coarse.schedule", "granularity"));
	assert_int_equal(spawn("race replay fine.passing.schedule"), 0);
	assert_int_equal(system("rm fine.schedule fine.passing.schedule fine.story.json"), 0);
	assert_int_equal(system("rm coarse.schedule coarse.passing.schedule coarse.story.json"), 0);
}

/* sed's script makes it bad. */
static void a_bad_schedule_is_one_line_and_status_2(void **state)
{
	static const struct {
		const char *script, *says;
	} bad[] = {
		{ "$d", "cut short" },
		{ "6,$d", "cut short" },
		{ "s/^seed ./seed 9/", "changed since it was written" },
		{ "s/^design prefix/design postfix/", "changed since it was written" },
		{ "1s/[0-9]*$/1/", "a schedule of format 1; this program reads format" },
		{ "1s/[0-9]*$/99/", "a schedule of format 99; this program reads format" },
		{ "1d", "not a schedule" },
		{ "1,$d", "empty" },
		{ "$a said again", "after the last one" },
	};
	char command[200];

	assert_int_equal(spawn("race hunt seed --design prefix -o good.schedule"), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(command, sizeof(command), "sed '%s' good.schedule > bad.schedule", bad[i].script);
		assert_int_equal(system(command), 0);
		assert_int_equal(spawn("race replay bad.schedule"), 2);
		assert_string_equal(spawn_out, "");
		if (!strstr(spawn_err, bad[i].says) || strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
			fail_msg("%s: %s", bad[i].script, spawn_err);
	}
	assert_int_equal(system("fold -s -w 60 good.schedule > wrapped.schedule"), 0);
	assert_int_equal(spawn("race replay wrapped.schedule"), 1);
	assert_int_equal(system("rm good.schedule good.passing.schedule good.story.json bad.schedule wrapped.schedule"),
	                 0);
}

static void help_tells_of_a_command_of_race_and_of_all_pickers(void **state)
{
	assert_int_equal(spawn("race hunt --help"), 0);
	assert_non_null(strstr(spawn_out, "dfs"));
	assert_non_null(strstr(spawn_out, "dpor"));
	char *own = strdup(spawn_out);
	assert_int_equal(spawn("help race hunt"), 0);
	assert_string_equal(spawn_out, own);
	free(own);
}

/* Writes `text`, `size` bytes of it, as a schedule that is sealed: what a careful hand could have changed. */
static void write_sealed(const char *path, const char *text, size_t size)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fwrite(text, 1, size, out);
	fprintf(out, "end %08x\n", crc32c(0, text, size));
	fclose(out);
}

/* With its line that begins with `line` put in place of the one that is there. */
static void change_line(const char *from, const char *to, const char *line)
{
	char text[8192] = "", changed[8192];
	size_t word = strcspn(line, " ") + 1;
	FILE *in = fopen(from, "r");

	assert_non_null(in);
	fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	char *at = strstr(text, "\ncrash ") + 1, *end = strstr(text, "\nend ") + 1;
	while (at > text && strncmp(at, line, word))
		at--;
	char *after = strchr(at, '\n');
	int n = snprintf(changed, sizeof(changed), "%.*s%s%.*s", (int)(at - text), text, line, (int)(end - after),
	                 after);
	write_sealed(to, changed, (size_t)n);
}

static void a_crash_that_the_run_does_not_have_is_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "crash 99999 of 0:", "it fits, but not its crash 99999 of 0: the run ends at position" },
		{ "crash 3 of 50:", "not its crash 3 of 50: " },
		{ "crash 10 of 50: 1 2 3", "not its crash 10 of 50: " },
	};

	assert_int_equal(spawn("race hunt seed --design prefix -o good.schedule"), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		change_line("good.schedule", "bad.schedule", bad[i].line);
		assert_int_equal(spawn("race replay bad.schedule"), 2);
		assert_string_equal(spawn_out, "");
		if (!strstr(spawn_err, bad[i].says) || strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
			fail_msg("%s: %s", bad[i].line, spawn_err);
	}
	assert_int_equal(system("rm good.schedule good.passing.schedule good.story.json bad.schedule"), 0);
}

static void what_holds_comes_with_three_numbers_and_a_certificate(void **state)
{
	assert_int_equal(spawn("race hunt protocol --design postfix -n 2000 --jobs 2"), 0);
	assert_non_null(strstr(spawn_out, "2000 schedules run, "));
	assert_non_null(strstr(spawn_out, " distinct traces, total unknown"));
	assert_non_null(strstr(spawn_out, "a bug of depth 2 is missed with probability at most"));
	assert_non_null(strstr(spawn_out, "outside of the claim"));
	assert_int_equal(spawn("race hunt protocol --design postfix -n 200 --picker random"), 0);
	assert_non_null(strstr(spawn_out, "no certificate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_one_line_and_status_2),
		cmocka_unit_test(shards_and_jobs_are_the_same_slices),
		cmocka_unit_test(what_is_found_is_told_with_its_schedule_and_its_picker),
		cmocka_unit_test(what_cannot_be_written_down_is_told_all_the_same),
		cmocka_unit_test(a_hunt_over_designs_ends_with_a_table),
		cmocka_unit_test(what_decides_is_in_the_json),
		cmocka_unit_test(a_schedule_of_fine_points_is_replayed_with_fine_points),
		cmocka_unit_test(a_bad_schedule_is_one_line_and_status_2),
		cmocka_unit_test(help_tells_of_a_command_of_race_and_of_all_pickers),
		cmocka_unit_test(a_crash_that_the_run_does_not_have_is_refused),
		cmocka_unit_test(what_holds_comes_with_three_numbers_and_a_certificate),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
