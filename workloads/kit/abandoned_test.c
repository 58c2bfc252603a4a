/* abandoned_test.c: a temporary folder goes with all in it, and nothing else does. What is told: cmd/killed_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/abandoned.h"

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);

	assert_true(fd >= 0);
	close(fd);
}

/* What a link in it points to is not in it. */
static void all_of_it_goes_and_no_more(void **state)
{
	char folder[] = "/tmp/fsyncstorm-test-XXXXXX", beside[] = "/tmp/fsyncstorm-test-XXXXXX";
	char kept[64], path[128];
	int lock;

	assert_non_null(mkdtemp(folder));
	assert_non_null(mkdtemp(beside));
	snprintf(kept, sizeof(kept), "%s/kept", beside);
	touch(kept);
	lock = abandoned_lock(folder);
	assert_true(lock >= 0);
	assert_int_equal(abandoned_lock(folder), -1);
	snprintf(path, sizeof(path), "%s/a", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/a/b", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/a/b/file", folder);
	touch(path);
	snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink(beside, path), 0);
	abandoned_remove(folder, lock);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(fcntl(lock, F_GETFD), -1);
	abandoned_remove(beside, -1);
	assert_int_equal(access(beside, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_of_it_goes_and_no_more) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
