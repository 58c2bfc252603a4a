/*
 * dpor_races.c: which steps of the run that has ended race, and who must be tried where to see them in
 * the other order: see pick_dpor.c for the paper.
 *
 * A clock for each event says what happens before it: clock[e][t] is one more than the last event of
 * task t that does. Two events race when they do not commute, and nothing orders them but that.
 *
 * (V1) An acquire's order after the release is an edge, but the race is between the two acquires: so it is looked for before
 *      the edge is drawn.
 * (V2) A release counts only when its acquire was named: a lock that is also taken quietly orders nothing then.
 */
#include "rt/dpor.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"

#define BIT(id) (1ull << (id))
#define OBJECTS 65536u
#define NOBODY  UINT32_MAX



struct clock {
	uint16_t t[COOP_TASKS_MAX];
};

/* The accesses of one object that a next one may meet: the last that conflicts with all, and those since. */
struct visit {
	uint32_t event;
	uint8_t kind;
};

struct object {
	bool touched;
	uint32_t last;    /* WRITE or LOCK; NOBODY: none */
	uint8_t last_kind;
	uint64_t holders; /* of the lock that it is (V2) */
	struct visit *since;
	uint32_t n, cap;
};

static struct object objects[OBJECTS];
static uint32_t touched[OBJECTS], ntouched;
static struct clock clocks[DPOR_EVENTS + 1];
static uint32_t ntasks; /* columns in use */

static struct object *object_of(uint32_t obj)
{
	CHECK(obj < OBJECTS);
	struct object *o = &objects[obj];

	if (!o->touched) {
		o->touched = true;
		o->last = NOBODY;
		o->holders = 0;
		o->n = 0;
		touched[ntouched++] = obj;
	}
	return o;
}

static void forget_objects(void)
{
	for (uint32_t i = 0; i < ntouched; i++)
		objects[touched[i]].touched = false;
	ntouched = 0;
}

static void join(struct clock *to, const struct clock *from)
{
	for (uint32_t t = 0; t < ntasks; t++)
		to->t[t] = to->t[t] > from->t[t] ? to->t[t] : from->t[t];
}

static uint32_t task_of(const struct dpor *d, uint32_t e)
{
	return d->node[e]->pick;
}

static bool before(const struct dpor *d, uint32_t e, const struct clock *c)
{
	return c->t[task_of(d, e)] > e;
}

/* ---- one event: its clock, and its races ---- */

struct event {
	const struct dpor *d;
	uint32_t task, at;
	const struct dpor_foot *foot;
	struct clock before; /* what comes before it in any case */
	struct clock clock;
	uint32_t nraces;
};

static uint32_t race[DPOR_EVENTS]; /* of the one event that is looked at; off the stack, which may be a fiber's */

static bool is_edge(enum point_kind first, enum point_kind then)
{
	return (first == POINT_GIVE && (then == POINT_WAITED || then == POINT_LOCK || then == POINT_SHARED)) ||
	       (first == POINT_UNLOCK && (then == POINT_LOCK || then == POINT_SHARED));
}

static void add_race(struct event *x, uint32_t e)
{
	for (uint32_t i = 0; i < x->nraces; i++)
		if (race[i] == e)
			return;
	race[x->nraces++] = e;
}

static void meet(struct event *x, uint32_t e, bool may_race)
{
	if (e == x->at || task_of(x->d, e) == x->task)
		return;
	if (may_race && !before(x->d, e, &x->before))
		add_race(x, e);
	join(&x->clock, &clocks[e]);
}

static void meet_all(struct event *x, const struct object *o, enum point_kind kind)
{
	if (o->last != NOBODY)
		meet(x, o->last, dpor_conflict(o->last_kind, kind));
	for (uint32_t i = 0; i < o->n; i++) {
		if (is_edge(o->since[i].kind, kind))
			meet(x, o->since[i].event, false);
		else if (dpor_conflict(o->since[i].kind, kind))
			meet(x, o->since[i].event, true);
	}
}

/* The ends of waits: what was waited for comes before, whatever else is looked at. */
static void edges_of_waits(struct event *x)
{
	for (uint32_t i = 0; i < x->foot->n; i++) {
		const struct object *o = object_of(x->foot->a[i].obj);
		if (x->foot->a[i].kind != POINT_WAITED)
			continue;
		for (uint32_t k = 0; k < o->n; k++)
			if (o->since[k].kind == POINT_GIVE)
				join(&x->before, &clocks[o->since[k].event]);
	}
}

static void visit(struct object *o, uint32_t event, uint32_t task, enum point_kind kind)
{
	if (kind == POINT_LOCK || kind == POINT_SHARED)
		o->holders |= BIT(task);
	if (kind == POINT_WRITE || kind == POINT_LOCK) {
		o->last = event;
		o->last_kind = (uint8_t)kind;
		o->n = 0;
		return;
	}
	if (kind == POINT_UNLOCK) {
		if (!(o->holders & BIT(task))) /* (V2) */
			return;
		o->holders &= ~BIT(task);
	}
	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 16;
		o->since = realloc(o->since, o->cap * sizeof(*o->since));
		CHECK(o->since);
	}
	o->since[o->n++] = (struct visit){ event, (uint8_t)kind };
}

