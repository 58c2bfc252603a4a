/*
 * jobs.c: a search (search.h) in several processes, each every n-th schedule. They share memory for what each has
 * counted, and for the lowest number of a schedule that fails.
 *
 * jobs.1: A process goes on until its next schedule has a higher number than one that is known to fail. So the failing
 *         schedule with the lowest number is found, whichever process is faster.
 */
#include "hunt/search.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "hunt/handed.h"
#include "machine/mem.h"

#define JOBS_MAX 64u

/* What one process has done. It writes this, in shared memory, before it ends. */
struct slice {
	bool done;
	struct search search;
	struct certificate certificate;
	struct {
		uint64_t schedules, found;
		uint32_t longest;
	} member[STRATEGY_MAX];
	struct handed violation;
	uint64_t ntraces, trace[TRACES_MAX];
};

struct shared {
	_Atomic uint64_t best; /* the lowest number that fails (jobs.1) */
	struct slice slice[];
};

struct jobs {
	struct hunt *h;
	struct search *s;
	uint32_t n;
	struct shared *shared;
	size_t size;
	pid_t pid[JOBS_MAX];
};

/* ---- in a process of its own ---- */

static void lower(_Atomic uint64_t *best, uint64_t number)
{
	uint64_t was = atomic_load(best);

	while (number < was && !atomic_compare_exchange_weak(best, &was, number))
		;
}

static void hand_over(struct slice *out, const struct search *s, const struct traces *t, const struct violation *v)
{
	const struct strategy *strategy = s->strategy;

	out->search = *s;
	out->certificate = strategy->certificate;
	for (uint32_t i = 0; i < strategy->n; i++) {
		out->member[i].schedules = strategy->member[i].schedules;
		out->member[i].found = strategy->member[i].found;
		out->member[i].longest = strategy->member[i].longest;
	}
	out->ntraces = t->n;
	traces_copy(t, out->trace);
	if (s->found_at)
		violation_hand_over(&out->violation, v);
	out->done = true;
}

_Noreturn static void run_slice(struct jobs *j, uint32_t i, pid_t parent)
{
	struct search s = *j->s;
	uint32_t shards = s.shards ? s.shards : 1;
	struct violation v;
	struct traces t;

	end_with(parent); /* without the parent nobody reads the result */
	violation_init(&v);
	traces_init(&t);
	s.shard = s.shard + i * shards;
	s.shards = shards * j->n;
	s.best = &j->shared->best;
	s.traces = &t;
	if (i)
		s.progress = NULL;
	hunt_search(j->h, &s, &v);
	if (s.found_at)
		lower(&j->shared->best, s.found_at);
	hand_over(&j->shared->slice[i], &s, &t, &v);
	_exit(0);
}

/* ---- in the parent ---- */

/* Starts all, or none. A signal that ends the search reaches all processes: they share the stop flag. */
static int start(struct jobs *j)
{
	pid_t parent = getpid();
	int ret = 0;

	fflush(NULL); /* else each process would print what is buffered once more */
	for (uint32_t i = 0; i < j->n && !ret; i++) {
		j->pid[i] = fork();
		if (j->pid[i] < 0)
			ret = -errno;
		if (!j->pid[i])
			run_slice(j, i, parent);
	}
	for (uint32_t i = 0; i < j->n && j->pid[i] > 0 && ret; i++)
		kill(j->pid[i], SIGKILL);
	return ret;
}

/* How many ended before they were done. */
static uint32_t wait_for_all(struct jobs *j)
{
	uint32_t died = 0;

	for (uint32_t i = 0; i < j->n && j->pid[i] > 0; i++) {
		while (waitpid(j->pid[i], NULL, 0) < 0 && errno == EINTR)
			;
		died += !j->shared->slice[i].done;
	}
	return died;
}

static void add_counts(struct search *s, const struct slice *in)
{
	struct strategy *strategy = s->strategy;

	s->run += in->search.run;
	s->stopped |= in->search.stopped;
	s->images_judged += in->search.images_judged;
	s->images_mounted += in->search.images_mounted;
	if (in->search.nondeterministic) {
		s->nondeterministic = true;
		memcpy(s->differs, in->search.differs, sizeof(s->differs));
		s->at = in->search.at;
	}
	certificate_merge(&strategy->certificate, &in->certificate);
	for (uint32_t i = 0; i < strategy->n; i++) {
		strategy->member[i].schedules += in->member[i].schedules;
		strategy->member[i].found += in->member[i].found;
		if (in->member[i].longest > strategy->member[i].longest)
			strategy->member[i].longest = in->member[i].longest;
	}
}

static const struct slice *gather(struct jobs *j, struct traces *traces)
{
	const struct slice *first = NULL;

	for (uint32_t i = 0; i < j->n; i++) {
		const struct slice *in = &j->shared->slice[i];
		add_counts(j->s, in);
		for (uint64_t k = 0; k < in->ntraces; k++)
			traces_add(traces, in->trace[k]);
		if (in->search.found_at && (!first || in->search.found_at < first->search.found_at))
			first = in;
	}
	return first;
}

static int run_jobs(struct jobs *j, struct violation *v, struct why *why)
{
	struct traces own = { 0 }, *traces = j->s->traces ? j->s->traces : &own;
	int ret = start(j);
	uint32_t died = wait_for_all(j);

	if (ret)
		return why_set(why, ret, "--jobs: a process cannot be started: %s", strerror(-ret));
	if (died)
		return why_set(why, -ECHILD, "--jobs: a process has died");
	if (!j->s->traces)
		traces_init(&own);
	const struct slice *first = gather(j, traces);
	if (first) {
		j->s->found_at = first->search.found_at;
		j->s->found_by = first->search.found_by;
		violation_take(j->h, &first->violation, v);
	}
	j->s->distinct = traces->n;
	j->s->counted = traces_counted(traces);
	if (!j->s->traces)
		traces_free(&own);
	return 0;
}

int hunt_search_jobs(struct hunt *h, struct search *s, uint32_t jobs, struct violation *v, struct why *why)
{
	struct jobs j = { .h = h, .s = s, .n = jobs < JOBS_MAX ? jobs : JOBS_MAX };
	uint64_t since = rt_now();

	j.size = sizeof(*j.shared) + j.n * sizeof(struct slice);
	j.shared = mmap(NULL, j.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (j.shared == MAP_FAILED)
		return why_set(why, -errno, "--jobs %u: no memory: %s", jobs, strerror(errno));
	atomic_init(&j.shared->best, UINT64_MAX);
	s->run = s->found_at = s->images_judged = s->images_mounted = 0;
	s->nondeterministic = s->stopped = false;
	int ret = run_jobs(&j, v, why);
	s->took = (double)(rt_now() - since) / 1e9;
	munmap(j.shared, j.size);
	return ret;
}
