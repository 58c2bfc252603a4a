/* mounts_test.c: what the table of mounts says of /proc, which each Linux machine has mounted, and of what is not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/mounts.h"

static void finds_by_device_number(void **state)
{
	struct mounted m;
	struct stat st;

	assert_int_equal(stat("/proc", &st), 0);
	assert_true(mounts_find(st.st_dev, &m));
	assert_string_equal(m.type, "proc");
	assert_string_equal(m.folder, "/proc");
	assert_true(!strncmp(m.options, "rw", 2) || !strncmp(m.options, "ro", 2));
	assert_true(!strncmp(m.fs_options, "rw", 2) || !strncmp(m.fs_options, "ro", 2));
}

static void finds_by_open_file(void **state)
{
	int fd = open("/proc/self", O_RDONLY | O_CLOEXEC);
	struct mounted m;

	assert_true(fd >= 0);
	assert_true(mounts_find_fd(fd, &m));
	assert_string_equal(m.type, "proc");
	close(fd);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct mounted m = { .type = "as before" };
	int pipes[2];

	assert_false(mounts_find(makedev(4095, 77), &m));
	assert_int_equal(pipe(pipes), 0);
	assert_false(mounts_find_fd(pipes[0], &m)); /* of a file system that nobody has mounted in a folder */
	close(pipes[0]);
	close(pipes[1]);
	assert_string_equal(m.type, "as before");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_device_number),
		cmocka_unit_test(finds_by_open_file),
		cmocka_unit_test(what_is_not_there_is_not_found),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
