/*
 * hunt_search.c: a search over schedules: which picker makes which, how far, how many distinct traces;
 * and what is left behind when a CHECK of the engine fails in the middle of one.
 */
#include "hunt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/mem.h"
#include "schedule_file.h"
#include "text.h"

#define PROGRESS_EVERY 1024u
#define PROFILE_RUNS   64u

uint64_t hunt_seed(uint64_t search_seed, uint64_t i)
{
	return rng_mix(rng_mix(search_seed) + i);
}

/* ---- strategies ---- */

/* Insurance against the shapes on which one picker is blind: three random walks, then one pct. */
static const char *const portfolio[STRATEGY_MAX] = { "random", "random", "random", "pct:d=auto" };

static int add_picker(struct strategy *s, const char *text, char *err)
{
	const char *colon = strchr(text, ':'), *why = NULL;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : 31, text);
	const struct picker *p = picker_find(name);
	if (!p || p == &pick_clock) {
		static const char *const names[] = { "random", "pct", "portfolio" };
		char hint[64];
		snprintf(err, 200, "%.40s: not a picker (random, pct[:d=N], portfolio)%s", text,
		         text_did_you_mean(hint, sizeof(hint), text_nearest(name, names, 3, sizeof(names[0]))));
		return -EINVAL;
	}
	void *state = p->create(colon ? colon + 1 : "", &why);
	if (!state) {
		snprintf(err, 200, "%.40s: %s", text, why);
		return -EINVAL;
	}
	s->picker[s->n] = p;
	s->state[s->n++] = state;
	return 0;
}

int strategy_open(struct strategy *s, const char *text, char *err)
{
	int ret = 0;

	*s = (struct strategy){ 0 };
	snprintf(s->text, sizeof(s->text), "%s", text);
	if (strcmp(text, "portfolio"))
		return add_picker(s, text, err);
	for (unsigned i = 0; i < STRATEGY_MAX && !ret; i++)
		ret = add_picker(s, portfolio[i], err);
	return ret;
}

void strategy_close(struct strategy *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->picker[i]->destroy(s->state[i]);
	s->n = 0;
}

/* ---- traces: how many differ ---- */

struct traces {
	uint64_t *slot; /* open addressing, 0 is free */
	uint64_t n;
};

static void traces_add(struct traces *t, uint64_t hash)
{
	uint64_t mask = TRACES_MAX * 2 - 1, i;

	hash |= !hash;
	if (t->n == TRACES_MAX)
		return;
	for (i = hash & mask; t->slot[i]; i = (i + 1) & mask)
		if (t->slot[i] == hash)
			return;
	t->slot[i] = hash;
	t->n++;
}

/* ---- a CHECK that fails ---- */

static struct hunt *rescued;

static void rescue(void)
{
	struct hunt *h = rescued;
	struct violation v = { .kind = VIOLATION_CHECK, .seed = h->run.seed, .schedule = h->schedule };
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

/*
 * What a picker is told of the length of runs: half more than they take on average under that picker.
 * Measured by runs that are no part of the search; a bound that seldom is reached wastes a pct's
 * change points on steps that never come.
 */
static uint32_t profile(struct hunt *h, const struct picker *p, void *state)
{
	uint64_t steps = 0;

	h->steps_hint = 0;
	for (uint32_t i = 0; i < PROFILE_RUNS; i++) {
		hunt_run(h, p, state, rng_mix(i));
		steps += h->result.steps;
		h->steps_hint = (uint32_t)(steps * 3 / 2 / (i + 1)) + 1;
	}
	return h->steps_hint;
}

static enum violation_kind search_one(struct hunt *h, struct search *s, uint32_t i, uint64_t seed, struct violation *v)
{
	h->steps_hint = s->strategy->steps[i];
	return hunt_one(h, s->strategy->picker[i], s->strategy->state[i], seed, v);
}

/* The same schedule again: the same trace, and the same verdict? */
static bool repeats(struct hunt *h, struct search *s, uint32_t i, uint64_t seed, enum violation_kind kind)
{
	uint64_t hash = h->result.trace_hash;
	struct violation again;

	violation_init(&again);
	enum violation_kind kind2 = search_one(h, s, i, seed, &again);
	violation_fini(&again);
	return kind2 == kind && h->result.trace_hash == hash;
}

static bool over(const struct search *s, uint64_t since)
{
	if (s->stop && *s->stop)
		return true;
	if (s->schedules && s->run >= s->schedules)
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

void hunt_search(struct hunt *h, struct search *s, struct violation *v)
{
	struct traces traces = { .slot = mem_zalloc(TRACES_MAX * 2 * sizeof(uint64_t)) };
	uint64_t since = rt_now(), judged = images_judged(h), mounted = images_mounted(h);
	enum violation_kind kind = VIOLATION_NONE;

	CHECK(s->strategy->n);
	s->run = s->found_at = 0;
	s->nondeterministic = false;
	for (uint32_t i = 0; i < s->strategy->n; i++)
		if (!s->strategy->steps[i])
			s->strategy->steps[i] = profile(h, s->strategy->picker[i], s->strategy->state[i]);
	while (!kind && !s->nondeterministic && !over(s, since)) {
		uint64_t seed = hunt_seed(s->seed, ++s->run);
		uint32_t i = (uint32_t)(s->run % s->strategy->n);
		kind = search_one(h, s, i, seed, v);
		traces_add(&traces, h->result.trace_hash);
		if (s->check_determinism && !repeats(h, s, i, seed, kind)) {
			s->nondeterministic = true;
			s->at = s->run;
		}
		if (s->progress && s->run % PROGRESS_EVERY == 0)
			s->progress(s, s->arg);
	}
	if (kind)
		s->found_at = s->run;
	s->distinct = traces.n;
	s->took = (double)(rt_now() - since) / 1e9;
	s->images_judged = images_judged(h) - judged;
	s->images_mounted = images_mounted(h) - mounted;
	free(traces.slot);
}
