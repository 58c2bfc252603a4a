/*
 * dpor.c: all schedules, but one of each set that differ only in the order of steps that commute.
 *
 * Abdulla, Aronsson, Jonsson, Sagonas: "Optimal Dynamic Partial Order Reduction" (POPL 2014), their
 * source-DPOR: a node tries another task only when a race of some run below it asks for that
 * (dpor_races.c), and sleep sets (Godefroid 1996) keep what one branch has tried out of the next. Stateless: each
 * run begins anew, with the choices on the branch.
 *
 * Departures: a lock or a wait that would block is not enabled (rt.h), so a release or a wake is an edge and never a
 * race. A run that is cut by sleep sets, or is stuck, has pending operations, which are treated as if they came next
 * (race/brute_test.c plants the fault that forgets them). A step may touch several objects. Data choices are all tried.
 * To pick a task that sleeps or waits with a timeout is to let its time pass: a step like any other.
 *
 * Of each trace exactly one run is completed; a run that is cut begins no trace that is not tried elsewhere.
 *
 * In a divided search every part tries all choices of the first events (DPOR_SPLIT), except what sleeps. What begins
 * with such a prefix belongs to one part, and is cut in the others. So what sleeps there must be the same in all parts:
 * it depends on the first events alone (dpor_bound.6).
 *
 * The foot[t] of a node is valid while t sleeps there: it belongs to an ancestor, which tried t.
 */
#include "pick/dpor.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"

#define BIT(id) (1ull << (id))

/* ---- nodes ---- */

struct dpor_node *dpor_node_at(struct dpor *d, uint32_t i)
{
	if (!d->node[i])
		d->node[i] = mem_zalloc(sizeof(*d->node[i]));
	return d->node[i];
}

bool dpor_sleeps_by(struct dpor_node *n, const struct dpor_node *parent, uint32_t t)
{
	const struct dpor_foot *f;

	if (parent->done & BIT(t))
		f = &parent->tried[t];
	else if (parent->sleep & BIT(t))
		f = parent->foot[t];
	else
		return false;
	n->sleep |= BIT(t);
	n->foot[t] = f;
	return true;
}

/* A task that slept in the parent, or has been tried there, and commutes with the parent's event, sleeps here. */
static void inherit_sleep(struct dpor_node *n, const struct dpor_node *parent)
{
	for (uint64_t left = (parent->sleep | parent->done) & ~BIT(parent->pick); left; left &= left - 1) {
		uint32_t t = (uint32_t)__builtin_ctzll(left);
		const struct dpor_foot *f = parent->done & BIT(t) ? &parent->tried[t] : parent->foot[t];

		if (dpor_feet_commute(f, &parent->event))
			dpor_sleeps_by(n, parent, t);
	}
}

static uint32_t first_choice(const struct coop_view *v, uint64_t awake)
{
	uint64_t untimed = awake & ~v->timed;

	if (untimed & BIT(v->current))
		return v->current;
	return (uint32_t)__builtin_ctzll(untimed ? untimed : awake);
}

static uint32_t give_up(struct dpor *d)
{
	d->is_cut = true;
	return COOP_PICK_CUT;
}

static bool is_elsewhere(struct dpor *d, uint32_t depth)
{
	return dpor_is_divided(d) && depth == DPOR_SPLIT && d->prefixes++ % d->parts != d->part;
}

/* The tasks to try besides the first, before any race asks for one. */
static uint64_t at_first(struct dpor *d, uint32_t depth, const struct dpor_node *n)
{
	if (d->mode == DPOR_RACES && !(dpor_is_divided(d) && depth < DPOR_SPLIT))
		return 0;
	return dpor_bound_allows(d, n) ? n->enabled : 0;
}

static uint32_t new_node(struct dpor *d, const struct coop_view *v)
{
	uint32_t i = d->n;

	if (i == DPOR_SPLIT && dpor_is_divided(d) && dpor_is_bounded(d))
		dpor_bound_split(d, v);
	if (is_elsewhere(d, i))
		return give_up(d);

	if (i == DPOR_EVENTS) {
		d->too_long = true;
		return give_up(d);
	}
	struct dpor_node *n = dpor_node_at(d, i);
	n->enabled = v->enabled;
	n->done = n->sleep = 0;
	n->event.n = 0;
	dpor_bound_place(d, i, v);
	if (i && d->mode != DPOR_ALL)
		inherit_sleep(n, d->node[i - 1]);
	uint64_t awake = n->enabled & ~n->sleep;
	if (!awake)
		return give_up(d);
	n->pick = first_choice(v, awake);
	dpor_bound_pick(d, i);
	n->backtrack = BIT(n->pick) | at_first(d, i, n);
	n->tried[n->pick].n = 0;
	d->n = i + 1;
	return n->pick;
}

/* ---- the picker ---- */

void dpor_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct dpor *d = state;

	d->begun = true;
	d->depth = d->choice_at = 0;
	d->n = d->fixed;
	d->nchoices = d->choices_fixed;
	d->is_cut = false;
}

uint32_t dpor_pick(void *state, const struct coop_view *v)
{
	struct dpor *d = state;
	uint32_t pick;

	d->view = v;
	if (dpor_is_bounded(d) && d->depth > d->recorded)
		dpor_bound_stop(d, v);
	if (d->depth < d->fixed) {
		CHECK(d->node[d->depth]->enabled == v->enabled); /* the same choices are the same run */
		pick = d->node[d->depth]->pick;
	} else {
		pick = new_node(d, v);
	}
	if (pick != COOP_PICK_CUT)
		d->node[d->depth++]->life = v->life[pick];
	return pick;
}

