/* prove_test.c: a proof finds what is due, with the fewest preemptions, and proves what holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hunt/prove.h"
#include "race/registry.h"
#include "rt/sanitize.h"

static struct proof prove_once(const char *race, const char *design, uint32_t preemptions)
{
	struct proof p = { .preemptions = preemptions };
	struct why why;
	struct violation v;
	struct hunt *h;

	assert_int_equal(hunt_open(race_find(race), fs_design_find(design), &h, &why), 0);
	violation_init(&v);
	assert_int_equal(prove(h, &p, &v, &why), 0);
	if (p.found)
		assert_true(v.run.preemptions <= preemptions);
	violation_fini(&v);
	hunt_close(h);
	return p;
}

/* The seed's bug needs two preemptions: that one is not enough, and two are, is proved by trying all. */
static void what_is_due_is_found_with_two_preemptions_and_not_with_one(void **state)
{
	struct proof p = prove_once("seed_smallest", "prefix", 1);
	assert_true(p.complete && !p.found);
	p = prove_once("seed_smallest", "prefix", 2);
	assert_true(p.found && !p.complete);
	assert_int_equal(p.reached, 1);
	assert_true(prove_once("seed_smallest", "flush_twice_early", 2).found);
}

static void what_holds_is_proved(void **state)
{
	static const char *const designs[] = { "postfix", "ordered_first" };

	for (unsigned i = 0; i < 2; i++) {
		struct proof p = prove_once("seed_smallest", designs[i], 1);
		assert_true(p.complete && !p.found);
		assert_int_equal(p.reached, 1);
		assert_true(p.executions > 100 && p.distinct > 50 && p.distinct <= p.executions);
	}
}

static void no_preemption_is_no_choice_but_where_a_task_stops(void **state)
{
	struct proof p = prove_once("commit", "postfix", 0);

	assert_true(p.complete && !p.found);
	assert_true(p.executions > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_due_is_found_with_two_preemptions_and_not_with_one),
		cmocka_unit_test(what_holds_is_proved),
		cmocka_unit_test(no_preemption_is_no_choice_but_where_a_task_stops),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
