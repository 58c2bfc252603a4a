/* race_scenario_test.c: FILE.scn in place of a race, its schedules without the file, and `race show`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static const char two[] = "# two of one file\n\n[setup]\nfile x 4k\n\n"
			  "[thread syncer]\nx fsync\n\n[thread writer]\nx pwrite 0 4k\n\n"
			  "[thread flusher]\nx writeback\n";

static void every_command_takes_a_file(void **state)
{
	spawn_file("two.scn", two);
	assert_int_equal(spawn("race stress two.scn --design postfix --rounds 2"), 0);
	assert_non_null(strstr(spawn_out, "race two"));
	if (!RT_TSAN) {
		assert_int_equal(spawn("race hunt two.scn --design postfix -n 50"), 0);
		assert_int_equal(spawn("race prove two.scn --design postfix -k 0"), 0);
		assert_int_equal(spawn("race score two.scn --design prefix --seeds 2 --cap 500 --strategy random"), 1);
		assert_int_equal(spawn("race hunt two.scn --beside --design postfix -n 50"), 0);
		assert_non_null(strstr(spawn_out, "race two_beside"));
	}
	unlink("two.scn");
	assert_int_equal(spawn_left(), 0);
}

/* A verdict that is not stated is that it holds. */
static void all_designs_are_held_to_the_verdicts_of_the_file(void **state)
{
	char text[400];

	if (RT_TSAN)
		skip();
	snprintf(text, sizeof(text), "%s[expect]\nprefix = breaks\nflush_twice_early = breaks\n", two);
	spawn_file("two.scn", text);
	assert_int_equal(spawn("race hunt two.scn -n 2000 --out s"), 0);
	snprintf(text, sizeof(text), "%s[expect]\nprefix = breaks\nflush_twice_early = any\n", two);
	spawn_file("two.scn", text);
	assert_int_equal(spawn("race hunt two.scn -n 2000 --out s"), 0);
	spawn_file("two.scn", two);
	assert_int_equal(spawn("race hunt two.scn -n 2000 --out s"), 1);
	assert_non_null(strstr(spawn_out, "prefix                   holds    breaks"));
	assert_int_equal(system("rm two.scn s*"), 0);
	assert_int_equal(spawn_left(), 0);
}

static void a_schedule_needs_no_file(void **state)
{
	if (RT_TSAN)
		skip();
	spawn_file("two.scn", two);
	assert_int_equal(spawn("race hunt two.scn --design prefix --out s"), 1);
	assert_non_null(strstr(spawn_out, "fsync(x), line 7"));
	unlink("two.scn");
	assert_int_equal(spawn("race replay s"), 1);
	assert_non_null(strstr(spawn_out, "race two, design prefix: it breaks as recorded"));
	assert_non_null(strstr(spawn_out, "fsync(x), line 7"));
	assert_int_equal(spawn("race replay s.passing.schedule"), 0);
	assert_non_null(strstr(spawn_out, "race two, design prefix: it holds, as recorded"));
	assert_int_equal(system("rm s*"), 0);
	assert_int_equal(spawn_left(), 0);
}

static void a_wrong_file_is_one_line_and_leaves_nothing(void **state)
{
	static const char *const commands[] = { "hunt", "stress", "prove", "score", "show" };
	char args[64];

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		spawn_file("bad.scn", "[setup]\nfile a 4k\n[thread t]\na fsink\n");
		snprintf(args, sizeof(args), "race %s bad.scn", commands[i]);
		assert_int_equal(spawn(args), 2);
		assert_string_equal(strchr(spawn_err, 'b'), strstr(spawn_err, "bad.scn:4: fsink: not an operation on a "
		                                                              "file; did you mean fsync?\n"));
		assert_string_equal(spawn_out, "");
		unlink("bad.scn");
		assert_int_equal(spawn_left(), 0);
	}
	assert_int_equal(spawn("race hunt none.scn"), 2);
	assert_non_null(strstr(spawn_err, "none.scn: No such file or directory"));
	assert_int_equal(spawn("race hunt mixed --beside"), 2);
	assert_non_null(strstr(spawn_err, "--beside: mixed: no scenario, so nothing can stand beside it"));
}

static void a_race_is_shown(void **state)
{
	assert_int_equal(spawn("race show seed"), 0);
	assert_non_null(strstr(spawn_out, "\n[thread writer]\na pwrite 0 4k\na pwrite 4k 4k\n"));
	assert_non_null(strstr(spawn_out, "seed: breaks prefix, flush_twice_early"));
	assert_int_equal(spawn("race show mixed"), 0);
	assert_non_null(strstr(spawn_out, "Each task draws its calls"));
	assert_int_equal(spawn("race show seed --beside"), 0);
	assert_non_null(strstr(spawn_out, "[thread beside]"));
	assert_int_equal(spawn("race show sead"), 2);
	assert_non_null(strstr(spawn_err, "did you mean seed?"));
	assert_int_equal(spawn("race show"), 2);
	assert_int_equal(spawn("race list"), 0);
	assert_non_null(strstr(spawn_out, "\n  seed                     a page dirtied"));
}

/* What is shown is a file that can be hunted. */
static void what_is_shown_is_a_file(void **state)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "%s race show commit > copy.txt", spawn_program);
	assert_int_equal(system(command), 0);
	assert_int_equal(system("sed '$d' copy.txt > copy.scn"), 0);
	assert_int_equal(spawn("race show copy.scn"), 0);
	assert_non_null(strstr(spawn_out, "copy: breaks commit_forgets_logged"));
	assert_int_equal(system("rm copy.txt copy.scn"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_takes_a_file),
		cmocka_unit_test(all_designs_are_held_to_the_verdicts_of_the_file),
		cmocka_unit_test(a_schedule_needs_no_file),
		cmocka_unit_test(a_wrong_file_is_one_line_and_leaves_nothing),
		cmocka_unit_test(a_race_is_shown),
		cmocka_unit_test(what_is_shown_is_a_file),
	};

	return cmocka_run_group_tests_name("race FILE.scn", tests, spawn_begin, spawn_end);
}
