/*
 * prove_jobs.c: a proof (prove.h) in several processes, each with a part of it (prove.1). They share memory for what
 * each has counted. The first that finds a violation stops the others.
 *
 * Each keeps a checkpoint of its own: NAME.1, NAME.2, ...
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "hunt/handed.h"
#include "hunt/prove.h"
#include "machine/mem.h"

struct slice {
	struct proof proof;
	bool done;
	int ret;
	struct why why;
	struct handed violation;
	uint64_t ntraces, trace[TRACES_MAX];
};

struct shared {
	bool found; /* by one of the processes: all stop */
	struct slice slice[];
};

static void count_so_far(const struct proof *p, void *arg)
{
	struct slice *s = arg;

	s->proof.executions = p->executions;
	s->proof.cut = p->cut;
}

_Noreturn static void run_slice(struct hunt *h, const struct proof *whole, struct shared *shared, uint32_t i,
                                uint32_t jobs, pid_t parent)
{
	struct slice *s = &shared->slice[i];
	struct violation v;
	char checkpoint[4096];
	struct proof p = *whole;
	struct traces traces;

	end_with(parent); /* without the parent nobody reads the result */
	violation_init(&v);
	p.part = whole->part + i * whole->parts;
	p.parts = whole->parts * jobs;
	p.jobs = jobs;
	p.found_elsewhere = &shared->found;
	p.progress = count_so_far;
	p.arg = s;
	p.traces = &traces;
	traces_init(&traces);
	if (whole->checkpoint) {
		snprintf(checkpoint, sizeof(checkpoint), "%s.%u", whole->checkpoint, i + 1);
		p.checkpoint = checkpoint;
	}
	s->ret = prove(h, &p, &v, &s->why);
	if (p.found) {
		violation_hand_over(&s->violation, &v);
		shared->found = true;
	}
	s->ntraces = traces.n;
	traces_copy(&traces, s->trace);
	s->proof = p;
	s->done = true;
	_exit(0);
}

void proof_begin_sum(struct proof *sum)
{
	sum->executions = sum->cut = 0;
	sum->took = 0;
	sum->complete = sum->all = true;
	sum->found = sum->too_long = false;
	sum->reached = sum->preemptions;
}

void proof_add(struct proof *to, const struct proof *from)
{
	to->executions += from->executions;
	to->cut += from->cut;
	to->took += from->took;
	to->too_long |= from->too_long;
	to->complete &= from->complete;
	to->all &= from->all;
	to->found |= from->found;
	if (from->reached == DPOR_NO_BOUND || to->reached == DPOR_NO_BOUND || from->reached < to->reached)
		to->reached = from->reached;
}

/* Waits until all processes have ended, and reports progress meanwhile. */
static void wait_for_all(struct proof *p, struct shared *shared, pid_t *pid, uint32_t jobs)
{
	uint32_t left = jobs;

	while (left) {
		rt->sleep(100000000);
		p->executions = p->cut = 0;
		for (uint32_t i = 0; i < jobs; i++) {
			p->executions += shared->slice[i].proof.executions;
			p->cut += shared->slice[i].proof.cut;
			if (pid[i] > 0 && waitpid(pid[i], NULL, WNOHANG) == pid[i]) {
				pid[i] = 0;
				left--;
			}
		}
		if (p->progress)
			p->progress(p, p->arg);
	}
}

/* A trace may be in several parts (prove.1). */
static void count_traces(struct proof *p, const struct shared *shared, uint32_t jobs)
{
	struct traces own, *all = p->traces ? p->traces : &own;

	if (!p->traces)
		traces_init(&own);
	for (uint32_t i = 0; i < jobs; i++)
		for (uint64_t k = 0; k < shared->slice[i].ntraces; k++)
			traces_add(all, shared->slice[i].trace[k]);
	p->distinct = all->n;
	p->counted = traces_counted(all);
	if (!p->traces)
		traces_free(&own);
}

static int gather(struct hunt *h, struct proof *p, struct shared *shared, uint32_t jobs, struct violation *v,
                  struct why *why)
{
	const struct slice *first = NULL;
	int ret = 0;

	proof_begin_sum(p);
	for (uint32_t i = 0; i < jobs; i++) {
		struct slice *s = &shared->slice[i];
		if (!s->done)
			ret = why_set(why, -EIO, "process %u of %u ended before it was done", i + 1, jobs);
		else if (s->ret)
			ret = why_set(why, s->ret, "%s", s->why.text);
		proof_add(p, &s->proof);
		if (s->proof.found && s->done && !first)
			first = s;
	}
	count_traces(p, shared, jobs);
	if (first)
		violation_take(h, &first->violation, v);
	return ret;
}

int prove_jobs(struct hunt *h, struct proof *p, uint32_t jobs, struct violation *v, struct why *why)
{
	size_t size = sizeof(struct shared) + jobs * sizeof(struct slice);
	struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
	                             -1, 0);
	pid_t *pid = mem_zalloc(jobs * sizeof(*pid)), parent = getpid();
	int ret = 0;

	CHECK(shared != MAP_FAILED);
	if (!p->parts)
		p->parts = 1;
	fflush(NULL);
	for (uint32_t i = 0; i < jobs && !ret; i++) {
		pid[i] = fork();
		if (!pid[i])
			run_slice(h, p, shared, i, jobs, parent);
		if (pid[i] < 0) {
			ret = why_set(why, -EAGAIN, "--jobs: a process cannot be started: %s", strerror(errno));
			for (uint32_t k = 0; k < i; k++)
				kill(pid[k], SIGKILL);
		}
	}
	if (!ret) {
		wait_for_all(p, shared, pid, jobs);
		ret = gather(h, p, shared, jobs, v, why);
	}
	munmap(shared, size);
	free(pid);
	return ret;
}
