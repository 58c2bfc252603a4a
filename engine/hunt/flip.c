/*
 * flip.c: see flip.h. A preemption is undone little by little: the next step of the task that was stopped is moved to
 * where it was stopped, then the step after that, until the run holds. Then the last of these moves is bisected, until
 * the moved step jumps over one other step alone.
 *
 * Where there is no preemption, or undoing it does not help, races of the run are reversed, those with the nearest
 * accesses first: the task of the earlier access is held back until the other task has made its own. Where the run
 * holds then, the way there is bisected.
 */
#include "hunt/flip.h"

#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "machine/mem.h"
#include "pick/pickers.h"

#define MOVES_MAX 24u   /* steps of one task that are moved before the preemption is given up */
#define RUNS_MAX  1500u /* after which no other race is reversed */

void flip_init(struct flip *f)
{
	memset(f, 0, sizeof(*f));
	schedule_init(&f->fails);
	schedule_init(&f->holds);
}

void flip_fini(struct flip *f)
{
	schedule_free(&f->fails);
	schedule_free(&f->holds);
}

static void swap(struct flip *a, struct flip *b)
{
	struct flip was = *a;

	*a = *b;
	*b = was;
}

void flip_run(struct hunt *h, const struct violation *v, const struct schedule *turns)
{
	void *state = replay_state(turns, false);

	h->absent = v->absent;
	hunt_run(h, &pick_replay_turns, state, v->seed);
	replay_state_free(state);
	h->absent = (struct absent){ 0 };
}

enum outcome { HOLDS, FAILS, OTHERWISE };

static enum outcome outcome_of(struct hunt *h, const struct violation *v, const struct schedule *turns, struct flip *f)
{
	struct violation c;

	violation_init(&c);
	flip_run(h, v, turns);
	f->runs++;
	enum violation_kind kind = hunt_judge(h, &c);
	bool same = violation_same(&c, v);
	violation_fini(&c);
	f->held += !kind;
	return !kind ? HOLDS : same ? FAILS : OTHERWISE;
}

/* The turns of a run, watched. */
static void watched_turns(struct hunt *h, const struct violation *v, const struct schedule *turns, struct schedule *out)
{
	struct watch w;

	watch_init(&w, NULL, NULL);
	h->watch = &w;
	if (turns)
		flip_run(h, v, turns);
	else
		hunt_again(h, v, true);
	h->watch = NULL;
	schedule_copy(out, &w.turns);
	watch_fini(&w);
}

/* ---- a preemption, undone ---- */

/* Takes the entry at `from` out and puts it in at `to`, which is before it. */
static void move_back(struct schedule *s, uint32_t from, uint32_t to)
{
	struct decision d = s->d[from];

	memmove(&s->d[to + 1], &s->d[to], (from - to) * sizeof(*s->d));
	s->d[to] = d;
}

static bool same_entry(const struct decision *a, const struct decision *b)
{
	return a->data == b->data && a->value == b->value;
}

static uint32_t next_of(const struct schedule *s, uint32_t from, uint32_t task)
{
	while (from < s->n && (s->d[from].data || s->d[from].value != task))
		from++;
	return from;
}

/*
 * Do the runs of f->fails and f->holds part with one pair in two orders (flip.1)? Then f has their turns as they ran.
 */
static bool is_pair(struct hunt *h, const struct violation *v, struct flip *f)
{
	struct schedule a, b;
	uint32_t i = 0;

	schedule_init(&a);
	schedule_init(&b);
	watched_turns(h, v, &f->fails, &a);
	watched_turns(h, v, &f->holds, &b);
	f->runs += 2;
	while (i < a.n && i < b.n && same_entry(&a.d[i], &b.d[i]))
		i++;
	bool pair = i + 1 < a.n && i + 1 < b.n && !a.d[i].data && !b.d[i].data && same_entry(&a.d[i], &b.d[i + 1]) &&
	            same_entry(&a.d[i + 1], &b.d[i]);
	schedule_copy(&f->fails, &a);
	schedule_copy(&f->holds, &b);
	f->at = i;
	schedule_free(&a);
	schedule_free(&b);
	return pair;
}

/*
 * base fails; with its entry `from` moved to `to` it holds. Bisects the way, until f->fails and f->holds are
 * neighbours. The verdict may flip several times on the way: any one flip will do.
 */
static bool bisect(struct hunt *h, const struct violation *v, const struct schedule *base, uint32_t from, uint32_t to,
                   struct flip *f)
{
	uint32_t fails = from, holds = to;

	while (fails - holds > 1) {
		uint32_t middle = holds + (fails - holds) / 2;
		schedule_copy(&f->holds, base);
		move_back(&f->holds, from, middle);
		enum outcome o = outcome_of(h, v, &f->holds, f);
		if (o == OTHERWISE)
			return false;
		if (o == FAILS)
			fails = middle;
		else
			holds = middle;
	}
	schedule_copy(&f->fails, base);
	schedule_copy(&f->holds, base);
	move_back(&f->fails, from, fails);
	move_back(&f->holds, from, holds);
	return is_pair(h, v, f);
}

/* Undoes the preemption of `task` at entry t, step by step. */
static bool undo(struct hunt *h, const struct violation *v, const struct schedule *turns, uint32_t t, uint32_t task,
                 struct flip *f)
{
	struct schedule s, moved;
	bool found = false;

