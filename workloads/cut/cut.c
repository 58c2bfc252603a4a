/* cut.c: see cut.h. */
#include "cut/cut.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "cut/finding.h"
#include "cut/verdict.h"
#include "cut/world.h"
#include "rt/rt.h"

#define PROGRESS_NS 500000000u
#define POLL_NS     20000000u

/* ---- memory that all share ---- */

/* What a process tells its parent besides the tally. */
struct told {
	_Atomic int error; /* of the first that failed */
	struct why why;
	struct controls controls;
};

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

struct tally *tally_new(void)
{
	return shared(sizeof(struct tally));
}

void tally_free(struct tally *t)
{
	munmap(t, sizeof(*t));
}

static void tell_error(struct told *to, int ret, const struct why *why)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&to->error, &none, ret))
		to->why = *why;
}

/* status: as waitpid() has it, of a process of this run. True when it was killed. */
static bool tell_killed(struct told *to, int status)
{
	struct why why;

	if (!WIFSIGNALED(status))
		return false;
	why_set(&why, -EIO, "a process of this run was killed by signal %d", WTERMSIG(status));
	tell_error(to, -EIO, &why);
	return true;
}

/* ---- one process ---- */

struct worker {
	const struct cut_plan *p;
	struct tally *t;
	unsigned judges;        /* processes that judge a round, this one included */
	struct evidence *of;    /* the round that is judged */
	bool round_is_broken;   /* a state of it is */
	int error;              /* with why: a state could not be judged */
	struct why why;
	uint64_t since_ns;
};

static bool is_over(const struct worker *k)
{
	const struct cut_plan *p = k->p;

	for (unsigned i = 0; i < CUT_CLASSES_NR; i++)
		if (p->until >> i & 1 && atomic_load(&k->t->by_class[i]))
			return true;
	return stop_asked() || (p->states && atomic_load(&k->t->states) >= p->states) ||
	       (p->seconds > 0 && (double)(rt_now() - k->since_ns) / 1e9 >= p->seconds);
}

static void save_finding(struct worker *k, const struct cut *c, const struct verdict *v)
{
	char folder[FINDING_PATH];
	unsigned i = atomic_fetch_add(&k->t->findings, 1);
	struct why why;

	if (i >= k->p->findings_most || !k->p->findings[0]) {
		atomic_fetch_sub(&k->t->findings, 1);
		return;
	}
	mkdir(k->p->findings, 0755);
	snprintf(folder, sizeof(folder), "%s/%s-%s-%u", k->p->findings, cut_fs_name(&k->p->fs), k->of->work, i + 1);
	const struct finding f = { k->of, c, v };
	if (finding_save(folder, &f, &why))
		fprintf(stderr, "fsyncstorm cut: a finding is not kept: %s\n", why.text);
}

/* The first of each class, in words. */
static void tell(struct worker *k, const struct verdict *v)
{
	for (uint32_t i = 0; i < v->broken.n && i < BROKEN_MAX; i++)
		tally_first(k->t, cut_class_of(&v->broken.b[i]), v->broken.b[i].text);
	if (v->kernel[0])
		tally_first(k->t, CUT_KERNEL, v->kernel);
}

static int judge_one(struct worker *k, const struct cut *c, struct verdict *v)
{
	int ret = verdict_look(k->of, c, v, &k->why);

	if (ret || !v->mounted)
		return ret;
	uint64_t mounted = atomic_fetch_add(&k->t->mounted, 1);
	if (!k->p->check_every || mounted % k->p->check_every || v->classes >> CUT_UNMOUNTABLE & 1)
		return 0;
	ret = verdict_check(k->of, c, v, &k->why);
	atomic_fetch_add(&k->t->checked, !ret);
	return ret;
}

static int judge_state(void *arg, const struct cut *c)
{
	struct worker *k = arg;
	struct verdict v;

	k->error = judge_one(k, c, &v);
	if (k->error)
		return k->error;
	tell(k, &v);
	tally_state(k->t, v.classes);
	k->round_is_broken |= v.classes != 0;
	if (k->p->until ? v.classes & k->p->until : v.classes)
		save_finding(k, c, &v);
	return is_over(k);
}

