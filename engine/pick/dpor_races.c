/*
 * dpor_races.c: which steps of the run that has ended race, and which tasks must be tried where to see them in the
 * other order. dpor.c names the paper.
 *
 * Two events race when they do not commute, and nothing orders them but that. The order is in clocks (dpor_clock.h).
 *
 * dpor_races.1: The order of an acquire after the release is an edge; the race is between the two acquires. So races
 *     are looked for before the edge is drawn.
 * dpor_races.2: A release counts only when its acquire was named: a lock that is also taken quietly orders nothing
 * then.
 *
 * Called by dpor.c after each run.
 */
#include "pick/dpor_clock.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"

#define BIT(id) (1ull << (id))
#define OBJECTS 65536u
#define NOBODY  UINT32_MAX

/* The accesses of one object that a later one may race with: the last one that conflicts with all, and those since. */
struct visit {
	uint32_t event;
	uint8_t kind;
};

struct object {
	bool touched;
	uint32_t last;    /* WRITE or LOCK; NOBODY: none */
	uint8_t last_kind;
	uint64_t holders, readers; /* of the lock that it is (dpor_races.2) */
	struct visit *since;
	uint32_t n, cap;
};

static struct object objects[OBJECTS];
static uint32_t touched[OBJECTS], ntouched;

static struct object *object_of(uint32_t obj)
{
	CHECK(obj < OBJECTS);
	struct object *o = &objects[obj];

