/*
 * cuts.c: which crash images of an epoch to look at. When its pending writes are few: all subsets of them. Else the
 * extremes and a seeded sample of subsets. The extremes are: none, all, each write alone, all but one, metadata without
 * data, data without metadata, all but what was in flight at the last flush, and each prefix in the order of
 * completion. Each image comes once, by its fingerprint (fingerprint.h), which is known before the image is made.
 *
 * Called by the oracle (explore.c, check_replay.c) and by tests.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dev/fingerprint.h"

#define ALL_MAX 20u /* at most 2^20 subsets, whatever the budget says */

/* Fingerprints of the epoch's images so far: a hash table with open addressing; 0 is a free slot. */
struct seen {
	uint64_t *slot;
	uint32_t mask, used;
};

struct cutter {
	struct dev *dev;
	struct dev_log *log;
	struct walk *walk;
	const struct epoch *epoch;
	const struct cut_budget *budget;
	int (*fn)(void *arg, const struct cut *c);
	void *arg;
	struct fingerprint fingerprint;
	uint64_t *keep, *torn_units;
	uint32_t words;
	struct seen seen;
	struct cut cut;
};

static void seen_init(struct seen *s, struct arena *a, uint32_t cap)
{
	s->slot = arena_get(a, cap * sizeof(*s->slot));
	memset(s->slot, 0, cap * sizeof(*s->slot));
	s->mask = cap - 1;
	s->used = 0;
}

/* True when h is new. */
static bool seen_add(struct seen *s, struct arena *a, uint64_t h)
{
	h |= !h;
	if (2 * (s->used + 1) > s->mask) {
		struct seen old = *s;

		seen_init(s, a, 2 * (old.mask + 1));
		for (uint32_t i = 0; i <= old.mask; i++)
			if (old.slot[i])
				seen_add(s, a, old.slot[i]);
	}
	for (uint32_t i = h & s->mask;; i = (i + 1) & s->mask) {
		if (s->slot[i] == h)
			return false;
		if (!s->slot[i]) {
			s->slot[i] = h;
			s->used++;
			return true;
		}
	}
}

static struct dev_event *pending_event(const struct cutter *k, uint32_t i)
{
	return &k->log->event[k->epoch->pending[i]];
}

/*
 * Calls fn for the image that k->cut describes, unless there was an equal one. fn may move the walk: it is brought
 * back.
 */
static int emit(struct cutter *k)
{
	int ret;

	if (k->epoch->npending % 64)
		k->keep[k->words - 1] &= (1ull << k->epoch->npending % 64) - 1;
	k->cut.hash = fingerprint_of(&k->fingerprint);
	if (!seen_add(&k->seen, &k->log->cuts, k->cut.hash))
		return 0;
	ret = k->fn(k->arg, &k->cut);
	walk_to(k->walk, k->epoch->pos);
	return ret;
}

/* Keeps the pending writes for which `want` says so. */
static int emit_those(struct cutter *k, bool (*want)(const struct cutter *k, uint32_t i, uint64_t x), uint64_t x)
{
	for (uint32_t i = 0; i < k->epoch->npending; i++)
		bit_set(k->keep, i, want(k, i, x));
	return emit(k);
}

static bool all_or_none(const struct cutter *k, uint32_t i, uint64_t all)
{
	return all;
}

static bool only(const struct cutter *k, uint32_t i, uint64_t x)
{
	return i == x;
}

static bool all_but(const struct cutter *k, uint32_t i, uint64_t x)
{
	return i != x;
}

static bool of_kind(const struct cutter *k, uint32_t i, uint64_t meta)
{
	return pending_event(k, i)->meta == meta;
}

static bool by_mask(const struct cutter *k, uint32_t i, uint64_t mask)
{
	return mask >> i & 1;
}

static bool completed_by(const struct cutter *k, uint32_t i, uint64_t pos)
{
	return pending_event(k, i)->of <= pos;
}

static bool not_in_flight_at(const struct cutter *k, uint32_t i, uint64_t pos)
{
	return k->epoch->pending[i] > pos || pending_event(k, i)->of < pos;
}

static int all_subsets(struct cutter *k)
{
	int ret = 0;

	for (uint64_t mask = 0; mask < 1ull << k->epoch->npending && !ret; mask++)
		ret = emit_those(k, by_mask, mask);
	return ret;
}

static int singles(struct cutter *k)
{
	int ret = 0;

	for (uint32_t i = 0; i < k->epoch->npending && !ret; i++) {
		ret = emit_those(k, only, i);
		if (!ret)
			ret = emit_those(k, all_but, i);
	}
	return ret;
}

/* Prefixes in the order of completion; a write that completed after the cut, or never, is in none. */
static int completion_prefixes(struct cutter *k)
{
	int ret = 0;

	for (uint32_t i = 0; i < k->epoch->npending && !ret; i++)
		if (pending_event(k, i)->of < k->epoch->pos)
			ret = emit_those(k, completed_by, pending_event(k, i)->of);
	return ret;
}

static int without_in_flight_at_flush(struct cutter *k)
{
	for (uint32_t pos = k->epoch->pos; pos-- > 0;)
		if (k->log->event[pos].kind == DEV_FSUB)
			return emit_those(k, not_in_flight_at, pos);
	return 0;
}

