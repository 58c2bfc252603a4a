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
#include "cut/klog.h"
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

/* ---- one process ---- */

struct worker {
	const struct cut_plan *p;
	struct tally *t;
	struct world w;
	struct klog klog;
	uint64_t seed;          /* of the round */
	uint64_t states_begin;
	uint64_t since_ns;
	unsigned nfindings;
};

static bool is_over(const struct worker *k)
{
	const struct cut_plan *p = k->p;

	return stop_asked() || (p->states && atomic_load(&k->t->states) >= p->states) ||
	       (p->seconds > 0 && (double)(rt_now() - k->since_ns) / 1e9 >= p->seconds);
}

static void save_finding(struct worker *k, const struct cut *c, const struct broken_list *list, const char *kernel)
{
	char folder[FINDING_PATH];
	unsigned i = atomic_fetch_add(&k->t->findings, 1);
	struct why why;

	if (i >= k->p->findings_most || !k->p->findings[0]) {
		atomic_fetch_sub(&k->t->findings, 1);
		return;
	}
	mkdir(k->p->findings, 0755);
	snprintf(folder, sizeof(folder), "%s/%s-%s-%u", k->p->findings, cut_fs_name(&k->p->fs), k->w.work->name, i + 1);
	const struct finding f = { &k->w, k->seed, c, list, kernel };
	if (finding_save(folder, &f, &why))
		fprintf(stderr, "fsyncstorm cut: a finding is not kept: %s\n", why.text);
}

static void add_broken(struct broken_list *list, enum broken_kind kind, const char *text)
{
	if (list->n < BROKEN_MAX) {
		list->b[list->n] = (struct broken){ .kind = kind };
		snprintf(list->b[list->n].text, sizeof(list->b[0].text), "%.300s", text);
	}
	list->n++;
}

/* The image that lies in the slot: mounted again, and looked at by its checker. */
static uint32_t check_image(struct worker *k, const struct cut *c, struct broken_list *list)
{
	const struct recovered *first = judge_look(k->w.judge, c, NULL);
	struct recovered *again;
	uint32_t classes = 0;
	struct why why;
	char how[200];

	if (first->err)
		return 0;
	int ret = slot_check(&k->w.slot, &again, &why);
	atomic_fetch_add(&k->t->checked, 1);
	if (ret == 1) {
		classes |= 1u << CUT_FSCK;
		tally_first(k->t, CUT_FSCK, why.text);
		add_broken(list, BROKEN_REPLAY, why.text);
	}
	if (!again->err && !recovered_same(first, again, how, sizeof(how))) {
		classes |= 1u << CUT_REPLAY;
		tally_first(k->t, CUT_REPLAY, how);
		add_broken(list, BROKEN_REPLAY, how);
	}
	recovered_free(again);
	return classes;
}

static uint32_t classes_of(struct worker *k, const struct broken_list *list)
{
	uint32_t classes = 0;

	for (uint32_t i = 0; i < list->n && i < BROKEN_MAX; i++) {
		enum cut_class class = cut_class_of(&list->b[i]);
		classes |= 1u << class;
		tally_first(k->t, class, list->b[i].text);
	}
	return classes;
}

static int judge_state(void *arg, const struct cut *c)
{
	struct worker *k = arg;
	struct broken_list list = { .n = 0 };
	char kernel[320] = "";

	k->w.looked = false;
	judge_cut(k->w.judge, c, &list);
	uint32_t classes = classes_of(k, &list);
	if (k->w.looked) {
		uint64_t mounted = atomic_fetch_add(&k->t->mounted, 1);
		if (k->p->check_every && mounted % k->p->check_every == 0)
			classes |= check_image(k, c, &list);
		if (klog_complains(&k->klog, k->w.slot.path + strlen("/dev/"), kernel, sizeof(kernel)) &&
		    !(classes >> CUT_UNMOUNTABLE & 1)) {
			classes |= 1u << CUT_KERNEL;
			tally_first(k->t, CUT_KERNEL, kernel);
		}
	}
	tally_state(k->t, classes);
	if (classes)
		save_finding(k, c, &list, kernel);
	return is_over(k);
}

static void judge_round(struct worker *k)
{
	const struct cut_plan *p = k->p;
	struct rng rng;

	rng_seed(&rng, rng_mix(k->seed));
	if (p->aim.thread[0])
		choose_aimed(&k->w, &p->aim, &rng, judge_state, k);
	else if (p->exhaustive)
		choose_all(&k->w, EXHAUSTIVE_PENDING, p->tear < DEV_BLOCK, k->seed, judge_state, k);
	else
		choose_sample(&k->w, p->per_round, &rng, judge_state, k);
}

