/*
 * dpor_bound.c: the reduction among the schedules with at most K preemptions: of each trace that one of them has, at
 * least one is run. After Coons, Musuvathi, McKinley: "Bounded Partial-Order Reduction" (OOPSLA 2013), but with sleep
 * sets.
 *
 * What commutes here is a block: the steps of one task from where it was picked to where it stops. A block that ends
 * because the task cannot go on costs nothing; one that ends by a preemption costs one. The cost of a schedule is the
 * sum over its blocks, and two neighbouring blocks that commute may change places at no cost. Therefore:
 *
 * dpor_bound.1: A race of an event e with a later event x is reversed in two places. One is before the block that e is
 *     in, if what leads to x does not depend on that block. The other is right before e, which costs one preemption, if
 *     the bound has one left.
 * dpor_bound.2: A task that has to wait can be left at no cost, so an order in which a task is stopped may be worth
 *     having. Therefore a release also races with a later acquire of another task, which would have been stopped if
 *     it had come before the release.
 * dpor_bound.3: A task sleeps as long as no block conflicts with the whole block that the task would begin with; a task
 *     that was preempted, as long as none conflicts with its next step. The foot that it sleeps by leaves out where its
 *     block was stopped: without that stop the block is only longer. But a task that is stopped wakes the sleepers
 *     whose blocks would let it go on.
 * dpor_bound.4: If all tasks that could begin the reversal sleep, every other task is tried. A sleeping task's own
 *     block has been tried elsewhere, but not what other tasks do before that block.
 * dpor_bound.5: A task that is stopped races, where it is stopped, with the task that took the lock, or made false
 *     what it waits for. By the time it goes on, several tasks may have done so; to come before each of them in turn
 *     costs more preemptions than to come before the first.
 * dpor_bound.6: In a divided search, a block that goes on beyond the event at which the parts are told apart
 *     (DPOR_SPLIT) is known to one part only. For all parts its foot is open (DPOR_OPEN).
 *
 * Called by dpor.c while a tree is walked, and by dpor_races.c for each race.
 */
#include "pick/dpor_clock.h"

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

/* (dpor_bound.6) */
static bool is_open(const struct dpor *d, uint32_t block, uint32_t i)
{
	return dpor_is_divided(d) && block < DPOR_SPLIT && i >= DPOR_SPLIT;
}

/* A block's first pick has the foot of the whole block; a pick that goes on has its own step's (dpor_bound.3). */
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

/* One of `can` is to be tried at the node, `rather` if it may; if all of them sleep, all of `among` that do not. */
static void ask_for(struct dpor_node *n, uint64_t can, uint32_t rather, uint64_t among)
{
	uint64_t awake = can & ~n->sleep;

	if (!can || can & (n->backtrack | n->done))
		return;
	if (awake)
		n->backtrack |= awake & BIT(rather) ? BIT(rather) : awake & -awake;
	else
		n->backtrack |= among & ~n->sleep; /* (dpor_bound.4) */
}

/* (dpor_bound.1), before the block that begins at node b. */
static void ask_before_block(const struct dpor_event *x, const struct dpor_clock *past, bool stop, uint32_t b)
{
	struct dpor_node *n = x->d->node[b];
	uint64_t among = n->enabled & ~(n->could_go_on ? BIT(n->current) : 0);

	ask_for(n, dpor_initials(x, past, !stop, b) & among, x->task, among);
}

/* (dpor_bound.1), right before e. One task that takes over is enough: its own races ask for the other ones. */
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
