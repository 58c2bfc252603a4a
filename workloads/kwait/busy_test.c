/* busy_test.c: when a device had something to do, from events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kwait/busy.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t busy(const struct io_event *e, size_t n, uint64_t from, uint64_t to)
{
	struct busy b = { .no_flushes = false };
	uint64_t ns;

	for (size_t i = 0; i < n; i++)
		busy_add(&b, &e[i]);
	ns = busy_ns(&b, from, to);
	busy_free(&b);
	return ns;
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

	assert_int_equal(busy(e, N(e), 0, 100), 10);
	assert_int_equal(busy(e, 1, 0, 100), 90); /* it may end yet */
}

/* What is left answers as before: of the time after. */
static void old_spans_are_forgotten(void **state)
{
	struct busy b = { .no_flushes = false };

	for (uint64_t i = 0; i < 100; i++) {
		busy_add(&b, &(struct io_event){ .ns = 10 * i, .sector = i });
		busy_add(&b, &(struct io_event){ .ns = 10 * i + 4, .sector = i, .ended = true });
	}
	busy_forget(&b, 500);
	assert_true(b.all.n == 50 && b.data.n == 50);
	assert_int_equal(busy_ns(&b, 500, 1000), 200);
	assert_int_equal(busy_ns(&b, 502, 512), 4);
	busy_forget(&b, 5000);
	assert_int_equal(b.all.n, 1);
	busy_add(&b, &(struct io_event){ .ns = 6000, .sector = 1 });
	assert_int_equal(busy_ns(&b, 5000, 6010), 10);
	busy_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_busy_from_the_first_to_the_last),
		cmocka_unit_test(what_began_before_or_ends_after_is_no_mistake),
		cmocka_unit_test(a_flush_without_an_end_is_left_out),
		cmocka_unit_test(old_spans_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
