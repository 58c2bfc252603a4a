/* replace_test.c: a file is replaced by a whole one, or is what it was; nothing is left beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/replace.h"

static char folder[] = "/tmp/fsyncstorm-replace-XXXXXX";

static int begin(void **state)
{
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int end(void **state)
{
	return chdir("/") || rmdir(folder) ? -1 : 0; /* each test leaves it empty */
}

static unsigned entries(void)
{
	struct dirent **e;
	int n = scandir(".", &e, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(e[i]);
	if (n >= 0)
		free(e);
	return (unsigned)n - 2; /* "." and ".." */
}

static void write_file(const char *text, bool whole, int due)
{
	struct replace r;

	assert_int_equal(replace_begin(&r, "file"), 0);
	fputs(text, r.out);
	assert_int_equal(replace_end(&r, whole), due);
}

static void holds(const char *text)
{
	char is[64] = "";
	FILE *in = fopen("file", "r");

	assert_non_null(in);
	is[fread(is, 1, sizeof(is) - 1, in)] = 0;
	fclose(in);
	assert_string_equal(is, text);
	assert_int_equal(entries(), 1);
}

static void it_is_the_old_one_until_the_new_one_is_whole(void **state)
{
	struct replace r;

	write_file("old", true, 0);
	holds("old");
	write_file("given up", false, 0);
	holds("old");
	assert_int_equal(replace_begin(&r, "file"), 0);
	fputs("new", r.out);
	fflush(r.out);
	assert_int_equal(entries(), 2);
	assert_int_equal(replace_end(&r, true), 0);
	holds("new");
	unlink("file");
}

static void what_cannot_be_written_changes_nothing(void **state)
{
	struct rlimit was, few;
	struct replace r;
	char long_path[REPLACE_PATH_MAX];

	write_file("old", true, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = (struct rlimit){ 2, was.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	write_file("too much", true, -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	holds("old");
	assert_int_equal(replace_begin(&r, "nosuch/file"), -ENOENT);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(replace_begin(&r, long_path), -ENAMETOOLONG);
	holds("old");
	unlink("file");
	assert_int_equal(mkdir("file", 0700), 0); /* in the way */
	write_file("new", true, -EISDIR);
	assert_int_equal(entries(), 1);
	rmdir("file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_old_one_until_the_new_one_is_whole),
		cmocka_unit_test(what_cannot_be_written_changes_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
