/*
 * minimise_moves.c: makes a failing schedule smaller by trying: the greedy stage of minimise.c.
 *
 * A block of one task's decisions is moved to its next block, or left out, by tolerant replay. Whatever still fails in
 * the same way and is smaller (violation_smaller()) is the new schedule, as it was recorded. The causal slice is one
 * such try: the run without the turns that the failure does not depend on.
 */
#include <stdlib.h>

#include "hunt/judge.h"
#include "hunt/minimise_stages.h"
#include "hunt/run.h"
#include "machine/mem.h"

#define REPLAYS_MAX 4000u
#define STUCK_MAX   200u /* a run that gets stuck leaves its memory behind */

struct minimiser {
	struct hunt *h;
	struct violation *best, candidate;
	uint32_t replays, stuck;
};

/* Decisions of one task in a row, or one data choice. */
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

/*
 * Runs c's schedule (tolerantly) with *best's seed and tasks. True when it fails as *best does and is smaller: then
 * the two are swapped.
 */
static bool try_smaller(struct hunt *h, struct violation *best, struct violation *c)
{
	c->seed = best->seed;
	c->absent = best->absent;
	hunt_again(h, c, false);
	if (!hunt_judge(h, c) || !violation_same(c, best) || !violation_smaller(c, best))
		return false;
	violation_swap(best, c);
	return true;
}

/* The same for m->candidate, within the bounds. */
static bool improves(struct minimiser *m)
{
	if (m->replays >= REPLAYS_MAX || m->stuck >= STUCK_MAX)
		return false;
	m->replays++;
	bool better = try_smaller(m->h, m->best, &m->candidate);
	m->stuck += m->h->result.end != COOP_FINISHED;
	return better;
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

uint32_t minimise_moves(struct hunt *h, struct violation *v)
{
	struct minimiser m = { .h = h, .best = v };

	violation_init(&m.candidate);
	shorten(&m);
	while (pass(&m))
		;
	violation_fini(&m.candidate);
	return m.replays;
}

/* ---- the causal slice ---- */

/*
 * Backwards over the accesses: a turn is needed when it wrote an object that a later turn, itself needed, has touched.
 * All turns of a task before its last one that is needed are needed, too. `needed` has one entry a turn.
 */
static void find_needed(const struct watch *w, uint32_t end, bool *needed)
{
	bool task[COOP_TASKS_MAX] = { 0 };
	uint32_t a, largest = 0;

	for (a = 0; a < w->naccesses; a++)
		if (w->access[a].obj > largest)
			largest = w->access[a].obj;
	bool *object = mem_zalloc(largest + 1);
	task[w->turn[end].task] = true;
	for (uint32_t t = end + 1; t > 0; t--) {
		const struct watch_turn *turn = &w->turn[t - 1];
		uint32_t from;
		while (a > 0 && w->access[a - 1].turn >= t)
			a--; /* of later turns */
		for (from = a; from > 0 && w->access[from - 1].turn == t - 1; from--)
			if (w->access[from - 1].write && object[w->access[from - 1].obj])
				task[turn->task] = true;
		needed[t - 1] = turn->task < COOP_TASKS_MAX && task[turn->task];
		for (; needed[t - 1] && a > from; a--)
			object[w->access[a - 1].obj] = true;
		a = from;
	}
	free(object);
}

static uint32_t position(void *arg)
{
	return powercut_position(((struct hunt *)arg)->dev);
}

/* The last turn that began before the crash. */
static uint32_t last_turn(const struct watch *w, const struct violation *v)
{
	uint32_t t = w->nturns - 1;

	while (v->kind == VIOLATION_PROMISE && t > 0 && w->turn[t].mark >= v->crash.pos)
		t--;
	return t;
}

/* Decisions for turns that are not causally before the end are left out: those turns come last, by themselves. */
uint32_t minimise_slice(struct hunt *h, struct violation *v)
{
	struct violation c;
	struct watch w;

	watch_init(&w, NULL, NULL);
	w.mark = position;
	w.arg = h;
	h->watch = &w;
	hunt_again(h, v, true);
	h->watch = NULL;
	bool *needed = mem_zalloc((w.nturns + 1) * sizeof(*needed));
	if (w.nturns)
		find_needed(&w, last_turn(&w, v), needed);
	violation_init(&c);
	for (uint32_t t = 0; t < w.nturns; t++)
		if (needed[t] && w.turn[t].decision)
			schedule_add(&c.schedule, (struct decision){ .value = w.turn[t].task });
	try_smaller(h, v, &c);
	violation_fini(&c);
	free(needed);
	watch_fini(&w);
	return 2;
}
