/*
 * fiemap_test.c: the scenario word `fiemap` asks a real file system, each time that it stands there, for all extents
 * of the file, and is answered. Nothing that a run leaves tells of it. So the calls are heard by seccomp, whose
 * listener lets each go on. Skips itself where not root.
 */
#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/test_rig.h"

static const char asking[] = "[scenario]\nwhat = extents are asked for\n"
                             "[setup]\nfile a 16k\n"
                             "[thread writer]\na pwrite 0 16k\na fsync\na fiemap\n"
                             "[thread asker]\nrepeat 5\na fiemap\n";
#define ASKED 6u

/* Shared with the child that runs the round. */
static struct heard {
	_Atomic int listener; /* -1: not yet */
	_Atomic unsigned asked, of_all, answered;
} *heard;

/* Hears of each FIEMAP, asks the same itself, and lets it go on. */
static void *listen_to(void *arg)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp go_on;
	struct fiemap map;

	while (atomic_load(&heard->listener) < 0)
		sched_yield();
	for (;;) {
		memset(&call, 0, sizeof(call));
		if (ioctl(heard->listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			continue;
		/* The caller waits in the kernel, which no sanitizer knows: the kernel reads it. */
		struct iovec to = { &map, sizeof(map) }, from = { (void *)(uintptr_t)call.data.args[2], sizeof(map) };
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof(map))
			memset(&map, 0, sizeof(map));
		atomic_fetch_add(&heard->of_all, !map.fm_start && map.fm_length == FIEMAP_MAX_OFFSET);
		if (!ioctl((int)call.data.args[0], FS_IOC_FIEMAP, &map))
			atomic_fetch_add(&heard->answered, map.fm_mapped_extents > 0);
		atomic_fetch_add(&heard->asked, 1);
		go_on = (struct seccomp_notif_resp){ .id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
		ioctl(heard->listener, SECCOMP_IOCTL_NOTIF_SEND, &go_on);
	}
	return NULL;
}

/* From now on this thread, and those that it starts, are heard. */
static void be_heard(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FS_IOC_FIEMAP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	atomic_store(&heard->listener, (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	                                            SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
	if (heard->listener < 0)
		_exit(3);
}

/* In a child: a process cannot be unheard again. */
static void run_round(const char *target)
{
	struct round r = { .recorder = { .seed = 7, .holds = 2 }, .drive = { .seed = 7, .turns = 1 } };
	struct cut_fs fs = fs_of(target);
	struct work work = { .name = "asking" };
	struct world w;
	pthread_t listener;
	struct why why;

	if (scene_parse("asking", asking, &work.scene, &why) || world_open(&w, &fs, &work, DEV_BLOCK, &why))
		_exit(1);
	if (pthread_create(&listener, NULL, listen_to, NULL))
		_exit(1);
	be_heard();
	_exit(world_round(&w, &r, &why) || r.counts.failed ? 2 : 0);
}

static void all_are_asked_and_answered(void **state)
{
	static const char *const systems[] = { "fs:ext4", "fs:xfs", "fs:btrfs" };

	if (geteuid())
		skip();
	heard = mmap(NULL, sizeof(*heard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(heard != MAP_FAILED);
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		int status;
		*heard = (struct heard){ .listener = -1 };
		pid_t pid = fork();
		if (!pid)
			run_round(systems[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 3) /* this kernel or sandbox has no listeners */
			skip();
		if (status)
			fail_msg("%s: the round ended with status %#x", systems[i], (unsigned)status);
		if (heard->asked != ASKED || heard->of_all != ASKED || !heard->answered)
			fail_msg("%s: %u asked, %u for all of the file, %u answered with extents", systems[i],
			         heard->asked, heard->of_all, heard->answered);
	}
	munmap(heard, sizeof(*heard));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_asked_and_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
