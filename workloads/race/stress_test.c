/*
 * stress_test.c: races on threads: noise makes the seed's race happen where it is, nothing is found where nothing is,
 * a hit is counted and kept as it should be. The one test of races and of the model that ThreadSanitizer sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hunt/stress.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

static struct hunt *open_hunt(const struct race *race, const char *design)
{
	struct why why = WHY_NONE;
	struct hunt *h = NULL;

	if (hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	return h;
}

/* What a hit must look like; how many fsyncs had returned by then. */
struct hits {
	uint64_t n, fsyncs;
	char path[64];
};

static void note_hit(const struct stress *s, struct hunt *h, const struct violation *v, void *arg)
{
	struct hits *hits = arg;
	struct why why = WHY_NONE;

	assert_int_equal(v->kind, VIOLATION_PROMISE);
	hits->n++;
	hits->fsyncs = 0;
	for (uint32_t i = 0; i < model_nops(h->run.model); i++) {
		const struct model_op *o = model_op(h->run.model, i);
		hits->fsyncs += o->kind == OP_FSYNC && o->pe <= v->crash.pos && o->pe > o->pb;
	}
	if (stress_write_hit(hits->path, s, h, v, &why))
		fail_msg("%s", why.text);
}

static void hits_soon(const char *design, enum noise noise, struct hits *hits)
{
	struct hunt *h = open_hunt(race_named("seed"), design);
	struct stress s = { .noise = noise, .rounds = 1, .hit = note_hit, .arg = hits };

	for (s.seed = 1; s.seed < 200 && !hits->n; s.seed++)
		assert_int_equal(stress_run(h, &s), 0);
	hunt_close(h);
	assert_int_equal(hits->n, 1);
	assert_int_equal(s.hits, 1);
	assert_int_equal(s.fsyncs, hits->fsyncs);
}

static void yields_and_sleeps_hit_the_seed_race(void **state)
{
	static const enum noise noise[] = { NOISE_YIELD, NOISE_SLEEP };
	char text[200] = "";

	for (unsigned i = 0; i < 2; i++) {
		struct hits hits = { .path = "stress_test.hit" };
		hits_soon("prefix", noise[i], &hits);
		FILE *f = fopen(hits.path, "r");
		assert_non_null(f);
		assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
		assert_non_null(strstr(text, "fsyncstorm race hunt seed --design prefix"));
		fclose(f);
		unlink(hits.path);
	}
}

static void holds(const struct race *race, const char *design, enum noise noise, uint64_t rounds)
{
	struct hits hits = { .path = "stress_test.failed.hit" };
	struct stress s = { .noise = noise, .seed = 1, .rounds = rounds, .seconds = fast() ? 0.3 : 0.7,
	                    .hit = note_hit, .arg = &hits };
	struct hunt *h = open_hunt(race, design);

	assert_int_equal(stress_run(h, &s), 0);
	if (s.hits)
		fail_msg("%s, %s, noise %s: %lu hits (%s)", race->name, design, noise_name[noise],
		         (unsigned long)s.hits, hits.path);
	assert_true(s.fsyncs > 0);
	assert_true(s.images > 0);
	hunt_close(h);
}

static void correct_designs_are_not_hit(void **state)
{
	for (unsigned n = 0; n < NOISE_KINDS; n++) {
		holds(race_named("seed"), "postfix", (enum noise)n, 20);
		holds(&race_mixed, "postfix", (enum noise)n, 20);
	}
	holds(race_named("seed_compressed"), "postfix", NOISE_YIELD, 20);
	holds(race_named("seed"), "ordered_first", NOISE_YIELD, 20);
}

/* Half the quantiles of the chi-squared distribution at 2n and 2n + 2 degrees of freedom. */
static void the_interval_is_that_of_a_poisson_count(void **state)
{
	static const struct {
		uint64_t n;
		double low, high;
	} table[] = { { 0, 0, 3.6889 }, { 1, 0.0253, 5.5716 }, { 2, 0.2422, 7.2247 }, { 10, 4.7954, 18.3904 },
	              { 100, 81.3639, 121.6268 } };

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		double low, high;
		stress_interval(table[i].n, &low, &high);
		assert_true(low > table[i].low - 1e-4 && low < table[i].low + 1e-4);
		assert_true(high > table[i].high - 1e-4 && high < table[i].high + 1e-4);
	}
	double low, high;
	stress_interval(100000, &low, &high);
	assert_true(low > 99380 && low < 99382 && high > 100621 && high < 100623);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yields_and_sleeps_hit_the_seed_race),
		cmocka_unit_test(correct_designs_are_not_hit),
		cmocka_unit_test(the_interval_is_that_of_a_poisson_count),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
