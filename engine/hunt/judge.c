/* judge.c: see judge.h. */
#include "hunt/judge.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "hunt/faults.h"
#include "hunt/run.h"

static void keep_run(struct hunt *h, struct violation *v, enum violation_kind kind)
{
	v->kind = kind;
	v->run = h->result;
	v->seed = h->run.seed;
	v->granularity = h->granularity;
	v->absent = h->absent;
	v->broken.kind = BROKEN_NONE;
	v->crash = (struct crash){ 0 };
	schedule_copy(&v->schedule, &h->schedule);
}

void hunt_as_found(struct hunt *h, const struct violation *v)
{
	h->granularity = v->granularity;
	if (v->broken.kind == BROKEN_WHOLE)
		h->judge->whole_every = 1;
}

/* ---- calls ---- */

/* No failure: when two tasks make or remove one name, one of them may be refused; and a store beyond the end of a
 * mapped file gets a signal. */
static bool call_failed(const struct model_op *o)
{
	bool refused = model_is_naming(o) && (o->ret == -EEXIST || o->ret == -ENOENT);
	bool beyond_end = o->kind == OP_WRITE && o->how == WRITE_MAPPED && o->ret == -EFAULT;

	return o->e != TICK_NEVER && o->ret && !refused && !beyond_end;
}

/*
 * A sync that was told of a failed write: had two others of the same file been before it? Of a write that has failed
 * there are two notes, each for one: that of the descriptor, of which a race's file has one (kernel: errseq), and that
 * of the file, which the first task takes that waits for its pages (AS_EIO, AS_ENOSPC). And of a run one write fails.
 */
static bool told_before(const struct model *m, const struct model_op *o)
{
	unsigned told = 0;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *first = model_op(m, i);
		told += model_is_sync(first) && first->ret == o->ret && first->e < o->b && first->file == o->file;
	}
	return told >= 2;
}

enum violation_kind hunt_judge_calls(struct hunt *h, struct violation *v)
{
	const struct model *m = h->run.model;
	bool data_failed = faults_met(h, FAULT_DATA_WRITE), no_space = faults_met(h, FAULT_DATA_SPACE);
	/* what else fails aborts the file system, fails a log commit, or leaves a page unread: any call may be told */
	bool no_tree_space = faults_met(h, FAULT_TREE_SPACE);
	bool any_told = faults_met(h, FAULT_TREE_WRITE) || faults_met(h, FAULT_SUPER_WRITE) ||
		        faults_met(h, FAULT_FLUSH) || faults_met(h, FAULT_READ) || no_tree_space;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		/* syncs, direct writes, and what makes a file longer */
		bool waits_for_data = !model_is_naming(o);
		/* what zeros a tail says EIO, whyever that was not written (truncate_tail()) */
		bool data_eio = o->ret == -EIO && (data_failed || (no_space && !model_is_sync(o)));
		bool data_told = waits_for_data && (data_eio || (o->ret == -ENOSPC && no_space)), again = false;
		if (!call_failed(o))
			continue;
		if (data_told && !any_told)
			again = model_is_sync(o) && told_before(m, o);
		if (data_told && !again)
			continue;
		if (any_told && (o->ret == -EIO || o->ret == -EROFS))
			continue;
		if (no_tree_space && o->ret == -ENOSPC)
			continue;
		keep_run(h, v, VIOLATION_ERROR);
		const char *file = model_has_file(o) ? model_file(m, o->file)->name : NULL;
		snprintf(v->text, sizeof(v->text), "%s%s%s returned %d (%s), and %s", model_call_name(o),
		         file ? " of file " : "", file ? file : "", o->ret, strerror(-o->ret),
		         again ? "so had two before it: one write has failed" : "the device had no error");
		return v->kind;
	}
	return VIOLATION_NONE;
}

/* ---- crashes ---- */

static int keep_broken(void *arg, const struct cut *c, const struct broken_list *list)
{
	struct hunt *h = arg;
	struct violation *v = h->found;

	keep_run(h, v, VIOLATION_PROMISE);
	v->broken = list->b[0];
	v->crash = (struct crash){ .pos = c->pos, .npending = c->npending };
	for (uint32_t i = 0; i < c->npending && v->crash.nkept < CRASH_KEPT_MAX; i++)
		if (c->keep[i / 64] >> i % 64 & 1)
			v->crash.kept[v->crash.nkept++] = c->pending[i];
	snprintf(v->text, sizeof(v->text), "%s", list->b[0].text);
	return 1;
}

