/*
 * bad_place_test.c: places where nothing can or may be written: a mounted device, a read-only folder, a disk that
 * is full or too small. Each is one clear line on stderr, exit status 2, and leaves the place as it was.
 *
 * Needs root and loop devices; skipped without. All mounts are in a name space of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "rt/rt.h"
#include "kit/spawn_test.h"

#define DEADLINE 60000000000ull

static bool loops;       /* mounts and loop devices can be made */
static char device[128]; /* one that is mounted on m */

static void need_loops(void)
{
	if (!loops)
		skip();
}

static void shell(const char *command)
{
	if (system(command))
		fail_msg("`%s` failed", command);
}

/* What m, the mounted folder, holds: only what the file system itself made. */
static void assert_empty(const char *after)
{
	if (system("test -z \"$(ls -A m | grep -v lost+found)\""))
		fail_msg("`%s` left something in the folder", after);
}

static void one_line(const char *args, int status, const char *const *says)
{
	if (status != 2)
		fail_msg("`%s`: exit status %d: %s%s", args, status, spawn_err, spawn_out);
	if (strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
		fail_msg("`%s`: not one line: %s", args, spawn_err);
	for (; *says; says++)
		if (!strstr(spawn_err, *says))
			fail_msg("`%s`: \"%s\" is not in: %s", args, *says, spawn_err);
}

/* Nothing comes or goes in the test's folder and in m; DEVICE in args is the device. */
static void fails_with(const char *args, const char *first, const char *second)
{
	const char *at = strstr(args, "DEVICE"), *rest = at ? at + strlen("DEVICE") : "";
	unsigned before = spawn_left();
	char whole[512];
	int status;

	snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at ? (size_t)(at - args) : strlen(args)), args,
	         at ? device : "", rest);
	status = spawn(whole);
	one_line(whole, status, (const char *[]){ first, second, NULL });
	if (spawn_left() != before)
		fail_msg("`%s` left something behind", whole);
	assert_empty(whole);
	assert_int_equal(spawn_loops_left(), device[0] ? 1 : 0);
}

/* ---- a mounted device ---- */

static void mount_ext4(const char *size)
{
	char command[256];
	FILE *f;

	snprintf(command, sizeof(command),
	         "truncate -s %s img && mkfs.ext4 -q -F img && mkdir m && mount -o loop img m", size);
	shell(command);
	f = popen("findmnt -n -o SOURCE m", "r");
	assert_non_null(f);
	assert_non_null(fgets(device, sizeof(device), f));
	pclose(f);
	device[strcspn(device, "\n")] = '\0';
}

static void unmount(const char *files)
{
	char command[256];

	snprintf(command, sizeof(command), "umount m && rm -r m %s", files);
	shell(command);
	device[0] = '\0';
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static void a_mounted_device_is_never_written_to(void **state)
{
	static const char *const asks[] = {
		"bench j.fio -t postfix@file:DEVICE",
		"bench j.fio -t postfix@uring:DEVICE",
		"bench j.fio -t fs:ext4:DEVICE",
		"bench j.fio -t postfix@slow:nvme/file:DEVICE",
		"floor DEVICE",
	};
	static const char *const under[] = {
		"bench j.fio -t postfix@file:img --force",
		"bench j.fio -t postfix@uring:img --force",
		"bench j.fio -t postfix@slow:nvme/file:img --force",
		"bench j.fio -t postfix@file:other --force", /* by another name of it */
		"bench j.fio -t postfix@file:link --force",
		"bench j.fio -t fs:ext4:img,size=64m --force",
		"bench j.fio -t fs:ext4:link,size=64m --force --keep",
		"floor file:img --force",
	};

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	mount_ext4("32m");
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		char forced[128];

		fails_with(asks[i], device, "mounted");
		snprintf(forced, sizeof(forced), "%s --force", asks[i]);
		fails_with(forced, device, "never written to");
	}
	/* what it lies on is in use, too */
	shell("ln img other && ln -s img link");
	for (size_t i = 0; i < sizeof(under) / sizeof(under[0]); i++)
		fails_with(under[i], "in use by a loop device", device);
	shell("rm other link");
	fails_with("bench j.fio -t path:DEVICE", device, "folder");
	shell("umount m && e2fsck -fn img > said 2>&1 && mount -o loop img m");
	unmount("img said j.fio");
}

static void a_block_device_needs_force(void **state)
{
	char command[256];
	FILE *f;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	shell("mkdir m && truncate -s 32m img");
	f = popen("losetup -f --show img", "r");
	assert_non_null(f);
	assert_non_null(fgets(device, sizeof(device), f));
	pclose(f);
	device[strcspn(device, "\n")] = '\0';
	fails_with("bench j.fio -t postfix@file:DEVICE", device, "--force if that is meant");
	fails_with("bench j.fio -t fs:ext4:DEVICE", device, "--force if that is meant");
	fails_with("floor DEVICE", device, "--force if that is meant");
	snprintf(command, sizeof(command), "cmp -n 33554432 img /dev/zero && losetup -d %s && rm -r m img j.fio",
	         device);
	shell(command);
	device[0] = '\0';
	assert_int_equal(spawn_left(), 0);
}

