/*
 * explore_jobs.c: an exploration (explore.h) in several processes. They share memory for what each has done, and for
 * the lowest number of a program that breaks the design: none goes on beyond it. The parent runs that program again, to
 * have the violation.
 */
#include "hunted/explore.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"

#define JOBS_MAX 64u

struct slice {
	bool done;
	int ret;
	struct explore e;
	struct why why;
};

struct shared {
	_Atomic uint64_t best;
	struct slice slice[JOBS_MAX];
};

_Noreturn static void run_slice(const struct explore *e, uint32_t jobs, struct shared *shared, uint32_t i, pid_t parent)
{
	struct slice *s = &shared->slice[i];
	uint32_t shards = e->shards ? e->shards : 1;
	struct violation v;

	end_with(parent);
	violation_init(&v);
	s->e = *e;
	s->e.shard = e->shard + i * shards;
	s->e.shards = shards * jobs;
	s->e.best = &shared->best;
	if (i)
		s->e.progress = NULL;
	s->ret = explore_run(&s->e, &v, &s->why);
	uint64_t was = atomic_load(&shared->best);
	while (s->e.found && s->e.next < was && !atomic_compare_exchange_weak(&shared->best, &was, s->e.next))
		;
	s->done = true;
	_exit(0);
}

/* Starts all, and waits for them. How many have not come to their end; -errno: none was started. */
static int run_slices(const struct explore *e, uint32_t jobs, struct shared *shared)
{
	pid_t pid[JOBS_MAX], parent = getpid();
	uint32_t n = 0;
	int ret = 0;

	fflush(NULL); /* else each process would print what is buffered once more */
	for (; n < jobs; n++) {
		pid[n] = fork();
		if (pid[n] < 0) {
			ret = -errno;
			break;
		}
		if (!pid[n])
			run_slice(e, jobs, shared, n, parent);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (ret)
			kill(pid[i], SIGKILL);
		while (waitpid(pid[i], NULL, 0) < 0 && errno == EINTR)
			;
		if (!ret && !shared->slice[i].done)
			ret = 1;
	}
	return ret;
}

static int gather(struct explore *e, uint32_t jobs, const struct shared *shared, struct why *why)
{
	e->run = e->schedules = 0;
	e->next = UINT64_MAX;
	e->complete = true;
	e->took = 0;
	for (uint32_t i = 0; i < jobs; i++) {
		const struct slice *s = &shared->slice[i];
		if (s->ret)
			return why_set(why, s->ret, "%s", s->why.text);
		e->run += s->e.run;
		e->schedules += s->e.schedules;
		e->complete &= s->e.complete;
		e->next = s->e.next < e->next ? s->e.next : e->next;
		e->took = s->e.took > e->took ? s->e.took : e->took;
	}
	return 0;
}

/* The program with the lowest number that fails, once more. */
static int run_again(struct explore *e, uint64_t number, struct violation *v, struct why *why)
{
	struct explore one = *e;

	one.from = number;
	one.shards = 1;
	one.shard = 0;
	one.seconds = 0;
	one.progress = NULL;
	int ret = explore_run(&one, v, why);
	CHECK(ret || (one.found && one.next == number));
	e->found = !ret;
	e->complete = false;
	e->next = number;
	memcpy(e->text, one.text, sizeof(e->text));
	return ret;
}

int explore_jobs(struct explore *e, uint32_t jobs, struct violation *v, struct why *why)
{
	struct shared *shared;

	if (jobs < 2)
		return explore_run(e, v, why);
	CHECK(jobs <= JOBS_MAX);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return why_set(why, -errno, "--jobs: no shared memory: %s", strerror(errno));
	atomic_store(&shared->best, UINT64_MAX);
	int ret = run_slices(e, jobs, shared);
	if (ret)
		ret = why_set(why, ret < 0 ? ret : -ECHILD, "--jobs: a process %s",
		              ret < 0 ? "cannot be started" : "has died");
	if (!ret)
		ret = gather(e, jobs, shared, why);
	if (!ret && atomic_load(&shared->best) != UINT64_MAX)
		ret = run_again(e, atomic_load(&shared->best), v, why);
	munmap(shared, sizeof(*shared));
	return ret;
}
