/* search.c: see search.h. Here: a search in this process; jobs.c has it in several. */
#include "hunt/search.h"

#include "base/check.h"
#include "base/stop.h"
#include "hunt/differs.h"
#include "hunt/judge.h"
#include "hunt/run.h"

#define PROGRESS_EVERY 1024u

/* The number, in the whole search, of a shard's n-th run. */
static uint64_t number_of(const struct search *s, uint64_t run)
{
	return (run - 1) * (s->shards ? s->shards : 1) + s->shard + 1;
}

/*
 * Runs the last schedule, which h->watch has seen, again from its recording. Has it the same trace, and the same
 * verdict? If not, s->differs says where they part.
 */
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
	uint64_t number = number_of(s, ++s->run);
	/* An enumeration is of the schedules of one program: tasks that draw their calls draw the same in each. */
	uint64_t seed = strategy_enumerates(s->strategy) ? s->seed : hunt_seed(s->seed, number);
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
