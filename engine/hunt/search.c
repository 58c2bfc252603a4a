/*
 * search.c: a search over schedules: which picker makes which, how far, how many distinct traces;
 * and what is left behind when a CHECK of the engine fails in the middle of one.
 */
#include "hunt/hunt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/stop.h"
#include "machine/mem.h"
#include "hunt/schedule_file.h"

#define PROGRESS_EVERY 1024u
#define SLOTS_MIN      4096u

uint64_t hunt_seed(uint64_t search_seed, uint64_t i)
{
	return rng_mix(rng_mix(search_seed) + i);
}

/* ---- traces: how many differ ---- */

void traces_init(struct traces *t)
{
	*t = (struct traces){ .slot = mem_zalloc(SLOTS_MIN * sizeof(*t->slot)), .nslots = SLOTS_MIN };
}

void traces_free(struct traces *t)
{
	free(t->slot);
}

/* Where a hash is, or goes. */
static uint64_t *slot_of(const struct traces *t, uint64_t hash)
{
	uint64_t mask = t->nslots - 1, i = hash & mask;

	while (t->slot[i] && t->slot[i] != hash)
		i = (i + 1) & mask;
	return &t->slot[i];
}

/* Never more than half full. It starts small: most hunts see few traces, and are as fast as the table is cached. */
static void grow(struct traces *t)
{
	struct traces larger = { .slot = mem_zalloc(t->nslots * 4 * sizeof(*t->slot)), .nslots = t->nslots * 4, .n = t->n };

	for (uint64_t i = 0; i < t->nslots; i++)
		if (t->slot[i])
			*slot_of(&larger, t->slot[i]) = t->slot[i];
	free(t->slot);
	*t = larger;
}

void traces_add(struct traces *t, uint64_t hash)
{
	uint64_t *slot;

	hash |= !hash;
	slot = slot_of(t, hash);
	if (*slot || t->n == TRACES_MAX)
		return;
	*slot = hash;
	if (++t->n * 2 > t->nslots)
		grow(t);
}

void traces_copy(const struct traces *t, uint64_t *out)
{
	for (uint64_t i = 0; i < t->nslots; i++)
		if (t->slot[i])
			*out++ = t->slot[i];
}

enum counted traces_counted(const struct traces *t)
{
	return t->n == TRACES_MAX ? COUNTED_AT_LEAST : COUNTED;
}

const char *traces_text(uint64_t n, enum counted counted, char *buf)
{
	snprintf(buf, TRACES_TEXT, "%s%lu%s", counted == COUNTED_AT_MOST ? "at most " : "", (unsigned long)n,
	         counted == COUNTED_AT_LEAST ? " or more" : "");
	return buf;
}

/* ---- a CHECK that fails ---- */

static struct hunt *rescued;

static void rescue(void)
{
	struct hunt *h = rescued;
	struct violation v = { .kind = VIOLATION_CHECK, .seed = h->run.seed, .granularity = h->granularity, .schedule = h->schedule };
	char err[200];

	snprintf(v.text, sizeof(v.text), "a CHECK failed");
	fprintf(stderr, "race %s, design %s, seed %lu, decision %u\n", h->race->name, h->design->name,
	        (unsigned long)h->run.seed, h->schedule.n);
	if (!h->rescue_path)
		return;
	if (schedule_file_write(h->rescue_path, h->race, h->design, &v, err))
		fprintf(stderr, "%s\n", err);
	else
		fprintf(stderr, "replay: fsyncstorm race replay %s\n", h->rescue_path);
}

void hunt_rescue(struct hunt *h, const char *path)
{
	if (h)
		h->rescue_path = path;
	rescued = h;
	check_hook = h ? rescue : NULL;
}

/* ---- the search ---- */

/* A schedule's number in the whole search: this one's runs are every shards-th. */
static uint64_t number_of(const struct search *s, uint64_t run)
{
	return (run - 1) * (s->shards ? s->shards : 1) + s->shard + 1;
}

/* The schedule again, from its recording, which h->watch has seen: the same trace, and the same verdict? If not, s->differs. */
static bool repeats(struct hunt *h, struct search *s, uint64_t seed, enum violation_kind kind)
{
	uint64_t hash = h->result.trace_hash;
	struct watch *seen = h->watch, now;
	struct violation first, again;

	violation_init(&first);
	violation_init(&again);
	watch_init(&now, NULL, NULL);
	first.seed = seed;
	schedule_copy(&first.schedule, &h->schedule);
	h->watch = &now;
	hunt_again(h, &first, true);
	h->watch = NULL;
	bool same = hunt_judge(h, &again) == kind && h->result.trace_hash == hash;
	if (!same)
		hunt_tell_difference(h, &first, seen, &now, s->differs, sizeof(s->differs));
	h->watch = seen;
	watch_fini(&now);
	violation_fini(&first);
	violation_fini(&again);
	return same;
}

static bool over(struct search *s, uint64_t since)
{
	if (stop_asked())
		return s->stopped = true;
	if (s->schedules && number_of(s, s->run + 1) > s->schedules)
		return true;
	if (s->best && number_of(s, s->run + 1) > atomic_load(s->best))
		return true;
	return s->seconds > 0 && (double)(rt_now() - since) / 1e9 >= s->seconds;
}

/* A bare race has no crash images. */
static uint64_t images_judged(const struct hunt *h)
{
	return h->judge ? h->judge->images_judged : 0;
}

static uint64_t images_mounted(const struct hunt *h)
{
	return h->judge ? h->judge->images_mounted : 0;
}

/* One more schedule. False when the strategy has none left. */
static bool search_one(struct hunt *h, struct search *s, struct traces *traces, struct violation *v)
{
	struct coop_config cfg = { 0 };
	struct strategy_member *m = strategy_next(s->strategy, &cfg);

	if (!m) {
		s->through = true;
		return false;
	}
	uint64_t number = number_of(s, ++s->run), seed = hunt_seed(s->seed, number);
	h->steps_hint = cfg.steps_hint;
	enum violation_kind kind = hunt_one(h, cfg.picker, cfg.picker_state, seed, v);
	strategy_ran(s->strategy, m, &h->result, kind != VIOLATION_NONE);
	if (!h->result.cut)
		traces_add(traces, h->result.trace_hash);
	if (kind) {
		s->found_at = number;
		s->found_by = (uint32_t)(m - s->strategy->member);
	}
	if (s->check_determinism && !repeats(h, s, seed, kind)) {
		s->nondeterministic = true;
		s->at = number;
	}
	return true;
}

void hunt_search(struct hunt *h, struct search *s, struct violation *v)
{
	uint64_t since = rt_now(), judged = images_judged(h), mounted = images_mounted(h);
	struct traces own, *traces = s->traces ? s->traces : &own;
	struct watch watch;

	CHECK(s->strategy->n);
	if (!s->traces)
		traces_init(&own);
	s->run = s->found_at = 0;
	h->absent = (struct absent){ 0 };
	s->nondeterministic = s->through = s->stopped = false;
	watch_init(&watch, NULL, NULL);
	h->watch = s->check_determinism ? &watch : NULL;
	while (!s->found_at && !s->nondeterministic && !over(s, since) && search_one(h, s, traces, v))
		if (s->progress && s->run % PROGRESS_EVERY == 0)
			s->progress(s, s->arg);
	h->watch = NULL;
	watch_fini(&watch);
	s->distinct = traces->n;
	s->counted = traces_counted(traces);
	s->took = (double)(rt_now() - since) / 1e9;
	s->images_judged = images_judged(h) - judged;
	s->images_mounted = images_mounted(h) - mounted;
	if (!s->traces)
		traces_free(&own);
}
