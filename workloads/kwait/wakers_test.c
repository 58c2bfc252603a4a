/*
 * wakers_test.c: who woke a thread, seen for real: of this process, and of threads that are chosen. Where tracepoints
 * are not allowed the tests skip themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kwait/sum.h"
#include "kwait/wakers.h"

static void a_worker_is_called_by_its_work(void **state)
{
	char name[WAKER_NAME];

	waker_name("kworker/1:2H-kblockd\n", name);
	assert_string_equal(name, "kworker-kblockd");
	waker_name("kworker/u8:0-btrfs-endio-write\n", name);
	assert_string_equal(name, "kworker-btrfs-endio-wri"); /* as much as there is room for */
	waker_name("kworker/3:0\n", name);
	assert_string_equal(name, "kworker");
	waker_name("jbd2/loop0-8\n", name);
	assert_string_equal(name, "jbd2/loop0-8");
}

static int fd[2], seen[2];

/* Its name is asked for while it is there: it stays until all has been read. */
static void *write_later(void *arg)
{
	char c;

	prctl(PR_SET_NAME, "the-writer");
	poll(NULL, 0, 20);
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(read(seen[0], &c, 1), 1);
	return arg;
}

/* Sleeps until another thread writes, and until a time has come. Whether both ends are told. */
static bool both_ends_are_told(void)
{
	struct kwait_sum sum = { .syncs = 0 };
	struct wakers *w = NULL;
	struct kwait_task *t;
	struct why why;
	uint64_t begin;
	pthread_t writer;
	pid_t other;
	bool by_writer = false, by_clock = false;
	char c;

	w = wakers_begin(&why);
	assert_non_null(w);
	t = kwait_task_open(0, NULL);
	assert_non_null(t);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pipe(seen), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_later, NULL), 0);
	other = fork();
	if (!other) {
		poll(NULL, 0, 5);
		_exit(0);
	}
	begin = kwait_now();
	assert_int_equal(read(fd[0], &c, 1), 1);
	kwait_task_call(t, 0, begin, kwait_now());
	begin = kwait_now();
	poll(NULL, 0, 20); /* the clock's interrupt */
	kwait_task_call(t, 0, begin, kwait_now());
	waitpid(other, NULL, 0);
	kwait_task_stop(t);
	wakers_end(w);
	assert_int_equal(write(seen[1], "x", 1), 1);
	pthread_join(writer, NULL);
	kwait_sum_task(&sum, t, &(struct kwait_beside){ .wakers = w });
	kwait_sum_sort(&sum);
	print_message("%llu records were lost\n", (unsigned long long)wakers_lost(w));
	for (unsigned i = 0; i < sum.nsites; i++) {
		const struct kwait_site *s = &sum.site[i];

		print_message("%s: %llu of %llu ns are ended by '%s'\n", s->function,
		              (unsigned long long)s->waker[0].ns, (unsigned long long)s->ns, s->waker[0].name);
		if (strstr(s->function, "pipe_read"))
			by_writer = !strcmp(s->waker[0].name, "the-writer") && s->waker[0].ns == s->ns;
		else if (strstr(s->function, "poll"))
			by_clock = !strcmp(s->waker[0].name, "an interrupt");
	}
	assert_int_equal(sum.device_sync_ns, 0);
	assert_null(wakers_of(w, other, 0, UINT64_MAX)); /* of others nothing is kept */
	wakers_free(w);
	kwait_task_close(t);
	for (unsigned i = 0; i < 2; i++) {
		close(fd[i]);
		close(seen[i]);
	}
	return by_writer && by_clock;
}

/* On a busy machine records are dropped, or who is to sleep does not come to it: then once more. */
static void who_ended_a_sleep_is_told(void **state)
{
	struct wakers *w = NULL;
	struct why why;
	bool told = false;

	if (kwait_allowed(&why) || !(w = wakers_begin(&why))) {
		print_message("skipped: %s\n", why.text);
		skip();
	}
	wakers_end(w);
	wakers_free(w);
	for (unsigned i = 0; i < 50 && !told; i++)
		told = both_ends_are_told();
	assert_true(told);
}

static int go[2];

