/*
 * granularity_test.c: that points before acquires, visible operations and waits are enough. A search with the fine
 * granularity (coop.h) comes to the same verdicts, race by race and design by design, but for races that say that they
 * need it; where every schedule is tried, to the same traces of the protocol, and to the same ends of the smallest
 * race.
 */
#include "base/order.h"
#include "base/rng.h"
#include "dev/powercut.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "hunt/search.h"
#include "race/protocol.h"
#include "race/registry.h"
#include "pick/dpor_test.h"

#define SEED          7u
#define BREAKS_WITHIN 20000u

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

/* ---- searched by chance ---- */

/* Number of the first schedule with a violation; 0: none in n. */
static uint64_t first_found(const struct race *race, const struct design *design, enum granularity granularity,
                            uint64_t n)
{
	struct search s = { .seed = SEED, .schedules = n };
	struct strategy strategy;
	struct violation v;
	struct hunt *h;
	struct why why = WHY_NONE;

	if (hunt_open(race, design, &h, &why) || strategy_open(&strategy, "portfolio", &why))
		fail_msg("%s", why.text);
	h->granularity = granularity;
	s.strategy = &strategy;
	violation_init(&v);
	hunt_search(h, &s, &v);
	if (s.found_at && v.kind != VIOLATION_PROMISE && v.kind != VIOLATION_STATE &&
	    !(v.kind == VIOLATION_STUCK && race_is_of_a_deadlock(race)))
		fail_msg("%s, %s: schedule %lu: %s", race->name, design->name, (unsigned long)s.found_at, v.text);
	violation_fini(&v);
	strategy_close(&strategy);
	hunt_close(h);
	return s.found_at;
}

static bool is_named(const struct race *race, const struct design *d)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (!strcmp(race->expect[i].design, d->name))
			return true;
	return false;
}

/* Those of which a schedule takes long, or of which few fail. (mapped_smallest stands for mapped.) */
static bool is_slow(const struct race *race, const struct design *d)
{
	return race == &race_mixed || race == race_named("mapped") ||
	       (race == race_named("join") && !strcmp(d->name, "joiner_leaves_data")) ||
	       (race == race_named("seed") && !strcmp(d->name, "complete_flushed_once")) ||
	       (race == race_named("logged_again") && !strcmp(d->name, "unpin_relists")) ||
	       (race == race_named("stamp_torn") && !strcmp(d->name, "stamp_torn"));
}

/* It changes the tree of log roots without its mutex: a task that is stopped after it has locked a block finds that the
 * leader has taken that block meanwhile, and a CHECK of the tree ends the program. */
static bool ends_in_a_check(const struct design *d)
{
	return !strcmp(d->name, "log_root_unlocked");
}

static void agree(const struct race *race, const struct design *d)
{
	bool breaks = race_expect(race, d->name) == VERDICT_BREAKS;
	uint64_t n = breaks ? BREAKS_WITHIN : fast() ? 40 : 400;

	if (race_expect(race, d->name) == VERDICT_ANY)
		return;
	uint64_t coarse = first_found(race, d, COOP_COARSE, n), fine = first_found(race, d, COOP_FINE, n);
	if ((race->granularity == COOP_COARSE && !coarse != !breaks) || !fine != !breaks)
		fail_msg("%s, %s: %s is due; found by coarse schedule %lu, by fine schedule %lu", race->name, d->name,
		         verdict_name[breaks ? VERDICT_BREAKS : VERDICT_HOLDS], (unsigned long)coarse,
		         (unsigned long)fine);
}

static void both_granularities_agree_on_every_verdict(void **state)
{
	skip_under_tsan();
	for (const struct race *const *r = race_all(); *r; r++)
		for (const struct design *const *d = fs_designs; *d; d++)
			if ((race_is_of_a_bug(*r) || (*r)->bare) && is_named(*r, *d) && !is_slow(*r, *d) &&
			    !ends_in_a_check(*d))
				agree(*r, *d);
}

/* ---- the protocol, searched whole ---- */

