/*
 * hunt_bound.c: every schedule with at most K preemptions, in depth-first order: see hunt_bound.h. Follows
 * iterative preemption bounding (CHESS, Musuvathi and Qadeer, PLDI'07), with their happens-before caching.
 *
 * A preemption is to take another task though the present one could go on; where it cannot, the choice is
 * free. A state is known by what led to it: the order of the accesses to each object, who got stuck
 * where, and the order in which recorded calls began and ended among the device's events (the oracle
 * sees that, no object does). Two schedules that come to the same state go on in the same ways, so the
 * second is cut, unless it has more preemptions left than the first had.
 *
 * (B1) What is equal here is equal for every task and for the judge; what is not merged is merely run twice.
 * (B2) All parts of a divided search come by the same prefixes in the same order, and share nothing else.
 */
#include "hunt_bound.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"

#define OBJECTS 4096u /* numbers above it share an entry: a coarser order, never a wrong one */
#define CALLS   (2 * OBJECTS) /* the slot that stands for recorded calls */
#define HELD_MAX 8u
#define SPLIT    8u /* decisions by which parts are told apart; states of so few are not remembered (B2) */

/* A place where there was a choice, of a task or of data: the way taken, and those that are left. */
struct fork {
	uint64_t left;    /* tasks */
	uint32_t task, cost, cost_of_left;
	uint32_t value, of; /* of is not 0: data */
};

struct object_history {
	uint64_t writes, reads, says; /* says: its part in the sum */
};

struct state_seen {
	uint64_t hash;    /* 0: free */
	uint32_t used;    /* the fewest preemptions that led to it */
};

struct touch {
	uint32_t task, slot;
	bool write;
};

struct bound {
	struct hunt *h;
	uint32_t limit;
	bool data;                  /* data choices are choices too */
	uint32_t part, parts;
	uint64_t prefixes;          /* come by so far: every parts-th is ours */
	struct fork *fork;
	uint32_t n, cap;
	/* this run: */
	uint32_t depth, used;
	uint64_t io;                /* tasks that complete I/O, as far as they are known */
	uint32_t noted, position;   /* events of the device: of these noted */
	uint64_t hard;              /* those that may not change places with others */
	uint64_t sum, calls, tick;  /* of all objects; of recorded calls; of the model at the last turn */
	struct object_history object[2 * OBJECTS + 1]; /* accesses; from OBJECTS on: who was stopped there */
	uint32_t touched[2 * OBJECTS + 1], ntouched;
	/* what was touched, in order: accesses, stops of blocked tasks, releases of locks, calls */
	struct touch *touch;
	uint32_t ntouch, touch_cap, turn_began;
	uint32_t preempted_at[COOP_TASKS_MAX]; /* touches before it, plus 1; 0: it is not */
	uint32_t resumed_at;                   /* preempted_at of the task of this turn, which goes on again with it */
	uint32_t nheld[COOP_TASKS_MAX], held[COOP_TASKS_MAX][HELD_MAX]; /* locks, at each task's last stop */
	/* all runs: */
	struct state_seen *seen;
	uint64_t states, nseen;     /* room; taken */
};

static inline uint64_t mix(uint64_t x)
{
	return rng_mix(x);
}

/* ---- what a state is ---- */

static void note(struct bound *b, uint32_t slot, uint64_t what, bool write)
{
	struct object_history *o = &b->object[slot];

	if (!o->says)
		b->touched[b->ntouched++] = slot;
	if (write) {
		o->writes = mix(o->writes + o->reads * 3 + what + 1);
		o->reads = 0;
	} else {
		o->reads += mix(what + 1);
	}
	b->sum -= o->says;
	o->says = mix(mix(o->writes + o->reads * 3) + slot) | 1;
	b->sum += o->says;
}

static void add_touch(struct bound *b, uint32_t slot, uint32_t task, bool write)
{
	if (b->ntouch == b->touch_cap) {
		b->touch_cap = b->touch_cap ? b->touch_cap * 2 : 1024;
		b->touch = realloc(b->touch, b->touch_cap * sizeof(*b->touch));
		CHECK(b->touch != NULL);
	}
	b->touch[b->ntouch++] = (struct touch){ task, slot, write };
}

/* Tasks that complete I/O are one to everybody: who they are does not matter, only what they complete. */
static uint32_t known_as(const struct bound *b, uint32_t task)
{
	return b->io >> task & 1 ? COOP_TASKS_MAX : task;
}

static void bound_access(void *state, uint32_t task, uint32_t obj, bool write)
{
	struct bound *b = state;

	if (obj == b->h->dev->id)
		return; /* note_device() */
	note(b, obj % OBJECTS, known_as(b, task), write);
	add_touch(b, obj % OBJECTS, task, write);
}

/*
 * What the device did in the last turn. In the order of its record, but that submissions, and completions
 * of tree blocks that make nothing durable, may change places: a crash keeps any subset of what is pending,
 * and a flush covers what was complete before it was submitted.
 */