static void *sleep_and_go(void *arg)
{
	char c;

	atomic_store((_Atomic pid_t *)arg, gettid());
	return (void *)(intptr_t)(read(go[0], &c, 1) == 1 && read(go[0], &c, 1) == 1);
}

static bool is_chosen(void *arg, pid_t tid)
{
	return tid == *(pid_t *)arg;
}

/* Wakes it, once it sleeps. */
static void wake(pid_t tid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	while (state != 'S') {
		FILE *in = fopen(path, "re");

		assert_non_null(in);
		assert_int_equal(fscanf(in, "%*d %*s %c", &state), 1);
		fclose(in);
	}
	assert_int_equal(write(go[1], "x", 1), 1);
}

/* One that is out of the limits is not seen; nor is one that is not asked for; what is too old is forgotten. */
static void chosen_threads_alone_are_watched(void **state)
{
	_Atomic pid_t tid = 0;
	pid_t chosen = -1;
	struct wakers *w = NULL;
	struct why why;
	pthread_t thread;
	void *slept;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pthread_create(&thread, NULL, sleep_and_go, (void *)&tid), 0);
	while (!tid)
		;
	chosen = tid;
	if (kwait_allowed(&why) || !(w = wakers_watch(is_chosen, &chosen, tid + 1, tid + 1, &why)))
		print_message("skipped: %s\n", why.text);
	wake(tid);
	for (; w; w = NULL) {
		wakers_drain(w);
		assert_null(wakers_of(w, tid, 0, UINT64_MAX));
		assert_int_equal(wakers_cover(w, tid, tid, &why), 0);
		wake(tid);
		wakers_drain(w);
		assert_non_null(wakers_of(w, tid, 0, UINT64_MAX));
		assert_null(wakers_of(w, gettid(), 0, UINT64_MAX));
		wakers_forget(w, kwait_now());
		assert_null(wakers_of(w, tid, 0, UINT64_MAX));
		wakers_end(w);
		assert_int_equal(wakers_lost(w), 0);
		wakers_free(w);
		chosen = 0;
	}
	if (chosen)
		wake(tid);
	pthread_join(thread, &slept);
	assert_non_null(slept);
	close(go[0]);
	close(go[1]);
	if (chosen)
		skip();
}

/* There the numbers are not the kernel's, and another thread's waker would be told: nothing is, and why. */
static void in_a_pid_namespace_nobody_is_told(void **state)
{
	struct wakers *w = NULL;
	struct why why;
	int status;
	pid_t pid;

	if (kwait_allowed(&why) || !(w = wakers_begin(&why))) {
		print_message("skipped: %s\n", why.text);
		skip();
	}
	wakers_end(w);
	wakers_free(w);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(2);
		pid = fork(); /* the first one that is in it */
		if (!pid)
			_exit(wakers_begin(&why) || !strstr(why.text, "PID namespace"));
		_exit(pid < 0 || waitpid(pid, &status, 0) != pid ? 2 : WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

static void wakers_are_added_up_by_name(void **state)
{
	struct kwait_sum a = { .nsites = 1, .device_ns = 1, .device_sync_ns = 2 }, b = a;

	a.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN, .device_ns = 7,
		                         .waker = { { "x", 10 }, { "y", 5 } } };
	b.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN, .device_ns = 8,
		                         .waker = { { "y", 20 }, { "z", 1 } } };
	snprintf(b.no_wakers, sizeof(b.no_wakers), "why");
	kwait_sum_merge(&a, &b);
	kwait_sum_sort(&a);
	assert_string_equal(a.site[0].waker[0].name, "y");
	assert_int_equal(a.site[0].waker[0].ns, 25);
	assert_string_equal(a.site[0].waker[1].name, "x");
	assert_int_equal(a.site[0].waker[2].ns, 1);
	assert_int_equal(a.site[0].device_ns, 15);
	assert_int_equal(a.device_ns, 2);
	assert_int_equal(a.device_sync_ns, 4);
	assert_string_equal(a.no_wakers, "why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_called_by_its_work),
		cmocka_unit_test(who_ended_a_sleep_is_told),
		cmocka_unit_test(chosen_threads_alone_are_watched),
		cmocka_unit_test(in_a_pid_namespace_nobody_is_told),
		cmocka_unit_test(wakers_are_added_up_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
