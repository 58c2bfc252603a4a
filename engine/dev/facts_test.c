/*
 * Facts of drives: on what this machine has, a file with a signature, and a loop device, which is also the
 * block device on which both back ends are tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/facts.h"
#include "machine/mem.h"

#define LOOP_SIZE (8u << 20)

static char dir[] = "fss-facts-test-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void facts_are_kept_in_order_and_none_beyond_the_last(void **state)
{
	struct dev_facts f = {.n = 0};

	facts_add(&f, "empty", "%s", "");
	assert_int_equal(f.n, 0);
	for (unsigned i = 0; i < 2 * FACTS_MAX; i++)
		facts_add(&f, "n", "%u", i);
	assert_int_equal(f.n, FACTS_MAX);
	assert_string_equal(facts_get(&f, "n"), "0");
	assert_string_equal(facts_get(&f, "m"), "");
}

static void what_is_on_no_drive_has_no_facts(void **state)
{
	struct dev_facts f = {.n = 0};
	int fd = facts_open("/proc/version");
	struct stat st;

	assert_int_equal(facts_stat("/proc/version", &st), 0);
	facts_of_fd(fd, &f);
	close(fd);
	assert_int_equal(f.n, 0);
	assert_int_equal(facts_node(&st), -1);
}

static void a_path_that_is_not_there_is_of_its_folder(void **state)
{
	struct stat a, b;

	assert_int_equal(facts_stat("/proc/fss-no-such-file", &a), 0);
	assert_int_equal(stat("/proc", &b), 0);
	assert_int_equal(a.st_dev, b.st_dev);
	assert_int_equal(facts_stat("fss-no-such-file", &a), 0);
	assert_int_not_equal(facts_stat("/fss-no-such-folder/file", &a), 0);
}

/* The least that is a swap area: version, number of the last page, and the mark at the page's end. */
static void contents_are_recognised(void **state)
{
	uint32_t head[3] = {1, 255, 0};
	char what[32];
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	facts_content(path, what, sizeof(what));
	assert_string_equal(what, "");
	assert_int_equal(pwrite(fd, head, sizeof(head), 1024), sizeof(head));
	assert_int_equal(pwrite(fd, "SWAPSPACE2", 10, 4086), 10);
	close(fd);
	facts_content(path, what, sizeof(what));
	assert_string_equal(what, "swap");
}

/* ---- a block device ---- */

/* The descriptor that keeps it, or -1 where there are none to be had. */
static int make_loop(char *name, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file, loop = -1, nr;

	if (control < 0)
		return -1;
	file = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, LOOP_SIZE), 0);
	for (int tries = 0; tries < 8 && loop < 0; tries++) { /* somebody else may take the free one first */
		struct loop_config config = {.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};

		nr = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(name, size, "/dev/loop%d", nr);
		loop = nr < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config)) {
			close(loop);
			loop = -1;
		}
	}
	close(file);
	close(control);
	return loop;
}

static void write_and_read(const char *spec, const char *name)
{
	uint8_t *out = mem_alloc_pages(DEV_BLOCK), *in = mem_alloc_pages(DEV_BLOCK);
	struct dev_facts f = {.n = 0};
	struct why why;
	struct dev *d;

	assert_int_equal(dev_open(spec, false, &d, &why), -EPERM);
	assert_non_null(strstr(why.text, "is a block device"));
	if (dev_open(spec, true, &d, &why))
		fail_msg("%s: %s", spec, why.text);
	assert_int_equal(d->size, LOOP_SIZE);
	memset(out, 0x5c, DEV_BLOCK);
	assert_int_equal(dev_write(d, 65536, out, DEV_BLOCK, 0), 0);
	assert_int_equal(dev_flush(d), 0);
	assert_int_equal(dev_write(d, 131072, out, DEV_BLOCK, BIO_PREFLUSH | BIO_FUA), 0);
	assert_int_equal(dev_read(d, 131072, in, DEV_BLOCK), 0);
	assert_memory_equal(in, out, DEV_BLOCK);
	dev_facts(d, &f);
	assert_string_equal(facts_get(&f, "drive"), name + strlen("/dev/"));
	assert_non_null(strstr(facts_get(&f, "backing_file"), "/file"));
	assert_true(atoi(facts_get(&f, "logical_block_size")) >= 512);
	dev_close(d);
	free(in);
	free(out);
}

static void a_block_device_is_used_with_force_and_known(void **state)
{
	static const char *const back_end[] = {"file", "uring"};
	char name[32], spec[64];
	int loop = make_loop(name, sizeof(name));

	if (loop < 0) {
		skip(); /* not root, or no loop devices */
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		snprintf(spec, sizeof(spec), "%s:%s", back_end[i], name);
		write_and_read(spec, name);
	}
	close(loop); /* goes with its last user */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_kept_in_order_and_none_beyond_the_last),
		cmocka_unit_test(what_is_on_no_drive_has_no_facts),
		cmocka_unit_test(a_path_that_is_not_there_is_of_its_folder),
		cmocka_unit_test(contents_are_recognised),
		cmocka_unit_test(a_block_device_is_used_with_force_and_known),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