static void add_times(struct worker *k)
{
	const struct slot_times *s = &k->of->slot.took;

	atomic_fetch_add(&k->t->put_ns, s->put_ns);
	atomic_fetch_add(&k->t->mount_ns, s->mount_ns);
	atomic_fetch_add(&k->t->read_ns, s->read_ns);
	atomic_fetch_add(&k->t->umount_ns, s->umount_ns);
	atomic_fetch_add(&k->t->check_ns, s->check_ns);
}

/* ---- all states of a round, which several processes share ---- */

/* What those who judge a round share. */
struct shared_round {
	_Atomic uint32_t taken; /* epochs */
	_Atomic bool is_broken;
	struct told told;
};

static void judge_share(struct worker *k, struct shared_round *r)
{
	uint64_t since = rt_now();

	choose_all(k->of, EXHAUSTIVE_PENDING, k->p->tear < DEV_BLOCK, k->of->seed, &r->taken, judge_state, k);
	atomic_fetch_add(&k->t->judge_ns, rt_now() - since);
	if (k->round_is_broken)
		atomic_store(&r->is_broken, true);
	if (k->error)
		tell_error(&r->told, k->error, &k->why);
}

/* In a process of its own, which mounts the images in a slot of its own. */
static void judge_beside(struct worker *k, struct shared_round *r)
{
	struct evidence mine = *k->of;
	struct why why;
	int ret = evidence_open_slot(&mine, &why);

	/* cppcheck-suppress autoVariables ; this process ends here */
	k->of = &mine;
	if (ret) {
		tell_error(&r->told, ret, &why);
		_exit(0);
	}
	judge_share(k, r);
	add_times(k);
	evidence_close_slot(&mine);
	_exit(0);
}

static int judge_all(struct worker *k, struct why *why)
{
	struct shared_round *r = shared(sizeof(*r));
	pid_t pid[CUT_JOBS_MAX] = { 0 }, parent = getpid();

	fflush(NULL);
	for (unsigned i = 1; i < k->judges; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			end_with(parent);
			judge_beside(k, r);
		}
	}
	judge_share(k, r);
	for (unsigned i = 1; i < k->judges; i++) {
		int status = 0;
		if (pid[i] < 0)
			continue; /* the others judge its share */
		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		tell_killed(&r->told, status);
	}
	k->round_is_broken = atomic_load(&r->is_broken);
	int ret = atomic_load(&r->told.error);
	if (ret)
		*why = r->told.why;
	munmap(r, sizeof(*r));
	return ret;
}

static int judge_round(struct worker *k, struct why *why)
{
	const struct cut_plan *p = k->p;
	struct rng rng;
	int ret;

	k->round_is_broken = false;
	rng_seed(&rng, rng_mix(k->of->seed));
	if (p->exhaustive && !p->aim.thread[0]) {
		ret = judge_all(k, why);
	} else {
		uint64_t since = rt_now();
		if (p->aim.thread[0])
			choose_aimed(k->of, &p->aim, &rng, judge_state, k);
		else
			choose_sample(k->of, p->per_round, &rng, judge_state, k);
		atomic_fetch_add(&k->t->judge_ns, rt_now() - since);
		ret = k->error;
		if (ret)
			*why = k->why;
	}
	atomic_fetch_add(&k->t->rounds_broken, k->round_is_broken);
	return ret;
}

/* A call that failed, in words; the class CALL counts rounds' calls, not states. */
static void tell_failed(struct worker *k)
{
	for (uint32_t i = 0; i < model_nops(k->of->model); i++) {
		const struct model_op *o = model_op(k->of->model, i);
		char text[160];
		if (!o->ret)
			continue;
		snprintf(text, sizeof(text), "%s of file %s returned %d (%s)", model_call_name(o),
		         model_has_file(o) ? model_file(k->of->model, o->file)->name : "-", o->ret, strerror(-o->ret));
		tally_first(k->t, CUT_CALL, text);
	}
}

static void raise_to(_Atomic uint32_t *max, uint32_t n)
{
	uint32_t now = atomic_load(max);

	while (n > now && !atomic_compare_exchange_weak(max, &now, n))
		;
}

