/* choose.c: see choose.h. */
#include "cut/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "machine/mem.h"

#define BETWEEN 16u

/* What is kept of the pending writes. */
enum keep { KEEP_NONE, KEEP_ALL, KEEP_HALF, KEEP_ONE, KEEP_ALL_BUT_ONE, KEEP_COMPLETED, KEEP_KINDS };

struct crash_at {
	uint32_t pos;
	uint8_t keep;
	uint64_t chance;
};

struct positions_of {
	uint32_t *pos, n, cap;
};

static void add_position(struct positions_of *p, uint32_t pos)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->pos = realloc(p->pos, p->cap * sizeof(*p->pos));
		CHECK(p->pos);
	}
	p->pos[p->n++] = pos;
}

/* ---- one crash ---- */

static bool is_kept(const struct epoch *e, const struct dev_event *event, const struct crash_at *c, uint32_t i,
                    struct rng *rng)
{
	uint32_t one = (uint32_t)(c->chance % (e->npending + !e->npending));

	switch (c->keep) {
	case KEEP_ALL:
		return true;
	case KEEP_HALF:
		return rng_below(rng, 2);
	case KEEP_ONE:
		return i == one;
	case KEEP_ALL_BUT_ONE:
		return i != one;
	case KEEP_COMPLETED: /* in the order of their completion, up to one of them */
		return event[e->pending[i]].of <= event[e->pending[one]].of;
	default:
		return false;
	}
}

static int call_crash(struct evidence *ev, const struct crash_at *at, cut_fn fn, void *arg)
{
	const struct dev_event *event;
	struct epoch e;
	struct rng rng;
	uint32_t n;
	int ret;

	event = powercut_events(ev->dev, &n);
	powercut_epoch_at(ev->dev, at->pos, &e);
	uint32_t words = e.npending / 64 + 1, *pending = mem_alloc((e.npending + 1) * sizeof(*pending));
	uint64_t *keep = mem_zalloc(words * sizeof(*keep));
	if (e.npending)
		memcpy(pending, e.pending, e.npending * sizeof(*pending));
	e.pending = pending;
	rng_seed(&rng, at->chance);
	for (uint32_t i = 0; i < e.npending; i++)
		if (is_kept(&e, event, at, i, &rng))
			keep[i / 64] |= 1ull << i % 64;
	struct cut c = { .pos = at->pos, .pending = pending, .npending = e.npending, .keep = keep };
	c.hash = powercut_hash(ev->dev, &c);
	ret = fn(arg, &c);
	free(pending);
	free(keep);
	return ret;
}

/* ---- a sample ---- */

static int note_epoch(void *arg, const struct epoch *e)
{
	add_position(arg, e->pos);
	return 0;
}

static uint32_t record_end(const struct evidence *ev)
{
	return powercut_position(ev->dev);
}

/*
 * The first positions after syncs have returned, and those of marks. Those of setup are no choice: nothing is lost at
 * position 0.
 */
static void note_returns(struct evidence *ev, struct positions_of *p)
{
	for (uint32_t i = 0; i < ev->nmarks; i++)
		if (ev->mark[i].pos)
			add_position(p, ev->mark[i].pos);
	for (uint32_t i = 0; i < model_nops(ev->model); i++) {
		const struct model_op *o = model_op(ev->model, i);
		if (model_is_sync(o) && !o->ret && o->pe && o->pe <= record_end(ev))
			add_position(p, o->pe);
	}
}

static uint32_t draw(const struct positions_of *p, struct rng *rng)
{
	return p->pos[rng_below(rng, p->n)];
}

static void draw_crash(const struct positions_of *epochs, const struct positions_of *returns, uint32_t end,
                       struct rng *rng, struct crash_at *c)
{
	unsigned share = (unsigned)rng_below(rng, 100);

	c->chance = rng_next(rng);
	if (share < 55 && returns->n) {
		c->pos = draw(returns, rng);
		c->keep = share < 40 ? KEEP_NONE : share < 48 ? KEEP_ALL : KEEP_HALF;
	} else if (share < 90) {
		c->pos = draw(epochs, rng);
		c->keep = (uint8_t)rng_below(rng, KEEP_KINDS);
	} else {
		c->pos = (uint32_t)rng_below(rng, (uint64_t)end + 1);
		c->keep = KEEP_HALF;
	}
}

