/* keeper.c: see keeper.h. */
#include "cut/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "rt/rt.h"

#define POLL_NS   2000000u
#define STEP_MS   20
#define LET_GO_MS 10000 /* a mount that does not end goes with the device */

/* ---- for the keeper ---- */

int keeper_fails(struct keeper_told *told, int err, const char *what)
{
	why_set(&told->why, err, "%s: %s", what, err == -EPIPE ? "its server has ended" : strerror(-err));
	atomic_store(&told->state, err);
	return 1;
}

bool keeper_has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

void keeper_wait(struct keeper_told *told, pid_t server, int life)
{
	struct pollfd let_go = { .fd = life };

	atomic_store(&told->state, 1);
	while (!keeper_has_ended(server) && !poll(&let_go, 1, STEP_MS))
		;
	for (unsigned ms = 0; ms < LET_GO_MS && !keeper_has_ended(server); ms += STEP_MS) {
		int alone = open(told->path, O_RDWR | O_EXCL | O_CLOEXEC); /* refused while it is mounted */
		if (alone >= 0) {
			close(alone);
			return;
		}
		poll(NULL, 0, STEP_MS);
	}
}

/* ---- for the driver ---- */

static pid_t start(struct recording *s, int (*keep)(struct recording *s, struct keeper_told *told, int life),
                   struct keeper_told *told, const int life[2])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	dup2(life[0], 3);
	close_range(4, ~0u, 0);
	_exit(keep(s, told, 3));
}

static int wait_for_device(struct recorder *r, struct keeper_told *told, struct why *why)
{
	while (!atomic_load(&told->state)) {
		if (keeper_has_ended(r->server) && !atomic_load(&told->state))
			return why_set(why, -EIO, "the process that makes the device was killed");
		rt->sleep(POLL_NS);
	}
	if (told->state < 0) {
		*why = told->why;
		return told->state;
	}
	memcpy(r->path, told->path, sizeof(r->path));
	r->block = open(r->path, O_RDWR | O_CLOEXEC);
	return r->block < 0 ? why_set(why, -errno, "%s: %s", r->path, strerror(errno)) : 0;
}

int keeper_start(struct recorder *r, int (*keep)(struct recording *s, struct keeper_told *told, int life),
                 struct why *why)
{
	struct keeper_told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int life[2], ret = 0;

	CHECK(told != MAP_FAILED);
	if (pipe2(life, O_CLOEXEC)) {
		munmap(told, sizeof(*told));
		return why_set(why, -errno, "no pipe: %s", strerror(errno));
	}
	fflush(NULL);
	r->server = start(r->shared, keep, told, life);
	if (r->server < 0)
		ret = why_set(why, -errno, "no process to be had: %s", strerror(errno));
	close(life[0]);
	r->life = life[1];
	if (!ret)
		ret = wait_for_device(r, told, why);
	munmap(told, sizeof(*told));
	if (ret && r->server > 0) {
		close(r->life);
		waitpid(r->server, NULL, 0);
	}
	return ret;
}

void keeper_end(struct recorder *r)
{
	close(r->block);
	close(r->life);
	waitpid(r->server, NULL, 0);
}