struct protocol_search {
	enum granularity granularity;
	struct protocol *protocol;
};

static void run_protocol(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	struct protocol_search *p = arg;
	struct coop_config with = *cfg;

	with.granularity = p->granularity;
	coop_run(&with, protocol_main, p->protocol, res);
}

static bool protocol_is_broken(void *arg)
{
	return protocol_broken(((struct protocol_search *)arg)->protocol) != NULL;
}

static struct trace_set protocol_traces(unsigned config, const struct protocol_design *design,
                                        enum granularity granularity)
{
	struct protocol_search p = { granularity, protocol_open(&protocol_configs[config], design) };
	struct trace_set t = search_all(dpor_new(DPOR_RACES), run_protocol, protocol_is_broken, &p);

	protocol_close(p.protocol);
	return t;
}

static void the_protocol_has_the_same_traces(void **state)
{
	skip_under_tsan();
	for (unsigned config = 0; config < (fast() ? 1 : 3); config++)
		for (unsigned i = 0; protocol_design_at(i); i++) {
			const struct protocol_design *d = protocol_design_at(i);
			struct trace_set coarse = protocol_traces(config, d, COOP_COARSE),
			        fine = protocol_traces(config, d, COOP_FINE);
			if (!same_traces(&coarse, &fine) || coarse.broken != fine.broken)
				fail_msg("%s, %s: %lu traces, with fine points %lu", protocol_configs[config].name,
				         protocol_design_name(d), (unsigned long)coarse.n, (unsigned long)fine.n);
			free(coarse.hash);
			free(fine.hash);
		}
}

/* ---- the smallest race, searched whole ---- */

/* How a run can end: its verdict, and what each crash may keep. */
struct pipeline {
	struct hunt *h;
	struct violation v;
	uint64_t sum, epochs;
	struct trace_set ends;
};

static int add_epoch(void *arg, const struct epoch *e)
{
	struct pipeline *p = arg;
	uint64_t pending = 0;
	uint32_t n;
	const struct dev_event *events = powercut_events(p->h->dev, &n);

	for (uint32_t i = 0; i < e->npending; i++) {
		const struct dev_event *w = &events[e->pending[i]];
		pending += rng_mix(w->len * 4u + w->fua * 2u + w->meta);
	}
	p->sum += rng_mix(rng_mix(pending) + ++p->epochs);
	return 0;
}

static bool keep_end(void *arg)
{
	struct pipeline *p = arg;
	bool broken = hunt_judge(p->h, &p->v) != VIOLATION_NONE;

	p->sum = p->epochs = 0;
	powercut_epochs(p->h->dev, add_epoch, p);
	keep_hash(&p->ends, rng_mix(p->sum + broken));
	return broken;
}

static void run_pipeline(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	struct pipeline *p = arg;

	hunt_run(p->h, cfg->picker, cfg->picker_state, 1);
	*res = p->h->result;
}

static void pipeline_open(struct pipeline *p, const char *design, enum granularity granularity)
{
	struct why why;

	*p = (struct pipeline){ 0 };
	assert_int_equal(hunt_open(race_named("seed_smallest"), fs_design_find(design), &p->h, &why), 0);
	p->h->granularity = granularity;
	violation_init(&p->v);
}

static struct trace_set pipeline_close(struct pipeline *p)
{
	violation_fini(&p->v);
	hunt_close(p->h);
	sort_once(&p->ends);
	return p->ends;
}

static struct trace_set all_ends(const char *design, enum granularity granularity)
{
	struct pipeline p;

	pipeline_open(&p, design, granularity);
	struct trace_set t = search_all(dpor_new(DPOR_RACES), run_pipeline, keep_end, &p);
	struct trace_set ends = pipeline_close(&p);
	ends.broken = t.broken;
	free(t.hash);
	return ends;
}

static struct trace_set some_ends(const char *design, const struct picker *picker, const char *args)
{
	const char *err = NULL;
	void *state = picker->create(args, &err);
	struct pipeline p;

