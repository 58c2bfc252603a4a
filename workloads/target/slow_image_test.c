/* slow_image_test.c: the device keeps what is written, a flush takes its time, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev/dev.h"
#include "target/disk.h"
#include "rt/rt.h"
#include "target/slow_image.h"

#define SIZE     (4u << 20)
#define FLUSH_NS 3000000ull

static int setup(void **state)
{
	struct slow_image im;
	struct why why;

	if (geteuid() || access("/dev/fuse", W_OK))
		return 0;
	if (slow_image_open(&im, SIZE, FLUSH_NS, &why)) {
		printf("no FUSE or loop devices here: %s\n", why.text);
		return 0;
	}
	slow_image_close(&im);
	*state = (void *)1;
	return 0;
}

static void need_it(void **state)
{
	if (!*state)
		skip();
}

static void what_is_written_is_read(void **state)
{
	char out[4096], in[4096];
	struct why why;
	struct slow_image im;
	int fd;

	need_it(state);
	assert_int_equal(slow_image_open(&im, SIZE, FLUSH_NS, &why), 0);
	fd = open(im.path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), SIZE);
	memset(out, 'x', sizeof(out));
	assert_int_equal(pwrite(fd, out, sizeof(out), SIZE - sizeof(out)), sizeof(out));
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	assert_int_equal(pread(fd, in, sizeof(in), SIZE - sizeof(in)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	close(fd);
	slow_image_close(&im);
}

/* A lower bound alone: it may take any time longer. */
static void a_flush_takes_its_time(void **state)
{
	struct slow_image im;
	struct why why;
	uint64_t begin;
	int fd;

	need_it(state);
	assert_int_equal(slow_image_open(&im, SIZE, FLUSH_NS, &why), 0);
	fd = open(im.path, O_RDWR | O_CLOEXEC);
	begin = rt_now();
	for (int i = 0; i < 4; i++)
		assert_int_equal(fsync(fd), 0);
	assert_true(rt_now() - begin >= 4 * FLUSH_NS);
	close(fd);
	slow_image_close(&im);
}

/* A drive's, counted by the kernel: RWF_DSYNC on a block device without FUA would make two of each. */
static void a_fua_write_of_ours_flushes_it_once(void **state)
{
	static uint8_t block[4096] __attribute__((aligned(4096)));
	struct slow_image im;
	struct stat st;
	struct disk disk;
	struct dev *d;
	uint64_t before, after;
	char spec[80];
	struct why why;

	need_it(state);
	assert_int_equal(slow_image_open(&im, SIZE, FLUSH_NS, &why), 0);
	assert_int_equal(fstat(im.file.loop, &st), 0);
	disk_of(st.st_rdev, &disk);
	snprintf(spec, sizeof(spec), "file:%s", im.path);
	assert_int_equal(dev_open(spec, true, &d, &why), 0);
	assert_int_equal(disk_flushes(&disk, &before), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(dev_write(d, 0, block, sizeof(block), BIO_WRITE | BIO_FUA), 0);
	assert_int_equal(disk_flushes(&disk, &after), 0);
	assert_int_equal(after - before, 5);
	dev_close(d);
	slow_image_close(&im);
}

static void loop_of(const char *path, char *file)
{
	snprintf(file, 128, "/sys/block/%s/loop/backing_file", strrchr(path, '/') + 1);
}

/* Its user is killed: the server sees the end of the mount, and goes too. */
static void nothing_is_left_when_its_user_is_killed(void **state)
{
	struct slow_image im;
	char file[128];
	struct why why;
	int pipefd[2], status;
	pid_t user;

	need_it(state);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	user = fork();
	if (!user) {
		if (slow_image_open(&im, SIZE, FLUSH_NS, &why) || write(pipefd[1], &im, sizeof(im)) != sizeof(im))
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipefd[0], &im, sizeof(im)), sizeof(im));
	loop_of(im.path, file);
	assert_int_equal(access(file, F_OK), 0);
	kill(user, SIGKILL);
	assert_int_equal(waitpid(user, &status, 0), user);
	/* the runner's limit ends a wait in vain */
	assert_int_equal(waitpid(im.file.server, &status, 0), im.file.server);
	assert_int_not_equal(access(file, F_OK), 0);
	close(pipefd[0]);
	close(pipefd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_flush_takes_its_time),
		cmocka_unit_test(a_fua_write_of_ours_flushes_it_once),
		cmocka_unit_test(nothing_is_left_when_its_user_is_killed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
