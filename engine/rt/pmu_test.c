/*
 * Counters: names, what cannot be counted, what software events count, and by which phase. Only events
 * that the kernel itself counts are relied on: a virtual machine often has no others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "rt/pmu.h"
#include "rt/sanitize.h"

#define PAGE 4096u

static char err[PMU_ERR_MAX], unknown[PMU_NAME_MAX];

static const struct pmu_count *find(const struct pmu_counts *c, const char *name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->event[i].name, name))
			return &c->event[i];
	fail_msg("no event %s", name);
	return NULL;
}

/* As many page faults, each of a page that nobody has touched. */
static void fault(unsigned pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(madvise(p, pages * PAGE, MADV_NOHUGEPAGE), 0);
	for (unsigned i = 0; i < pages; i++)
		p[i * PAGE] = 1;
	munmap(p, pages * PAGE);
}

/* Skips where the kernel lets nobody count. */
static struct pmu *open_or_skip(const struct pmu_set *set)
{
	struct pmu_counts c = { .n = 0 };
	struct pmu *p = pmu_open(set);

	pmu_start(p);
	pmu_stop(p);
	pmu_add(p, &c);
	if (!find(&c, "page-faults")->why[0])
		return p;
	print_message("page-faults: %s\n", find(&c, "page-faults")->why);
	pmu_close(p);
	skip();
	return NULL;
}

static void the_software_events_are_always_there_and_no_event_is_twice(void **state)
{
	struct pmu_set a, b;

	assert_int_equal(pmu_parse(NULL, &a, err, unknown), 0);
	assert_int_equal(a.n, 4);
	assert_int_equal(pmu_parse("cycles,Cycles,page-faults,LLC-misses", &b, err, unknown), 0);
	assert_int_equal(b.n, 6);
	assert_string_equal(b.event[4].name, "cycles");
	assert_string_equal(b.event[5].name, "LLC-misses");
	assert_int_equal(b.event[4].attr.type, PERF_TYPE_HARDWARE);
}

static void wrong_names_get_one_line_and_are_given_back(void **state)
{
	static const char *const bad[] = { "", ",", "cycles:zz", "cycles,nosuch",
					   "a-name-that-is-much-longer-than-any-event-can-ever-be-called" };
	struct pmu_set s;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = 0;
		assert_int_equal(pmu_parse(bad[i], &s, err, unknown), -EINVAL);
		assert_true(strlen(err) > 0);
		assert_null(strchr(err, '\n'));
		assert_string_equal(unknown, i == 3 ? "nosuch" : "");
	}
}

static void known_names_are_names_that_can_be_asked_for(void **state)
{
	struct pmu_set s;
	bool cycles = false;
	unsigned n = 0;

	for (const char *name; (name = pmu_known(n)); n++)
		cycles |= !strcmp(name, "cycles");
	assert_true(n > 50);
	assert_true(cycles);
	assert_int_equal(pmu_parse(pmu_known(0), &s, err, unknown), 0);
}

static void what_happens_while_counting_is_counted(void **state)
{
	struct pmu_counts c = { .n = 0 };
	struct pmu_set set;
	struct pmu *p;

	if (RT_TSAN)
		skip(); /* its own memory faults, too */
	assert_int_equal(pmu_parse(NULL, &set, err, unknown), 0);
	p = open_or_skip(&set);
	fault(300);
	pmu_start(p);
	fault(200);
	rt->sleep(100000);
	pmu_stop(p);
	fault(300);
	pmu_add(p, &c);
	assert_in_range((uint64_t)find(&c, "page-faults")->value, 200, 290);
	assert_true(find(&c, "context-switches")->value >= 1);
	assert_true(find(&c, "task-clock")->value > 1000);
	pmu_add(p, &c); /* a second task's */
	assert_in_range((uint64_t)find(&c, "page-faults")->value, 400, 580);
	pmu_close(p);
}

/* A processor that does not count, as a virtual one: never 0 without a reason. */
static void hardware_events_count_or_say_why_not(void **state)
{
	struct pmu_counts c = { .n = 0 };
	struct pmu_set set;
	struct pmu *p;

	static const char many[] = "cycles,instructions,LLC-misses,branch-misses,cache-misses,cache-references";

	assert_int_equal(pmu_parse(many, &set, err, unknown), 0);
	p = open_or_skip(&set);
	pmu_start(p);
	fault(2000);
	pmu_stop(p);
	pmu_add(p, &c);
	assert_int_equal(c.n, 10);
	for (unsigned i = 0; i < c.n; i++)
		if (!strcmp(c.event[i].name, "cycles") || !strcmp(c.event[i].name, "instructions"))
			assert_true(c.event[i].why[0] || c.event[i].value > 100000);
	pmu_close(p);
}

static void one_sync_in_so_many_is_charged_by_phase(void **state)
{
	struct pmu_counts c = { .n = 0 };
	const struct pmu_count *faults;
	struct pmu_set set;
	struct pmu *p;

	if (RT_TSAN)
		skip();
	if (!rt_instrument)
		skip(); /* no phases */
	assert_int_equal(pmu_parse(NULL, &set, err, unknown), 0);
	p = open_or_skip(&set);
	fault(1);
	pmu_start(p);
	for (unsigned i = 0; i < 2 * PMU_SYNC_ONE_IN; i++) {
		pmu_sync_begin(p);
		phase(PH_FLUSH);
		fault(20);
		phase(PH_LOG_WRITE);
		fault(50);
		phase(PH_IDLE);
		pmu_sync_end();
		fault(7);
	}
	pmu_stop(p);
	pmu_add(p, &c);
	faults = find(&c, "page-faults");
	assert_int_equal(c.syncs, 2);
	assert_in_range((uint64_t)faults->phase[PH_FLUSH], 40, 50);
	assert_in_range((uint64_t)faults->phase[PH_LOG_WRITE], 100, 110);
	assert_int_equal(faults->phase[PH_SUPER], 0);
	assert_true(faults->value >= 2 * PMU_SYNC_ONE_IN * 77);
	pmu_close(p);
}

static void sums_of_sums_keep_the_reason(void **state)
{
	struct pmu_counts a = { .n = 1, .syncs = 2, .event = { { .name = "x", .value = 3 } } }, sum = { .n = 0 };

	a.event[0].phase[PH_FLUSH] = 1;
	pmu_merge(&sum, &a);
	strcpy(a.event[0].why, "because");
	pmu_merge(&sum, &a);
	assert_int_equal(sum.n, 1);
	assert_int_equal(sum.syncs, 4);
	assert_true(sum.event[0].value == 6 && sum.event[0].phase[PH_FLUSH] == 2);
	assert_string_equal(sum.event[0].why, "because");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_software_events_are_always_there_and_no_event_is_twice),
		cmocka_unit_test(wrong_names_get_one_line_and_are_given_back),
		cmocka_unit_test(known_names_are_names_that_can_be_asked_for),
		cmocka_unit_test(what_happens_while_counting_is_counted),
		cmocka_unit_test(hardware_events_count_or_say_why_not),
		cmocka_unit_test(one_sync_in_so_many_is_charged_by_phase),
		cmocka_unit_test(sums_of_sums_keep_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