static void note_device(struct bound *b, uint32_t task)
{
	const struct dev_event *e = powercut_events(b->h->dev, &b->position);

	for (; b->noted < b->position; b->noted++) {
		const struct dev_event *is = &e[b->noted], *sub = is->kind == EV_WCMP ? &e[is->of] : is;
		bool soft = is->kind == EV_WSUB || (is->kind == EV_WCMP && !sub->fua && sub->meta && !is->failed);
		uint32_t slot = b->h->dev->id % OBJECTS;
		note(b, slot, mix(sub->hash + sub->off) + is->kind, !soft);
		add_touch(b, slot, task, !soft);
		b->hard += !soft;
	}
}

/* Locks that it held at its last stop, and no longer. */
static void note_releases(struct bound *b, uint32_t task)
{
	const struct task *t = rt_self();
	uint32_t now[HELD_MAX], n = 0;

	for (uint32_t i = 0; i < t->nheld && n < HELD_MAX; i++)
		if (held_lock_id(&t->held[i]))
			now[n++] = held_lock_id(&t->held[i]);
	for (uint32_t i = 0; i < b->nheld[task]; i++) {
		uint32_t k = 0;
		while (k < n && now[k] != b->held[task][i])
			k++;
		if (k == n)
			add_touch(b, b->held[task][i] % OBJECTS, task, true);
	}
	memcpy(b->held[task], now, n * sizeof(now[0]));
	b->nheld[task] = n;
}

/*
 * A task that was preempted has gone on, by one turn. Did that turn touch anything that others have touched
 * meanwhile? If not, it could as well have been taken before them: the same to everybody, with the
 * preemption one turn later, and that is a schedule of its own.
 */
static bool in_vain(const struct bound *b, uint32_t task)
{
	for (uint32_t i = b->turn_began; i < b->ntouch; i++)
		for (uint32_t k = b->resumed_at - 1; k < b->turn_began; k++)
			if (b->touch[k].task != task && b->touch[k].slot == b->touch[i].slot && (b->touch[k].write || b->touch[i].write))
				return false;
	return true;
}

/* What the task that has just stopped did, and no access tells. */
static void note_turn(struct bound *b, const struct coop_view *v)
{
	uint64_t tick = model_tick(b->h->run.model);

	if (!strcmp(rt_self()->name, "io"))
		b->io |= 1ull << v->current;
	note_device(b, v->current);
	if (tick != b->tick) {
		b->calls = mix(b->calls + mix(tick << 32 ^ b->hard << 8 ^ v->current));
		add_touch(b, CALLS, v->current, true);
		add_touch(b, b->h->dev->id % OBJECTS, v->current, false);
	}
	if (b->io >> v->current & 1)
		goto out;
	if (!(v->enabled >> v->current & 1) || v->timed >> v->current & 1) {
		note(b, OBJECTS + v->obj[v->current] % OBJECTS, v->current, true);
		add_touch(b, v->obj[v->current] % OBJECTS, v->current, true);
	}
	note_releases(b, v->current);
out:
	b->tick = tick;
}

static uint64_t state_hash(const struct bound *b, const struct coop_view *v)
{
	uint64_t hash = mix(b->sum ^ mix(b->calls));

	hash = mix(hash + (v->enabled & ~b->io)); /* what is in flight is known by the device */
	hash = mix(hash + v->timed);
	if (v->enabled & ~v->timed & 1ull << v->current)
		hash = mix(hash + known_as(b, v->current) + 1); /* to take another one costs */
	return hash | 1;
}

/* Has this state been gone on from with no fewer preemptions left? */
static bool seen_before(struct bound *b, uint64_t hash)
{
	struct state_seen *s;
	uint64_t i = hash % b->states;

	while (b->seen[i].hash && b->seen[i].hash != hash)
		i = (i + 1) % b->states;
	s = &b->seen[i];
	if (s->hash && s->used <= b->used)
		return true;
	if (!s->hash && b->nseen == b->states / 2)
		return false; /* full: from here on states are merely run twice (B1) */
	b->nseen += !s->hash;
	*s = (struct state_seen){ hash, b->used };
	return false;
}

/* ---- the picker ---- */

static void bound_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct bound *b = state;

	for (; b->ntouched; b->ntouched--)
		b->object[b->touched[b->ntouched - 1]] = (struct object_history){ 0 };
	b->depth = b->used = 0;
	b->sum = b->calls = b->tick = b->io = b->hard = 0;
	b->noted = 0;
	b->ntouch = b->turn_began = b->resumed_at = 0;
	memset(b->preempted_at, 0, sizeof(b->preempted_at));
	memset(b->nheld, 0, sizeof(b->nheld));
}

static struct fork *add_fork(struct bound *b)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 256;
		b->fork = realloc(b->fork, b->cap * sizeof(*b->fork));
		CHECK(b->fork != NULL);
	}
	return &b->fork[b->n++];
}

/* The first way on: as it goes without preemption. */
static void make_fork(struct bound *b, const struct coop_view *v)
{
	uint64_t ready = v->enabled & ~v->timed, self = ready & 1ull << v->current, from = ready ? ready : v->enabled;
	struct fork *f = add_fork(b);

	*f = (struct fork){ .task = self ? v->current : (uint32_t)__builtin_ctzll(from), .cost_of_left = self != 0 };
	if (b->used + f->cost_of_left <= b->limit)
		f->left = v->enabled & ~(1ull << f->task);
}