	schedule_init(&s);
	schedule_init(&moved);
	schedule_copy(&s, turns);
	for (f->moved = 0; f->moved < MOVES_MAX && !found; f->moved++) {
		uint32_t from = next_of(&s, t + f->moved, task), to = t + f->moved;
		if (from >= s.n || from == to)
			break;
		schedule_copy(&moved, &s);
		move_back(&moved, from, to);
		enum outcome o = outcome_of(h, v, &moved, f);
		if (o == OTHERWISE)
			break;
		if (o == HOLDS)
			found = bisect(h, v, &s, from, to, f);
		if (o == HOLDS && !found)
			break;
		schedule_copy(&s, &moved);
	}
	f->moved -= found;
	schedule_free(&s);
	schedule_free(&moved);
	return found;
}

/* *best is the flip of the preemption that takes the fewest moves. */
static bool undo_preemptions(struct hunt *h, const struct violation *v, const struct watch *w, struct flip *best)
{
	struct flip f;
	bool any = false;

	flip_init(&f);
	for (uint32_t t = 0; t < w->nturns; t++) {
		if (!w->turn[t].preempts || !undo(h, v, &w->turns, w->turn[t].place, w->turn[t].stop.task, &f) ||
		    (any && f.moved >= best->moved))
			continue;
		any = true;
		swap(best, &f);
	}
	best->runs += f.runs;
	best->held += f.held;
	flip_fini(&f);
	return any;
}

/* ---- a race of the run, reversed ---- */

/* Two turns of two tasks that access one object; one of the accesses is a write. */
struct race_of {
	uint32_t first, second;
};

static int nearer(const void *a, const void *b)
{
	const struct race_of *x = a, *y = b;
	uint32_t dx = x->second - x->first, dy = y->second - y->first;

	return dx != dy ? ORDER(dx, dy) : ORDER(y->second, x->second);
}

/* The last access before access `a` that conflicts with it; `a` itself: there is none. */
static uint32_t last_conflict(const struct watch *w, uint32_t a)
{
	const struct watch_access *x = &w->access[a];

	for (uint32_t i = a; i > 0; i--) {
		const struct watch_access *y = &w->access[i - 1];
		if (y->obj == x->obj && y->task != x->task && (y->write || x->write))
			return i - 1;
	}
	return a;
}

/* At most one race for each access, those with the nearest turns first; of these the latest first. */
static uint32_t find_races(const struct watch *w, struct race_of *race)
{
	uint32_t n = 0, distinct = 0;

	for (uint32_t a = 0; a < w->naccesses; a++) {
		uint32_t before = last_conflict(w, a);
		if (before != a)
			race[n++] = (struct race_of){ w->access[before].turn, w->access[a].turn };
	}
	qsort(race, n, sizeof(*race), nearer);
	for (uint32_t i = 0; i < n; i++)
		if (!distinct || memcmp(&race[i], &race[distinct - 1], sizeof(*race)))
			race[distinct++] = race[i];
	return distinct;
}

/*
 * Holds back the task of entry `from`: its entries in [from, to) come behind the others there. A data choice goes
 * with its task. Number of entries that are behind.
 */
static uint32_t hold_back(const struct schedule *s, uint32_t from, uint32_t to, struct schedule *out)
{
	uint32_t task = s->d[from].value, owner = task, held = 0;

	schedule_clear(out);
	for (uint32_t i = 0; i < from; i++)
		schedule_add(out, s->d[i]);
	for (int mine = 0; mine <= 1; mine++)
		for (uint32_t i = from; i < to; i++) {
			owner = s->d[i].data ? owner : s->d[i].value;
			if ((owner == task) != mine)
				continue;
			schedule_add(out, s->d[i]);
			held += (uint32_t)mine;
		}
	for (uint32_t i = to; i < s->n; i++)
		schedule_add(out, s->d[i]);
	return held;
}

/*
 * The run holds with the task of entry `from` held back until `to`. Bisects `to`, until one entry more or less decides;
 * then bisects the way of that entry over the task's own.
 */
static bool narrow(struct hunt *h, const struct violation *v, const struct schedule *turns, uint32_t from, uint32_t to,
                   struct flip *f)
{
	uint32_t fails = from + 1, holds = to;
	struct schedule s;
	bool found = false;

	schedule_init(&s);
	while (holds - fails > 1) {
		uint32_t middle = fails + (holds - fails) / 2;
		hold_back(turns, from, middle, &s);
		enum outcome o = outcome_of(h, v, &s, f);
		if (o == OTHERWISE)
			goto end;
		*(o == FAILS ? &fails : &holds) = middle;
	}
	f->moved = hold_back(turns, from, fails, &s);
	found = bisect(h, v, &s, fails, fails - f->moved, f);
	if (fails - f->moved == from)
		f->moved = 0; /* nothing stood between */
end:
	schedule_free(&s);
	return found;
}

static bool reverse_races(struct hunt *h, const struct violation *v, const struct watch *w, struct flip *f)
{
	struct race_of *race = mem_alloc((w->naccesses + 1) * sizeof(*race));
	uint32_t n = find_races(w, race);
	struct schedule s;
	bool found = false;

	schedule_init(&s);
	for (uint32_t i = 0; i < n && !found && f->runs < RUNS_MAX; i++) {
		uint32_t from = w->turn[race[i].first].place, to = w->turn[race[i].second].place + 1;
		hold_back(&w->turns, from, to, &s);
		found = outcome_of(h, v, &s, f) == HOLDS && narrow(h, v, &w->turns, from, to, f);
	}
	schedule_free(&s);
	free(race);
	return found;
}

bool hunt_flip(struct hunt *h, const struct violation *v, struct flip *f)
{
	struct watch w;

	watch_init(&w, NULL, NULL);
	h->watch = &w;
	hunt_again(h, v, true);
	h->watch = NULL;
	bool fits = h->result.end != COOP_DIVERGED;
	bool found = fits && (undo_preemptions(h, v, &w, f) || reverse_races(h, v, &w, f));
	watch_fini(&w);
	return found;
}
