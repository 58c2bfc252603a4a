/* job_test.c: fio jobs, counted and hunted: which calls are made of a job, what is said of it, what is found in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hunt/run.h"
#include "hunt/search.h"
#include "pick/pickers.h"
#include "race/job.h"
#include "race/job_calls.h"
#include "rt/sanitize.h"

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

static int calls_of(const char *text, struct job_calls *c, struct why *why)
{
	struct job_file jf;

	*why = WHY_NONE;
	int ret = job_parse("j.fio", text, &jf, why);
	if (ret)
		fail_msg("%s", why->text);
	ret = job_calls(&jf, text, c, why);
	job_free(&jf);
	return ret;
}

/*
 * The calls of a task: "W4096+4096 F W8192+512 F" are two writes with an fsync after each. Files but the first have a
 * number.
 */
static const char *told(const struct job_calls *c, unsigned t)
{
	static const char *const word[] = { [CALL_WRITE] = "W", [CALL_WRITE_DIRECT] = "X", [CALL_STORE] = "M",
	                                    [CALL_RANGE] = "R", [CALL_FDATASYNC] = "D", [CALL_FSYNC] = "F" };
	static char text[400];
	size_t n = 0;

	for (uint32_t i = 0; i < c->task[t].n; i++) {
		const struct job_call *k = &c->task[t].call[i];
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", word[k->kind]);
		if (k->file)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u:", k->file);
		if (k->kind <= CALL_RANGE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%lu+%u%s", (unsigned long)k->off, k->len,
			                      k->wait ? "!" : "");
	}
	return text;
}

static void a_job_that_is_small_is_done_as_it_says(void **state)
{
	struct job_calls c;
	struct why why;

	assert_int_equal(calls_of("[a]\nrw=write\nfallocate=none\nbs=4k\nsize=16k\nfsync=2\nfdatasync=4\n", &c, &why),
	                 0);
	assert_string_equal(told(&c, 0), "W0+4096 W4096+4096 F W8192+4096 W12288+4096 F");
	assert_string_equal(c.clamped, "");
	assert_int_equal(c.file[0].laid_out, 0);

	assert_int_equal(calls_of("[a]\nrw=write\nfallocate=none\nbs=512\nsize=2k\nnrfiles=2\nsync_file_range=write,"
	                          "wait_after:2\n",
	                          &c, &why),
	                 0);
	assert_string_equal(told(&c, 0), "W0+512 W1:0+512 R1:0+512! W512+512 W1:512+512 R1:512+512!");

	assert_int_equal(calls_of("[a]\nrw=write\noverwrite=1\nbs=8k\nsize=8k\nsync=dsync\n", &c, &why), 0);
	assert_string_equal(told(&c, 0), "W0+8192 D");
	assert_int_equal(c.file[0].laid_out, 8192);

	assert_int_equal(calls_of("[a]\nrw=write\nbs=4k\nsize=8k\ndirect=1\nfsync=2\nfallocate=posix\n"
	                          "[b]\nrw=write\nbs=4k\nsize=4k\nioengine=mmap\nfsync=1\n", &c, &why), 0);
	assert_string_equal(told(&c, 0), "X0+4096 X4096+4096 F");
	assert_string_equal(told(&c, 1), "M1:0+4096 F1:");
	assert_true(!c.file[0].laid_out && c.file[0].space == 8192 && !c.file[0].mapped);
	assert_true(c.file[1].laid_out == 4096 && !c.file[1].space && c.file[1].mapped);
}

static void files_are_shared_by_name(void **state)
{
	struct job_calls c;
	struct why why;

	assert_int_equal(calls_of("[global]\nbs=4k\nsize=4k\n[a]\nrw=write\nfilename=x\n"
	                          "[b]\nrw=randwrite\noverwrite=1\nfilename=x\n[c]\nrw=write\n",
	                          &c, &why), 0);
	assert_int_equal(c.nfiles, 2);
	assert_int_equal(c.ntasks, 3);
	assert_int_equal(c.task[0].call[0].file, c.task[1].call[0].file);
	assert_int_equal(c.file[0].laid_out, 4096);
	assert_string_equal(c.file[1].name, "c.0.0");
}

