/* sweep_test.c: a design that holds, holds; one that breaks is found, by each of a sweep's ways; the same each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/judge.h"
#include "hunt/run.h"
#include "hunted/sweep.h"
#include "rt/sanitize.h"

static struct sweep sweep(const char *design, uint64_t rounds, struct violation *v)
{
	struct sweep s = { .design = fs_design_find(design), .seed = 5, .rounds = rounds };
	struct why why = WHY_NONE;

	violation_init(v);
	if (sweep_run(&s, v, &why))
		fail_msg("%s", why.text);
	return s;
}

static void what_is_right_holds_and_two_sweeps_are_the_same(void **state)
{
	struct violation v;
	struct sweep a = sweep("postfix", 1, &v), b = sweep("postfix", 1, &v);

	if (a.race)
		fail_msg("%s, %s: %s", a.race->name, a.way, v.text);
	assert_int_equal(a.done, 1);
	assert_true(a.races > 100 && a.programs > 90 && a.schedules > 30 * a.races);
	assert_int_equal(a.schedules, b.schedules);
	violation_fini(&v);
}

/* The race, as it was run, and the schedule give the same violation in a hunt that knows nothing of the sweep. */
static void is_found(const char *design)
{
	struct violation v, again;
	struct sweep s = sweep(design, 20, &v);
	struct why why = WHY_NONE;
	struct hunt *h;

	if (!s.race)
		fail_msg("%s: nothing was found in %lu schedules", design, (unsigned long)s.schedules);
	assert_int_equal(race_expect(s.race, design), VERDICT_HOLDS); /* no race was asked that is due to break it */
	if (hunt_open(s.race, s.design, &h, &why))
		fail_msg("%s", why.text);
	hunt_as_found(h, &v);
	violation_init(&again);
	hunt_again(h, &v, true);
	assert_int_equal(hunt_judge(h, &again), v.kind);
	assert_string_equal(again.text, v.text);
	violation_fini(&again);
	violation_fini(&v);
	hunt_close(h);
}

/* A sweep of a design leaves out what is due to break it: what finds it is an option, a fault, or a program. */
static void designs_are_broken_where_no_race_says_so(void **state)
{
	is_found("prefix");
	is_found("commit_forgets_logged");
	is_found("ignores_data_error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_holds_and_two_sweeps_are_the_same),
		cmocka_unit_test(designs_are_broken_where_no_race_says_so),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
