/*
 * strategy_test.c: the portfolio's shares, its reach on every shape of the bare protocol, what a certificate claims,
 * slices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/run.h"
#include "hunt/search.h"
#include "race/protocol.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

static void open_strategy(struct strategy *s, const char *text)
{
	struct why why = WHY_NONE;

	if (strategy_open(s, text, &why))
		fail_msg("%s", why.text);
}

/* ---- shares ---- */

static void each_picker_has_its_share_and_they_take_turns(void **state)
{
	static const char *const name[] = { "surw", "random", "pct:d=auto", "pos" };
	static const unsigned share[] = { 9, 3, 4, 4 };
	unsigned had[4] = { 0 };
	struct strategy s;

	open_strategy(&s, "portfolio");
	assert_int_equal(s.n, 4);
	for (unsigned t = 0; t < STRATEGY_TURNS; t++)
		had[s.turn[t]]++;
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(s.member[i].text, name[i]);
		assert_int_equal(had[i], share[i]);
	}
	for (unsigned t = 4; t < STRATEGY_TURNS; t++) /* never one alone for long */
		assert_false(s.turn[t] == s.turn[t - 1] && s.turn[t] == s.turn[t - 2] && s.turn[t] == s.turn[t - 3]);
	strategy_close(&s);
}

/* ---- on the bare protocol ---- */

static bool run_next(struct strategy *s, struct protocol *p, uint64_t seed)
{
	struct coop_result result;
	struct coop_config cfg = { .seed = seed };
	struct strategy_member *m = strategy_next(s, &cfg);

	assert_non_null(m);
	coop_run(&cfg, protocol_main, p, &result);
	bool found = protocol_broken(p) != NULL;
	strategy_ran(s, m, &result, found);
	return found;
}

static uint64_t schedules_to_bug(const struct protocol_shape *shape, uint64_t seed)
{
	struct protocol *p = protocol_open(shape, protocol_design_find("prefix"));
	struct strategy s;

	open_strategy(&s, "portfolio");
	while (!run_next(&s, p, hunt_seed(seed, s.schedules + 1)) && s.schedules < 10000)
		;
	uint64_t n = s.schedules;
	strategy_close(&s);
	protocol_close(p);
	return n;
}

static void the_portfolio_is_blind_on_no_shape(void **state)
{
	unsigned seeds = fast() ? 10 : 60;

	for (unsigned i = 0; i < PROTOCOL_SHAPES; i++) {
		uint64_t sum = 0;
		for (uint64_t seed = 1; seed <= seeds; seed++)
			sum += schedules_to_bug(&protocol_shapes[i], seed);
		if (sum / seeds > 80)
			fail_msg("%s: %lu schedules in the mean", protocol_shapes[i].name,
			         (unsigned long)(sum / seeds));
	}
}

/* ---- certificates ---- */

static void add_line(struct certificate *c, uint32_t d, uint32_t steps, uint64_t runs)
{
	c->line[c->nlines++] = (struct certificate_line){ d, steps, runs };
}

static void a_certificate_is_the_product_over_the_runs_that_count(void **state)
{
	struct certificate c = { .tasks = 4, .longest = 34 }, other = { .tasks = 5, .longest = 40 };

	assert_true(certificate_miss(&c, 3) == 1);
	add_line(&c, 3, 34, 100000);
	assert_true(fabs(certificate_miss(&c, 3) - pow(1 - 1 / (4 * 34. * 34), 100000)) < 1e-12);
	assert_true(certificate_miss(&c, 2) == 1);
	add_line(&c, 3, 33, 1000000); /* too short for what was seen */
	assert_int_equal(certificate_runs(&c, 3), 100000);
	certificate_merge(&c, &other); /* now all of them are */
	assert_int_equal(certificate_runs(&c, 3), 0);
	assert_true(certificate_miss(&c, 3) == 1);
}