static void look(struct event *x)
{
	x->clock = x->before;
	for (uint32_t i = 0; i < x->foot->n; i++)
		meet_all(x, object_of(x->foot->a[i].obj), x->foot->a[i].kind);
}

/* ---- reversing a race ---- */

/* Who can begin a run of what comes after e and does not depend on it, and then of x. */
static uint64_t initials(const struct event *x, uint32_t e)
{
	uint32_t first[COOP_TASKS_MAX];
	uint64_t seen = 0, initial = 0;

	for (uint32_t k = e + 1; k <= x->at; k++) {
		bool last = k == x->at;
		uint32_t t = last ? x->task : task_of(x->d, k);
		const struct clock *c = last ? &x->clock : &clocks[k];
		if ((!last && before(x->d, e, c)) || seen & BIT(t))
			continue;
		bool is_initial = true;
		for (uint64_t left = seen; left && is_initial; left &= left - 1) {
			uint32_t s = (uint32_t)__builtin_ctzll(left);
			is_initial = c->t[s] <= first[s];
		}
		seen |= BIT(t);
		first[t] = k;
		if (is_initial)
			initial |= BIT(t);
	}
	return initial;
}

static void reverse(const struct event *x, uint32_t e)
{
	struct dpor_node *n = x->d->node[e];
	uint64_t can = initials(x, e) & n->enabled;

	if (!can || can & (n->backtrack | n->sleep | n->done))
		return;
	n->backtrack |= can & BIT(x->task) ? BIT(x->task) : can & -can;
}

static void reverse_all(const struct event *x)
{
	for (uint32_t i = 0; i < x->nraces; i++)
		reverse(x, race[i]);
}

/* ---- a run ---- */

static void begin_event(struct event *x, const struct dpor *d, uint32_t at, uint32_t task, const struct dpor_foot *f, uint32_t previous)
{
	x->d = d;
	x->at = at;
	x->task = task;
	x->foot = f;
	x->nraces = 0;
	if (previous == NOBODY)
		x->before = (struct clock){ 0 };
	else
		x->before = clocks[previous];
}

/* Who was not enabled before event e and is after it goes on because of e: but an acquire's edges are its lock's (V1). */
static void note_enablers(const struct dpor *d, uint32_t e, uint32_t *enabler)
{
	uint64_t now = e + 1 < d->n ? d->node[e + 1]->enabled : d->view->enabled;

	for (uint64_t left = now & ~d->node[e]->enabled; left; left &= left - 1)
		enabler[__builtin_ctzll(left)] = e;
}

static bool takes_a_lock(const struct dpor_foot *f)
{
	return f->n && (f->a[0].kind == POINT_LOCK || f->a[0].kind == POINT_SHARED);
}

/* What a task that cannot go on would do: to take a lock is what races. */
static bool pending(const struct coop_view *v, uint32_t t, struct dpor_access *a)
{
	if (v->kind[t] == POINT_LOCK || v->kind[t] == POINT_SHARED)
		*a = (struct dpor_access){ v->obj[t], v->kind[t] };
	else if (v->kind[t] == POINT_WAIT && v->with[t])
		*a = (struct dpor_access){ v->with[t], POINT_LOCK };
	else
		return false;
	return true;
}

static void reverse_pending(const struct dpor *d, const uint32_t *last, const struct coop_view *v)
{
	for (uint32_t t = 0; t < v->ntasks; t++) {
		struct dpor_access a;
		struct dpor_foot f = { .n = 1, .a = &a };
		struct event x;

		if (v->enabled & BIT(t) || last[t] == NOBODY || !pending(v, t, &a))
			continue;
		begin_event(&x, d, d->n, t, &f, last[t]);
		look(&x);
		reverse_all(&x);
	}
}

void dpor_find_races(struct dpor *d, enum coop_end end)
{
	uint32_t last[COOP_TASKS_MAX], enabler[COOP_TASKS_MAX];
	uint32_t fresh = d->fixed ? d->fixed - 1 : 0; /* races of what came before have been reversed by earlier runs */

	if (!d->view) /* nobody was ever picked */
		return;
	ntasks = d->view->ntasks;
	for (uint32_t t = 0; t < ntasks; t++)
		last[t] = enabler[t] = NOBODY;
	for (uint32_t e = 0; e < d->n; e++) {
		uint32_t t = task_of(d, e);
		struct event x;

		begin_event(&x, d, e, t, &d->node[e]->event, last[t]);
		if (enabler[t] != NOBODY && !takes_a_lock(x.foot))
			join(&x.before, &clocks[enabler[t]]);
		edges_of_waits(&x);
		look(&x);
		x.clock.t[t] = (uint16_t)(e + 1);
		clocks[e] = x.clock;
		if (e >= fresh)
			reverse_all(&x);
		for (uint32_t i = 0; i < x.foot->n; i++)
			visit(object_of(x.foot->a[i].obj), e, t, x.foot->a[i].kind);
		last[t] = e;
		enabler[t] = NOBODY;
		note_enablers(d, e, enabler);
	}
	if ((d->is_cut || end == COOP_STUCK) && !d->forget_pending)
		reverse_pending(d, last, d->view);
	forget_objects();
}
