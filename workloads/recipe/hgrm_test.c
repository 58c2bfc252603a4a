/* hgrm_test.c: the percentile text says of a histogram what it holds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recipe/hgrm.h"

static struct hist h;

struct row {
	double value, percentile, inverse;
	unsigned long long count;
};

/* The rows of the text; how many. The last has no inverse. */
static unsigned rows_of(char *text, struct row *rows, unsigned max)
{
	unsigned n = 0;

	for (char *line = strtok(text, "\n"); line && n < max; line = strtok(NULL, "\n")) {
		struct row r = { 0 };
		if (sscanf(line, "%lf %lf %llu %lf", &r.value, &r.percentile, &r.count, &r.inverse) >= 3)
			rows[n++] = r;
	}
	return n;
}

static void rows_are_the_percentiles(void **state)
{
	struct row rows[400];
	double last = -1;

	hist_init(&h);
	for (uint64_t us = 1; us <= 10000; us++)
		hist_add(&h, us * 1000);
	char *text = hgrm_text(&h);
	unsigned n = rows_of(text, rows, 400);
	assert_in_range(n, 40, 200);
	for (unsigned i = 0; i < n; i++) {
		double due = rows[i].percentile * 10000;
		assert_true(rows[i].percentile > last);
		last = rows[i].percentile;
		assert_true(fabs(rows[i].value - due) <= due * 0.02 + 2);
		assert_true((double)rows[i].count >= due);
		if (i < n - 1)
			assert_true(fabs(rows[i].inverse * (1 - rows[i].percentile) - 1) < 0.01);
	}
	assert_true(rows[n - 1].percentile == 1 && rows[n - 1].count == 10000 && rows[n - 1].value == 10000);
	free(text);
}

static void the_foot_sums_up(void **state)
{
	double mean, deviation, max;
	unsigned long long count;

	hist_init(&h);
	hist_add(&h, 1000);
	hist_add(&h, 3000);
	char *text = hgrm_text(&h), *foot = strstr(text, "#[Mean");
	assert_non_null(foot);
	assert_int_equal(sscanf(foot, "#[Mean = %lf, StdDeviation = %lf] #[Max = %lf, Total count = %llu]", &mean,
	                        &deviation, &max, &count), 4);
	assert_true(mean == 2 && fabs(deviation - 1) < 0.02 && max == 3 && count == 2);
	free(text);
}

static void an_empty_histogram_has_no_rows(void **state)
{
	struct row rows[4];

	hist_init(&h);
	char *text = hgrm_text(&h);
	assert_int_equal(rows_of(text, rows, 4), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_percentiles),
		cmocka_unit_test(the_foot_sums_up),
		cmocka_unit_test(an_empty_histogram_has_no_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
