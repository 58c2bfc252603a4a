/*
 * explore.c: judges an epoch of the record as a whole: every crash image that recovery can tell apart, each once, and
 * nothing again that broke no promise before.
 *
 * Whether an image breaks a promise depends on the image and on what the history demands at the position
 * (rules_hash()), and on nothing else. So the hash of a pair that broke none is kept ("held"), for all schedules of
 * a hunt.
 *
 * explore.1: The same is true of an epoch: its images follow from the durable image and the pending writes, in order.
 *
 * Called by the hunter, when nothing runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "machine/mem.h"
#include "oracle/check.h"
#include "oracle/rules.h"

#define IMAGES_MAX 1024u /* of an epoch with more, a sample is judged */

struct exploring {
	struct judge *j;
	uint64_t demands; /* of the history, at the epoch's position */
	int (*broken)(void *arg, const struct cut *c, const struct broken_list *l);
	void *arg;
};

/* ---- the pairs that held ---- */

static uint64_t *held_slot(const struct judge *j, uint64_t key)
{
	uint32_t mask = j->held_slots - 1, i = key & mask;

	while (j->held[i] && j->held[i] != key)
		i = (i + 1) & mask;
	return &j->held[i];
}

static bool has_held(const struct judge *j, uint64_t key)
{
	return *held_slot(j, key);
}

static void make_room(struct judge *j)
{
	uint64_t *old = j->held;
	uint32_t n = j->held_slots;

	if (j->nheld < n / 4 * 3)
		return;
	if (n == HELD_SLOTS_MAX) {
		memset(j->held, 0, n * sizeof(*j->held));
		j->nheld = 0;
		return;
	}
	j->held_slots = 2 * n;
	j->held = mem_zalloc(j->held_slots * sizeof(*j->held));
	for (uint32_t i = 0; i < n; i++)
		if (old[i])
			*held_slot(j, old[i]) = old[i];
	free(old);
}

/* It was not there. */
static void add_held(struct judge *j, uint64_t key)
{
	make_room(j);
	*held_slot(j, key) = key;
	j->nheld++;
}

/* Never 0, which is a free slot. */
static uint64_t key_of(uint64_t what, uint64_t demands)
{
	uint64_t key = rng_mix(rng_mix(what) + demands);

	return key | !key;
}

/* (explore.1) */
static uint64_t epoch_hash(const struct judge *j, const struct epoch *e)
{
	uint32_t n;
	const struct dev_event *event = powercut_events(j->dev, &n);
	uint64_t h = rng_mix(e->durable_hash);

	for (uint32_t i = 0; i < e->npending; i++)
		h = rng_mix(h + event[e->pending[i]].hash);
	return ~h; /* not the hash of an image */
}

/* ---- images ---- */

static int look(void *arg, const struct cut *c, const uint64_t **read)
{
	struct exploring *x = arg;
	const struct recovered *r = judge_look(x->j, c, read);
	uint64_t key = key_of(c->hash, x->demands);
	struct broken_list list = { .n = 0 };

	x->j->images_judged++;
	if (has_held(x->j, key))
		return 0;
	if (judge_recovered(x->j, c->pos, r, &list))
		return x->broken(x->arg, c, &list);
	add_held(x->j, key);
	return 0;
}

static int look_only(void *arg, const struct cut *c)
{
	const uint64_t *read;

	return look(arg, c, &read);
}

int judge_epoch(struct judge *j, const struct epoch *e, const struct cut_budget *b,
                int (*broken)(void *arg, const struct cut *c, const struct broken_list *l), void *arg)
{
	struct exploring x = { .j = j, .demands = rules_hash(j->model, e->pos), .broken = broken, .arg = arg };
	struct cut_budget some = *b;
	uint64_t key = key_of(epoch_hash(j, e), x.demands);

	if (has_held(j, key))
		return 0;
	int ret = powercut_branches(j->dev, e, IMAGES_MAX, look, &x);
	if (ret == -E2BIG || (!ret && b->tears)) {
		some.all_up_to = 0;
		ret = powercut_cuts(j->dev, e, &some, look_only, &x);
	}
	if (!ret)
		add_held(j, key);
	return ret;
}
