/*
 * kept_test.c: every input that is kept in corpus/TARGET/: seeds, what fuzzers have come to, and what once ended in a
 * crash or a hang. None does any more. One test a target; without inputs it fails.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/targets.h"
#include "rt/sanitize.h"

#define CORPUS    "workloads/fuzz/corpus"
#define INPUT_MAX 16384u

static void replay_all(void **state)
{
	const struct fuzz_target *t = *state;
	uint8_t *data = malloc(INPUT_MAX);
	char pattern[128];
	glob_t g;

	if (RT_TSAN)
		skip();
	snprintf(pattern, sizeof(pattern), CORPUS "/%s/*", t->name);
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *in = fopen(g.gl_pathv[i], "rb");
		assert_non_null(in);
		size_t n = fread(data, 1, INPUT_MAX, in);
		fclose(in);
		printf("# %s: %zu bytes\n", g.gl_pathv[i], n);
		fflush(stdout); /* what is not survived is named last */
		assert_true(n <= t->max);
		t->one(data, n);
	}
	globfree(&g);
	free(data);
}

int main(void)
{
	struct CMUnitTest tests[8] = { 0 };
	size_t n = 0;

	for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
		tests[n++] = (struct CMUnitTest){ .name = t->name, .test_func = replay_all,
						  .initial_state = (void *)t };
	return _cmocka_run_group_tests("kept", tests, n, NULL, NULL);
}