	if (!o->touched) {
		o->touched = true;
		o->last = NOBODY;
		o->holders = o->readers = 0;
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

/* ---- one event: its clock, and its races ---- */

/* The races of the one event that is looked at. Static, because the stack may be a fiber's, which is small. */
static struct {
	uint32_t with;
	bool stop; /* a race by dpor_bound.2 */
} race[DPOR_EVENTS];

/* Is `then` impossible before `first`? */
static bool is_edge(unsigned first, enum point_kind then)
{
	bool acquires = then == POINT_LOCK || then == POINT_SHARED;

	if (first == DPOR_UNSHARED)
		return then == POINT_LOCK;
	if (first == POINT_GIVE)
		return acquires || then == POINT_WAITED;
	return first == POINT_UNLOCK && acquires;
}

static void add_race(struct dpor_event *x, uint32_t e, bool stop)
{
	for (uint32_t i = 0; i < x->nraces; i++)
		if (race[i].with == e && race[i].stop == stop)
			return;
	CHECK(x->nraces < DPOR_EVENTS);
	race[x->nraces].with = e;
	race[x->nraces++].stop = stop;
}

static void meet(struct dpor_event *x, uint32_t e, bool may_race)
{
	if (e == x->at || dpor_column_of(x->d, e) == x->column)
		return;
	if (may_race && !dpor_before(x->d, e, &x->before))
		add_race(x, e, false);
	dpor_clock_join(&x->clock, &dpor_clocks[e]);
}

/* e lets x go on. Had x's task come before e, it would have been stopped: within a bound a race (dpor_bound.2). */
static void meet_edge(struct dpor_event *x, uint32_t e)
{
	bool by_other = dpor_is_bounded(x->d) && dpor_column_of(x->d, e) != x->column;

	if (by_other && x->d->node[e]->enabled & BIT(x->task) && !dpor_before(x->d, e, &x->arrived))
		add_race(x, e, true);
	meet(x, e, false);
}

static void meet_all(struct dpor_event *x, const struct object *o, enum point_kind kind)
{
	if (o->last != NOBODY)
		meet(x, o->last, dpor_conflict(o->last_kind, kind));
	for (uint32_t i = 0; i < o->n; i++) {
		if (is_edge(o->since[i].kind, kind))
			meet_edge(x, o->since[i].event);
		else if (dpor_conflict(o->since[i].kind, kind))
			meet(x, o->since[i].event, true);
	}
}

/* What a wait that has ended waited for comes before the event, whatever else the event does. */
static void edges_of_waits(struct dpor_event *x)
{
	for (uint32_t i = 0; i < x->foot->n; i++) {
		if (x->foot->a[i].kind != POINT_WAITED)
			continue;
		const struct object *o = object_of(x->foot->a[i].obj);
		for (uint32_t k = 0; k < o->n; k++)
			if (o->since[k].kind == POINT_GIVE)
				dpor_clock_join(&x->before, &dpor_clocks[o->since[k].event]);
	}
}

static void visit(struct object *o, uint32_t event, uint32_t task, unsigned kind)
{
	if (kind == POINT_LOCK || kind == POINT_SHARED)
		o->holders |= BIT(task);
	if (kind == POINT_SHARED)
		o->readers |= BIT(task);
	if (kind == POINT_WRITE || kind == POINT_LOCK) {
		o->last = event;
		o->last_kind = (uint8_t)kind;
		o->n = 0;
		return;
	}
	if (kind == POINT_UNLOCK) {
		if (!(o->holders & BIT(task))) /* (dpor_races.2) */
			return;
		o->holders &= ~BIT(task);
		if (o->readers & BIT(task))
			kind = DPOR_UNSHARED;
		o->readers &= ~BIT(task);
	}
	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 16;
		o->since = realloc(o->since, o->cap * sizeof(*o->since));
		CHECK(o->since);
	}
	o->since[o->n++] = (struct visit){ event, (uint8_t)kind };
}

static void look(struct dpor_event *x)
{
	dpor_clock_copy(&x->clock, &x->before);
	for (uint32_t i = 0; i < x->foot->n; i++)
		if (x->foot->a[i].kind != DPOR_BLOCKED)
			meet_all(x, object_of(x->foot->a[i].obj), x->foot->a[i].kind);
}

/* ---- reversing a race ---- */

static void reverse(const struct dpor_event *x, uint32_t e)
{
	struct dpor_node *n = x->d->node[e];
	uint64_t can = dpor_initials(x, NULL, true, e) & n->enabled;

	if (!can || can & (n->backtrack | n->sleep | n->done))
		return;
	n->backtrack |= can & BIT(x->task) ? BIT(x->task) : can & -can;
}

static void reverse_all(const struct dpor_event *x)
{
	for (uint32_t i = 0; i < x->nraces; i++)
		if (dpor_is_bounded(x->d))
			dpor_bound_reverse(x, race[i].with, race[i].stop);
		else
			reverse(x, race[i].with);
}

/* ---- a run ---- */

static void begin_event(struct dpor_event *x, struct dpor *d, uint32_t at, uint32_t task, uint32_t column,
                        const struct dpor_foot *f, uint32_t previous)
{
	x->d = d;
	x->at = at;
	x->task = task;
	x->column = column;
	x->foot = f;
	x->nraces = 0;
	if (previous == NOBODY)
		memset(x->before.t, 0, dpor_ncolumns * sizeof(x->before.t[0]));
	else
		dpor_clock_copy(&x->before, &dpor_clocks[previous]);
	dpor_clock_copy(&x->arrived, &x->before);
}

/* A task that event e has enabled goes on because of e. (Not an acquire: its edges are its lock's, dpor_races.1.) */
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

/* Where the run stands: the last event of each column; for each task the event that enabled it, and its column. */
struct now {
	uint32_t last[DPOR_LIVES], enabler[COOP_TASKS_MAX], column[COOP_TASKS_MAX];
};

/* What task t would do after the first `at` events, if it could: reverses its races. */
static void reverse_attempt(struct dpor *d, const struct now *now, uint32_t t, uint32_t at, struct dpor_access a)
{
	struct dpor_foot f = { .n = 1, .a = &a };
	struct dpor_event x;

	begin_event(&x, d, at, t, now->column[t], &f, now->last[now->column[t]]);
	look(&x);
	reverse_all(&x);
}

/*
 * After `at` events task t waits for obj: to take a lock, or to see what it waits for before other tasks undo it. It is
 * treated as if it came next.
 */
static void reverse_wait(struct dpor *d, const struct now *now, uint32_t t, uint32_t at, uint32_t obj)
{
	enum point_kind kind = POINT_WAITED;

	if (!obj || obj == COOP_ANY)
		return;
	if (object_of(obj)->holders)
		kind = POINT_LOCK;
	reverse_attempt(d, now, t, at, (struct dpor_access){ obj, kind });
}

static void reverse_pending(struct dpor *d, const struct now *now, const struct coop_view *v)
{
	for (uint32_t t = 0; t < v->ntasks; t++) {
		if (v->enabled & BIT(t) || now->column[t] == NOBODY || !v->wake[t])
			continue;
		reverse_wait(d, now, t, d->n, v->obj[t]);
		if (v->wake[t] != v->obj[t])
			reverse_wait(d, now, t, d->n, v->wake[t]);
		reverse_wait(d, now, t, d->n, v->with[t]);
	}
}

/* Event e's task was stopped there (dpor_bound.5). */
static void reverse_stop(struct dpor *d, const struct now *now, uint32_t e)
{
	const struct dpor_node *n = d->node[e];

	for (uint32_t i = 0; i < n->event.n; i++)
		if (n->event.a[i].kind == DPOR_BLOCKED)
			reverse_wait(d, now, n->pick, e + 1, n->event.a[i].obj);
}

/* A column for each task and life. False: there is no room for so many. */
static bool give_columns(struct dpor *d, struct now *now)
{
	uint32_t life[COOP_TASKS_MAX];

	dpor_ncolumns = 0;
	for (uint32_t t = 0; t < COOP_TASKS_MAX; t++)
		now->column[t] = now->enabler[t] = NOBODY;
	for (uint32_t e = 0; e < d->n; e++) {
		struct dpor_node *n = d->node[e];
		if (now->column[n->pick] == NOBODY || life[n->pick] != n->life) {
			if (dpor_ncolumns == DPOR_LIVES)
				return false;
			now->last[dpor_ncolumns] = NOBODY;
			now->column[n->pick] = dpor_ncolumns++;
			life[n->pick] = n->life;
		}
		n->column = now->column[n->pick];
	}
	return true;
}

static void take_event(struct dpor *d, uint32_t e, struct now *now)
{
	const struct dpor_node *n = d->node[e];
	struct dpor_event x;
	uint32_t enabler = now->enabler[n->pick];

	begin_event(&x, d, e, n->pick, n->column, &n->event, now->last[n->column]);
	if (enabler != NOBODY && !takes_a_lock(x.foot))
		dpor_clock_join(&x.before, &dpor_clocks[enabler]);
	edges_of_waits(&x);
	look(&x);
	x.clock.t[n->column] = (uint16_t)(e + 1);
	dpor_clock_copy(&dpor_clocks[e], &x.clock);
	if (e + 1 >= d->fixed) /* races of what came before have been reversed by earlier runs */
		reverse_all(&x);
	for (uint32_t i = 0; i < x.foot->n; i++)
		if (x.foot->a[i].kind != DPOR_BLOCKED)
			visit(object_of(x.foot->a[i].obj), e, n->pick, x.foot->a[i].kind);
	now->last[n->column] = e;
	now->enabler[n->pick] = NOBODY;
	note_enablers(d, e, now->enabler);
	if (dpor_is_bounded(d) && e + 1 >= d->fixed)
		reverse_stop(d, now, e);
}

void dpor_find_races(struct dpor *d, enum coop_end end)
{
	static struct now now;

	if (!d->view) /* nobody was ever picked */
		return;
	if (!give_columns(d, &now)) {
		d->too_long = true;
		return;
	}
	for (uint32_t e = 0; e < d->n; e++)
		take_event(d, e, &now);
	if ((d->is_cut || end == COOP_STUCK) && !d->forget_pending)
		reverse_pending(d, &now, d->view);
	forget_objects();
}
