/* why_test.c: the words of an error are one line that fits, whatever they are made of. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/why.h"

static void the_number_comes_back_with_the_words_written(void **state)
{
	struct why why = WHY_NONE;

	assert_string_equal(why.text, "");
	errno = ENOENT;
	assert_int_equal(why_set(&why, -EINVAL, "nodesize %u: %s", 3, "too small"), -EINVAL);
	assert_string_equal(why.text, "nodesize 3: too small");
	assert_int_equal(errno, ENOENT);
}

static void nobody_need_ask_for_the_words(void **state)
{
	assert_int_equal(why_set(NULL, -EIO, "%s", "unheard"), -EIO);
}

static void a_caller_puts_in_front_what_it_knows(void **state)
{
	struct why why;

	why_set(&why, 0, "no space");
	assert_int_equal(why_set(&why, -ENOSPC, "%s: %s", "/a/file", why.text), -ENOSPC);
	assert_string_equal(why.text, "/a/file: no space");
	why_set(&why, 0, "%s", why.text + 9);
	assert_string_equal(why.text, "no space");
}

static void it_is_one_line(void **state)
{
	struct why why;

	why_set(&why, 0, "said\n\t%s", "two\r\nlines\x7f");
	assert_string_equal(why.text, "said  two  lines ");
	why_set(&why, 0, "%s", "f\xc3\xbcr"); /* letters beyond ASCII stay */
	assert_string_equal(why.text, "f\xc3\xbcr");
}

static void what_does_not_fit_is_cut_and_says_so(void **state)
{
	char text[2 * WHY_MAX];
	struct why why;

	for (unsigned n = WHY_MAX - 2; n < WHY_MAX + 2; n++) {
		memset(text, 'x', n);
		text[n] = 0;
		why_set(&why, 0, "%s", text);
		if (n < WHY_MAX) {
			assert_string_equal(why.text, text);
			continue;
		}
		assert_int_equal(strlen(why.text), WHY_MAX - 1);
		assert_string_equal(why.text + WHY_MAX - 5, "x...");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_comes_back_with_the_words_written),
		cmocka_unit_test(nobody_need_ask_for_the_words),
		cmocka_unit_test(a_caller_puts_in_front_what_it_knows),
		cmocka_unit_test(it_is_one_line),
		cmocka_unit_test(what_does_not_fit_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