/* As a whole it is not mounted, but what lies on it is in use. */
static void what_the_kernel_uses_is_never_written_to(void **state)
{
	FILE *f;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	shell("mkdir m && truncate -s 32m img");
	if (!system("fallocate -l 32m swap && chmod 600 swap && mkswap -q swap && swapon swap 2>/dev/null")) {
		fails_with("bench j.fio -t postfix@file:swap --force", "swap is swap", "never written to");
		fails_with("bench j.fio -t fs:ext4:swap --force", "swap is swap", "never written to");
		shell("swapoff swap");
	} else {
		print_message("swap: not tried, no swapon here\n");
	}
	f = popen("losetup -f --show img", "r");
	assert_non_null(f);
	assert_non_null(fgets(device, sizeof(device), f));
	pclose(f);
	device[strcspn(device, "\n")] = '\0';
	char command[256];
	snprintf(command, sizeof(command), "echo 0 65536 linear %s 0 | dmsetup create fss-test 2>/dev/null", device);
	if (!system(command)) {
		fails_with("bench j.fio -t postfix@file:DEVICE --force", device, "a part of dm-");
		fails_with("bench j.fio -t fs:ext4:DEVICE --force", device, "a part of dm-");
		fails_with("floor DEVICE --force", device, "a part of dm-");
		shell("dmsetup remove fss-test");
	} else {
		print_message("a mapped device: not tried, no dmsetup here\n");
	}
	snprintf(command, sizeof(command), "cmp -n 33554432 img /dev/zero && losetup -d %s && rm -rf m img swap j.fio",
	         device);
	shell(command);
	device[0] = '\0';
	assert_int_equal(spawn_left(), 0);
}

/* ---- two runs ---- */

static void two_runs_never_have_one_image(void **state)
{
	static const char *const images[] = { "postfix@file:d.img,size=64m", "fs:ext4:d.img,size=32m" };
	char args[256];

	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nruntime=1h\ntime_based\nfsync=1\n");
	spawn_file("k.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\nfsync=1\n");
	shell("mkdir m");
	for (size_t i = 0; i < (loops ? 2 : 1); i++) {
		uint64_t begun = rt_now();
		pid_t first;
		int fd;

		snprintf(args, sizeof(args), "bench j.fio -t %s -n 1 --no-results --keep", images[i]);
		first = fork();
		if (!first) {
			dup2(open("/dev/null", O_WRONLY), 1);
			spawn_exec(spawn_program, args);
		}
		do {
			poll(NULL, 0, 5);
			fd = open("d.img", O_RDONLY | O_CLOEXEC);
			bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
			if (fd >= 0)
				close(fd);
			if (locked)
				break;
		} while (rt_now() - begun < DEADLINE);
		unsigned before = spawn_left();
		for (size_t k = 0; k < 2; k++) {
			snprintf(args, sizeof(args), "bench k.fio -t %s -n 1 --no-results --force", images[k]);
			if (k == 0 || loops)
				one_line(args, spawn(args), (const char *[]){ "d.img is in use by", NULL });
		}
		assert_int_equal(spawn_left(), before);
		kill(first, SIGINT);
		int status;
		waitpid(first, &status, 0);
		assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
		/* and then it is free again */
		snprintf(args, sizeof(args), "bench k.fio -t %s -n 1 --no-results --force", images[i]);
		if (spawn(args))
			fail_msg("`%s`: %s", args, spawn_err);
		unlink("d.img");
	}
	shell("rm -r m j.fio k.fio");
	assert_int_equal(spawn_left(), 0);
}

/* ---- a read-only folder ---- */

static void a_read_only_folder_is_one_line(void **state)
{
	static const char *const asks[] = {
		"bench j.fio -t path:m",
		"bench j.fio -t postfix@file:m/x.img,size=16m",
		"bench j.fio -t postfix@uring:m/x.img,size=16m",
		"bench j.fio -t fs:ext4:m/x.img,size=32m",
		"bench j.fio -t null -o m/kept",
		"bench j.fio -t null -n 1 -j m/x.json",
		"floor m",
		"floor . -s 10ms -j m/x.json",
		"merge a b -o m/kept",
	};

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(spawn("bench j.fio -t null -n 2 -o a"), 0);
	assert_int_equal(spawn("bench j.fio -t null -n 2 -o b"), 0);
	shell("mkdir m && mount -t tmpfs -o ro none m");
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		fails_with(asks[i], "m", "Read-only file system");
	/* also where the command stands: its results and an image without a name go there */
	assert_int_equal(chdir("m"), 0);
	one_line("in m", spawn("bench ../j.fio -t null -n 1"), (const char *[]){ "Read-only file system", NULL });
	one_line("in m", spawn("bench ../j.fio -t fs:ext4,size=32m -n 1"),
	         (const char *[]){ "Read-only file system", NULL });
	assert_int_equal(chdir(spawn_folder), 0);
	unmount("a b j.fio");
}

