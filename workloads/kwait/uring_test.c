/*
 * uring_test.c: which sync an event of io_uring is of: events come from several processors, out of order, of requests
 * that began before or are of another kind; and a request's number is used again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <linux/io_uring.h>

#include "kwait/uring.h"

#define SUBMITTER 10
#define WORKER    11

static void add(struct uring *u, uint64_t ns, enum uring_point point, uint64_t request, pid_t tid, int value)
{
	uring_add(u, &(struct uring_event){ .ns = ns, .point = point, .request = request, .tid = tid, .value = value });
}

static void a_sync_is_followed_from_submission_to_completion(void **state)
{
	struct uring *u = uring_new();
	struct uring_sync *s;
	size_t n;

	add(u, 90, URING_COMPLETE, 1, WORKER, -5); /* of another processor: it comes first */
	add(u, 20, URING_FILE, 1, WORKER, 3);
	add(u, 10, URING_SUBMIT, 1, SUBMITTER, IORING_OP_FSYNC);
	uring_settle(u, 50);
	s = uring_pending(u, &n);
	assert_int_equal(n, 1);
	assert_true(s->request == 1 && s->submit_ns == 10 && s->start_ns == 20 && s->fd == 3 && s->worker == WORKER);
	assert_int_equal(s->note, UINT_MAX);
	s->note = 7;
	assert_true(uring_ended(u, &n) == NULL || !n);
	uring_settle(u, 90); /* what happens at that time may not be all there yet */
	uring_ended(u, &n);
	assert_int_equal(n, 0);
	uring_settle(u, 91);
	s = uring_ended(u, &n);
	assert_int_equal(n, 1);
	assert_true(s->end_ns == 90 && s->ret == -5 && s->submitter == SUBMITTER && s->note == 7 && !s->is_range);
	uring_pending(u, &n);
	assert_int_equal(n, 0);
	uring_forget(u);
	uring_ended(u, &n);
	assert_int_equal(n, 0);
	uring_end(u);
}

static void what_is_no_sync_of_ours_is_no_sync(void **state)
{
	struct uring *u = uring_new();
	size_t n;

	add(u, 10, URING_FILE, 1, WORKER, 3);
	add(u, 20, URING_COMPLETE, 1, WORKER, 0); /* submitted before we came, or a read */
	uring_settle(u, UINT64_MAX);
	uring_ended(u, &n);
	assert_int_equal(n, 0);
	uring_pending(u, &n);
	assert_int_equal(n, 0);
	uring_end(u);
}

/* Before Linux 6.3 who submits looks for the file, and a worker is seen at the end alone; or none at all. */
static void who_submits_is_no_worker(void **state)
{
	struct uring *u = uring_new();
	struct uring_sync *s;
	size_t n;

	add(u, 10, URING_SUBMIT, 1, SUBMITTER, IORING_OP_SYNC_FILE_RANGE);
	add(u, 11, URING_FILE, 1, SUBMITTER, 3);
	add(u, 20, URING_COMPLETE, 1, WORKER, 0);
	uring_add(u, &(struct uring_event){ .ns = 30, .point = URING_SUBMIT, .request = 1, .tid = SUBMITTER,
	                                    .value = IORING_OP_FSYNC, .registered = true });
	add(u, 40, URING_COMPLETE, 1, SUBMITTER, 0);
	uring_settle(u, UINT64_MAX);
	s = uring_ended(u, &n);
	assert_int_equal(n, 2);
	assert_true(s[0].is_range && s[0].fd == 3 && s[0].start_ns == 0 && s[0].worker == WORKER);
	assert_true(!s[1].is_range && s[1].fd == URING_FD_REGISTERED && s[1].worker == 0 && s[1].submit_ns == 30);
	uring_end(u);
}

/* The end of the first was lost: it is not that of the second. */
static void a_number_that_is_used_again_is_of_the_later_one(void **state)
{
	struct uring *u = uring_new();
	struct uring_sync *s;
	size_t n;

	add(u, 10, URING_SUBMIT, 1, SUBMITTER, IORING_OP_FSYNC);
	add(u, 12, URING_SUBMIT, 2, SUBMITTER, IORING_OP_FSYNC);
	add(u, 15, URING_FILE, 1, WORKER, 3);
	add(u, 50, URING_SUBMIT, 1, SUBMITTER, IORING_OP_FSYNC);
	add(u, 60, URING_COMPLETE, 1, SUBMITTER, 0);
	uring_settle(u, UINT64_MAX);
	s = uring_ended(u, &n);
	assert_int_equal(n, 1);
	assert_true(s->submit_ns == 50 && s->fd == URING_FD_UNKNOWN && !s->start_ns);
	s = uring_pending(u, &n);
	assert_int_equal(n, 1);
	assert_int_equal(s->request, 2);
	uring_end(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_is_followed_from_submission_to_completion),
		cmocka_unit_test(what_is_no_sync_of_ours_is_no_sync),
		cmocka_unit_test(who_submits_is_no_worker),
		cmocka_unit_test(a_number_that_is_used_again_is_of_the_later_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
