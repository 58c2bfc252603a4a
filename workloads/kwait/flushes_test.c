/*
 * flushes_test.c: which syncs are told to have returned early: none that may have been kept, also where the ends of
 * flushes have no record or overlap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kwait/flushes.h"

#define N(events) (sizeof(events) / sizeof((events)[0]))

static bool kept(const struct flush_event *e, size_t n, uint64_t from, uint64_t to)
{
	return flush_within(e, n, flush_ends_are_known(e, n), from, to);
}

static void one_at_a_time_is_known_to_its_end(void **state)
{
	static const struct flush_event e[] = { { 10, false }, { 20, true }, { 30, false }, { 40, true } };

	assert_true(flush_ends_are_known(e, N(e)));
	assert_true(kept(e, N(e), 10, 20));
	assert_true(kept(e, N(e), 5, 25));
	assert_false(kept(e, N(e), 10, 19)); /* under way when the sync returned */
	assert_false(kept(e, N(e), 11, 29)); /* began before the write */
	assert_true(kept(e, N(e), 11, 40));
	assert_false(kept(e, N(e), 31, 99));
	assert_false(kept(NULL, 0, 1, 2));
}

/* As on virtio: of four flushes one has an end. The one that began in the window may have ended in it. */
static void an_end_without_a_record_accuses_nobody(void **state)
{
	static const struct flush_event e[] = {
		{ 10, false }, { 20, false }, { 30, false }, { 40, false }, { 50, true },
	};

	assert_false(flush_ends_are_known(e, N(e)));
	assert_true(kept(e, N(e), 15, 25));
	assert_true(kept(e, N(e), 35, 45)); /* the end at 50 may be that of another */
	assert_false(kept(e, N(e), 21, 29)); /* none began */
	assert_false(kept(e, N(e), 41, 60));
}

/* As with several queues: the end at 25 is that of the first. */
static void flushes_that_overlap_accuse_nobody(void **state)
{
	static const struct flush_event e[] = { { 10, false }, { 15, false }, { 25, true }, { 30, true } };

	assert_true(kept(e, N(e), 12, 20));
	assert_false(kept(e, N(e), 16, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_is_known_to_its_end),
		cmocka_unit_test(an_end_without_a_record_accuses_nobody),
		cmocka_unit_test(flushes_that_overlap_accuse_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
