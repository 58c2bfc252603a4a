/*
 * dpor_bound.c: the reduction among the schedules with at most K preemptions: of each trace that one of them has, at
 * least one is run. After Coons, Musuvathi, McKinley: "Bounded Partial-Order Reduction" (OOPSLA 2013), but with sleep
 * sets.
 *
 * What commutes here is a block: the steps of a task from where it was picked to where it cannot go on, which
 * costs nothing, or is preempted, which costs one. The cost of a schedule is the sum of its blocks', and two neighbours
 * that commute may change places at no cost. Therefore:
 *
 * (K1) A race of an event e and a later one is reversed in two places: before the block that e is in, if what leads
 *      to the later one does not depend on that block; and right before e, for one preemption, if one is left.
 * (K2) That a task is stopped is worth something: who waits may be left for nothing. So a release races with who
 *      comes for it later, and would have been stopped had it come before.
 * (K3) A task sleeps while no block conflicts with the whole block that it would begin with; one that was
 *      preempted, while none conflicts with its next step. A foot that it sleeps by leaves out where it
 *      was stopped: stopped earlier is only longer; but who is stopped wakes those whose blocks would let it go on.
 * (K4) If all who could begin the reversal sleep, everybody else is tried: that their first step has been tried
 *      first elsewhere says so of their block, but not of what others do before it.
 * (K5) Who is stopped races, where it is stopped, with who took the lock or undid what it waits for: by the time that
 *      it goes on others may have done so too, and to come before each of them in turn costs more than to come before the first.
 * (K6) A block that goes on where the parts of a divided search are told apart (DPOR_SPLIT) is known to one of them only.
 *      To all of them its foot is open.
 */
#include "pick/dpor.h"

#define BIT(id) (1ull << (id))

void dpor_bound_place(struct dpor *d, uint32_t i, const struct coop_view *v)
{
	struct dpor_node *n = d->node[i];
	const struct dpor_node *last = i ? d->node[i - 1] : NULL;

	n->current = v->current;
	n->could_go_on = v->enabled & ~v->timed & BIT(v->current);
	n->used = last ? last->used + (last->could_go_on && last->pick != last->current) : 0;
}

static bool goes_on(const struct dpor_node *n)
{
	return n->could_go_on && n->pick == n->current;
}

void dpor_bound_pick(struct dpor *d, uint32_t i)
{
	struct dpor_node *n = d->node[i];

	n->block = i && goes_on(n) ? d->node[i - 1]->block : i;
}

bool dpor_bound_allows(struct dpor *d, const struct dpor_node *n)
{
	if (!n->could_go_on || n->used < d->preemptions)
		return true;
	d->limited = true;
	return false;
}

void dpor_bound_stop(struct dpor *d, const struct coop_view *v)
{
	struct dpor_foot *f = &d->node[d->depth - 1]->event;
	uint32_t t = v->current;

	if (v->enabled & ~v->timed & BIT(t) || !v->wake[t])
		return;
	dpor_foot_add(f, (struct dpor_access){ v->wake[t], DPOR_BLOCKED });
	if (v->obj[t] != v->wake[t])
		dpor_foot_add(f, (struct dpor_access){ v->obj[t], DPOR_BLOCKED });
	if (v->with[t])
		dpor_foot_add(f, (struct dpor_access){ v->with[t], DPOR_BLOCKED });
}

void dpor_bound_split(struct dpor *d, const struct coop_view *v)
{
	struct dpor_node *first = d->node[d->node[DPOR_SPLIT - 1]->block];
	struct dpor_foot *f = &first->tried[first->pick];
	struct dpor_access open = { 0, DPOR_OPEN };

	if (v->enabled & ~v->timed & BIT(v->current) && !dpor_foot_has(f, open))
		dpor_foot_add(f, open);
}

/* (K6) */
static bool is_open(const struct dpor *d, uint32_t block, uint32_t i)
{
	return dpor_is_divided(d) && block < DPOR_SPLIT && i >= DPOR_SPLIT;
}

/* Of a block's first pick: all that the block did. Of who goes on: the step alone (K3). */
void dpor_bound_keep(struct dpor *d, uint32_t from)
{
	for (uint32_t i = from; i < d->n; i++) {
		struct dpor_node *n = d->node[i], *first = d->node[n->block];
		if (n->block != i)
			dpor_foot_join(&n->tried[n->pick], &n->event);
		if (!is_open(d, n->block, i))
			dpor_foot_join(&first->tried[first->pick], &n->event);
	}
}

static void ask_for(struct dpor_node *n, uint64_t can, uint32_t rather, uint64_t among)
{
	uint64_t awake = can & ~n->sleep;

	if (!can || can & (n->backtrack | n->done))
		return;
	if (awake)
		n->backtrack |= awake & BIT(rather) ? BIT(rather) : awake & -awake;
	else
		n->backtrack |= among & ~n->sleep; /* (K4) */
}

static void ask_before_block(const struct dpor_event *x, const struct dpor_clock *past, bool stop, uint32_t b)
{
	struct dpor_node *n = x->d->node[b];
	uint64_t among = n->enabled & ~(n->could_go_on ? BIT(n->current) : 0);

	ask_for(n, dpor_initials(x, past, !stop, b) & among, x->task, among);
}

/* Those who take over from a task that is preempted ask for each other: the first is enough. */
static void ask_for_preemption(const struct dpor_event *x, const struct dpor_clock *past, bool stop, uint32_t e)
{
	struct dpor_node *n = x->d->node[e];
	uint64_t among = n->enabled & ~BIT(n->current);

	if (!((n->backtrack | n->done) & among) && dpor_bound_allows(x->d, n))
		ask_for(n, dpor_initials(x, past, !stop, e) & among, x->task, among);
}

void dpor_bound_reverse(const struct dpor_event *x, uint32_t e, bool stop)
{
	const struct dpor_clock *past = stop ? &x->arrived : &x->clock;
	const struct dpor_clock *needed = stop ? &x->arrived : &x->before;
	const struct dpor_node *n = x->d->node[e];

	if (n->block != e)
		ask_for_preemption(x, past, stop, e);
	if (needed->t[n->column] <= n->block)
		ask_before_block(x, past, stop, n->block);
}
