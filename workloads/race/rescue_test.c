/*
 * rescue_test.c: a run that crashes leaves its schedule, and the replay of that crashes in the same way: where a task
 * follows a wild pointer, where a CHECK fails, and where the stack of a fiber is full.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "hunt/rescue.h"
#include "hunt/run.h"
#include "hunt/schedule_file.h"
#include "hunt/search.h"
#include "rt/sanitize.h"

static int first; /* the task that begins; it crashes when it is the second one, so that the schedule matters */
static void (*crash)(void);

static void begin(struct race_run *r)
{
	first = -1;
}

static void write_and_crash(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	if (first < 0)
		first = (int)r->me;
	if (first == 1 && r->me == 1)
		crash();
	model_fsync(r->file[0]);
}

static const struct race_task tasks[] = { { "one", write_and_crash }, { "two", write_and_crash } };
static const struct race race = { .name = "crashing", .what = "", .story = "", .mkfs = { .nodesize = 4096 },
	                          .mount = { .no_background = true },
	                          .files = { { "a", 0, FS_BLOCK } }, .begin = begin, .tasks = tasks, .ntasks = 2 };

static const struct race *find(const char *name)
{
	return strcmp(name, race.name) ? NULL : &race;
}

static const char *nearest(const char *name, char *buf, unsigned size)
{
	return strcpy(buf, "");
}

static const struct race_source source = { .find = find, .nearest = nearest };

static void wild_pointer(void)
{
	int *volatile wild = (int *)16;

	*wild = 1;
}

static void failed_check(void)
{
	CHECK(!"held");
}

static void deep(volatile char *before)
{
	volatile char here[1024] = { 0 };

	here[0] = before[0];
	if (before)
		deep(here);
	before[0] = here[1];
}

static void full_stack(void)
{
	volatile char top[1] = { 0 };

	deep(top);
}

static struct hunt *open_hunt(void)
{
	struct hunt *h;
	struct why why = WHY_NONE;

	if (hunt_open(&race, fs_design_find("postfix"), &h, &why))
		_exit(1);
	return h;
}

/* In a child: what it dies of. 0: it has ended by itself. */
static int dies_of(void (*fn)(const char *path), const char *path)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		for (int sig = 1; sig < SIGSYS; sig++) /* cmocka's own handlers */
			signal(sig, SIG_DFL);
		fn(path);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void search(const char *path)
{
	struct search s = { .seed = 1, .schedules = 100 };
	struct strategy strategy;
	struct violation v;
	struct hunt *h = open_hunt();

	violation_init(&v);
	if (strategy_open(&strategy, "random", NULL))
		_exit(4);
	s.strategy = &strategy;
	hunt_rescue(h, path);
	hunt_search(h, &s, &v);
}

static void replay(const char *path)
{
	const struct design *design;
	const struct race *found;
	struct violation v;

	if (schedule_file_read(path, false, &source, &found, &design, &v, NULL) || v.kind != VIOLATION_CHECK)
		_exit(5);
	hunt_again(open_hunt(), &v, false);
}

static void leaves_a_schedule_that_crashes_again(void (*how)(void), int sig)
{
	char path[] = "rescue_test.XXXXXX";

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	crash = how;
	assert_int_equal(dies_of(search, path), sig);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(dies_of(replay, path), sig);
	unlink(path);
}

static void a_wild_pointer_leaves_a_schedule(void **state)
{
	leaves_a_schedule_that_crashes_again(wild_pointer, SIGSEGV);
}

static void a_check_that_fails_leaves_a_schedule(void **state)
{
	leaves_a_schedule_that_crashes_again(failed_check, SIGABRT);
}

static void a_full_stack_leaves_a_schedule(void **state)
{
	leaves_a_schedule_that_crashes_again(full_stack, SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wild_pointer_leaves_a_schedule),
		cmocka_unit_test(a_check_that_fails_leaves_a_schedule),
		cmocka_unit_test(a_full_stack_leaves_a_schedule),
	};

	if (RT_TSAN || RT_ASAN) {
		puts("1..0 # SKIP a sanitizer has handlers of its own, and fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
