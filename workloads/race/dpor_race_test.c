/*
 * dpor_race_test.c: the reduction on races: on six sizes of the bare protocol under four designs, and on the
 * smallest race of the whole pipeline, it finds exactly the traces that a search with sleep sets alone finds,
 * each once, in one search or divided among several; and designs that break a promise break it in some trace, safe
 * ones in none. (brute_test.c has an enumeration without sleep sets.)
 */
#include "hunt/judge.h"
#include "hunt/run.h"
#include "race/protocol.h"
#include "race/registry.h"
#include "race/scenario.h"
#include "pick/dpor_test.h"

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

/* ---- the bare protocol ---- */

static void run_protocol(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	coop_run(cfg, protocol_main, arg, res);
}

static bool protocol_is_broken(void *arg)
{
	return protocol_broken(arg) != NULL;
}

static struct trace_set protocol_traces(unsigned config, const char *design, struct dpor *d)
{
	struct protocol *p = protocol_open(&protocol_configs[config], protocol_design_find(design));
	struct trace_set t = search_all(d, run_protocol, protocol_is_broken, p);

	protocol_close(p);
	return t;
}

/* Two flushes early are a hundred thousand traces with two fsyncs, and many with three pages. */
static bool too_many_for_sleep_sets(unsigned config, const char *design)
{
	return !strcmp(design, "flush_twice_early") && config >= 2;
}

static void check_size(unsigned config, const char *design)
{
	struct trace_set reduced = protocol_traces(config, design, dpor_new(DPOR_RACES)), sleep;

	if ((reduced.broken == 0) != protocol_design_safe(protocol_design_find(design)))
		fail_msg("%s, %s: %lu traces break", protocol_configs[config].name, design,
		         (unsigned long)reduced.broken);
	if (reduced.runs != reduced.n)
		fail_msg("%s, %s: %lu traces in %lu runs", protocol_configs[config].name, design,
		         (unsigned long)reduced.n, (unsigned long)reduced.runs);
	if (!too_many_for_sleep_sets(config, design)) {
		sleep = protocol_traces(config, design, dpor_new(DPOR_SLEEP));
		if (!same_traces(&reduced, &sleep))
			fail_msg("%s, %s: %lu traces, not %lu", protocol_configs[config].name, design,
			         (unsigned long)reduced.n, (unsigned long)sleep.n);
		free(sleep.hash);
	}
	free(reduced.hash);
}

static void six_sizes_of_the_protocol_are_searched_whole(void **state)
{
	skip_under_tsan();
	for (unsigned config = 0; config < (fast() ? 2 : 6); config++)
		for (unsigned i = 0; protocol_design_at(i); i++)
			if (config != 3 ||
			    !too_many_for_sleep_sets(config, protocol_design_name(protocol_design_at(i))))
				check_size(config, protocol_design_name(protocol_design_at(i)));
}

/* ---- the whole pipeline ---- */

struct pipeline {
	struct hunt *h;
	struct violation v;
};

static void run_pipeline(const struct coop_config *cfg, void *arg, struct coop_result *res)
{
	struct pipeline *p = arg;

	hunt_run(p->h, cfg->picker, cfg->picker_state, 1);
	*res = p->h->result;
}

static bool pipeline_is_broken(void *arg)
{
	struct pipeline *p = arg;

	return hunt_judge(p->h, &p->v) != VIOLATION_NONE;
}

static struct trace_set race_traces(const struct race *race, const char *design, struct dpor *d)
{
	struct pipeline p;
	struct why why;

	assert_int_equal(hunt_open(race, fs_design_find(design), &p.h, &why), 0);
	violation_init(&p.v);
	struct trace_set t = search_all(d, run_pipeline, pipeline_is_broken, &p);
	violation_fini(&p.v);
	hunt_close(p.h);
	return t;
}

static struct trace_set bounded_traces(const struct race *race, const char *design, enum dpor_mode mode,
                                       uint32_t preemptions)
{
	struct dpor *d = dpor_new(mode);

	d->preemptions = preemptions;
	return race_traces(race, design, d);
}

static struct trace_set pipeline_traces(const char *design, enum dpor_mode mode)
{
	return bounded_traces(race_named("seed_smallest"), design, mode, DPOR_NO_BOUND);
}

static void the_smallest_race_is_searched_whole(void **state)
{
	static const char *const designs[] = { "prefix", "postfix", "ordered_first", "flush_twice_early" };

	skip_under_tsan();
	for (unsigned i = 0; i < (fast() ? 2 : 4); i++) {
		struct trace_set reduced = pipeline_traces(designs[i], DPOR_RACES);
		assert_int_equal(reduced.runs, reduced.n);
		assert_int_equal(reduced.broken ? VERDICT_BREAKS : VERDICT_HOLDS,
		                 race_expect(race_named("seed_smallest"), designs[i]));
		free(reduced.hash);
	}
}

