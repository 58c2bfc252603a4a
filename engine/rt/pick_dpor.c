/*
 * pick_dpor.c: all schedules, but one of each set that differ only in the order of steps that commute.
 *
 * Abdulla, Aronsson, Jonsson, Sagonas: "Optimal Dynamic Partial Order Reduction" (POPL 2014), their
 * source-DPOR: a node tries another task only when a race of some run below it asks for that
 * (dpor_races.c), and sleep sets (Godefroid 1996) keep what one branch has tried out of the next. Stateless: each
 * run begins anew, with the choices on the branch.
 *
 * Departures: locks and waits are not enabled while they would block (rt.h), so a release or a wake is an
 * edge and never a race; a run that is cut by sleep sets, or is stuck, has pending operations, which are treated as
 * if they came next (RACES.md 3.3); a step may touch several objects; data choices are all tried. To pick a task
 * that sleeps or waits with a timeout is to let its time pass: a step like any other.
 *
 * (D1) Of each trace exactly one run is completed; a run that is cut begins no trace that is not tried elsewhere.
 * (D2) foot[t] of a node is valid while t sleeps there: it belongs to an ancestor, which tried t.
 */
#include "rt/dpor.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"

#define BIT(id) (1ull << (id))

bool dpor_conflict(enum point_kind a, enum point_kind b)
{
	static const uint16_t with[] = {
		[POINT_READ] = 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_GIVE | 1 << POINT_UNLOCK,
		[POINT_WRITE] = 1 << POINT_READ | 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_SHARED | 1 << POINT_GIVE |
				1 << POINT_WAITED,
		[POINT_LOCK] = 1 << POINT_READ | 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_SHARED | 1 << POINT_WAITED,
		[POINT_SHARED] = 1 << POINT_WRITE | 1 << POINT_LOCK,
		[POINT_GIVE] = 1 << POINT_READ | 1 << POINT_WRITE,
		[POINT_UNLOCK] = 1 << POINT_READ,
		[POINT_WAITED] = 1 << POINT_WRITE | 1 << POINT_LOCK,
	};

	return a < sizeof(with) / sizeof(with[0]) && with[a] >> b & 1;
}

/* ---- what steps did ---- */

static void foot_add(struct dpor_foot *f, struct dpor_access a)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		f->a = realloc(f->a, f->cap * sizeof(*f->a));
		CHECK(f->a);
	}
	f->a[f->n++] = a;
}

static bool foot_has(const struct dpor_foot *f, uint32_t obj, enum point_kind kind)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->a[i].obj == obj && f->a[i].kind == kind)
			return true;
	return false;
}

static bool feet_commute(const struct dpor_foot *f, const struct dpor_foot *g)
{
	for (uint32_t i = 0; i < f->n; i++)
		for (uint32_t k = 0; k < g->n; k++)
			if (f->a[i].obj == g->a[k].obj && dpor_conflict(f->a[i].kind, g->a[k].kind))
				return false;
	return true;
}

/* The event of the node has run once more: what it did, with these data choices, is what trying it does. */
static void keep_tried(struct dpor_node *n)
{
	struct dpor_foot *f = &n->tried[n->pick];

	for (uint32_t i = 0; i < n->event.n; i++)
		if (!foot_has(f, n->event.a[i].obj, n->event.a[i].kind))
			foot_add(f, n->event.a[i]);
}

/* ---- nodes ---- */

static struct dpor_node *node_at(struct dpor *d, uint32_t i)
{
	if (!d->node[i])
		d->node[i] = mem_zalloc(sizeof(*d->node[i]));
	return d->node[i];
}