static void count_round(struct worker *k, const struct round_counts *c)
{
	struct tally *t = k->t;

	atomic_fetch_add(&t->calls, c->calls);
	atomic_fetch_add(&t->syncs, c->syncs);
	atomic_fetch_add(&t->failed, c->failed);
	atomic_fetch_add(&t->by_class[CUT_CALL], c->failed);
	atomic_fetch_add(&t->events, c->events);
	atomic_fetch_add(&t->flushes, c->flushes);
	atomic_fetch_add(&t->beside, c->beside);
	atomic_fetch_add(&t->fua, c->fua);
	raise_to(&t->in_flight_max, c->in_flight_max);
	raise_to(&t->flushes_max, c->flushes_max);
	if (c->failed)
		tell_failed(k);
}

/* How long rounds are: single turns, where the first sync meets a clean file; a few; and long ones. */
static unsigned turns_of(const struct cut_plan *p, uint64_t round)
{
	static const unsigned turns[] = { 1, 4, 0, 1, 12 };

	if (p->aim.thread[0]) /* a turn has a sync of the thread at least */
		return p->aim.nth;
	return p->exhaustive ? 1 : turns[round % (sizeof(turns) / sizeof(turns[0]))];
}

/* The next round's number. False: there are to be no more. */
static bool take_round(struct worker *k, uint64_t most, uint64_t *i)
{
	if (is_over(k))
		return false;
	*i = atomic_fetch_add(&k->t->rounds, 1);
	if (!most || *i < most)
		return true;
	atomic_fetch_sub(&k->t->rounds, 1);
	return false;
}

static int one_round(struct worker *k, struct world *w, uint64_t i, struct why *why)
{
	struct round r = { .drive = { .turns = turns_of(k->p, i) }, .recorder = { .holds = k->p->holds } };
	char path[sizeof(k->p->records)];
	uint64_t since = rt_now();

	r.drive.seed = r.recorder.seed = rng_mix(k->p->seed) + i;
	work_vary(w->work, r.drive.seed);
	if (k->p->one_syncer)
		work_one_syncer(w->work);
	int ret = world_round(w, &r, why);
	atomic_fetch_add(&k->t->record_ns, rt_now() - since);
	if (ret)
		return ret;
	count_round(k, &r.counts);
	atomic_fetch_add(&k->t->full, r.cut_short);
	if (k->p->records[0]) {
		snprintf(path, sizeof(path), "%.480s/round-%05lu.zst", k->p->records, (unsigned long)i + 1);
		return evidence_save(path, &w->e, why);
	}
	return judge_round(k, why);
}

static int work_rounds(struct worker *k, struct work *work, struct why *why)
{
	uint64_t i, since = rt_now();
	struct world w;
	int ret = world_open(&w, &k->p->fs, work, k->p->tear, why);

	atomic_fetch_add(&k->t->open_ns, rt_now() - since);
	if (ret)
		return ret;
	k->of = &w.e;
	while (!ret && take_round(k, k->p->rounds, &i))
		ret = one_round(k, &w, i, why);
	add_times(k);
	k->of = NULL;
	if (ret != -ETIMEDOUT)
		world_close(&w);
	return ret;
}

static uint64_t count_files(char *const *files)
{
	uint64_t n = 0;

	while (files[n])
		n++;
	return n;
}

/* Rounds that were recorded before. */
static int file_rounds(struct worker *k, char *const *files, struct why *why)
{
	struct round_counts counts;
	struct evidence e;
	uint64_t i, n = count_files(files);
	int ret = 0;

	/* cppcheck-suppress autoVariables ; k->of is NULL again on return */
	k->of = &e;
	while (!ret && take_round(k, n, &i)) {
		ret = evidence_load(files[i], &e, why);
		if (ret)
			break;
		if (strcmp(e.fs.text, k->p->fs.text))
			ret = why_set(why, -EINVAL, "%.200s: a record of %s among those of %s", files[i], e.fs.text,
			              k->p->fs.text);
		else
			ret = evidence_open_slot(&e, why);
		if (!ret) {
			evidence_count(&e, &counts);
			count_round(k, &counts);
			ret = judge_round(k, why);
			add_times(k);
		}
		evidence_free(&e);
	}
	k->of = NULL;
	return ret;
}

