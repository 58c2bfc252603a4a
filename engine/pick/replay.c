/*
 * replay.c: follows a schedule that was recorded or parsed (LeBlanc, Mellor-Crummey: "Debugging parallel programs
 * with Instant Replay", 1987). Departure: what is recorded is not the order at each object, but which task went on,
 * since only one task runs at a time.
 *
 * Strict: the first decision that the schedule does not fit ends the run as diverged. Tolerant, for minimising and for
 * schedules of slightly different code: what does not fit is skipped.
 *
 * pick_replay_turns follows turns instead of decisions (watch.h: turns): also those in which only one task was enabled.
 * So a single step of a task can be moved. It is always tolerant.
 */
#include <stdlib.h>

#include "machine/mem.h"
#include "pick/pickers.h"
#include "rt/schedule.h"

struct replay {
	const struct schedule *schedule;
	uint32_t at;
	bool strict;
};

void *replay_state(const struct schedule *s, bool strict)
{
	struct replay *r = mem_zalloc(sizeof(*r));

	r->schedule = s;
	r->strict = strict;
	return r;
}

void replay_state_free(void *state)
{
	free(state);
}

static void *replay_create(const char *args, const char **err)
{
	*err = "replay needs a schedule";
	return NULL;
}

static void replay_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct replay *r = state;

	r->at = 0;
}

static uint32_t pick_strictly(struct replay *r)
{
	const struct decision *d;

	if (r->at == r->schedule->n)
		return COOP_PICK_NONE;
	d = &r->schedule->d[r->at];
	if (d->data)
		return COOP_PICK_DATA;
	r->at++;
	return d->value;
}

static bool fits(const struct decision *d, const struct coop_view *v)
{
	return !d->data && d->value < COOP_TASKS_MAX && (v->enabled & (1ull << d->value));
}

static uint32_t replay_pick(void *state, const struct coop_view *v)
{
	struct replay *r = state;

	if (r->strict)
		return pick_strictly(r);
	while (r->at < r->schedule->n) {
		const struct decision *d = &r->schedule->d[r->at++];
		if (fits(d, v))
			return d->value;
	}
	if (v->enabled & ~v->timed & (1ull << v->current))
		return v->current;
	return (uint32_t)__builtin_ctzll(v->enabled & ~v->timed ? v->enabled & ~v->timed : v->enabled);
}

static uint32_t replay_choose(void *state, uint32_t n)
{
	struct replay *r = state;
	const struct decision *d = r->at < r->schedule->n ? &r->schedule->d[r->at] : NULL;

	if (r->strict && !(d && d->data && d->of == n))
		return COOP_PICK_NONE;
	if (!d || !d->data)
		return 0;
	r->at++;
	return d->value < n ? d->value : n - 1;
}

const struct picker pick_replay = {
	.name = "replay",
	.what = "follows a recorded schedule",
	.create = replay_create,
	.destroy = free,
	.begin = replay_begin,
	.pick = replay_pick,
	.choose = replay_choose,
};

const struct picker pick_replay_turns = {
	.name = "replay-turns",
	.what = "follows the turns of a watched run, as far as it can",
	.create = replay_create,
	.destroy = free,
	.begin = replay_begin,
	.pick = replay_pick,
	.choose = replay_choose,
	.every_turn = true,
};