static bool is_prefix(const struct bound *b)
{
	return b->parts > 1 && b->depth < SPLIT;
}

/* A prefix that is as long as it gets belongs to one part. */
static bool is_elsewhere(struct bound *b)
{
	return b->parts > 1 && b->depth == SPLIT && b->prefixes++ % b->parts != b->part;
}

static uint32_t take_way(struct bound *b, const struct coop_view *v)
{
	if (!(v->enabled & (v->enabled - 1)))
		return (uint32_t)__builtin_ctzll(v->enabled);
	if (b->depth == b->n) {
		if (is_elsewhere(b) || (!is_prefix(b) && seen_before(b, state_hash(b, v))))
			return COOP_PICK_CUT;
		make_fork(b, v);
	}
	b->used += b->fork[b->depth].cost;
	return b->fork[b->depth++].task;
}

static uint32_t bound_pick(void *state, const struct coop_view *v)
{
	struct bound *b = state;

	note_turn(b, v);
	if (b->resumed_at && b->depth == b->n && in_vain(b, v->current))
		return COOP_PICK_CUT;
	uint32_t id = take_way(b, v);
	if (id >= COOP_TASKS_MAX)
		return id;
	if (id != v->current && (v->enabled & ~v->timed & 1ull << v->current))
		b->preempted_at[v->current] = b->ntouch + 1;
	b->resumed_at = b->preempted_at[id];
	b->preempted_at[id] = 0;
	b->turn_began = b->ntouch;
	return id;
}

/* The next way at the last fork that has one. */
static bool bound_more(void *state)
{
	struct bound *b = state;

	for (; b->n; b->n--) {
		struct fork *f = &b->fork[b->n - 1];
		if (f->of && f->value + 1 < f->of) {
			f->value++;
			return true;
		}
		if (!f->left)
			continue;
		f->task = (uint32_t)__builtin_ctzll(f->left);
		f->left &= f->left - 1;
		f->cost = f->cost_of_left;
		return true;
	}
	return false;
}

static uint32_t bound_choose(void *state, uint32_t n)
{
	struct bound *b = state;

	if (!b->data)
		return 0; /* as the tolerant replay makes them */
	if (b->depth == b->n)
		*add_fork(b) = (struct fork){ .of = n };
	uint32_t value = b->fork[b->depth++].value;
	note(b, CALLS, (uint64_t)value << 32 | n, true);
	return value;
}

static void *bound_create(const char *args, const char **err)
{
	*err = "made by bound_new() alone";
	return NULL;
}

const struct picker pick_bound = {
	.name = "bound",
	.what = "all schedules with at most so many preemptions",
	.create = bound_create,
	.destroy = free,
	.begin = bound_begin,
	.pick = bound_pick,
	.choose = bound_choose,
	.every_turn = true,
	.access = bound_access,
	.more = bound_more,
};

struct bound *bound_new(struct hunt *h, uint32_t preemptions, uint64_t states, bool data)
{
	struct bound *b = mem_zalloc(sizeof(*b));

	b->h = h;
	b->limit = preemptions;
	b->data = data;
	b->states = states * 2;
	b->seen = mem_zalloc(b->states * sizeof(*b->seen));
	return b;
}

void bound_free(struct bound *b)
{
	free(b->fork);
	free(b->touch);
	free(b->seen);
	free(b);
}

bool bound_is_full(const struct bound *b)
{
	return b->nseen == b->states / 2;
}

void bound_take_part(struct bound *b, uint32_t part, uint32_t parts)
{
	b->part = part;
	b->parts = parts;
}

void bound_save(const struct bound *b, FILE *out)
{
	fprintf(out, "%u %u %u %lu %u", b->limit, b->part, b->parts, (unsigned long)b->prefixes, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		const struct fork *f = &b->fork[i];
		fprintf(out, " %lx:%u:%u:%u:%u:%u", (unsigned long)f->left, f->task, f->cost, f->cost_of_left, f->value, f->of);
	}
	fprintf(out, "\n");
}

int bound_load(struct bound *b, FILE *in)
{
	unsigned long prefixes, left;
	uint32_t limit, part, parts, n;

	if (fscanf(in, "%u %u %u %lu %u", &limit, &part, &parts, &prefixes, &n) != 5)
		return -EINVAL;
	if (limit != b->limit || part != b->part || parts != b->parts)
		return -EINVAL;
	b->prefixes = prefixes;
	for (uint32_t i = 0; i < n; i++) {
		struct fork f = { 0 };
		if (fscanf(in, " %lx:%u:%u:%u:%u:%u", &left, &f.task, &f.cost, &f.cost_of_left, &f.value, &f.of) != 6 ||
		    f.task >= COOP_TASKS_MAX)
			return -EINVAL;
		f.left = left;
		*add_fork(b) = f;
	}
	return 0;
}
