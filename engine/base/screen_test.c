/*
 * screen_test.c: lines stay within the width that COLUMNS gives, nothing is lost by that, and a pipe gets whole rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/screen.h"

static const char sentence[] = "The floor of a device is a write and a flush by one task, with nothing else in the way";

static unsigned widest(const char *text)
{
	unsigned most = 0, at = 0;

	for (; *text; text++) {
		at = *text == '\n' ? 0 : at + 1;
		most = at > most ? at : most;
	}
	return most;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static char *said(const char *columns, const char *head, const char *text)
{
	char *buf = NULL;
	size_t size;
	FILE *out = open_memstream(&buf, &size);

	if (columns)
		setenv("COLUMNS", columns, 1);
	else
		unsetenv("COLUMNS");
	screen_say(out, head, text);
	fclose(out);
	return buf;
}

static void a_pipe_gets_a_sentence_in_one_line(void **state)
{
	char *text = said(NULL, "  A  ", sentence);

	assert_int_equal(lines(text), 1);
	assert_memory_equal(text + 5, sentence, sizeof(sentence) - 1);
	free(text);
}

static void a_sentence_is_folded_and_whole(void **state)
{
	static const char *const width[] = { "30", "60", "80" };

	for (unsigned i = 0; i < 3; i++) {
		char *text = said(width[i], "  A  ", sentence), *joined = strdup(text), *to = joined;

		assert_true(widest(text) <= (unsigned)atoi(width[i]));
		assert_true(lines(text) > 1);
		for (const char *p = text + 5; *p; p++)
			if (*p == '\n' && p[1])
				*to++ = ' ', p += 5; /* what follows is moved in */
			else if (*p != '\n')
				*to++ = *p;
		*to = 0;
		assert_string_equal(joined, sentence);
		free(joined);
		free(text);
	}
}

static void a_path_that_is_longer_than_the_screen_stays_whole(void **state)
{
	char *text = said("30", "", "in /a/folder/that/has/a/name/longer/than/the/screen it is");

	assert_non_null(strstr(text, "\n/a/folder/that/has/a/name/longer/than/the/screen\nit is\n"));
	free(text);
}

static char *table(const char *columns)
{
	static const char *const name[] = { "p50", "p99", "p99.9", "fsync/s", "flush/sync", "held by" };
	struct screen_table *t = screen_table(2);
	char *buf = NULL;
	size_t size;
	FILE *out = open_memstream(&buf, &size);

	if (columns)
		setenv("COLUMNS", columns, 1);
	else
		unsetenv("COLUMNS");
	screen_column(t, "threads", false);
	screen_column(t, "target", true);
	for (unsigned i = 0; i < 6; i++)
		screen_column(t, name[i], i == 5);
	for (unsigned row = 1; row <= 2; row++) {
		screen_cell(t, "%u", row);
		screen_cell(t, "%s", row == 1 ? "A path" : "B postfix");
		for (unsigned i = 0; i < 6; i++)
			screen_cell(t, "%u", 1000 * row + i);
	}
	screen_table_print(t, out);
	fclose(out);
	screen_table_free(t);
	return buf;
}

static void a_table_for_a_pipe_has_a_line_a_row(void **state)
{
	char *text = table(NULL);

	assert_string_equal(text, "threads  target      p50   p99  p99.9  fsync/s  flush/sync  held by\n"
				  "      1  A path     1000  1001   1002     1003        1004  1005\n"
				  "      2  B postfix  2000  2001   2002     2003        2004  2005\n");
	free(text);
}

static void a_table_that_is_too_wide_comes_in_pieces_that_name_their_rows(void **state)
{
	char *text = table("40");

	assert_string_equal(text, "threads  target      p50   p99  p99.9\n"
				  "      1  A path     1000  1001   1002\n"
				  "      2  B postfix  2000  2001   2002\n\n"
				  "threads  target     fsync/s  flush/sync\n"
				  "      1  A path        1003        1004\n"
				  "      2  B postfix     2003        2004\n\n"
				  "threads  target     held by\n"
				  "      1  A path     1005\n"
				  "      2  B postfix  2005\n");
	free(text);
	text = table("10"); /* a column of its own each, and no end without one */
	assert_int_equal(lines(text), 6 * 4 - 1);
	free(text);
}

static void a_table_without_rows_is_nothing(void **state)
{
	struct screen_table *t = screen_table(1);

	screen_column(t, "threads", false);
	screen_column(t, "p50", false);
	screen_table_print(t, stderr);
	screen_table_free(t);
}

static void the_locale_tells_whether_letters_beyond_ascii_are_had(void **state)
{
	setenv("LC_ALL", "C", 1);
	assert_false(screen_is_utf8());
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_true(screen_is_utf8());
	unsetenv("LC_ALL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_gets_a_sentence_in_one_line),
		cmocka_unit_test(a_sentence_is_folded_and_whole),
		cmocka_unit_test(a_path_that_is_longer_than_the_screen_stays_whole),
		cmocka_unit_test(a_table_for_a_pipe_has_a_line_a_row),
		cmocka_unit_test(a_table_that_is_too_wide_comes_in_pieces_that_name_their_rows),
		cmocka_unit_test(a_table_without_rows_is_nothing),
		cmocka_unit_test(the_locale_tells_whether_letters_beyond_ascii_are_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