static int by_position(const void *a, const void *b)
{
	const struct crash_at *x = a, *y = b;

	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

int choose_sample(struct evidence *ev, unsigned n, struct rng *rng, cut_fn fn, void *arg)
{
	struct positions_of epochs = { 0 }, returns = { 0 };
	struct crash_at *c = mem_alloc((n + 1) * sizeof(*c));
	int ret = 0;

	powercut_epochs(ev->dev, note_epoch, &epochs);
	note_returns(ev, &returns);
	for (unsigned i = 0; i < n; i++)
		draw_crash(&epochs, &returns, record_end(ev), rng, &c[i]);
	qsort(c, n, sizeof(*c), by_position);
	for (unsigned i = 0; i < n && !ret; i++)
		ret = call_crash(ev, &c[i], fn, arg);
	free(c);
	free(epochs.pos);
	free(returns.pos);
	return ret;
}

/* ---- all ---- */

#define TOGETHER 8u /* epochs one after the other have images in common, each of which a process mounts once */

struct all {
	struct evidence *ev;
	struct cut_budget budget;
	_Atomic uint32_t *taken;
	uint32_t epoch, ours; /* the one that comes next; of the parts (TOGETHER epochs), the next of ours */
	cut_fn fn;
	void *arg;
};

/* Of all who share the epochs, exactly one is told so of each. */
static bool next_is_ours(struct all *a)
{
	uint32_t part = a->epoch++ / TOGETHER;

	if (a->taken && a->ours < part)
		a->ours = atomic_fetch_add(a->taken, 1);
	return !a->taken || a->ours == part;
}

/* The image is judged, and what its mount has read of it is known then. */
static int look(void *arg, const struct cut *c, const uint64_t **read)
{
	struct all *a = arg;
	int ret = a->fn(a->arg, c);

	if (!ret)
		judge_look(a->ev->judge, c, read);
	return ret;
}

static int all_of_epoch(void *arg, const struct epoch *e)
{
	struct all *a = arg;
	uint32_t pending[64];

	if (!next_is_ours(a))
		return 0;
	if (a->budget.tears || e->npending > a->budget.all_up_to || !slot_watch_reads(&a->ev->slot))
		return powercut_cuts(a->ev->dev, e, &a->budget, a->fn, a->arg);
	if (e->npending)
		memcpy(pending, e->pending, e->npending * sizeof(*pending));
	const struct epoch copy = { e->pos, e->npending, pending, e->durable_hash };
	return powercut_branches(a->ev->dev, &copy, UINT32_MAX, look, a);
}

int choose_all(struct evidence *ev, unsigned all_up_to, bool tears, uint64_t seed, _Atomic uint32_t *taken, cut_fn fn,
               void *arg)
{
	CHECK(all_up_to <= 64);
	struct all a = { .ev = ev, .taken = taken, .fn = fn, .arg = arg,
		         .budget = { .all_up_to = all_up_to, .sampled = 16, .tears = tears, .seed = seed } };

	a.ours = taken ? atomic_fetch_add(taken, 1) : 0;
	return powercut_epochs(ev->dev, all_of_epoch, &a);
}

/* ---- aimed ---- */

int aim_parse(const char *text, struct aim *out, struct why *why)
{
	static const char *const keeps[] = { "kept", "lost", "between" };
	const char *colon = strchr(text, ':');
	char nth[24];
	uint64_t n;
	size_t k = 0;

	*out = (struct aim){ .keep = AIM_LOST };
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(out->thread))
		return why_set(why, -EINVAL, "%.60s: THREAD:N[:kept|lost|between] is expected", text);
	snprintf(out->thread, sizeof(out->thread), "%.*s", (int)(colon - text), text);
	snprintf(nth, sizeof(nth), "%.*s", (int)strcspn(colon + 1, ":"), colon + 1);
	if (text_number(nth, &n) || !n || n > 100000)
		return why_set(why, -EINVAL, "%.60s: the number of a sync, from 1 on, is expected after the thread",
		               text);
	out->nth = (unsigned)n;
	colon = strchr(colon + 1, ':');
	if (!colon)
		return 0;
	while (k < 3 && strcmp(colon + 1, keeps[k]))
		k++;
	if (k == 3)
		return why_set(why, -EINVAL, "%.60s: kept, lost or between is expected", text);
	out->keep = (enum aim_keep)k;
	return 0;
}

/* The position at which the thread's nth sync had returned; 0: there is none. */
static uint32_t aimed_at(const struct evidence *ev, const struct aim *aim)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < model_nops(ev->model); i++) {
		const struct model_op *o = model_op(ev->model, i);
		const char *thread = evidence_thread(ev, o->task);
		if (!model_is_sync(o) || o->ret || !thread || strcmp(thread, aim->thread) || ++n < aim->nth)
			continue;
		return o->pe <= record_end(ev) ? o->pe : 0;
	}
	return 0;
}

int choose_aimed(struct evidence *ev, const struct aim *aim, struct rng *rng, cut_fn fn, void *arg)
{
	struct crash_at c = { .pos = aimed_at(ev, aim), .keep = aim->keep == AIM_KEPT ? KEEP_ALL : KEEP_NONE };
	int ret = 0;

	if (!c.pos)
		return 0;
	if (aim->keep != AIM_BETWEEN)
		return call_crash(ev, &c, fn, arg);
	for (unsigned i = 0; i < BETWEEN && !ret; i++) {
		c.keep = (uint8_t)(i % KEEP_KINDS);
		c.chance = rng_next(rng);
		ret = call_crash(ev, &c, fn, arg);
	}
	return ret;
}