static void what_is_made_smaller_is_said(void **state)
{
	struct job_calls c;
	struct why why;

	assert_int_equal(calls_of("[big]\nrw=randwrite\noverwrite=1\nbs=64k\nsize=1g\nnumjobs=9\nfsync=100\n"
	                          "runtime=3s\ntime_based\nthinktime=10\n",
	                          &c, &why), 0);
	assert_int_equal(c.ntasks, JOB_CALLS_TASKS);
	assert_int_equal(c.file[0].laid_out, JOB_CALLS_BLOCKS * 4096);
	assert_int_equal(c.task[0].n, JOB_CALLS_WRITES + 1); /* (job_calls.1) */
	assert_int_equal(c.task[0].call[JOB_CALLS_WRITES].kind, CALL_FSYNC);
	for (uint32_t i = 0; i < JOB_CALLS_WRITES; i++)
		assert_true(c.task[0].call[i].off + c.task[0].call[i].len <= JOB_CALLS_BLOCKS * 4096);
	assert_string_equal(c.clamped, "[big] 4 tasks, not 9\n[big] files of 16384 bytes, not 1073741824\n"
	                               "[big] writes of up to 16384 bytes, not 65536\n[big] counted, not timed\n"
	                               "[big] no pauses: the scheduler makes them\n[big] 4 writes a task, not 16384\n"
	                               "[big] fsync after 4 writes, not 100\n");
}

static void keys_that_mean_nothing_there_are_refused_by_their_line(void **state)
{
	static const char *const wrong[][2] = {
		{ "[global]\nbs=4k\n\ncpus_allowed=0\n[a]\nrw=write\nsize=4k\n", "j.fio:4: cpus_allowed: " },
		{ "[a]\nrw=write\nsize=4k\n[b]\nrw=write\nsize=4k\n  numa_cpu_nodes=0\n[c]\nrw=write\nsize=4k\n",
		  "j.fio:7: numa_cpu_nodes: " },
		{ "[a]\nrw=write\nbs=4k\nsize=28k\nfilename=a:b:c:d:e:f:g\n",
		  "[a] file g: a hunted job has at most 6 files" },
	};
	struct job_calls c;
	struct why why;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(calls_of(wrong[i][0], &c, &why), -EINVAL);
		assert_non_null(strstr(why.text, wrong[i][1]));
	}
}

/* ---- hunted ---- */

static const char shared[] =
	"# two of one file\n[global]\nbs=4k\nrw=randwrite\noverwrite=1\nnorandommap=1\nfilename=x\nsize=8k\n\n"
	"[writer]\nsync_file_range=write:2 ; the flusher's like\n[syncer]\nfsync=1\n";

static struct hunt *open_hunt(const char *name, const char *text, const char *design)
{
	struct why why;
	const struct race *race;
	struct hunt *h = NULL;

	if (race_job_from_text(name, text, &race, &why) || hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	return h;
}

static uint64_t found_at(struct hunt *h, uint64_t schedules)
{
	struct search s = { .seed = 1, .schedules = schedules, .check_determinism = true };
	struct strategy strategy;
	struct violation v;
	struct why why = WHY_NONE;

	assert_int_equal(strategy_open(&strategy, "portfolio", &why), 0);
	s.strategy = &strategy;
	violation_init(&v);
	hunt_search(h, &s, &v);
	assert_false(s.nondeterministic);
	assert_true(!s.found_at || v.kind == VIOLATION_PROMISE);
	violation_fini(&v);
	strategy_close(&strategy);
	return s.found_at;
}

static void found_in(const char *design, bool due, uint64_t schedules)
{
	struct hunt *h = open_hunt("shared.fio", shared, design);

	assert_int_equal(found_at(h, schedules) != 0, due);
	hunt_close(h);
}

static void two_of_one_file_break_prefix_and_not_postfix(void **state)
{
	if (RT_TSAN)
		skip();
	found_in("prefix", true, 5000);
	found_in("postfix", false, fast() ? 100 : 1000);
}

static void the_text_that_a_race_keeps_makes_the_same_race(void **state)
{
	if (RT_TSAN)
		skip();
	struct hunt *a = open_hunt("shared.fio", shared, "prefix");
	struct hunt *b = open_hunt("shared", a->race->job, "prefix");
	const char *err;
	void *random = pick_random.create("", &err);

	assert_null(strchr(b->race->job, '#'));
	assert_string_equal(a->race->job, b->race->job);
	assert_string_equal(a->race->name, b->race->name);
	for (uint64_t seed = 1; seed < 10; seed++) {
		hunt_run(a, &pick_random, random, seed);
		uint64_t hash = a->result.trace_hash;
		hunt_run(b, &pick_random, random, seed);
		assert_int_equal(b->result.trace_hash, hash);
	}
	pick_random.destroy(random);
	hunt_close(a);
	hunt_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_that_is_small_is_done_as_it_says),
		cmocka_unit_test(files_are_shared_by_name),
		cmocka_unit_test(what_is_made_smaller_is_said),
		cmocka_unit_test(keys_that_mean_nothing_there_are_refused_by_their_line),
		cmocka_unit_test(two_of_one_file_break_prefix_and_not_postfix),
		cmocka_unit_test(the_text_that_a_race_keeps_makes_the_same_race),
	};

	return cmocka_run_group_tests_name("race_job", tests, NULL, NULL);
}
