/*
 * surw.c: selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, "Selectively uniform
 * concurrency testing", ASPLOS 2025): of the interleavings of *interesting* events each is as likely as
 * any other. The task whose interesting event comes next is drawn, with a chance proportional to how
 * many it still has. Other tasks run too, but halt before an interesting event until that one is done.
 *
 * Departures. The paper is told which events are interesting. Here nobody needs to know the bug: each schedule leaves
 * out some of the objects that tasks share, and the events on the rest are interesting. An object is shared once two
 * tasks have been seen at it, in one run or in two. Which objects are left out:
 *
 *	"surw:half"  each with chance 1/2.
 *	"surw:all"   none. That is good until one busy object, which has nothing to do with the bug, drowns the rest.
 *	"surw"       a random share of the *events*, an object at a time, busy objects first. So a busy object is out of
 *	             the way most of the time, and hardly anything else is missed. On the bare protocol's twelve shapes
 *	             the worst one takes 30 schedules in the mean, against 85 with "half".
 *
 * How many events a task has on an object is learned: it is the mean over the runs that this picker was given so far. A
 * task is its number. Where the drawn task cannot go on, another one is drawn.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "machine/mem.h"
#include "pick/pickers.h"

#define OBJECTS 4096u /* objects with higher numbers are never interesting */
#define ONE     16u   /* weights count sixteenths of an event */
#define RUNS    65536u /* after so many runs what was learned counts half */
#define EVENTS  65536u /* of one run; nothing is learned from the rest */

struct object {
	uint64_t tasks;                 /* that were seen at it */
	uint64_t events;                /* over all runs */
	uint32_t total[COOP_TASKS_MAX]; /* of these, of each task */
};

struct event {
	uint16_t obj;
	uint8_t task;
};

struct surw {
	struct rng rng;
	unsigned choice; /* of choices[] */
	/* learned: */
	struct object *object[OBJECTS]; /* NULL: never seen */
	uint32_t shared[OBJECTS], nshared, runs;
	/* of this run: */
	bool interesting[OBJECTS];
	uint32_t nevents;
	uint64_t halted;                /* tasks that are about to do something interesting */
	uint32_t drawn;                 /* the task whose interesting event is the next one */
	uint32_t left[COOP_TASKS_MAX];  /* interesting events to come */
	struct event event[EVENTS];
};

#define NOBODY COOP_TASKS_MAX

static void surw_destroy(void *state)
{
	struct surw *s = state;

	for (uint32_t i = 0; i < OBJECTS; i++)
		free(s->object[i]);
	free(s);
}

/* ---- a schedule's interesting objects ---- */

static void choose_all(struct surw *s)
{
	for (uint32_t i = 0; i < s->nshared; i++)
		s->interesting[s->shared[i]] = true;
}

static void choose_half(struct surw *s)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < s->nshared; i++, bits >>= 1) {
		if (i % 64 == 0)
			bits = rng_next(&s->rng);
		s->interesting[s->shared[i]] = bits & 1;
	}
}

/* The shared object of one of all events on them; each event has the same chance. */
static uint32_t object_of_an_event(struct surw *s, uint64_t events)
{
	uint64_t at = rng_below(&s->rng, events);

	for (uint32_t i = 0;; i++) {
		uint64_t n = s->object[s->shared[i]]->events;
		if (at < n)
			return s->shared[i];
		at -= n;
	}
}

/* Objects are left out until so many events are: small shares are the likeliest, and none is impossible. */
static void choose_share(struct surw *s)
{
	uint64_t events = 0, out = 0, share;

	choose_all(s);
	for (uint32_t i = 0; i < s->nshared; i++)
		events += s->object[s->shared[i]]->events;
	share = rng_below(&s->rng, rng_below(&s->rng, events + 1) + 1);
	while (out < share) {
		uint32_t obj = object_of_an_event(s, events);
		if (s->interesting[obj])
			out += s->object[obj]->events;
		s->interesting[obj] = false;
	}
}

/* What each task has left to do on the objects chosen, going by the runs so far. */
static void weigh(struct surw *s)
{
	uint64_t sum[COOP_TASKS_MAX] = { 0 };

	for (uint32_t i = 0; i < s->nshared; i++) {
		const struct object *o = s->object[s->shared[i]];
		if (!s->interesting[s->shared[i]])
			continue;
		for (uint64_t left = o->tasks; left; left &= left - 1)
			sum[__builtin_ctzll(left)] += o->total[__builtin_ctzll(left)];
	}
	for (uint32_t id = 0; id < COOP_TASKS_MAX; id++)
		s->left[id] = sum[id] ? (uint32_t)(sum[id] * ONE / s->runs) : 0;
}