static void a_certificate_says_what_the_next_depth_would_take(void **state)
{
	struct certificate c = { .tasks = 4, .longest = 34 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	add_line(&c, 2, 34, 100000);
	certificate_print(&c, out);
	fclose(out);
	assert_non_null(strstr(text, "a bug of depth 2 is missed")); /* 6.9078 * 4 * 34^2 = 31,942 */
	assert_non_null(strstr(text, "of bugs of depth 3 and more they say nothing: to miss one of depth 3 once in "
	                       "1000 it takes 3.2e+04 of pct with d = 3"));
	free(text);
}

/* The bound is one: pct of depth 3, the bug's, finds it at least as often as the certificate says. */
static void pct_keeps_the_promise_of_its_certificate(void **state)
{
	struct protocol *p = protocol_open(&protocol_shapes[0], protocol_design_find("prefix"));
	uint64_t n = fast() ? 10000 : 50000;
	struct strategy s;

	open_strategy(&s, "pct:d=3");
	for (uint64_t i = 1; i <= n; i++)
		run_next(&s, p, hunt_seed(1, i));
	const struct certificate *c = &s.certificate;
	double promised = (double)certificate_runs(c, 3) / (c->tasks * pow(certificate_steps(c), 2));
	assert_true(certificate_runs(c, 3) > n * 9 / 10);
	assert_in_range(c->tasks, 4, 5);
	assert_true(promised > 1);
	assert_true((double)s.member[0].found >= promised);
	strategy_close(&s);
	protocol_close(p);
}

/* ---- slices ---- */

static uint64_t search(uint64_t seed, uint32_t shard, uint32_t shards, uint32_t jobs, struct search *out)
{
	struct search s = { .seed = seed, .schedules = 3000, .shard = shard, .shards = shards };
	struct strategy strategy;
	struct violation v;
	struct hunt *h;
	struct why why = WHY_NONE;

	if (hunt_open(&race_protocol, fs_design_find("prefix"), &h, &why))
		fail_msg("%s", why.text);
	open_strategy(&strategy, "pct");
	violation_init(&v);
	s.strategy = &strategy;
	if (jobs > 1 && hunt_search_jobs(h, &s, jobs, &v, &why))
		fail_msg("%s", why.text);
	if (jobs <= 1)
		hunt_search(h, &s, &v);
	assert_int_equal(s.found_at != 0, v.kind == VIOLATION_STATE);
	if (out)
		*out = s;
	violation_fini(&v);
	strategy_close(&strategy);
	hunt_close(h);
	return s.found_at;
}

static void processes_find_what_the_first_of_their_slices_finds(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		uint64_t first = UINT64_MAX;
		struct search s;
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t at = search(seed, i, 3, 1, NULL);
			first = at && at < first ? at : first;
			assert_true(!at || at % 3 == (i + 1) % 3);
		}
		assert_int_equal(search(seed, 0, 1, 3, &s), first);
		assert_true(s.run > 0 && s.distinct > 0 && s.distinct <= s.run);
	}
}

static void a_search_is_the_same_search_again(void **state)
{
	struct violation v;

	violation_init(&v);
	for (unsigned i = 0; i < 2; i++) {
		static uint64_t at, distinct;
		struct search s = { .seed = 5, .schedules = fast() ? 100 : 1000, .check_determinism = true };
		struct strategy strategy;
		struct hunt *h;
		struct why why;
		assert_int_equal(hunt_open(race_named("seed"), fs_design_find("postfix"), &h, &why), 0);
		open_strategy(&strategy, "portfolio");
		s.strategy = &strategy;
		hunt_search(h, &s, &v);
		assert_false(s.nondeterministic);
		assert_true(!i || (s.distinct == distinct && strategy.member[0].longest == at));
		distinct = s.distinct;
		at = strategy.member[0].longest;
		strategy_close(&strategy);
		hunt_close(h);
	}
	violation_fini(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_picker_has_its_share_and_they_take_turns),
		cmocka_unit_test(the_portfolio_is_blind_on_no_shape),
		cmocka_unit_test(a_certificate_is_the_product_over_the_runs_that_count),
		cmocka_unit_test(a_certificate_says_what_the_next_depth_would_take),
		cmocka_unit_test(pct_keeps_the_promise_of_its_certificate),
		cmocka_unit_test(processes_find_what_the_first_of_their_slices_finds),
		cmocka_unit_test(a_search_is_the_same_search_again),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
