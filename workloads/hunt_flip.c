/*
 * hunt_flip.c: see hunt_flip.h. A preemption is undone little by little: the next step of the task that was
 * stopped is moved to where it was stopped, then the one after that, until the run holds. Then the last of these
 * moves is halved, until the step that is moved jumps over one other step alone.
 */
#include "hunt_flip.h"

#include <string.h>

#include "base/check.h"

#define MOVES_MAX 24u /* steps of one task that are moved before the preemption is given up */

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

/* Takes the entry at `from` out and puts it in at `to`, which is before it. */
static void move_back(struct schedule *s, uint32_t from, uint32_t to)
{
	struct decision d = s->d[from];

	memmove(&s->d[to + 1], &s->d[to], (from - to) * sizeof(*s->d));
	s->d[to] = d;
}

static uint32_t next_of(const struct schedule *s, uint32_t from, uint32_t task)
{
	while (from < s->n && (s->d[from].data || s->d[from].value != task))
		from++;
	return from;
}

/* Did they run as they say, with the pair at `at` in two orders (X1)? */
static bool is_pair(struct hunt *h, const struct violation *v, struct flip *f)
{
	struct schedule a, b;
	bool same = true;

	schedule_init(&a);
	schedule_init(&b);
	watched_turns(h, v, &f->fails, &a);
	watched_turns(h, v, &f->holds, &b);
	f->runs += 2;
	if (a.n <= f->at + 1 || b.n <= f->at + 1)
		same = false;
	for (uint32_t i = 0; same && i < f->at; i++)
		same = a.d[i].data == b.d[i].data && a.d[i].value == b.d[i].value;
	same = same && a.d[f->at].value == b.d[f->at + 1].value && a.d[f->at + 1].value == b.d[f->at].value;
	schedule_free(&a);
	schedule_free(&b);
	return same;
}

/*
 * base fails; with its entry `from` moved to `to` it holds. Halves the way: f->fails and f->holds are neighbours.
 * The verdict may flip several times on the way; one flip is what is looked for.
 */
static bool halve(struct hunt *h, const struct violation *v, const struct schedule *base, uint32_t from, uint32_t to, struct flip *f)
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
	f->at = holds;
	return is_pair(h, v, f);
}

/* Undoes the preemption before turn t of `task`, step by step. */
static bool undo(struct hunt *h, const struct violation *v, const struct schedule *turns, uint32_t t, uint32_t task, struct flip *f)
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
			found = halve(h, v, &s, from, to, f);
		if (o == HOLDS && !found)
			break;
		schedule_copy(&s, &moved);
	}
	f->moved -= found;
	schedule_free(&s);
	schedule_free(&moved);
	return found;
}

bool hunt_flip(struct hunt *h, const struct violation *v, struct flip *best)
{
	struct watch w;
	struct flip f;
	bool any = false;

	flip_init(&f);
	watch_init(&w, NULL, NULL);
	h->watch = &w;
	hunt_again(h, v, true);
	h->watch = NULL;
	for (uint32_t t = 0; t < w.nturns && h->result.end != COOP_DIVERGED; t++) {
		uint32_t task = w.turn[t].stop.task;
		if (w.turn[t].task == task || w.turn[t].stop.ended || (!w.turn[t].preempts && v->run.preemptions))
			continue;
		if (!undo(h, v, &w.turns, w.turn[t].place, task, &f) || (any && f.moved >= best->moved))
			continue;
		any = true;
		f.runs += best->runs;
		struct flip was = *best;
		*best = f;
		f = was;
		f.runs = 0;
	}
	best->runs += f.runs;
	flip_fini(&f);
	watch_fini(&w);
	return any;
}