/* ---- too little room ---- */

/* From the beginning: told before anything is measured, and before the disk is filled up. */
static void what_does_not_fit_is_told_at_once(void **state)
{
	static const char *const asks[] = {
		"bench j.fio -t path:m",
		"bench small.fio -t postfix@file:m/x.img,size=1g",
		"bench small.fio -t postfix@uring:m/x.img,size=1g",
		"bench small.fio -t fs:ext4:m/x.img,size=1g",
	};

	need_loops();
	spawn_file("j.fio", "[a]\nrw=randwrite\noverwrite=1\nsize=64m\nnumber_ios=10\n");
	spawn_file("small.fio", "[a]\nrw=randwrite\noverwrite=1\nsize=1m\nnumber_ios=10\n");
	for (unsigned ext4 = 0; ext4 < 2; ext4++) {
		if (ext4)
			mount_ext4("32m");
		else
			shell("mkdir m && mount -t tmpfs -o size=32m none m");
		for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
			fails_with(asks[i], "m", "there is room for");
		if (!ext4) {
			shell("umount m && rmdir m");
			continue;
		}
	}
	fails_with("bench j.fio -t postfix@ram:32m -o kept", "the job's files take 64 MiB", "there is room for 32 MiB");
	unmount("img j.fio small.fio");
}

static void the_floor_of_a_full_disk_is_one_line(void **state)
{
	need_loops();
	shell("mkdir m && mount -t tmpfs -o size=1m none m");
	fails_with("floor m -s 10ms", "m", "No space left on device");
	unmount("");
}

/* Runs the program, and fills m up once its file is there. */
static int fill_up_during(const char *args)
{
	pid_t pid = spawn_start(args);
	uint64_t begin = rt_now();
	siginfo_t info = { .si_pid = 0 };
	glob_t g;

	while (glob("m/fsyncstorm-*/a.0.0", 0, NULL, &g)) {
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		assert_true(!info.si_pid && rt_now() - begin < DEADLINE);
		poll(NULL, 0, 1);
	}
	globfree(&g);
	assert_int_not_equal(system("dd if=/dev/zero of=m/theirs bs=64k 2> /dev/null"), 0);
	return spawn_finish(pid);
}

/* Somebody else takes the space while a slow job appends. On ext4: target/real_test.c. */
static void a_disk_that_fills_up_in_mid_run_is_one_line(void **state)
{
	static const char args[] = "bench j.fio -t path:m -n 1 -o kept";

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nbs=64k\nsize=8m\nfallocate=none\nrate_iops=50\nfsync=1\n"
	                    "time_based\nruntime=1h\n");
	shell("mkdir m && mount -t tmpfs -o size=16m none m");
	one_line(args, fill_up_during(args),
	         (const char *[]){ "path", "write failed", "No space left on device", NULL });
	assert_int_equal(access("kept", F_OK), -1);
	shell("rm m/theirs");
	assert_empty(args);
	unmount("j.fio");
}

/* The measuring went well, and then there is no room for its results. */
static void results_that_do_not_fit_are_not_half_there(void **state)
{
	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	shell("mkdir m && mount -t tmpfs -o size=8k none m");
	assert_int_equal(spawn("bench j.fio -t null -n 1 -o m/kept"), 2);
	one_line("-o m/kept", 2, (const char *[]){ "m/", "No space left on device", NULL });
	assert_empty("-o m/kept");
	shell("head -c 8k /dev/zero > m/theirs");
	assert_int_equal(spawn("bench j.fio -t null -n 1 --no-results -j m/x.json"), 2);
	unlink("m/theirs");
	one_line("-j m/x.json", 2, (const char *[]){ "m/x.json", "No space left on device", NULL });
	assert_empty("-j m/x.json");
	unmount("j.fio");
}

/* ---- what there is not ---- */

static void unknown_events_are_named(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	shell("mkdir m");
	fails_with("bench j.fio -t null --events cycles,instrutions", "--events: instrutions: no such event",
	           "did you mean instructions?");
	fails_with("bench j.fio -t path:m --events xyzzy -o kept", "--events", "xyzzy: no such event");
	rmdir("m");
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

static int begin(void **state)
{
	loops = !geteuid() && !access("/dev/loop-control", R_OK | W_OK) && !unshare(CLONE_NEWNS) &&
		!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return spawn_begin(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mounted_device_is_never_written_to),
		cmocka_unit_test(a_block_device_needs_force),
		cmocka_unit_test(what_the_kernel_uses_is_never_written_to),
		cmocka_unit_test(two_runs_never_have_one_image),
		cmocka_unit_test(a_read_only_folder_is_one_line),
		cmocka_unit_test(what_does_not_fit_is_told_at_once),
		cmocka_unit_test(the_floor_of_a_full_disk_is_one_line),
		cmocka_unit_test(a_disk_that_fills_up_in_mid_run_is_one_line),
		cmocka_unit_test(results_that_do_not_fit_are_not_half_there),
		cmocka_unit_test(unknown_events_are_named),
	};
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
