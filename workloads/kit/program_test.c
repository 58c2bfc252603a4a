/* program_test.c: what is told of a program that was run: what it printed, and how it ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/program.h"

static int sh(const char *script, char **out, struct why *why)
{
	char text[128];
	char *argv[] = { "sh", "-c", text, NULL };

	strcpy(text, script);
	return program_run(argv, out, why);
}

static void what_it_prints_is_given(void **state)
{
	struct why why;
	char *out;

	assert_int_equal(sh("echo one; echo two; echo not this >&2", &out, &why), 0);
	assert_string_equal(out, "one\ntwo\n");
	free(out);
}

static void how_it_ended_is_told(void **state)
{
	static const struct {
		const char *script, *says;
	} bad[] = {
		{ "echo first >&2; echo last >&2; exit 3", "sh failed: last" },
		{ "printf 'bad option -Z \\nUsage: sh [-a]\\n\\t[-b] file\\n' >&2; exit 1",
		  "sh failed: bad option -Z" },
		{ "kill -SEGV $$", "sh crashed: Segmentation fault" },
		{ "kill -ABRT $$", "sh crashed: Aborted" },
	};
	char *const nowhere[] = { "no-such-program", NULL };
	struct why why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sh(bad[i].script, NULL, &why), -EIO);
		assert_string_equal(why.text, bad[i].says);
	}
	assert_int_equal(program_run(nowhere, NULL, &why), -ENOENT);
	assert_string_equal(why.text, "no-such-program is not installed");
}

static void it_can_run_in_a_folder(void **state)
{
	char *const pwd[] = { "pwd", NULL };
	struct why why;
	char *out;

	assert_int_equal(program_run_in("/", pwd, &out, &why), 0);
	assert_string_equal(out, "/\n");
	free(out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints_is_given),
		cmocka_unit_test(how_it_ended_is_told),
		cmocka_unit_test(it_can_run_in_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
