/*
 * jobs.c: a search in several processes, each every n-th schedule. They share memory
 * for what each has counted, and the lowest number of a schedule that fails.
 *
 * (J1) A process goes on until its next schedule has a higher number than one that is known to fail: so
 *      the failing schedule of the lowest number is found, whoever is faster.
 * (J2) Only the recording of a violation crosses over: the parent runs it again to have the rest (H3).
 */
#include "hunt/hunt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "machine/mem.h"

#define JOBS_MAX      64u
#define DECISIONS_MAX 65536u

/* One process's, in shared memory; written by it before it ends. */
struct slice {
	bool done;
	struct search search;
	struct certificate certificate;
	struct {
		uint64_t schedules, found;
		uint32_t longest;
	} member[STRATEGY_MAX];
	uint64_t violation_seed;
	uint32_t ndecisions;
	struct decision decision[DECISIONS_MAX];
	uint64_t ntraces, trace[TRACES_MAX];
};

struct shared {
	_Atomic uint64_t best; /* (J1) */
	struct slice slice[];
};

struct jobs {
	struct hunt *h;
	struct search *s;
	uint32_t n;
	struct shared *shared;
	size_t size;
	pid_t pid[JOBS_MAX];
	char *err;
};

/* ---- in a process of its own ---- */

static void found(struct shared *shared, uint64_t number)
{
	uint64_t best = atomic_load(&shared->best);

	while (number < best && !atomic_compare_exchange_weak(&shared->best, &best, number))
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
	if (s->found_at && v->schedule.n <= DECISIONS_MAX) {
		out->violation_seed = v->seed;
		out->ndecisions = v->schedule.n;
		memcpy(out->decision, v->schedule.d, v->schedule.n * sizeof(*out->decision));
	}
	out->done = true;
}

_Noreturn static void run_slice(struct jobs *j, uint32_t i, pid_t parent)
{
	struct search s = *j->s;
	uint32_t shards = s.shards ? s.shards : 1;
	struct violation v;
	struct traces t;

	end_with(parent); /* nobody would take what it finds */
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
		found(j->shared, s.found_at);
	hand_over(&j->shared->slice[i], &s, &t, &v);
	_exit(0);
}

/* ---- in the parent ---- */

static int start(struct jobs *j)
{
	pid_t parent = getpid();

	fflush(NULL); /* else each process has what is buffered, too */
	for (uint32_t i = 0; i < j->n; i++) {
		j->pid[i] = fork();
		if (j->pid[i] < 0)
			return -errno;
		if (!j->pid[i])
			run_slice(j, i, parent);
	}
	return 0;
}

/* A signal that ends the search reaches all of them: the stop flag is shared. */
static void wait_for_all(struct jobs *j)
{
	for (uint32_t i = 0; i < j->n && j->pid[i] > 0; i++)
		while (waitpid(j->pid[i], NULL, 0) < 0 && errno == EINTR)
			;
}

static void kill_all(struct jobs *j)
{
	for (uint32_t i = 0; i < j->n && j->pid[i] > 0; i++)
		kill(j->pid[i], SIGKILL);
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

/* (J2) */
static void take_violation(struct jobs *j, const struct slice *from, struct violation *v)
{
	struct violation recorded;

	j->s->found_at = from->search.found_at;
	j->s->found_by = from->search.found_by;
	violation_init(&recorded);
	recorded.seed = from->violation_seed;
	for (uint32_t i = 0; i < from->ndecisions; i++)
		schedule_add(&recorded.schedule, from->decision[i]);
	hunt_again(j->h, &recorded, true);
	CHECK(hunt_judge(j->h, v));
	violation_fini(&recorded);
}

static bool all_done(const struct jobs *j)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (!j->shared->slice[i].done)
			return false;
	return true;
}

static int run_jobs(struct jobs *j, struct violation *v)
{
	struct traces own = { 0 }, *traces = j->s->traces ? j->s->traces : &own;
	int ret = start(j);

	if (ret)
		kill_all(j);
	wait_for_all(j);
	if (ret || !all_done(j)) {
		snprintf(j->err, 200, ret ? "--jobs: a process cannot be started: %s" : "--jobs: a process has died%s",
		         ret ? strerror(-ret) : "");
		return ret ? ret : -ECHILD;
	}
	if (!j->s->traces)
		traces_init(&own);
	const struct slice *first = gather(j, traces);
	if (first)
		take_violation(j, first, v);
	j->s->distinct = traces->n;
	j->s->counted = traces_counted(traces);
	if (!j->s->traces)
		traces_free(&own);
	return 0;
}

int hunt_search_jobs(struct hunt *h, struct search *s, uint32_t jobs, struct violation *v, char *err)
{
	struct jobs j = { .h = h, .s = s, .n = jobs < JOBS_MAX ? jobs : JOBS_MAX, .err = err };
	uint64_t since = rt_now();

	j.size = sizeof(*j.shared) + j.n * sizeof(struct slice);
	j.shared = mmap(NULL, j.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (j.shared == MAP_FAILED) {
		snprintf(err, 200, "--jobs %u: no memory: %s", jobs, strerror(errno));
		return -errno;
	}
	atomic_init(&j.shared->best, UINT64_MAX);
	s->run = s->found_at = s->images_judged = s->images_mounted = 0;
	s->nondeterministic = s->stopped = false;
	int ret = run_jobs(&j, v);
	s->took = (double)(rt_now() - since) / 1e9;
	munmap(j.shared, j.size);
	return ret;
}
