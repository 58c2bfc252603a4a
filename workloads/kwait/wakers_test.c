/*
 * wakers_test.c: when a device had something to do, from events; who woke a thread, seen for real. Where tracepoints
 * are not allowed that test skips itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kwait/sum.h"
#include "kwait/wakers.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t busy(const struct io_event *e, size_t n, uint64_t from, uint64_t to)
{
	struct io_span span[16];

	return io_busy(span, io_spans(e, n, io_flushes_known(e, n), span), from, to);
}

static void a_device_is_busy_from_the_first_to_the_last(void **state)
{
	static const struct io_event e[] = {
		{ 10, 100, false, false }, { 15, 200, false, false }, { 20, 100, true, false },
		{ 30, 200, true, false },
		{ 50, 0, false, true }, { 60, UINT64_MAX, true, true },
	};

	assert_int_equal(busy(e, N(e), 0, 100), 30);
	assert_int_equal(busy(e, N(e), 12, 100), 28);
	assert_int_equal(busy(e, N(e), 0, 25), 15);
	assert_int_equal(busy(e, N(e), 30, 50), 0);
	assert_int_equal(busy(e, N(e), 17, 18), 1);
	assert_int_equal(busy(e, N(e), 55, 70), 5);
	assert_int_equal(busy(NULL, 0, 0, 100), 0);
}

static void what_began_before_or_ends_after_is_no_mistake(void **state)
{
	static const struct io_event before[] = { { 5, 1, true, false }, { 10, 2, false, false },
		                                  { 20, 2, true, false } };
	static const struct io_event after[] = { { 10, 1, false, false } };
	static const struct io_event twice[] = { { 10, 1, false, false }, { 12, 1, false, false },
		                                 { 20, 1, true, false } };

	assert_int_equal(busy(before, N(before), 0, 100), 10);
	assert_int_equal(busy(after, N(after), 0, 100), 90);
	assert_int_equal(busy(after, N(after), 40, 60), 20);
	assert_int_equal(busy(twice, N(twice), 0, 100), 10);
}

/* As on virtio, where a flush's end may have no record: it would be under way for ever. */
static void a_flush_without_an_end_is_left_out(void **state)
{
	static const struct io_event e[] = {
		{ 10, 0, false, true }, { 20, 5, false, false }, { 30, 5, true, false }, { 40, 0, false, true },
		{ 50, 0, true, true },
	};

	assert_false(io_flushes_known(e, N(e)));
	assert_int_equal(busy(e, N(e), 0, 100), 10);
	assert_true(io_flushes_known(e, 1));
}

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

static void *write_later(void *arg)
{
	prctl(PR_SET_NAME, "the-writer");
	poll(NULL, 0, 20);
	assert_int_equal(write(*(int *)arg, "x", 1), 1);
	poll(NULL, 0, 50); /* its name is asked for while it is there */
	return NULL;
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
	int fd[2];
	char c;

	w = wakers_begin(NULL, &why);
	assert_non_null(w);
	t = kwait_task_open(0, NULL);
	assert_non_null(t);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_later, &fd[1]), 0);
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
	pthread_join(writer, NULL);
	waitpid(other, NULL, 0);
	kwait_task_stop(t);
	wakers_end(w);
	assert_false(wakers_has_device(w));
	kwait_sum_task(&sum, t, w);
	kwait_sum_sort(&sum);
	for (unsigned i = 0; i < sum.nsites; i++) {
		const struct kwait_site *s = &sum.site[i];

		if (strstr(s->function, "pipe_read"))
			by_writer = !strcmp(s->waker[0].name, "the-writer") && s->waker[0].ns == s->ns;
		else if (strstr(s->function, "poll"))
			by_clock = !strcmp(s->waker[0].name, "an interrupt");
	}
	assert_int_equal(sum.device_sync_ns, 0);
	assert_null(wakers_of(w, other, 0, UINT64_MAX)); /* of others nothing is kept */
	wakers_free(w);
	kwait_task_close(t);
	close(fd[0]);
	close(fd[1]);
	return by_writer && by_clock;
}

/* On a busy machine records are dropped, or who is to sleep does not come to it: then once more. */
static void who_ended_a_sleep_is_told(void **state)
{
	struct wakers *w = NULL;
	struct why why;
	bool told = false;

	if (kwait_allowed(&why) || !(w = wakers_begin(NULL, &why))) {
		print_message("skipped: %s\n", why.text);
		skip();
	}
	wakers_end(w);
	wakers_free(w);
	for (unsigned i = 0; i < 10 && !told; i++)
		told = both_ends_are_told();
	assert_true(told);
}

static void wakers_are_added_up_by_name(void **state)
{
	struct kwait_sum a = { .nsites = 1, .device_ns = 1, .device_sync_ns = 2 }, b = a;

	a.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN,
		                         .waker = { { "x", 10 }, { "y", 5 } } };
	b.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN,
		                         .waker = { { "y", 20 }, { "z", 1 } } };
	snprintf(b.no_wakers, sizeof(b.no_wakers), "why");
	kwait_sum_merge(&a, &b);
	kwait_sum_sort(&a);
	assert_string_equal(a.site[0].waker[0].name, "y");
	assert_int_equal(a.site[0].waker[0].ns, 25);
	assert_string_equal(a.site[0].waker[1].name, "x");
	assert_int_equal(a.site[0].waker[2].ns, 1);
	assert_int_equal(a.device_ns, 2);
	assert_int_equal(a.device_sync_ns, 4);
	assert_string_equal(a.no_wakers, "why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_busy_from_the_first_to_the_last),
		cmocka_unit_test(what_began_before_or_ends_after_is_no_mistake),
		cmocka_unit_test(a_flush_without_an_end_is_left_out),
		cmocka_unit_test(a_worker_is_called_by_its_work),
		cmocka_unit_test(who_ended_a_sleep_is_told),
		cmocka_unit_test(wakers_are_added_up_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
