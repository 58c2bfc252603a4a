/*
 * race_job_test.c: `--job` of the race commands: a fio job in place of a race, and its schedules without the job
 * file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "kit/spawn_test.h"
#include "rt/sanitize.h"

static const char shared[] =
	"# two of one file\n[global]\nbs=4k\nrw=randwrite\noverwrite=1\nnorandommap=1\nfilename=x\nsize=8k\n\n"
	"[writer]\nsync_file_range=write:2 ; the flusher's like\n[syncer]\nfsync=1\n";

static void the_command_takes_a_job_for_a_race(void **state)
{
	spawn_file("two.fio", shared);
	assert_int_equal(spawn("race hunt --job two.fio"), 2);
	assert_non_null(strstr(spawn_err, "one --design is expected"));
	assert_int_equal(spawn("race hunt --job none.fio --design prefix"), 2);
	assert_non_null(strstr(spawn_err, "none.fio: No such file"));
	assert_int_equal(spawn("race hunt seed --job two.fio --design prefix"), 2);
	spawn_file("bad.fio", "[a]\nrw=write\nsize=4k\nnuma_cpu_nodes=0\n");
	assert_int_equal(spawn("race hunt --job bad.fio --design prefix"), 2);
	assert_non_null(strstr(spawn_err, "bad.fio:4: numa_cpu_nodes: "));
	unlink("bad.fio");
	assert_int_equal(spawn("race stress --job two.fio --design postfix --rounds 2"), 0);
	assert_non_null(strstr(spawn_out, "race job-two"));
	unlink("two.fio");
	assert_int_equal(spawn_left(), 0);
}

static void a_schedule_of_a_job_needs_no_job_file(void **state)
{
	if (RT_TSAN)
		skip();
	spawn_file("two.fio", shared);
	assert_int_equal(spawn("race hunt --job two.fio --design prefix --out s"), 1);
	unlink("two.fio");
	assert_int_equal(spawn("race replay s"), 1);
	assert_non_null(strstr(spawn_out, "race job-two, design prefix: it breaks as recorded"));
	assert_int_equal(spawn("race replay s.passing.schedule"), 0);
	assert_non_null(strstr(spawn_out, "race job-two, design prefix: it holds, as recorded"));
	unlink("s");
	unlink("s.passing.schedule");
	unlink("s.story.json");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_takes_a_job_for_a_race),
		cmocka_unit_test(a_schedule_of_a_job_needs_no_job_file),
	};

	return cmocka_run_group_tests_name("race --job", tests, spawn_begin, spawn_end);
}
