/* race_pickers_test.c: `fsyncstorm race hunt` with each picker on each race: none ends by a signal, all replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kit/spawn_test.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static const char *const pickers[] = { "portfolio", "random", "pct", "pos", "urw", "surw", "dfs", "dpor" };

/* Whatever it comes to, it is a verdict, and what breaks breaks again when it is replayed. */
static void runs_and_replays(const char *race, const char *design, const char *picker)
{
	char args[160];

	snprintf(args, sizeof(args), "race hunt %s -d %s -p %s -n 12 -o x.schedule", race, design, picker);
	int status = spawn(args);
	if (status != 0 && status != 1)
		fail_msg("`%s`: status %d: %s", args, status, spawn_err);
	if (status && spawn("race replay x.schedule") != 1)
		fail_msg("`%s`, replayed: %s%s", args, spawn_out, spawn_err);
}

/*
 * What holds runs all its schedules. What breaks is minimised and told, too, which takes seconds: races in C alone,
 * since scenarios as text are one race in C. Scenarios of no known bug are alike: one in eight, by one picker.
 */
static void every_picker_runs_every_race(void **state)
{
	for (size_t i = 0; race_all()[i]; i++)
		for (size_t p = 0; p < sizeof(pickers) / sizeof(pickers[0]); p++) {
			const struct race *race = race_all()[i];

			if (race->scenario && !race_is_of_a_bug(race) && (p || i % 8))
				continue;
			runs_and_replays(race->name, "postfix", pickers[p]);
			if (!race->scenario)
				runs_and_replays(race->name, "prefix", pickers[p]);
		}
	assert_int_equal(system("rm -f x.schedule x.passing.schedule x.story.json"), 0);
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_picker_runs_every_race) };

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
