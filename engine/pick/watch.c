/* watch.c: see watch.h. */
#include "pick/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/lock.h"
#include "rt/trace.h"

void watch_init(struct watch *w, const struct picker *inner, void *inner_state)
{
	*w = (struct watch){ .inner = inner, .inner_state = inner_state };
}

void watch_fini(struct watch *w)
{
	free(w->turn);
	free(w->access);
	schedule_free(&w->turns);
	watch_init(w, w->inner, w->inner_state);
}

static void *grown(void *array, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 256;
	array = realloc(array, *cap * size);
	CHECK(array != NULL);
	return array;
}

/* ---- what a task holds ---- */

static void take_held(struct watch_stop *s, const struct task *t)
{
	for (unsigned i = 0; i < t->nheld; i++) {
		const struct held *h = &t->held[i];
		struct watch_held seen = { .class = h->class, .sub = h->sub, .obj = held_lock_id(h) };
		seen.owed = lock_info[h->class].kind == LOCK_WAIT;
		if (s->nheld < WATCH_HELD)
			s->held[s->nheld++] = seen;
	}
}

/* ---- the picker ---- */

static void take_stop(struct watch *w, struct watch_stop *s, const struct coop_view *v)
{
	const struct task *t = rt_self(), *owner = t->wait_owner ? atomic_load(t->wait_owner) : NULL;

	*s = (struct watch_stop){ .task = v->current, .obj = v->obj[v->current], .kind = v->kind[v->current] };
	s->enabled = v->enabled >> v->current & 1;
	s->ended = atomic_load(&t->finished);
	s->wait_class = s->enabled || s->ended ? -1 : t->wait_class;
	s->waits_for = s->wait_class >= 0 && owner ? owner->id : WATCH_NONE;
	take_held(s, t);
	if (w->stacks && !s->ended)
		site_take(&s->stack);
}

static bool lone(const struct coop_view *v)
{
	return !(v->enabled & (v->enabled - 1));
}

static uint32_t watch_pick(void *state, const struct coop_view *v)
{
	struct watch *w = state;
	struct watch_turn *t;
	bool ask = !lone(v) || w->inner->every_turn; /* (watch.1) */
	uint32_t id = ask ? w->inner->pick(w->inner_state, v) : (uint32_t)__builtin_ctzll(v->enabled);

	w->turn = grown(w->turn, w->nturns, &w->turns_cap, sizeof(*w->turn));
	t = &w->turn[w->nturns++];
	*t = (struct watch_turn){ .task = id, .step = v->step, .decision = !lone(v), .enabled = v->enabled };
	t->preempts = t->decision && id != v->current && (v->enabled & ~v->timed & 1ull << v->current);
	t->place = w->turns.n;
	t->entry = trace_count();
	t->access = w->naccesses;
	t->mark = w->mark ? w->mark(w->arg) : 0;
	take_stop(w, &t->stop, v);
	schedule_add(&w->turns, (struct decision){ .value = id });
	return id;
}

static void watch_access(void *state, uint32_t task, uint32_t obj, enum point_kind kind)
{
	struct watch *w = state;
	const struct picker_ear *inner = w->inner->ear;
	bool write = kind != POINT_READ && kind != POINT_SHARED && kind != POINT_WAITED;

	if (kind != POINT_UNLOCK) { /* it changes nothing that another task could read */
		w->access = grown(w->access, w->naccesses, &w->accesses_cap, sizeof(*w->access));
		w->access[w->naccesses++] = (struct watch_access){ w->nturns ? w->nturns - 1 : 0, task, obj, write };
	}
	if (inner && inner->access)
		inner->access(w->inner_state, task, obj, kind);
}

static void watch_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct watch *w = state;
	struct site_stack first;

	if (w->stacks)
		site_take(&first); /* the first one must not be made on a fiber: site.h */
	w->nturns = w->naccesses = 0;
	schedule_clear(&w->turns);
	rng_seed(&w->rng, rng_mix(seed) ^ 1); /* as coop_run() does */
	w->inner->begin(w->inner_state, seed, steps);
}

static uint32_t watch_choose(void *state, uint32_t n)
{
	struct watch *w = state;

	uint32_t value = w->inner->choose ? w->inner->choose(w->inner_state, n) : (uint32_t)rng_below(&w->rng, n);

	schedule_add(&w->turns, (struct decision){ .data = true, .value = value, .of = n });
	return value;
}

static void watch_end(void *state, enum coop_end end)
{
	struct watch *w = state;

	if (w->inner->ear && w->inner->ear->end)
		w->inner->ear->end(w->inner_state, end);
}

static void *watch_create(const char *args, const char **err)
{
	*err = "watch is put around another picker";
	return NULL;
}

static void watch_destroy(void *state)
{
	watch_fini(state);
}

const struct picker pick_watch = {
	.name = "watch",
	.what = "notes what another picker's run does",
	.create = watch_create,
	.destroy = watch_destroy,
	.begin = watch_begin,
	.pick = watch_pick,
	.choose = watch_choose,
	.every_turn = true,
	.ear = &(const struct picker_ear){ .access = watch_access, .end = watch_end },
};

/* ---- asking ---- */

uint32_t watch_stood(const struct watch *w, uint32_t t)
{
	for (uint32_t i = t + 1; i > 0; i--)
		if (w->turn[i - 1].stop.task == w->turn[t].task)
			return w->turn[i - 1].stop.ended ? WATCH_NONE : i - 1;
	return WATCH_NONE;
}

const char *watch_object(uint32_t obj, uint8_t kind, char *buf, unsigned size)
{
	const char *what = kind == POINT_WAIT ? "an event" : "something shared";

	if (kind == POINT_SUBMIT || kind == POINT_COMPLETE)
		what = "device";
	else if (trace_class(obj) >= 0)
		what = lock_info[trace_class(obj)].what;
	snprintf(buf, size, "%.*s", (int)strcspn(what, ":"), what);
	return buf;
}