	pipeline_open(&p, design, COOP_FINE);
	p.h->steps_hint = 300;
	for (uint64_t i = 0; i < (fast() ? 1000 : 10000); i++) {
		hunt_run(p.h, picker, state, hunt_seed(SEED, i));
		keep_end(&p);
	}
	picker->destroy(state);
	return pipeline_close(&p);
}

static bool among(uint64_t hash, const struct trace_set *all)
{
	return all->n && bsearch(&hash, all->hash, all->n, sizeof(hash), order_u64);
}

static void are_among(const char *design, struct trace_set some, const struct trace_set *all)
{
	for (uint64_t i = 0; i < some.n; i++)
		if (!among(some.hash[i], all))
			fail_msg("%s: with fine points a run ends as no other does", design);
	free(some.hash);
}

/*
 * All fine schedules are some hundred thousand traces: GRANULARITY_WHOLE=1 in the environment has them tried, and
 * then both sets of ends are the same. Else a sample of them is looked at.
 */
static void no_fine_run_of_the_smallest_race_ends_as_no_coarse_one_does(void **state)
{
	static const char *const designs[] = { "prefix", "postfix", "ordered_first", "flush_twice_early" };

	skip_under_tsan();
	for (unsigned i = 0; i < 4; i++) {
		struct trace_set coarse = all_ends(designs[i], COOP_COARSE);
		assert_int_equal(coarse.broken ? VERDICT_BREAKS : VERDICT_HOLDS,
		                 race_expect(race_named("seed_smallest"), designs[i]));
		are_among(designs[i], some_ends(designs[i], &pick_random, ""), &coarse);
		are_among(designs[i], some_ends(designs[i], &pick_pct, "d=3"), &coarse);
		if (getenv("GRANULARITY_WHOLE")) {
			struct trace_set fine = all_ends(designs[i], COOP_FINE);
			assert_true(same_traces(&coarse, &fine) && !coarse.broken == !fine.broken);
			free(fine.hash);
		}
		free(coarse.hash);
	}
}

/* ---- what only fine points can see ---- */

static struct {
	uint32_t id;
	int value, seen[2];
} shared;

/* Nothing guards the value, and no point is before its second reading: with coarse points the two are one step. */
static void reader(void *arg)
{
	rt_point(shared.id, POINT_READ);
	shared.seen[0] = shared.value;
	rt_access(shared.id, POINT_READ);
	shared.seen[1] = shared.value;
}

static void writer(void *arg)
{
	rt_point(shared.id, POINT_WRITE);
	shared.value++;
}

static void read_and_write(void *arg)
{
	struct task *t[2];

	shared.id = rt_obj_id();
	shared.value = 0;
	t[0] = rt_spawn("reader", reader, NULL, NULL);
	t[1] = rt_spawn("writer", writer, NULL, NULL);
	coop_choices(true);
	rt_join(t[0]);
	rt_join(t[1]);
	coop_choices(false);
}

static unsigned times_torn(enum granularity granularity)
{
	unsigned torn = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		const char *err = NULL;
		struct coop_config cfg = { .picker = &pick_random, .picker_state = pick_random.create("", &err),
		                           .seed = seed, .granularity = granularity };
		struct coop_result res;
		coop_run(&cfg, read_and_write, NULL, &res);
		pick_random.destroy(cfg.picker_state);
		torn += shared.seen[0] != shared.seen[1];
	}
	return torn;
}

static void fine_points_are_at_accesses_that_no_lock_guards(void **state)
{
	skip_under_tsan();
	assert_int_equal(times_torn(COOP_COARSE), 0);
	assert_in_range(times_torn(COOP_FINE), 1, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_granularities_agree_on_every_verdict),
		cmocka_unit_test(the_protocol_has_the_same_traces),
		cmocka_unit_test(no_fine_run_of_the_smallest_race_ends_as_no_coarse_one_does),
		cmocka_unit_test(fine_points_are_at_accesses_that_no_lock_guards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