static int sample(struct cutter *k)
{
	struct rng rng;
	int ret = 0;

	rng_seed(&rng, k->budget->seed ^ rng_mix(k->epoch->pos));
	for (uint32_t n = 0; n < k->budget->sampled && !ret; n++) {
		for (uint32_t i = 0; i < k->words; i++)
			k->keep[i] = rng_next(&rng);
		ret = emit(k);
	}
	return ret;
}

static int extremes(struct cutter *k)
{
	int ret = emit_those(k, all_or_none, 0);

	if (!ret)
		ret = emit_those(k, all_or_none, 1);
	if (!ret)
		ret = singles(k);
	if (!ret)
		ret = emit_those(k, of_kind, 1);
	if (!ret)
		ret = emit_those(k, of_kind, 0);
	if (!ret)
		ret = without_in_flight_at_flush(k);
	if (!ret)
		ret = completion_prefixes(k);
	return ret;
}

/*
 * Of one torn write: each unit alone, all units but one, the first half. The other writes are kept or not as
 * k->keep says.
 */
static int tear_one(struct cutter *k, uint32_t units)
{
	uint32_t words = (units + 63) / 64;
	int ret = 0;

	for (uint32_t u = 0; u < units && !ret; u++) {
		memset(k->torn_units, 0, words * sizeof(*k->torn_units));
		bit_set(k->torn_units, u, true);
		ret = emit(k);
		memset(k->torn_units, 0xff, words * sizeof(*k->torn_units));
		bit_set(k->torn_units, u, false);
		if (!ret)
			ret = emit(k);
	}
	memset(k->torn_units, 0, words * sizeof(*k->torn_units));
	for (uint32_t u = 0; u < units / 2; u++)
		bit_set(k->torn_units, u, true);
	return ret ? ret : emit(k);
}

/* Tears each pending write, with all others lost and with all others kept. */
static int tears(struct cutter *k)
{
	int ret = 0;

	for (uint32_t i = 0; i < k->epoch->npending && !ret; i++) {
		uint32_t units = tear_units(pending_event(k, i), k->dev->tear);

		if (units < 2)
			continue;
		k->torn_units = arena_get(&k->log->cuts, (units + 63) / 64 * sizeof(*k->torn_units));
		k->cut.torn_units = k->torn_units;
		k->cut.torn = i;
		for (unsigned others = 0; others < 2 && !ret; others++) {
			memset(k->keep, others ? 0xff : 0, k->words * sizeof(*k->keep));
			bit_set(k->keep, i, true);
			ret = tear_one(k, units);
		}
		k->cut.torn_units = NULL;
	}
	return ret;
}

int powercut_cuts(struct dev *d, const struct epoch *e, const struct cut_budget *b,
		  int (*fn)(void *arg, const struct cut *c), void *arg)
{
	struct cutter k = {
		.dev = d, .log = d->log, .walk = d->log->walk, .epoch = e, .budget = b, .fn = fn, .arg = arg,
		.words = (e->npending + 63) / 64 + !e->npending,
	};
	uint32_t all_up_to = b->all_up_to < ALL_MAX ? b->all_up_to : ALL_MAX;
	int ret;

	walk_to(k.walk, e->pos);
	arena_reset(&k.log->cuts);
	seen_init(&k.seen, &k.log->cuts, 64);
	k.keep = arena_get(&k.log->cuts, k.words * sizeof(*k.keep));
	k.cut = (struct cut){.pos = e->pos, .pending = e->pending, .npending = e->npending, .keep = k.keep};
	fingerprint_init(&k.fingerprint, k.walk, &k.cut, d->tear, &k.log->cuts);
	if (e->npending <= all_up_to) {
		ret = all_subsets(&k);
	} else {
		ret = extremes(&k);
		if (!ret)
			ret = sample(&k);
	}
	if (!ret && b->tears)
		ret = tears(&k);
	return ret;
}

uint64_t powercut_hash(struct dev *d, const struct cut *c)
{
	struct fingerprint f;

	walk_to(d->log->walk, c->pos);
	arena_reset(&d->log->cuts);
	fingerprint_init(&f, d->log->walk, c, d->tear, &d->log->cuts);
	return fingerprint_of(&f);
}

void powercut_describe(struct dev *d, const struct cut *c, char *buf, unsigned size)
{
	unsigned kept = 0, at;

	for (uint32_t i = 0; i < c->npending; i++)
		kept += bit_of(c->keep, i);
	if (!kept || (kept == c->npending && !c->torn_units)) {
		snprintf(buf, size, kept ? "all" : "none");
		return;
	}
	at = snprintf(buf, size, "%u of %u:", kept, c->npending);
	for (uint32_t i = 0; i < c->npending && at < size; i++) {
		const struct dev_event *e = &d->log->event[c->pending[i]];

		if (!bit_of(c->keep, i))
			continue;
		at += snprintf(buf + at, size - at, " %s@%u(%llu+%u%s)", e->meta ? "meta" : "data", c->pending[i],
			       (unsigned long long)e->off, e->len, c->torn_units && c->torn == i ? " torn" : "");
	}
}
