/*
 * analysis_test.c: which analysis is run (ours.1): the one beside the program, never one that lies in the current
 * folder or in a folder of everybody's; and what a bench says where there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kit/spawn_test.h"

static const char job[] = "[a]\nrw=write\nsize=1m\nnumber_ios=20\nfsync=1\n";
static const char missing[] = "notice: ratios with their intervals, doubts and the meaning of the words are not told: ";

static void shell(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

/* Whoever runs this finds a file `trapped`. */
static void plant(const char *folder)
{
	char path[256];

	mkdir(folder, 0755);
	snprintf(path, sizeof(path), "%s/__main__.py", folder);
	spawn_file(path, "open('trapped', 'w').close()\n");
}

/* The program itself, in this folder, without what came with it. */
static void copy_program(const char *folder, char *kept)
{
	char command[2 * PATH_MAX + 64];

	snprintf(command, sizeof(command), "mkdir -p %s && cp %s %s/fsyncstorm", folder, spawn_program, folder);
	shell(command);
	snprintf(kept, PATH_MAX, "%s", spawn_program);
	snprintf(command, sizeof(command), "%s/fsyncstorm", folder);
	assert_non_null(realpath(command, spawn_program));
}

static void succeeds(const char *args)
{
	int status = spawn(args);

	if (status)
		fail_msg("`%s`: exit status %d: %s", args, status, spawn_err);
}

static void what_lies_in_the_current_folder_is_not_run(void **state)
{
	spawn_file("j.fio", job);
	plant("analysis");
	succeeds("bench j.fio -v -t null -t null -n 3 -o kept");
	assert_non_null(strstr(spawn_out, "what the words mean"));
	succeeds("compare kept");
	assert_non_null(strstr(spawn_out, "Of 2 comparisons"));
	succeeds("report kept --out report.html");
	assert_int_equal(spawn("merge kept kept"), 2);
	assert_int_equal(access("trapped", F_OK), -1);
	shell("rm -r analysis kept j.fio report.html");
	assert_int_equal(spawn_left(), 0);
}

static void a_folder_of_everybodys_is_passed_over(void **state)
{
	char kept[PATH_MAX];

	spawn_file("j.fio", job);
	copy_program("all/build", kept);
	plant("all/analysis");
	chmod("all", 01777);
	assert_int_equal(spawn("compare kept"), 2);
	assert_non_null(strstr(spawn_err, "analysis/ does not lie beside the program"));
	succeeds("bench j.fio -t null -n 1 --no-results");
	assert_int_equal(access("trapped", F_OK), -1);
	chmod("all", 0755); /* now it is that of its owner, who also put the program there */
	spawn("compare kept");
	assert_int_equal(access("trapped", F_OK), 0);
	snprintf(spawn_program, sizeof(spawn_program), "%s", kept);
	shell("rm -r all trapped j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* The plain tables, the whole folder, one line on what is missing, exit status 0. */
static void without_it_a_bench_says_what_is_missing(void **state)
{
	char kept[PATH_MAX], *at;

	spawn_file("j.fio", job);
	copy_program("alone", kept);
	succeeds("bench j.fio -v -t null -t null -n 3 -o kept");
	assert_string_equal(spawn_err, "");
	assert_non_null(strstr(spawn_out, "fsync latency in us"));
	assert_null(strstr(spawn_out, "ratio of B"));
	assert_null(strstr(spawn_out, "what the words mean"));
	at = strstr(spawn_out, missing);
	assert_non_null(at);
	assert_ptr_equal(strstr(at + 1, missing), NULL);
	assert_int_equal(access("kept/run.json", R_OK), 0);
	succeeds("bench j.fio -t null -n 1 --no-results -j -");
	assert_null(strstr(spawn_out, missing));
	snprintf(spawn_program, sizeof(spawn_program), "%s", kept);
	shell("rm -r alone kept j.fio");
	assert_int_equal(spawn_left(), 0);
}

static void without_numpy_a_bench_says_so(void **state)
{
	char kept[PATH_MAX], command[2 * PATH_MAX];

	spawn_file("j.fio", job);
	copy_program("here/build", kept);
	snprintf(command, sizeof(command), "mkdir here/analysis && cp %s/analysis/*.py here/analysis",
	         spawn_repository);
	shell(command);
	spawn_file("here/analysis/numpy.py", "raise ModuleNotFoundError(\"No module named 'numpy'\", name='numpy')\n");
	succeeds("bench j.fio -t null -t null -n 3 -o kept");
	assert_string_equal(spawn_err, "fsyncstorm: Python's numpy is missing; scripts/deps installs it\n");
	assert_non_null(strstr(spawn_out, "fsync latency in us"));
	assert_int_equal(access("kept/run.json", R_OK), 0);
	snprintf(spawn_program, sizeof(spawn_program), "%s", kept);
	shell("rm -r here kept j.fio");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_in_the_current_folder_is_not_run),
		cmocka_unit_test(a_folder_of_everybodys_is_passed_over),
		cmocka_unit_test(without_it_a_bench_says_what_is_missing),
		cmocka_unit_test(without_numpy_a_bench_says_so),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
