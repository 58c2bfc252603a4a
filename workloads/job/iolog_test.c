/* iolog_test.c: what a log of calls needs and syncs; and each mistake in one, with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/iolog.h"

static int look(const char *text, struct job_iolog *out, struct why *why)
{
	char path[] = "/tmp/fsyncstorm-iolog-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = job_iolog_look(path, out, why);
	unlink(path);
	return ret;
}

static void what_a_log_needs(void **state)
{
	struct job_iolog l;
	struct why why;

	assert_int_equal(look("fio version 2 iolog\na add\nb add\na open\na write 4096 8192\na read 0 4096\nb open\n"
	                      "b write 0 512\nb sync 0 0\nb wait 100 0\nb close\n", &l, &why), 0);
	assert_int_equal(l.files, 2);
	assert_int_equal(l.bytes, 12288 + 512);
	assert_true(l.reads && l.writes && l.fsync);
	assert_false(l.fdatasync);
	assert_int_equal(look("fio version 3 iolog\n0 a add\n1 a open\n20 a write 0 4096\n30 a datasync 0 0\n"
	                      "40 a close\n", &l, &why), 0);
	assert_int_equal(l.files, 1);
	assert_int_equal(l.bytes, 4096);
	assert_true(l.writes);
	assert_false(l.reads || l.fsync);
	assert_true(l.fdatasync);
}

static void mistakes_have_their_line(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", ": it is empty" },
		{ "\x7fsomething", ":1: expected `fio version 2 iolog`, or 3" },
		{ "fio version 4 iolog\n", ":1: expected `fio version 2 iolog`, or 3" },
		{ "fio version 2 iolog\n/dev/sda add\n", ":2: /dev/sda: expected a file's name without /" },
		{ "fio version 2 iolog\n../x add\n", ":2: ../x: expected a file's name without /" },
		{ "fio version 3 iolog\n0 /x add\n", ":2: /x: expected a file's name without /" },
		{ "fio version 2 iolog\na add\n\nb write 0 1\n", ":4: b: no line before adds it" },
		{ "fio version 2 iolog\na add\na write 0\n", ":3: expected OFFSET LENGTH" },
		{ "fio version 2 iolog\na add\na write 0 -1\n", ":3: expected OFFSET LENGTH" },
		{ "fio version 3 iolog\n0 a add\n1 a write 5\n", ":3: expected OFFSET LENGTH" },
		{ "fio version 2 iolog\na add\na write 18446744073709551615 2\n", ":3: expected OFFSET LENGTH" },
		{ "fio version 2 iolog\na add\na trim 0 4096\n", ":3: trim: expected add, open, read, write" },
		{ "fio version 2 iolog\na\n", ":2: expected FILE ACTION" },
		{ "fio version 2 iolog\na add\na open\n", ": it reads and writes nothing" },
	};
	struct job_iolog l;
	struct why why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(look(bad[i].text, &l, &why), 0);
		if (!strstr(why.text, bad[i].says))
			fail_msg("%s: not: %s", why.text, bad[i].says);
	}
	assert_int_equal(job_iolog_look("/nonexistent/log", &l, &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nonexistent/log: No such file"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_log_needs),
		cmocka_unit_test(mistakes_have_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
