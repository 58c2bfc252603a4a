/* schedule_test.c: a schedule survives its text; what is no schedule is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "rt/schedule.h"

static void fill_randomly(struct schedule *s, struct rng *r)
{
	uint32_t n = (uint32_t)rng_below(r, 300);

	schedule_clear(s);
	for (uint32_t i = 0; i < n; i++) {
		struct decision d = { .value = (uint32_t)rng_below(r, 3) };
		if (rng_below(r, 5) == 0) {
			d.data = true;
			d.of = d.value + 1 + (uint32_t)rng_below(r, 1000);
		}
		schedule_add(s, d);
	}
}

static char *as_text(const struct schedule *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	schedule_print(s, f);
	fclose(f);
	return text;
}

static void the_text_of_a_schedule_gives_it_back(void **state)
{
	struct schedule a, b;
	struct rng r;
	char err[128];

	rng_seed(&r, 9);
	schedule_init(&a);
	schedule_init(&b);
	for (int round = 0; round < 300; round++) {
		fill_randomly(&a, &r);
		char *text = as_text(&a);
		assert_int_equal(schedule_parse(&b, text, err), 0);
		assert_int_equal(a.n, b.n);
		for (uint32_t i = 0; i < a.n; i++) {
			assert_int_equal(a.d[i].data, b.d[i].data);
			assert_int_equal(a.d[i].value, b.d[i].value);
			assert_int_equal(a.d[i].of, b.d[i].of);
		}
		free(text);
	}
	schedule_free(&a);
	schedule_free(&b);
}

static void the_grammar_of_the_header_is_read(void **state)
{
	struct schedule s;
	char err[128];

	schedule_init(&s);
	assert_int_equal(schedule_parse(&s, "# a comment\n0*12 3 1*4\n=2/5 0", err), 0);
	assert_int_equal(s.n, 12 + 1 + 4 + 1 + 1);
	assert_int_equal(s.d[12].value, 3);
	assert_true(s.d[17].data);
	assert_int_equal(s.d[17].of, 5);
	assert_int_equal(schedule_parse(&s, "", err), 0);
	assert_int_equal(s.n, 0);
	schedule_free(&s);
}

static void what_is_no_schedule_is_refused(void **state)
{
	static const char *const wrong[] = {
		"x", "1*", "1*0", "=5/5", "=1", "1,2", "64", "-1", "99999999999", "1 2\n3 4z",
	};
	struct schedule s;
	char err[128];

	schedule_init(&s);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_equal(schedule_parse(&s, wrong[i], err), -22);
		assert_non_null(strstr(err, "line"));
	}
	assert_non_null(strstr(err, "line 2: \"4z\""));
	schedule_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_of_a_schedule_gives_it_back),
		cmocka_unit_test(the_grammar_of_the_header_is_read),
		cmocka_unit_test(what_is_no_schedule_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
