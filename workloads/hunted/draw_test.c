/* draw_test.c: what is drawn is a scenario, the same each time; and the array of options has every pair of values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunted/draw.h"
#include "race/registry.h"
#include "race/scenario.h"

static void nearly_all_programs_are_scenarios_and_no_two_are_the_same(void **state)
{
	enum { N = 300 };
	char (*text)[DRAW_TEXT_MAX] = calloc(N, sizeof(*text)), again[DRAW_TEXT_MAX];
	const struct race *race;
	unsigned good = 0;

	for (unsigned i = 0; i < N; i++) {
		draw_program(i, text[i], sizeof(text[i]));
		assert_string_equal(draw_program(i, again, sizeof(again)), text[i]);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(text[i], text[k]);
		good += !race_scenario_from_text("drawn", text[i], &race, NULL);
	}
	assert_true(good > N * 95 / 100);
	free(text);
}

/* Every call that a scenario can have comes in one of them, but for marks, and for fiemap, which changes nothing. */
static void programs_have_calls_of_every_kind(void **state)
{
	bool met[SCENE_OPS] = { false };
	char text[DRAW_TEXT_MAX];
	const struct race *race;

	for (unsigned i = 0; i < 300; i++) {
		if (race_scenario_from_text("drawn", draw_program(i, text, sizeof(text)), &race, NULL))
			continue;
		const struct scene *s = race_scenario_scene(race);
		for (unsigned t = 0; t < s->nthreads; t++)
			for (unsigned k = 0; k < s->thread[t].n; k++)
				met[s->thread[t].step[k].op] = true;
		race_scenario_free(race);
	}
	for (unsigned op = 0; op < SCENE_OPS; op++)
		if (!met[op] && op != SCENE_MARK && op != SCENE_AT && op != SCENE_FIEMAP)
			fail_msg("%s is in no program", scene_op_name((enum scene_op)op));
}

#define SWITCHES 7u
#define OPTIONS  (SWITCHES + RACE_FAULTS)

static void each_pair_of_options_comes_together_in_some_row(void **state)
{
	bool seen[OPTIONS][OPTIONS][2][2] = { { { { false } } } };
	char more[DRAW_TEXT_MAX];
	const struct race *race;

	for (uint32_t row = 0; row < DRAW_ROWS; row++) {
		draw_options(row, row, more, sizeof(more));
		assert_int_equal(race_scenario_with(race_named("seed"), more, &race, NULL), 0);
		bool is[OPTIONS] = { race->mkfs.nodesize == 4096, !race->mkfs.single, race->mount.compress,
			             race->mount.inline_max != 0, race->granularity == COOP_FINE,
			             race->mount.endio_workers == 2, race->mount.data_piece != 0 };
		for (unsigned i = 0; i < RACE_FAULTS; i++)
			is[SWITCHES + i] = race->fail[i] != 0;
		for (unsigned i = 0; i < OPTIONS; i++)
			for (unsigned k = 0; k < OPTIONS; k++)
				seen[i][k][is[i]][is[k]] = true;
		race_scenario_free(race);
	}
	for (unsigned i = 0; i < OPTIONS; i++)
		for (unsigned k = 0; k < i && k < SWITCHES; k++) /* not of each two faults: one hides the other */
			for (unsigned values = 0; values < 4; values++)
				if (!seen[i][k][values & 1][values >> 1])
					fail_msg("options %u and %u: %u and %u", i, k, values & 1, values >> 1);
}

/* What is put behind a text takes the place of its own. */
static void options_take_the_place_of_those_of_the_text(void **state)
{
	const struct race *race;

	assert_int_equal(race_named("data_error")->fail[FAULT_DATA_WRITE], 1);
	assert_int_equal(race_scenario_with(race_named("data_error"), "[faults]\ndata_write_error = 3\n", &race, NULL),
	                 0);
	assert_int_equal(race->fail[FAULT_DATA_WRITE], 3);
	assert_int_equal(race->ntasks, race_named("data_error")->ntasks);
	race_scenario_free(race);
	assert_int_not_equal(race_scenario_with(&race_mixed, "", &race, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearly_all_programs_are_scenarios_and_no_two_are_the_same),
		cmocka_unit_test(programs_have_calls_of_every_kind),
		cmocka_unit_test(each_pair_of_options_comes_together_in_some_row),
		cmocka_unit_test(options_take_the_place_of_those_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
