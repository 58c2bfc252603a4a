/*
 * verdicts_test.c: THE TABLE OF VERDICTS: every race against every design, with fixed seeds. What is due
 * to break is found within a bound on schedules, by the hunter's portfolio and by a promise that a crash
 * breaks, or by a deadlock where that is what a race is about; what is due to hold, holds for a while. And every
 * design of the corpus has a race that breaks it, while the correct ones have none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/search.h"
#include "race/registry.h"
#include "rt/sanitize.h"
#if RT_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define SEED          7u
#define BREAKS_WITHIN 50000u

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

/* Number of the first schedule that breaks a promise; 0: none in n. */
static uint64_t first_broken(const struct race *race, const struct design *design, uint64_t n)
{
	struct search s = { .seed = SEED, .schedules = n };
	struct strategy strategy;
	struct violation v;
	struct hunt *h;
	struct why why = WHY_NONE;

	if (hunt_open(race, design, &h, &why) || strategy_open(&strategy, "portfolio", &why))
		fail_msg("%s", why.text);
	s.strategy = &strategy;
	violation_init(&v);
#if RT_ASAN
	if (race_is_of_a_deadlock(race))
		__lsan_disable(); /* a run that is stuck is left where it stands, with what it had allocated */
#endif
	hunt_search(h, &s, &v);
#if RT_ASAN
	if (race_is_of_a_deadlock(race))
		__lsan_enable();
#endif
	if (s.found_at && v.kind != VIOLATION_PROMISE && !(v.kind == VIOLATION_STUCK && race_is_of_a_deadlock(race)))
		fail_msg("%s, %s: schedule %lu: %s", race->name, design->name, (unsigned long)s.found_at, v.text);
	violation_fini(&v);
	strategy_close(&strategy);
	hunt_close(h);
	return s.found_at;
}

/* Those without a file system have a table of their own (protocol_test.c). All that is not as due is told. */
static void each_design(bool (*wanted)(const struct race *race, const struct design *d),
                        bool (*as_due)(const struct race *race, const struct design *d))
{
	unsigned wrong = 0;

	for (const struct race *const *r = race_all(); *r; r++)
		for (const struct design *const *d = fs_designs; *d; d++)
			if (!(*r)->bare && wanted(*r, *d))
				wrong += !as_due(*r, *d);
	assert_int_equal(wrong, 0);
}

static bool is_due_to_break(const struct race *race, const struct design *d)
{
	return race_expect(race, d->name) == VERDICT_BREAKS;
}

static bool is_due_to_hold(const struct race *race, const struct design *d)
{
	return race_expect(race, d->name) == VERDICT_HOLDS;
}

static bool is_found(const struct race *race, const struct design *d)
{
	bool found = first_broken(race, d, BREAKS_WITHIN);

	if (!found)
		print_error("%s, %s: not found in %u schedules\n", race->name, d->name, BREAKS_WITHIN);
	return found;
}

static bool holds(const struct race *race, const struct design *d)
{
	bool slow = race == &race_mixed || race == race_named("seed_compressed");
	uint64_t n = (slow ? 60 : race_is_of_a_bug(race) ? 400 : 100) / (fast() ? 10 : 1);
	uint64_t at = first_broken(race, d, n);

	if (at)
		print_error("%s, %s: broken by schedule %lu of seed %u, and is due to hold\n", race->name, d->name,
		            (unsigned long)at, SEED);
	return !at;
}

/* One is too rare for a test: mixed needs tens of thousands of schedules for it. ranged stands for it. */
static bool is_due_to_be_found(const struct race *race, const struct design *d)
{
	return is_due_to_break(race, d) && !(race == &race_mixed && !strcmp(d->name, "ranged_forgets_all"));
}

static void what_is_due_to_break_is_found(void **state)
{
	each_design(is_due_to_be_found, is_found);
}

static void what_is_due_to_hold_holds(void **state)
{
	each_design(is_due_to_hold, holds);
}

static bool some_race_breaks(const struct design *d)
{
	for (const struct race *const *r = race_all(); *r; r++)
		if (race_expect(*r, d->name) == VERDICT_BREAKS)
			return true;
	return false;
}

static void every_design_but_the_correct_ones_is_broken_by_some_race(void **state)
{
	static const char *const correct[] = { "postfix", "ordered_first", "complete_repaired", "modern_repaired",
		                               "verify", "verify_oneflush", "oneflush", "oneflush_fua" };

	for (const struct design *const *d = fs_designs; *d; d++) {
		bool is_correct = false;
		for (size_t i = 0; i < sizeof(correct) / sizeof(correct[0]); i++)
			is_correct |= !strcmp((*d)->name, correct[i]);
		if (some_race_breaks(*d) == is_correct)
			fail_msg("%s: %s", (*d)->name, is_correct ? "is due to break" : "no race breaks it");
	}
}

/* A verdict for a design that does not exist would never be looked at. */
static void every_verdict_is_of_a_design_that_there_is(void **state)
{
	for (const struct race *const *r = race_all(); *r; r++)
		for (unsigned i = 0; i < RACE_DESIGNS && (*r)->expect[i].design; i++)
			assert_non_null(fs_design_find((*r)->expect[i].design));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_due_to_break_is_found),
		cmocka_unit_test(what_is_due_to_hold_holds),
		cmocka_unit_test(every_design_but_the_correct_ones_is_broken_by_some_race),
		cmocka_unit_test(every_verdict_is_of_a_design_that_there_is),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