static void count_round(struct worker *k, const struct round *r)
{
	struct tally *t = k->t;
	uint32_t max = atomic_load(&t->in_flight_max);

	atomic_fetch_add(&t->calls, r->calls);
	atomic_fetch_add(&t->syncs, r->syncs);
	atomic_fetch_add(&t->failed, r->failed);
	atomic_fetch_add(&t->events, r->recorded.n);
	atomic_fetch_add(&t->flushes, r->recorded.flushes);
	atomic_fetch_add(&t->beside, r->recorded.beside);
	atomic_fetch_add(&t->full, r->recorded.full);
	while (r->recorded.in_flight_max > max &&
	       !atomic_compare_exchange_weak(&t->in_flight_max, &max, r->recorded.in_flight_max))
		;
}

/* A call that failed, in words; the class CALL counts rounds' calls, not states. */
static void tell_failed(struct worker *k)
{
	for (uint32_t i = 0; i < model_nops(k->w.model); i++) {
		const struct model_op *o = model_op(k->w.model, i);
		char text[160];
		if (!o->ret)
			continue;
		snprintf(text, sizeof(text), "%s of file %s returned %d (%s)", model_call_name(o),
		         model_has_file(o) ? model_file(k->w.model, o->file)->name : "-", o->ret, strerror(-o->ret));
		tally_first(k->t, CUT_CALL, text);
	}
}

/* How long rounds are: single turns, where the first sync meets a clean file; a few; and long ones. */
static unsigned turns_of(const struct cut_plan *p, uint64_t round)
{
	static const unsigned turns[] = { 1, 4, 0, 1, 12 };

	if (p->aim.thread[0]) /* a turn has a sync of the thread at least */
		return p->aim.nth;
	return p->exhaustive ? 1 : turns[round % (sizeof(turns) / sizeof(turns[0]))];
}

static int one_round(struct worker *k, uint64_t i, struct why *why)
{
	struct round r = { .drive = { .turns = turns_of(k->p, i) }, .recorder = { .holds = k->p->holds } };

	k->seed = r.drive.seed = r.recorder.seed = rng_mix(k->p->seed) + i;
	work_vary(k->w.work, k->seed);
	if (k->p->one_syncer)
		work_one_syncer(k->w.work);
	int ret = world_round(&k->w, &r, why);
	if (ret)
		return ret;
	count_round(k, &r);
	if (r.failed) {
		tell_failed(k);
		atomic_fetch_add(&k->t->by_class[CUT_CALL], r.failed);
	}
	judge_round(k);
	return 0;
}

static void add_times(struct worker *k)
{
	const struct slot *s = &k->w.slot;

	atomic_fetch_add(&k->t->put_ns, s->put_ns);
	atomic_fetch_add(&k->t->mount_ns, s->mount_ns);
	atomic_fetch_add(&k->t->read_ns, s->read_ns);
	atomic_fetch_add(&k->t->umount_ns, s->umount_ns);
}

static int work_rounds(struct worker *k, struct work *work, struct why *why)
{
	int ret = world_open(&k->w, &k->p->fs, work, k->p->tear, why);

	if (ret)
		return ret;
	klog_open(&k->klog);
	while (!ret && !is_over(k)) {
		uint64_t i = atomic_fetch_add(&k->t->rounds, 1);
		if (k->p->rounds && i >= k->p->rounds) {
			atomic_fetch_sub(&k->t->rounds, 1);
			break;
		}
		ret = one_round(k, i, why);
	}
	add_times(k);
	klog_close(&k->klog);
	if (ret != -ETIMEDOUT)
		world_close(&k->w);
	return ret;
}

static void worker_main(const struct cut_plan *p, const char *what, struct tally *t, struct told *to, uint64_t since)
{
	struct worker k = { .p = p, .t = t, .since_ns = since };
	struct work work;
	struct why why;
	int ret = work_open(what, &work, &why);

	if (!ret)
		ret = work_rounds(&k, &work, &why);
	if (ret && !(ret == -EINTR && stop_asked()))
		tell_error(to, ret, &why);
	_exit(0);
}

/* ---- the parent ---- */

static pid_t start(const struct cut_plan *p, const char *what, struct tally *t, struct told *to, uint64_t since)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	end_with(parent);
	worker_main(p, what, t, to, since);
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
			struct why why;
			if (WIFSIGNALED(status)) {
				why_set(&why, -EIO, "a process of this run was killed by signal %d", WTERMSIG(status));
				tell_error(to, -EIO, &why);
				stop_ask();
			}
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

int cut_run(const struct cut_plan *p, const char *what, struct tally *t, struct why *why)
{
	struct told *to = shared(sizeof(*to));
	pid_t pid[CUT_JOBS_MAX] = { 0 };
	uint64_t since = rt_now();

	CHECK(p->jobs && p->jobs <= CUT_JOBS_MAX);
	for (unsigned i = 0; i < p->jobs; i++)
		pid[i] = start(p, what, t, to, since);
	int ret = wait_for(pid, p->jobs, p, t, to, since);
	if (ret)
		*why = to->why;
	munmap(to, sizeof(*to));
	return ret;
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
		int failed = cut_controls(&p->fs, p->holds, &to->controls, &said);
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