static const struct {
	const char *args;
	void (*choose)(struct surw *s);
} choices[] = { { "", choose_share }, { "half", choose_half }, { "all", choose_all } };
#define CHOICES (sizeof(choices) / sizeof(choices[0]))

static void *surw_create(const char *args, const char **err)
{
	struct surw *s;
	unsigned i = 0;

	while (i < CHOICES && strcmp(args, choices[i].args))
		i++;
	if (i == CHOICES) {
		*err = "surw takes half (of the shared objects), all, or nothing";
		return NULL;
	}
	s = mem_zalloc(sizeof(*s));
	s->choice = i;
	return s;
}

static void surw_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct surw *s = state;
	rng_seed(&s->rng, seed);
	choices[s->choice].choose(s);
	weigh(s);
	s->nevents = 0;
	s->halted = 0;
	s->drawn = NOBODY;
}

/* ---- who is next ---- */

/* One of `from`, by what they have left; those that have outrun their mean count as having one more. */
static uint32_t draw(struct surw *s, uint64_t from)
{
	uint64_t sum = 0, left, at;

	for (left = from; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		sum += s->left[id] ? s->left[id] : 1;
	}
	at = rng_below(&s->rng, sum);
	for (left = from;; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);
		uint32_t w = s->left[id] ? s->left[id] : 1;
		if (at < w)
			return id;
		at -= w;
	}
}

static uint64_t bit_of(uint32_t id)
{
	return id < COOP_TASKS_MAX ? 1ull << id : 0;
}

static bool is_interesting(const struct surw *s, uint32_t obj)
{
	return obj < OBJECTS && s->interesting[obj];
}

/* Only the task that has just run can have come to another point. */
static void look_at_current(struct surw *s, const struct coop_view *v)
{
	uint64_t bit = bit_of(v->current);

	s->halted &= ~bit;
	if ((v->enabled & bit) && is_interesting(s, v->obj[v->current]))
		s->halted |= bit;
}

static void note_event(struct surw *s, uint32_t task, uint32_t obj)
{
	if (obj && obj < OBJECTS && s->nevents < EVENTS)
		s->event[s->nevents++] = (struct event){ (uint16_t)obj, (uint8_t)task };
	if (!(s->halted & bit_of(task)))
		return;
	s->left[task] -= s->left[task] < ONE ? s->left[task] : ONE;
	if (s->drawn == task)
		s->drawn = NOBODY;
}

static uint32_t surw_pick(void *state, const struct coop_view *v)
{
	struct surw *s = state;
	uint64_t may;
	uint32_t id;

	look_at_current(s, v);
	if (s->drawn == NOBODY)
		s->drawn = draw(s, v->enabled);
	may = v->enabled & (~s->halted | bit_of(s->drawn));
	if (!may) {
		s->drawn = draw(s, v->enabled);
		may = bit_of(s->drawn);
	}
	if (may & (may - 1))
		for (uint64_t n = rng_below(&s->rng, (uint64_t)__builtin_popcountll(may)); n > 0; n--)
			may &= may - 1;
	id = (uint32_t)__builtin_ctzll(may);
	note_event(s, id, v->obj[id]);
	return id;
}

static uint32_t surw_choose(void *state, uint32_t n)
{
	struct surw *s = state;

	return (uint32_t)rng_below(&s->rng, n);
}

/* ---- learning ---- */

static void learn(struct surw *s, struct event e)
{
	struct object *o = s->object[e.obj];

	if (!o)
		o = s->object[e.obj] = mem_zalloc(sizeof(*o));
	if (o->tasks && !(o->tasks & (o->tasks - 1)) && !(o->tasks & 1ull << e.task))
		s->shared[s->nshared++] = e.obj;
	o->tasks |= 1ull << e.task;
	o->total[e.task]++;
	o->events++;
}

/* So that a scenario whose runs change is learned anew, and no sum overflows. */
static void forget_half(struct surw *s)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		struct object *o = s->object[i];
		if (!o)
			continue;
		o->events = 0;
		for (uint32_t id = 0; id < COOP_TASKS_MAX; id++)
			o->events += o->total[id] /= 2;
	}
	s->runs /= 2;
}

static void surw_end(void *state, enum coop_end end)
{
	struct surw *s = state;

	if (end != COOP_FINISHED)
		return;
	for (uint32_t i = 0; i < s->nevents; i++)
		learn(s, s->event[i]);
	if (++s->runs == RUNS)
		forget_half(s);
}

const struct picker pick_surw = {
	.name = "surw",
	.what = "uniform over interleavings of the events on some shared objects, others each time (half, all)",
	.create = surw_create,
	.destroy = surw_destroy,
	.begin = surw_begin,
	.pick = surw_pick,
	.choose = surw_choose,
	.every_turn = true,
	.ear = &(const struct picker_ear){ .end = surw_end },
};