/* what: a work; NULL: files. */
struct source {
	const char *what;
	char *const *files;
};

static void worker_main(const struct cut_plan *p, const struct source *from, unsigned judges, struct tally *t,
                        struct told *to, uint64_t since)
{
	struct worker k = { .p = p, .t = t, .since_ns = since, .judges = judges };
	struct work work;
	struct why why;
	int ret;

	if (from->files) {
		ret = file_rounds(&k, from->files, &why);
	} else {
		ret = work_open(from->what, &work, &why);
		if (!ret)
			ret = work_rounds(&k, &work, &why);
	}
	if (ret && !(ret == -EINTR && stop_asked()))
		tell_error(to, ret, &why);
	_exit(0);
}

/* ---- the parent ---- */

static pid_t start(const struct cut_plan *p, const struct source *from, unsigned judges, struct tally *t,
                   struct told *to, uint64_t since)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	end_with(parent);
	worker_main(p, from, judges, t, to, since);
	return 0;
}

/* Waits for one process more; true when all have ended. */
static bool reap(pid_t *pid, unsigned n, struct told *to)
{
	bool left = false;

	for (unsigned i = 0; i < n; i++) {
		int status;
		if (pid[i] > 0 && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
			pid[i] = 0;
			if (tell_killed(to, status))
				stop_ask();
		}
		left |= pid[i] > 0;
	}
	return !left;
}

static int wait_for(pid_t *pid, unsigned n, const struct cut_plan *p, const struct tally *t, struct told *to,
                    uint64_t since)
{
	uint64_t told_ns = since;

	while (!reap(pid, n, to)) {
		rt->sleep(POLL_NS);
		if (p->progress && rt_now() - told_ns > PROGRESS_NS) {
			told_ns = rt_now();
			p->progress(t, (double)(told_ns - since) / 1e9, p->arg);
		}
	}
	return atomic_load(&to->error);
}

static int run_workers(const struct cut_plan *p, const struct source *from, struct tally *t, struct why *why)
{
	struct told *to = shared(sizeof(*to));
	pid_t pid[CUT_JOBS_MAX] = { 0 };
	uint64_t since = rt_now(), rounds = from->files ? count_files(from->files) : p->rounds;
	unsigned n = p->jobs;

	CHECK(p->jobs && p->jobs <= CUT_JOBS_MAX);
	if (p->exhaustive && rounds && rounds < n)
		n = (unsigned)rounds;
	for (unsigned i = 0; i < n; i++)
		pid[i] = start(p, from, p->jobs / n, t, to, since);
	int ret = wait_for(pid, n, p, t, to, since);
	if (ret)
		*why = to->why;
	munmap(to, sizeof(*to));
	return ret;
}

int cut_run(const struct cut_plan *p, const char *what, struct tally *t, struct why *why)
{
	const struct source from = { .what = what };

	return run_workers(p, &from, t, why);
}

int cut_judge(const struct cut_plan *p, char *const *files, struct tally *t, struct why *why)
{
	const struct source from = { .files = files };

	return run_workers(p, &from, t, why);
}

int cut_run_controls(const struct cut_plan *p, struct controls *out, struct why *why)
{
	struct told *to = shared(sizeof(*to));
	pid_t parent = getpid(), pid;
	struct tally none;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct why said;
		end_with(parent);
		int failed;
		if (p->controls[0])
			failed = cut_controls_judge(p->controls, &to->controls, &said);
		else if (p->records[0])
			failed = cut_controls_record(&p->fs, p->holds, p->records, &said);
		else
			failed = cut_controls(&p->fs, p->holds, &to->controls, &said);
		if (failed)
			tell_error(to, failed, &said);
		_exit(0);
	}
	const struct cut_plan quiet = { .jobs = 1 };
	int ret = wait_for(&pid, 1, &quiet, &none, to, rt_now());
	*out = to->controls;
	if (ret)
		*why = to->why;
	munmap(to, sizeof(*to));
	return ret;
}
