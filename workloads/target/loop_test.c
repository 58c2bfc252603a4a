/*
 * loop_test.c: a loop device goes when it is let go of, also when a device of ours or a file system was on it, which
 * claim what they use until the program ends (loop.1).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/claim.h"
#include "dev/dev.h"
#include "rt/rt.h"
#include "target/loop.h"

#define SIZE (8 << 20)

static char folder[] = "fss-loop-test-XXXXXX";

static int setup(void **state)
{
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	unlink("image");
	return chdir("..") || rmdir(folder);
}

/* The device's descriptor, or -1 where there are none to be had. */
static int attach(char *path, size_t size)
{
	int file = open("image", O_CREAT | O_RDWR | O_CLOEXEC, 0600), fd;
	bool direct;

	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, SIZE), 0);
	fd = loop_attach(file, path, size, &direct);
	close(file);
	return fd;
}

static bool is_attached(const char *device)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", strrchr(device, '/') + 1);
	return !access(path, F_OK);
}

/* The kernel may let go a little later than its last user. */
static bool goes(const char *device)
{
	uint64_t end = rt_now() + 10000000000ull;

	while (is_attached(device))
		if (rt_now() > end)
			return false;
	return true;
}

static void what_was_claimed_goes_all_the_same(void **state)
{
	char path[64], spec[80];
	int fd = attach(path, sizeof(path));
	struct why why;
	struct dev *d;

	if (fd < 0)
		skip();
	snprintf(spec, sizeof(spec), "file:%s", path);
	if (dev_open(spec, true, &d, &why))
		fail_msg("%s", why.text);
	dev_close(d);
	assert_int_equal(claim(path, true, &why), 0); /* as fs: does */
	assert_true(is_attached(path));
	loop_detach(fd, path);
	assert_true(goes(path));
}

static void another_claim_stays(void **state)
{
	char path[64], spec[80];
	int fd = attach(path, sizeof(path)), other;
	struct why why;
	struct dev *d;

	if (fd < 0)
		skip();
	other = open("other", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(claim("other", true, &why), 0);
	snprintf(spec, sizeof(spec), "file:%s", path);
	assert_int_equal(dev_open(spec, true, &d, &why), 0);
	dev_close(d);
	loop_detach(fd, path);
	assert_true(goes(path));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	unclaim("other");
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	unlink("other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_claimed_goes_all_the_same),
		cmocka_unit_test(another_claim_stays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
