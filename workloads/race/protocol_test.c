/* protocol_test.c: the bare protocol tells its four designs apart, in every shape, and a trace decides its verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "pick/pickers.h"
#include "race/protocol.h"
#include "rt/sanitize.h"

static uint64_t scaled(uint64_t n)
{
	return getenv("FAST_TESTS") ? n / 10 : n;
}

struct rig {
	struct protocol *p;
	struct coop_config cfg;
	struct coop_result result;
	uint64_t broken; /* of the runs so far */
};

static void rig_open(struct rig *g, const struct protocol_shape *shape, const char *design, const struct picker *picker,
                     const char *args)
{
	const char *err = NULL;

	*g = (struct rig){ .p = protocol_open(shape, protocol_design_find(design)) };
	g->cfg = (struct coop_config){ .picker = picker, .picker_state = picker->create(args, &err), .steps_hint = 40 };
	assert_null(err);
}

static void rig_close(struct rig *g)
{
	g->cfg.picker->destroy(g->cfg.picker_state);
	protocol_close(g->p);
}

static bool breaks(struct rig *g, uint64_t seed)
{
	g->cfg.seed = rng_mix(seed);
	coop_run(&g->cfg, protocol_main, g->p, &g->result);
	assert_int_equal(g->result.end, COOP_FINISHED);
	bool broken = protocol_broken(g->p) != NULL;
	g->broken += broken;
	return broken;
}

/* Runs n schedules by the random walk; how many break. */
static uint64_t broken_in(const struct protocol_shape *shape, const char *design, uint64_t n)
{
	struct rig g;

	rig_open(&g, shape, design, &pick_random, "");
	for (uint64_t i = 0; i < n; i++)
		breaks(&g, i);
	rig_close(&g);
	return g.broken;
}

static void unsafe_designs_break_and_safe_ones_hold_in_every_size(void **state)
{
	for (unsigned c = 0; c < PROTOCOL_CONFIGS; c++)
		for (unsigned i = 0; protocol_design_at(i); i++) {
			const struct protocol_design *d = protocol_design_at(i);
			uint64_t n = broken_in(&protocol_configs[c], protocol_design_name(d), scaled(20000));
			if ((n == 0) != protocol_design_safe(d))
				fail_msg("%s, %s: %lu schedules break", protocol_configs[c].name,
				         protocol_design_name(d), (unsigned long)n);
		}
}

/* The random walk finds it where nothing, or everything, is padded: 1 in 100 at the rarest. */
static void padding_makes_it_rare_and_not_impossible(void **state)
{
	static const unsigned walkable[] = { 0, 1, 2, 6, 7, 8 };

	for (unsigned i = 0; i < sizeof(walkable) / sizeof(walkable[0]); i++)
		assert_true(broken_in(&protocol_shapes[walkable[i]], "prefix", 2000) > 0);
}

/* (protocol.1, protocol.2) The number of a trace says how it ends, and what its schedule is called does not matter. */
#define SLOTS 65536u

static void a_trace_has_one_verdict(void **state)
{
	static uint64_t hash[SLOTS];
	static bool broken[SLOTS];
	struct rig g;

	for (unsigned c = 0; c < PROTOCOL_CONFIGS; c++) {
		memset(hash, 0, sizeof(hash));
		rig_open(&g, &protocol_configs[c], "prefix", &pick_random, "");
		for (uint64_t i = 0; i < scaled(20000); i++) {
			bool b = breaks(&g, i);
			uint32_t at = (uint32_t)(g.result.trace_hash % SLOTS);
			if (hash[at] == g.result.trace_hash && broken[at] != b)
				fail_msg("%s: one trace, two verdicts", protocol_configs[c].name);
			hash[at] = g.result.trace_hash;
			broken[at] = b;
		}
		rig_close(&g);
	}
}

/* Two page flushes in either order, by whomever, are independent: the objects' numbers must not tell. */
static void the_base_shape_has_few_traces(void **state)
{
	static uint64_t seen[4096];
	unsigned n = 0;
	struct rig g;

	rig_open(&g, &protocol_shapes[0], "postfix", &pick_random, "");
	for (uint64_t i = 0; i < scaled(200000); i++) {
		unsigned k = 0;
		breaks(&g, i);
		while (k < n && seen[k] != g.result.trace_hash)
			k++;
		if (k == n)
			seen[n++] = g.result.trace_hash;
		assert_true(n < 1000);
	}
	rig_close(&g);
}

static void a_step_is_what_the_machinery_is_charged_for(void **state)
{
	uint64_t steps = 0, n = 2000;
	struct rig g;

	rig_open(&g, &protocol_shapes[0], "postfix", &pick_random, "");
	for (uint64_t i = 0; i < n; i++) {
		breaks(&g, i);
		steps += g.result.steps;
	}
	assert_in_range(steps / n, 12, 32);
	rig_close(&g);
}

static void the_sentence_names_the_page(void **state)
{
	struct rig g;
	uint64_t seed = 0;

	rig_open(&g, &protocol_shapes[0], "prefix", &pick_random, "");
	while (!breaks(&g, seed) && seed < 5000)
		seed++;
	assert_non_null(strstr(protocol_broken(g.p), "page "));
	assert_non_null(strstr(protocol_broken(g.p), "not on disk"));
	rig_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsafe_designs_break_and_safe_ones_hold_in_every_size),
		cmocka_unit_test(padding_makes_it_rare_and_not_impossible),
		cmocka_unit_test(a_trace_has_one_verdict),
		cmocka_unit_test(the_base_shape_has_few_traces),
		cmocka_unit_test(a_step_is_what_the_machinery_is_charged_for),
		cmocka_unit_test(the_sentence_names_the_page),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