uint32_t dpor_choose(void *state, uint32_t of)
{
	struct dpor *d = state;

	if (d->first_values)
		return 0;
	if (d->choice_at < d->choices_fixed)
		return d->choice[d->choice_at++].value;
	if (d->nchoices == DPOR_EVENTS) {
		d->too_long = true;
		return 0;
	}
	d->choice[d->nchoices++] = (struct dpor_choice){ .at = d->depth - 1, .of = of };
	d->choice_at++;
	return 0;
}

static void note_access(void *state, uint32_t task, uint32_t obj, enum point_kind kind)
{
	struct dpor *d = state;

	if (!d->depth || d->depth <= d->recorded) /* before the first choice there is one order only */
		return;
	struct dpor_foot *f = &d->node[d->depth - 1]->event;
	struct dpor_access a = { obj, (uint8_t)kind }, written = { obj, POINT_WRITE };
	bool repeats = kind == POINT_READ || kind == POINT_WRITE || kind == POINT_GIVE;
	if (repeats && (dpor_foot_has(f, a) || dpor_foot_has(f, written)))
		return;
	dpor_foot_add(f, a);
}

/* The events from `from` on have run, with these data choices: adds what they did to what trying them does. */
static void keep_tried(struct dpor *d, uint32_t from)
{
	if (dpor_is_bounded(d)) {
		dpor_bound_keep(d, from);
		return;
	}
	for (uint32_t i = from; i < d->n; i++)
		dpor_foot_join(&d->node[i]->tried[d->node[i]->pick], &d->node[i]->event);
}

static void end_run(void *state, enum coop_end end)
{
	struct dpor *d = state;

	d->recorded = d->n;
	d->runs += !d->is_cut;
	d->cut += d->is_cut;
	if (d->mode == DPOR_RACES)
		dpor_find_races(d, end);
	keep_tried(d, d->fixed ? d->fixed - 1 : 0);
}

/* ---- the next branch ---- */

/* The last data choice of the branch's last event: its next value, or it is through. */
static bool next_value(struct dpor *d)
{
	while (d->nchoices && d->choice[d->nchoices - 1].at == d->n - 1) {
		if (++d->choice[d->nchoices - 1].value < d->choice[d->nchoices - 1].of)
			return true;
		d->nchoices--;
	}
	return false;
}

static bool next_task(struct dpor *d, uint32_t i)
{
	struct dpor_node *n = d->node[i];

	n->done |= BIT(n->pick);
	uint64_t left = n->backtrack & n->enabled & ~n->done & ~n->sleep;

	if (!left)
		return false;
	n->pick = (uint32_t)__builtin_ctzll(left);
	n->tried[n->pick].n = 0;
	dpor_bound_pick(d, i);
	return true;
}

static bool next_pass(struct dpor *d)
{
	if (!d->limited || d->preemptions >= d->deepen_to) {
		d->finished = true;
		return false;
	}
	d->preemptions++;
	d->limited = false;
	d->fixed = d->recorded = d->choices_fixed = 0;
	d->prefixes = 0;
	return true;
}

bool dpor_more(void *state)
{
	struct dpor *d = state;

	if (!d->begun)
		return true;
	for (; d->n; d->n--) {
		struct dpor_node *n = d->node[d->n - 1];
		if (next_value(d) || next_task(d, d->n - 1)) {
			n->event.n = 0;
			d->fixed = d->n;
			d->recorded = d->n - 1;
			d->choices_fixed = d->nchoices;
			return true;
		}
	}
	return next_pass(d);
}

struct dpor *dpor_new(enum dpor_mode mode)
{
	struct dpor *d = mem_zalloc(sizeof(*d));

	d->mode = mode;
	d->preemptions = DPOR_NO_BOUND;
	return d;
}

void dpor_deepen(struct dpor *d, uint32_t most)
{
	d->preemptions = 0;
	d->deepen_to = most;
}

struct dpor *dpor_new_deepening(enum dpor_mode mode, const char *args)
{
	unsigned k = DPOR_NO_BOUND - 1;
	char rest;

	if (*args && (sscanf(args, "k=%u%c", &k, &rest) != 1 || k >= DPOR_NO_BOUND))
		return NULL;
	struct dpor *d = dpor_new(mode);
	dpor_deepen(d, k);
	return d;
}

static void *dpor_create(const char *args, const char **err)
{
	*err = "dpor takes k=K, the most preemptions of a schedule";
	return dpor_new_deepening(DPOR_RACES, args);
}

void dpor_destroy(void *state)
{
	struct dpor *d = state;

	for (uint32_t i = 0; i < DPOR_EVENTS && d->node[i]; i++) {
		free(d->node[i]->event.a);
		for (uint32_t t = 0; t < COOP_TASKS_MAX; t++)
			free(d->node[i]->tried[t].a);
		free(d->node[i]);
	}
	free(d);
}

const struct picker_ear dpor_ear = {
	.access = note_access,
	.end = end_run,
};

const struct picker pick_dpor = {
	.name = "dpor",
	.what = "every order that matters, with few preemptions first: source sets and sleep sets",
	.create = dpor_create,
	.destroy = dpor_destroy,
	.begin = dpor_begin,
	.pick = dpor_pick,
	.choose = dpor_choose,
	.every_turn = true,
	.more = dpor_more,
	.ear = &dpor_ear,
};