static int judge_one_epoch(void *arg, const struct epoch *e)
{
	struct hunt *h = arg;

	return judge_epoch(h->judge, e, &h->budget, keep_broken, h);
}

/* ---- a run ---- */

static enum violation_kind judge_bare(struct hunt *h, struct violation *v)
{
	const char *broken = h->race->bare->judge(h->bare);

	if (!broken)
		return VIOLATION_NONE;
	keep_run(h, v, VIOLATION_STATE);
	snprintf(v->text, sizeof(v->text), "%s", broken);
	return v->kind;
}

enum violation_kind hunt_judge(struct hunt *h, struct violation *v)
{
	enum violation_kind kind;

	switch (h->result.end) {
	case COOP_FINISHED:
		break;
	case COOP_STUCK:
		keep_run(h, v, VIOLATION_STUCK);
		snprintf(v->text, sizeof(v->text), "deadlock: %s", h->result.why);
		return v->kind;
	case COOP_TOO_LONG:
		keep_run(h, v, VIOLATION_TOO_LONG);
		snprintf(v->text, sizeof(v->text), "the run does not end (stopped after %u decisions)",
		         h->result.steps);
		return v->kind;
	default:
		return VIOLATION_NONE;
	}
	if (h->bare)
		return judge_bare(h, v);
	kind = hunt_judge_calls(h, v);
	if (kind)
		return kind;
	h->found = v;
	return powercut_epochs(h->dev, judge_one_epoch, h) ? VIOLATION_PROMISE : VIOLATION_NONE;
}

enum violation_kind hunt_one(struct hunt *h, const struct picker *picker, void *state, uint64_t seed,
                             struct violation *v)
{
	hunt_run(h, picker, state, seed);
	return hunt_judge(h, v);
}

/* ---- one crash alone ---- */

/* The pending writes of e that the crash keeps. False when one of them is not pending. */
static bool kept_mask(const struct crash *c, const struct epoch *e, uint64_t *keep)
{
	for (uint32_t k = 0; k < c->nkept; k++) {
		uint32_t i = 0;
		while (i < e->npending && e->pending[i] != c->kept[k])
			i++;
		if (i == e->npending || i >= CRASH_KEPT_MAX)
			return false;
		*keep |= 1ull << i;
	}
	return true;
}

int hunt_crash_check(const struct hunt *h, const struct crash *c, struct why *why)
{
	uint32_t end = powercut_position(h->dev);
	uint64_t keep = 0;
	struct epoch e;

	if (c->pos > end)
		return why_set(why, -EINVAL, "the run ends at position %u", end);
	powercut_epoch_at(h->dev, c->pos, &e);
	if (e.npending != c->npending)
		return why_set(why, -EINVAL, "%u writes are pending there", e.npending);
	if (e.npending > CRASH_KEPT_MAX || !kept_mask(c, &e, &keep))
		return why_set(why, -EINVAL, "a write that it keeps is not pending there");
	return 0;
}

struct recovered *hunt_recover_crash(struct hunt *h, const struct crash *c)
{
	uint64_t keep = 0;
	struct epoch e;
	struct dev *image;

	if (hunt_crash_check(h, c, NULL))
		return NULL;
	powercut_epoch_at(h->dev, c->pos, &e);
	kept_mask(c, &e, &keep);
	struct cut cut = { .pos = c->pos, .pending = e.pending, .npending = e.npending, .keep = &keep };
	cut.hash = powercut_hash(h->dev, &cut); /* it says how an image is looked at as a whole */
	int ret = powercut_image(h->dev, &cut, &image);
	CHECK(!ret);
	struct recovered *r = recover_image(image);
	dev_close(image);
	if (h->judge->whole_every)
		r->damage = judge_whole(h->judge, &cut, r);
	return r;
}

enum violation_kind hunt_judge_crash(struct hunt *h, const struct crash *c, struct violation *v)
{
	struct recovered *r = hunt_recover_crash(h, c);
	struct broken_list list = { .n = 0 };

	if (!r)
		return VIOLATION_NONE;
	judge_recovered(h->judge, c->pos, r, &list);
	recovered_free(r);
	if (!list.n)
		return VIOLATION_NONE;
	struct crash crash = *c; /* may be v's own */
	keep_run(h, v, VIOLATION_PROMISE);
	v->broken = list.b[0];
	v->crash = crash;
	snprintf(v->text, sizeof(v->text), "%s", list.b[0].text);
	return v->kind;
}