/* Who slept in the parent, or has been tried there, and does not care about the parent's event, sleeps here. */
static void inherit_sleep(struct dpor_node *n, const struct dpor_node *parent)
{
	for (uint64_t left = (parent->sleep | parent->done) & ~BIT(parent->pick); left; left &= left - 1) {
		uint32_t t = (uint32_t)__builtin_ctzll(left);
		const struct dpor_foot *f = parent->done & BIT(t) ? &parent->tried[t] : parent->foot[t];

		if (!feet_commute(f, &parent->event))
			continue;
		n->sleep |= BIT(t);
		n->foot[t] = f;
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

static uint32_t new_node(struct dpor *d, const struct coop_view *v)
{
	uint32_t i = d->n;

	if (i == DPOR_EVENTS) {
		d->too_long = true;
		return give_up(d);
	}
	struct dpor_node *n = node_at(d, i);
	n->enabled = v->enabled;
	n->done = n->sleep = 0;
	n->event.n = 0;
	if (i && d->mode != DPOR_ALL)
		inherit_sleep(n, d->node[i - 1]);
	uint64_t awake = n->enabled & ~n->sleep;
	if (!awake)
		return give_up(d);
	n->pick = first_choice(v, awake);
	n->backtrack = d->mode != DPOR_RACES ? n->enabled : BIT(n->pick);
	n->tried[n->pick].n = 0;
	d->n = i + 1;
	return n->pick;
}

/* ---- the picker ---- */

static void dpor_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct dpor *d = state;

	d->begun = true;
	d->depth = d->choice_at = 0;
	d->n = d->fixed;
	d->nchoices = d->choices_fixed;
	d->is_cut = false;
}

static uint32_t dpor_pick(void *state, const struct coop_view *v)
{
	struct dpor *d = state;
	uint32_t pick;

	d->view = v;
	if (d->depth < d->fixed) {
		CHECK(d->node[d->depth]->enabled == v->enabled); /* the same choices are the same run */
		pick = d->node[d->depth]->pick;
	} else {
		pick = new_node(d, v);
	}
	if (pick != COOP_PICK_CUT)
		d->depth++;
	return pick;
}

static uint32_t dpor_choose(void *state, uint32_t of)
{
	struct dpor *d = state;

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

static void dpor_sync(void *state, uint32_t task, uint32_t obj, enum point_kind kind)
{
	struct dpor *d = state;

	if (!d->depth || d->depth <= d->recorded) /* before the first choice there is one order only */
		return;
	struct dpor_foot *f = &d->node[d->depth - 1]->event;
	if ((kind == POINT_READ || kind == POINT_WRITE || kind == POINT_GIVE) &&
	    (foot_has(f, obj, kind) || foot_has(f, obj, POINT_WRITE)))
		return;
	foot_add(f, (struct dpor_access){ obj, (uint8_t)kind });
}

static void dpor_end(void *state, enum coop_end end)
{
	struct dpor *d = state;

	d->recorded = d->n;
	d->runs += !d->is_cut;
	d->cut += d->is_cut;
	if (d->mode == DPOR_RACES)
		dpor_find_races(d, end);
	for (uint32_t i = d->fixed ? d->fixed - 1 : 0; i < d->n; i++)
		keep_tried(d->node[i]);
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

static bool next_task(struct dpor_node *n)
{
	n->done |= BIT(n->pick);
	uint64_t left = n->backtrack & n->enabled & ~n->done & ~n->sleep;

	if (!left)
		return false;
	n->pick = (uint32_t)__builtin_ctzll(left);
	n->tried[n->pick].n = 0;
	return true;
}

static bool dpor_more(void *state)
{
	struct dpor *d = state;

	if (!d->begun)
		return true;
	for (; d->n; d->n--) {
		struct dpor_node *n = d->node[d->n - 1];
		if (next_value(d) || next_task(n)) {
			n->event.n = 0;
			d->fixed = d->n;
			d->recorded = d->n - 1;
			d->choices_fixed = d->nchoices;
			return true;
		}
	}
	d->finished = true;
	return false;
}

struct dpor *dpor_new(enum dpor_mode mode)
{
	struct dpor *d = mem_zalloc(sizeof(*d));

	d->mode = mode;
	return d;
}

static void *dpor_create(const char *args, const char **err)
{
	static const char *const modes[] = { "", "sleep", "all" };

	for (enum dpor_mode m = DPOR_RACES; m <= DPOR_ALL; m++)
		if (!strcmp(args, modes[m]))
			return dpor_new(m);
	*err = "dpor takes nothing, or sleep (sleep sets alone), or all (no reduction)";
	return NULL;
}

static void dpor_destroy(void *state)
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

const struct picker pick_dpor = {
	.name = "dpor",
	.what = "every schedule that differs in an order that matters, once: source sets and sleep sets",
	.create = dpor_create,
	.destroy = dpor_destroy,
	.begin = dpor_begin,
	.pick = dpor_pick,
	.choose = dpor_choose,
	.every_turn = true,
	.sync = dpor_sync,
	.end = dpor_end,
	.more = dpor_more,
};
