/*
 * memory.c: how much memory a large bench takes: 8 tasks on 8 files of 64 MiB, as a run of
 * the bench command of its own, whose peak the kernel tells.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures/figures.h"

#define NAME "memory of 8 tasks, 8 x 64 MiB"

static const char job_text[] =
	"[memory]\nbs=4k\nrw=randwrite\noverwrite=1\nnorandommap=1\nnumjobs=8\nfilesize=64m\nfsync=1\n";

struct paths {
	char job[PATH_MAX], target[PATH_MAX], device[PATH_MAX];
};

static void become_bench(const struct self *s, const struct paths *p)
{
	char *argv[] = { (char *)s->program, "bench", (char *)p->job, "--target", (char *)p->target, "--trials", "1",
		         "--seconds", "5", "--no-results", "--json", "-", NULL };
	int null = open("/dev/null", O_WRONLY);

	dup2(null, 1);
	execv(s->program, argv);
	_exit(127);
}

/* Peak resident bytes of the child; 0 when it failed. */
static double run_bench(const struct self *s, const struct paths *p)
{
	struct rusage used;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return 0;
	if (!pid)
		become_bench(s, p);
	if (wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return 0;
	return (double)used.ru_maxrss * 1024;
}

void self_memory(struct self *s)
{
	struct paths p;
	struct why why;
	double bytes;
	int ret = self_scratch_text(s, "bench-self-memory.fio", job_text, p.job, sizeof(p.job), &why);

	self_scratch(s, "bench-self-memory.img", p.device, sizeof(p.device));
	snprintf(p.target, sizeof(p.target), "postfix@file:%.3100s,size=1200m", p.device);
	bytes = ret ? 0 : run_bench(s, &p);
	if (bytes > 0)
		self_figure(s, NAME, bytes / (1 << 30), AT_MOST, 1.2, "GiB");
	else
		self_missing(s, NAME, "%s", ret ? why.text : "the bench failed");
}
