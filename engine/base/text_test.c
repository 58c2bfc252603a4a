/*
 * text_test.c: numbers that a user typed are taken wholly or not at all; the nearest word is near.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static void sizes_are_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 }, { "4096", 4096 }, { "4k", 4096 }, { "64M", 64 << 20 }, { "2g", 2ull << 30 },
		     { "1t", 1ull << 40 }, { "4kb", 4096 }, { "512b", 512 } };
	static const char *const bad[] = { "", "k", "4x", "4kk", "-1", " 4", "4 ", "+4", "1.5m", "99999999999999999999",
		                           "17179869184g", "4kbb" };
	uint64_t v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(text_size(good[i].text, &v), 0);
		assert_int_equal(v, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(text_size(bad[i], &v), 0);
}

static void times_take_units(void **state)
{
	uint64_t v;

	assert_int_equal(text_time("30", 1000000000, &v), 0);
	assert_int_equal(v, 30000000000);
	assert_int_equal(text_time("30", 1000, &v), 0);
	assert_int_equal(v, 30000);
	assert_int_equal(text_time("500ms", 1, &v), 0);
	assert_int_equal(v, 500000000);
	assert_int_equal(text_time("2m", 1, &v), 0);
	assert_int_equal(v, 120000000000);
	assert_int_not_equal(text_time("2y", 1, &v), 0);
	assert_int_not_equal(text_time("", 1, &v), 0);
	assert_int_not_equal(text_time("999999999d", 1, &v), 0);
}

static void lists_have_ranges(void **state)
{
	unsigned v[4], n;

	assert_int_equal(text_list("0-1,3", v, 4, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(v[2], 3);
	assert_int_equal(text_list("0-3", v, 4, &n), 0);
	assert_int_not_equal(text_list("0-4", v, 4, &n), 0);
	assert_int_not_equal(text_list("3-1", v, 4, &n), 0);
	assert_int_not_equal(text_list("1,", v, 4, &n), 0);
	assert_int_not_equal(text_list("", v, 4, &n), 0);
	assert_int_not_equal(text_list("1,2,3,4,5", v, 4, &n), 0);
}

static void distance_counts_letters(void **state)
{
	assert_int_equal(text_distance("fsync", "fsync"), 0);
	assert_int_equal(text_distance("fsnyc", "fsync"), 1);
	assert_int_equal(text_distance("fsync", "fdatasync"), 4);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
}

static void nearest_is_near_or_none(void **state)
{
	static const char *const words[] = { "numjobs", "runtime", NULL, "ramp_time" };

	assert_string_equal(text_nearest("numjob", words, 4, sizeof(words[0])), "numjobs");
	assert_string_equal(text_nearest("ramptime", words, 4, sizeof(words[0])), "ramp_time");
	assert_string_equal(text_nearest("run", words, 4, sizeof(words[0])), "runtime");
	assert_null(text_nearest("ioengine", words, 4, sizeof(words[0])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(times_take_units),
		cmocka_unit_test(lists_have_ranges),
		cmocka_unit_test(distance_counts_letters),
		cmocka_unit_test(nearest_is_near_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
