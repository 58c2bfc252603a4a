/*
 * hunt_minimise.c: what a reader needs to see of a violation, and no more.
 *
 * First the schedule: a greedy search by tolerant replay. A block of one task's decisions is moved to
 * its next block, or left out; whatever still fails in the same way with fewer preemptions (then fewer
 * switches, then fewer decisions) is the new schedule, as it was recorded. Then the crash: the
 * fewest pending writes kept, and with them the earliest position.
 *
 * (N1) The result is a recorded run: it replays strictly.
 */
#include "hunt.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"

#define REPLAYS_MAX 4000u
#define STUCK_MAX   200u /* a run that gets stuck leaves its memory behind */

struct minimiser {
	struct hunt *h;
	struct violation *best, candidate;
	uint32_t replays, stuck;
};

/* Blocks: decisions of one task in a row, or a data choice. */
struct block {
	uint32_t from, n;
};

static uint32_t blocks_of(const struct schedule *s, struct block *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct decision *d = &s->d[i], *last = i ? &s->d[i - 1] : NULL;
		if (last && !d->data && !last->data && d->value == last->value)
			b[n - 1].n++;
		else
			b[n++] = (struct block){ i, 1 };
	}
	return n;
}

static bool smaller(const struct violation *a, const struct violation *b)
{
	if (a->run.preemptions != b->run.preemptions)
		return a->run.preemptions < b->run.preemptions;
	if (a->run.switches != b->run.switches)
		return a->run.switches < b->run.switches;
	return a->run.steps < b->run.steps;
}

/* Runs m->candidate's schedule; true when it fails in the same way and is smaller: then it is the best. */
static bool improves(struct minimiser *m)
{
	struct violation *c = &m->candidate;

	if (m->replays >= REPLAYS_MAX || m->stuck >= STUCK_MAX)
		return false;
	c->seed = m->best->seed;
	m->replays++;
	hunt_again(m->h, c, false);
	m->stuck += m->h->result.end != COOP_FINISHED;
	if (!hunt_judge(m->h, c) || !violation_same(c, m->best) || !smaller(c, m->best))
		return false;
	struct violation was = *m->best;
	*m->best = *c;
	*c = was;
	return true;
}

static void append(struct schedule *s, const struct schedule *from, struct block b)
{
	for (uint32_t i = 0; i < b.n; i++)
		schedule_add(s, from->d[b.from + i]);
}

static uint32_t next_of_same(const struct schedule *s, const struct block *b, uint32_t n, uint32_t i)
{
	for (uint32_t k = i + 1; k < n; k++)
		if (!s->d[b[k].from].data && s->d[b[k].from].value == s->d[b[i].from].value)
			return k;
	return n;
}

enum move { MOVE_LATER, MOVE_EARLIER, MOVE_OUT, MOVES };

/* The schedule with block i moved behind its task's next block, that one moved to block i, or block i left out. */
static bool make_move(struct minimiser *m, const struct block *b, uint32_t n, uint32_t i, enum move move)
{
	const struct schedule *s = &m->best->schedule;
	struct schedule *to = &m->candidate.schedule;
	uint32_t next = next_of_same(s, b, n, i);

	if (next == n && move != MOVE_OUT)
		return false;
	schedule_clear(to);
	for (uint32_t k = 0; k < n; k++) {
		if (k == i && move != MOVE_EARLIER)
			continue;
		if (k == next && move == MOVE_LATER)
			append(to, s, b[i]);
		if (k == next && move == MOVE_EARLIER)
			continue;
		append(to, s, b[k]);
		if (k == i)
			append(to, s, b[next]);
	}
	return true;
}

/* One pass over the blocks: true when something improved. */
static bool pass(struct minimiser *m)
{
	struct block *b = mem_alloc((m->best->schedule.n + 1) * sizeof(*b));
	uint32_t n = blocks_of(&m->best->schedule, b);
	bool any = false;

	for (uint32_t i = 0; i < n && !any; i++)
		for (enum move move = 0; move < MOVES && !any; move++)
			any = make_move(m, b, n, i, move) && improves(m);
	free(b);
	return any;
}

/* Cuts off the end: the tolerant replay lets each task go on as long as it can. */
static void shorten(struct minimiser *m)
{
	for (uint32_t part = 2; part <= 64; part *= 2) {
		const struct schedule *s = &m->best->schedule;
		schedule_clear(&m->candidate.schedule);
		append(&m->candidate.schedule, s, (struct block){ 0, s->n - s->n / part });
		if (improves(m))
			part = 1;
	}
}

static void minimise_schedule(struct minimiser *m)
{
	shorten(m);
	while (pass(m))
		;
}

/* ---- the crash ---- */

struct crash_search {
	struct hunt *h;
	struct violation *v;
	struct crash best;
	bool found;
};

static int fewest_kept(void *arg, const struct cut *c)
{
	struct crash_search *x = arg;
	struct broken_list list = { .n = 0 };
	uint32_t kept = 0;

	if (!judge_cut(x->h->judge, c, &list) || list.b[0].kind != x->v->broken.kind)
		return 0;
	for (uint32_t i = 0; i < c->npending; i++)
		kept += c->keep[i / 64] >> i % 64 & 1;
	if (kept > CRASH_KEPT_MAX || (x->found && kept >= x->best.nkept))
		return 0;
	x->best = (struct crash){ .pos = c->pos, .npending = c->npending };
	for (uint32_t i = 0; i < c->npending; i++)
		if (c->keep[i / 64] >> i % 64 & 1)
			x->best.kept[x->best.nkept++] = c->pending[i];
	x->found = true;
	return 0;
}

/* The fewest pending writes kept with which some crash breaks the promise, and of these the first position. */
static void minimise_crash(struct minimiser *m)
{
	struct crash_search x = { .h = m->h, .v = m->best };
	uint32_t end = powercut_position(m->h->dev);

	for (uint32_t pos = 0; pos <= end && !(x.found && x.best.nkept == 0); pos++) {
		struct epoch e;
		powercut_epoch_at(m->h->dev, pos, &e);
		uint32_t *pending = mem_alloc((e.npending + 1) * sizeof(*pending));
		if (e.npending)
			memcpy(pending, e.pending, e.npending * sizeof(*pending));
		e.pending = pending;
		powercut_cuts(m->h->dev, &e, &m->h->budget, fewest_kept, &x);
		free(pending);
	}
	if (x.found)
		hunt_judge_crash(m->h, &x.best, m->best);
}

void hunt_minimise(struct hunt *h, struct violation *v, struct minimised *out)
{
	struct minimiser m = { .h = h, .best = v };

	*out = (struct minimised){ .steps_from = v->run.steps, .preemptions_from = v->run.preemptions };
	violation_init(&m.candidate);
	minimise_schedule(&m);
	violation_fini(&m.candidate);
	hunt_again(h, v, true);
	CHECK(h->result.end != COOP_DIVERGED); /* (N1) */
	if (v->kind == VIOLATION_PROMISE)
		minimise_crash(&m);
	out->steps = v->run.steps;
	out->preemptions = v->run.preemptions;
	out->replays = m.replays;
}
