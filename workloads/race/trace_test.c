/*
 * trace_test.c: the accesses of a run say all that matters: two schedules of a race with the same trace
 * hash end in the same way, and leave the same choices to a power cut. What shares something and does
 * not name it (rt_access) is found here, and would make any reduction a lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "dev/powercut.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "pick/pickers.h"
#include "race/registry.h"
#include "rt/sanitize.h"

#define SLOTS (1u << 20)

static struct {
	uint64_t hash, print;
} slots[SLOTS];

/* TRACE_SCHEDULES in the environment: for a longer look. */
static uint64_t schedules(void)
{
	const char *n = getenv("TRACE_SCHEDULES");

	if (n)
		return strtoull(n, NULL, 10);
	return getenv("FAST_TESTS") ? 100 : 1000;
}

struct shape {
	struct hunt *h;
	uint64_t sum, epochs;
};

/* What a crash in this epoch may keep. Positions and addresses are names, which two equal runs may give differently. */
static int add_epoch(void *arg, const struct epoch *e)
{
	struct shape *s = arg;
	uint64_t pending = 0;
	uint32_t n;
	const struct dev_event *events = powercut_events(s->h->dev, &n);

	for (uint32_t i = 0; i < e->npending; i++) {
		const struct dev_event *w = &events[e->pending[i]];
		pending += rng_mix(w->len * 4u + w->fua * 2u + w->meta);
	}
	s->sum += rng_mix(rng_mix(pending) + ++s->epochs);
	return 0;
}

static uint64_t fingerprint(struct hunt *h, enum violation_kind kind)
{
	struct shape s = { .h = h };

	if (!h->bare && h->result.end == COOP_FINISHED)
		powercut_epochs(h->dev, add_epoch, &s);
	return rng_mix(s.sum + kind) + h->result.end;
}

/* True when no other run of this trace looked different. */
static bool agrees(struct hunt *h, uint64_t print)
{
	uint64_t hash = h->result.trace_hash | 1;
	uint32_t i = (uint32_t)(hash >> 20) % SLOTS;

	while (slots[i].hash && slots[i].hash != hash)
		i = (i + 1) % SLOTS;
	if (slots[i].hash)
		return slots[i].print == print;
	slots[i].hash = hash;
	slots[i].print = print;
	return true;
}

/* A picker whose chance is not the run's: tasks that draw from the run's seed are another program with each. */
static struct {
	const struct picker *of;
	uint64_t seed;
} chance;

static void begin_with_chance(void *state, uint64_t seed, uint32_t steps)
{
	chance.of->begin(state, chance.seed, steps);
}

static struct picker with_chance(const struct picker *of)
{
	struct picker p = *of;

	chance.of = of;
	p.begin = begin_with_chance;
	return p;
}

/* A schedule of race_mixed takes long, and few of its traces come twice. */
static uint64_t schedules_of(const struct race *race)
{
	return race == &race_mixed ? schedules() / 10 : schedules();
}

static void look_at(const struct race *race, const struct design *design, const struct picker *picker, const char *args)
{
	const struct picker same_program = with_chance(picker);
	const char *none = NULL;
	void *state = picker->create(args, &none);
	struct violation v;
	struct hunt *h;
	struct why why;

	assert_int_equal(hunt_open(race, design, &h, &why), 0);
	violation_init(&v);
	for (uint64_t i = 0, n = schedules_of(race); i < n; i++) {
		chance.seed = hunt_seed(7, i);
		h->steps_hint = 100;
		enum violation_kind kind = hunt_one(h, &same_program, state, 7, &v);
		if (!agrees(h, fingerprint(h, kind)))
			fail_msg("race %s, design %s, %s: schedule %lu has the trace of another and ends differently",
			         race->name, design->name, picker->name, (unsigned long)i);
	}
	violation_fini(&v);
	hunt_close(h);
	picker->destroy(state);
}

static bool names(const struct race *race, const char *design)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (!strcmp(race->expect[i].design, design))
			return true;
	return false;
}

static void equal_traces_end_alike(void **state)
{
	if (RT_TSAN)
		skip();
	for (const struct race *const *r = race_all(); *r; r++)
		for (unsigned d = 0; fs_designs[d]; d++) {
			if (((*r)->scenario && !race_is_of_a_bug(*r)) || !names(*r, fs_designs[d]->name))
				continue;
			memset(slots, 0, sizeof(slots));
			look_at(*r, fs_designs[d], &pick_random, "");
			look_at(*r, fs_designs[d], &pick_pct, "d=4");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_traces_end_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
