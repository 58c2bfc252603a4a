/*
 * brute_test.c: on six sizes of the bare protocol, under four designs, the reduction (pick/dpor.c) finds exactly the
 * traces that an enumeration finds which shares nothing with it: no dependence, no races, no sleep sets. The
 * enumeration lets every task go on in every state, and stops at a state that it has seen: one with the same order of
 * accesses of each object (rt/coop_trace.h) and the same number of steps of each task. Two such states have the same
 * futures, so every trace is completed by some run.
 */
#include "base/rng.h"
#include "hunt/traces.h"
#include "race/protocol.h"
#include "rt/coop_trace.h"
#include "pick/dpor_test.h"

#define BRUTE_DEPTH 1024u

struct brute {
	struct traces seen; /* states */
	uint64_t left[BRUTE_DEPTH];
	uint8_t pick[BRUTE_DEPTH];
	uint32_t n, depth;  /* of the branch; of the run */
	uint64_t steps[COOP_TASKS_MAX];
	bool begun;
};

static void brute_begin(void *state, uint64_t seed, uint32_t steps)
{
	struct brute *b = state;

	b->begun = true;
	b->depth = 0;
	memset(b->steps, 0, sizeof(b->steps));
}

static uint64_t state_of(const struct brute *b)
{
	uint64_t sum = coop_trace_hash();

	for (uint32_t t = 0; t < COOP_TASKS_MAX; t++)
		sum += b->steps[t] ? rng_mix(b->steps[t] * COOP_TASKS_MAX + t) : 0;
	return sum;
}

static bool is_new(struct brute *b)
{
	uint64_t before = b->seen.n;

	traces_add(&b->seen, state_of(b));
	return b->seen.n > before;
}

static uint32_t brute_pick(void *state, const struct coop_view *v)
{
	struct brute *b = state;

	if (b->depth == b->n) {
		if (!is_new(b))
			return COOP_PICK_CUT;
		assert_true(b->n < BRUTE_DEPTH);
		b->pick[b->n] = (uint8_t)__builtin_ctzll(v->enabled);
		b->left[b->n++] = v->enabled & (v->enabled - 1);
	}
	b->steps[b->pick[b->depth]]++;
	return b->pick[b->depth++];
}

static bool brute_more(struct brute *b)
{
	if (!b->begun)
		return true;
	while (b->n && !b->left[b->n - 1])
		b->n--;
	if (!b->n)
		return false;
	b->pick[b->n - 1] = (uint8_t)__builtin_ctzll(b->left[b->n - 1]);
	b->left[b->n - 1] &= b->left[b->n - 1] - 1;
	return true;
}

static const struct picker pick_brute = { .name = "brute", .begin = brute_begin, .pick = brute_pick,
                                          .every_turn = true };

/* As search_all(). */
static struct trace_set brute_all(void (*run)(const struct coop_config *cfg, void *arg, struct coop_result *res),
                                  bool (*broken)(void *arg), void *arg)
{
	static struct brute b;
	struct coop_config cfg = { .picker = &pick_brute, .picker_state = &b };
	struct trace_set t = { 0 };

	b.begun = false;
	b.n = 0;
	traces_init(&b.seen);
	while (brute_more(&b)) {
		struct coop_result res;
		run(&cfg, arg, &res);
		t.runs++;
		t.cut += res.cut;
		if (res.cut)
			continue;
		keep_hash(&t, res.trace_hash);
		t.stuck += res.end == COOP_STUCK;
		t.broken += res.end == COOP_STUCK || broken(arg);
	}
	assert_true(b.seen.n < TRACES_MAX);
	traces_free(&b.seen);
	sort_once(&t);
	return t;
}

static void run_protocol(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	coop_run(cfg, protocol_main, arg, res);
}

static bool protocol_is_broken(void *arg)
{
	return protocol_broken(arg) != NULL;
}

/* Two flushes early are a hundred thousand traces with two fsyncs, and many with three pages. */
static bool too_many(unsigned config, const char *design)
{
	return config >= (getenv("FAST_TESTS") ? 2 : 6) || (config >= 2 && !strcmp(design, "flush_twice_early"));
}

static void compare(const struct protocol_shape *shape, const struct protocol_design *design)
{
	struct protocol *p = protocol_open(shape, design);
	struct trace_set reduced = search_all(dpor_new(DPOR_RACES), run_protocol, protocol_is_broken, p);
	struct trace_set all = brute_all(run_protocol, protocol_is_broken, p);

	if (!same_traces(&reduced, &all))
		fail_msg("%s, %s: %lu traces, not %lu", shape->name, protocol_design_name(design),
		         (unsigned long)reduced.n, (unsigned long)all.n);
	assert_int_equal(reduced.runs, all.n);
	assert_int_equal(reduced.broken, all.broken);
	free(reduced.hash);
	free(all.hash);
	protocol_close(p);
}

static void the_reduction_finds_what_an_enumeration_finds_each_trace_once(void **state)
{
	skip_under_tsan();
	for (unsigned config = 0; config < PROTOCOL_CONFIGS; config++)
		for (unsigned i = 0; protocol_design_at(i); i++)
			if (!too_many(config, protocol_design_name(protocol_design_at(i))))
				compare(&protocol_configs[config], protocol_design_at(i));
}

/* The fault that a prototype once had, unseen: what was about to be done in a run that was cut is forgotten. */
static void a_fault_planted_in_the_reduction_is_seen(void **state)
{
	skip_under_tsan();
	struct dpor *d = dpor_new(DPOR_RACES);
	struct protocol *p = protocol_open(&protocol_configs[1], protocol_design_find("prefix"));
	d->forget_pending = true;
	struct trace_set faulty = search_all(d, run_protocol, NULL, p),
	        all = brute_all(run_protocol, protocol_is_broken, p);
	assert_true(faulty.n < all.n);
	free(faulty.hash);
	free(all.hash);
	protocol_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reduction_finds_what_an_enumeration_finds_each_trace_once),
		cmocka_unit_test(a_fault_planted_in_the_reduction_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