static void the_pipeline_names_all_that_its_tasks_share(void **state)
{
	struct trace_set reduced, sleep;

	skip_under_tsan();
	if (fast())
		skip();
	reduced = pipeline_traces("prefix", DPOR_RACES);
	sleep = pipeline_traces("prefix", DPOR_SLEEP);
	assert_true(same_traces(&reduced, &sleep));
	assert_int_equal(sleep.runs, sleep.n);
	assert_int_equal(reduced.broken, sleep.broken);
	free(reduced.hash);
	free(sleep.hash);
}

static void compare_bounded(const struct race *race, enum dpor_mode with, uint32_t preemptions)
{
	struct trace_set plain = bounded_traces(race, "postfix", with, preemptions);
	struct trace_set reduced = bounded_traces(race, "postfix", DPOR_RACES, preemptions);

	if (!same_traces(&plain, &reduced))
		fail_msg("%s, %u preemptions: %lu traces, not %lu", race->name, preemptions, (unsigned long)reduced.n,
		         (unsigned long)plain.n);
	assert_true(plain.n > 1 && reduced.runs < plain.runs);
	assert_int_equal(reduced.broken, 0);
	free(plain.hash);
	free(reduced.hash);
}

static void within_a_bound_no_race_loses_a_trace(void **state)
{
	static const char *const named[] = { "seed", "commit", "data_error", "early_error", "log_reuse", "supers" };

	skip_under_tsan();
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		compare_bounded(race_named(named[i]), DPOR_ALL, 0);
	compare_bounded(race_named("seed"), DPOR_SLEEP, 1);
	compare_bounded(race_named("data_error"), DPOR_SLEEP, 1);
}

/* Two threads reach marks, and two wait for them: what they share is named. */
static void nor_does_one_whose_threads_wait_for_marks(void **state)
{
	static const char text[] = "[setup]\nfile a 4k\n[thread t]\na pwrite 0 512\nmark m\na pwrite 512 512\n"
				   "[thread u]\nat m\na pwrite 1k 512\nmark n\n[thread v]\na pwrite 2k 512\nat n\n";
	const struct race *race;
	struct why why;

	skip_under_tsan();
	assert_int_equal(race_scenario_from_text("marks", text, &race, &why), 0);
	compare_bounded(race, DPOR_ALL, 0);
	compare_bounded(race, DPOR_ALL, 1);
}

/* ---- divided among several ---- */

static void compare_parts(const struct race *race, uint32_t preemptions, uint32_t parts)
{
	struct trace_set whole = bounded_traces(race, "postfix", DPOR_RACES, preemptions), all = { 0 };

	for (uint32_t part = 0; part < parts; part++) {
		struct dpor *d = dpor_new(DPOR_RACES);
		d->preemptions = preemptions;
		d->part = part;
		d->parts = parts;
		struct trace_set t = race_traces(race, "postfix", d);
		add_traces(&all, &t);
	}
	sort_once(&all);
	if (!same_traces(&whole, &all))
		fail_msg("%s, %u preemptions, %u parts: %lu traces, not %lu", race->name, preemptions, parts,
		         (unsigned long)all.n, (unsigned long)whole.n);
	assert_true(all.runs < 2 * whole.runs);
	free(whole.hash);
	free(all.hash);
}

/* Each part cuts what belongs to another part: no task may sleep because of what only that other part has run. */
static void all_parts_together_find_what_one_search_finds(void **state)
{
	static const uint32_t parts[] = { 2, 3, 5 };

	skip_under_tsan();
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		compare_parts(race_named("seed"), 0, parts[i]);
		compare_parts(race_named("seed"), 1, parts[i]);
		compare_parts(race_named("seed_smallest"), 1, parts[i]);
		compare_parts(race_named("seed_smallest"), DPOR_NO_BOUND, parts[i]);
		compare_parts(race_named("data_error"), 1, parts[i]);
		compare_parts(race_named("log_reuse"), 0, parts[i]);
	}
	if (!fast())
		compare_parts(race_named("seed_smallest"), 2, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_sizes_of_the_protocol_are_searched_whole),
		cmocka_unit_test(the_smallest_race_is_searched_whole),
		cmocka_unit_test(within_a_bound_no_race_loses_a_trace),
		cmocka_unit_test(nor_does_one_whose_threads_wait_for_marks),
		cmocka_unit_test(all_parts_together_find_what_one_search_finds),
		cmocka_unit_test(the_pipeline_names_all_that_its_tasks_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
