/*
 * alloc_test.c: the allocator against an array with a byte for each unit.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tree/alloc.h"

#define UNITS 700u
#define START (3u * ALLOC_UNIT)

enum unit { FREE, USED, PINNED, TAKEN };

struct model {
	struct alloc *a;
	struct rng rng;
	bool is_taken;
	uint8_t unit[UNITS];
};

/* The largest free run that starts at a multiple of align, at most `want` of it counted. */
static uint32_t largest(const struct model *m, uint32_t align, uint32_t want)
{
	uint32_t best = 0;

	for (uint32_t first = 0; first < UNITS; first += align) {
		uint32_t n = 0;

		while (n < want && first + n < UNITS && m->unit[first + n] == FREE)
			n++;
		best = n > best ? n : best;
	}
	return best;
}

static void get_some(struct model *m)
{
	uint32_t align = 1u << rng_below(&m->rng, 4), want = 1 + (uint32_t)rng_below(&m->rng, 90);
	uint32_t min = rng_below(&m->rng, 2) ? want : 1 + (uint32_t)rng_below(&m->rng, want);
	uint32_t best = largest(m, align, want);
	uint64_t len = (uint64_t)want * ALLOC_UNIT, start;
	int ret = alloc_get(m->a, ALLOC_DATA, (uint64_t)align * ALLOC_UNIT, (uint64_t)min * ALLOC_UNIT, &len, &start);

	assert_int_equal(ret, best < min ? -ENOSPC : 0);
	if (ret)
		return;
	assert_int_equal(len, (uint64_t)best * ALLOC_UNIT);
	assert_int_equal((start - START) % ((uint64_t)align * ALLOC_UNIT), 0);
	for (uint64_t i = 0; i < best; i++) {
		assert_int_equal(m->unit[(start - START) / ALLOC_UNIT + i], FREE);
		m->unit[(start - START) / ALLOC_UNIT + i] = USED;
	}
}

/* A run of used units is freed, or pinned. */
static void give_up_some(struct model *m)
{
	uint32_t first = (uint32_t)rng_below(&m->rng, UNITS), n = 0;
	uint32_t max = 1 + (uint32_t)rng_below(&m->rng, 90);
	bool pin = rng_below(&m->rng, 2);

	while (n < max && first + n < UNITS && m->unit[first + n] == USED)
		m->unit[first + n++] = pin ? PINNED : FREE;
	if (!n)
		return;
	if (pin)
		alloc_pin(m->a, ALLOC_DATA, START + first * ALLOC_UNIT, n * ALLOC_UNIT);
	else
		alloc_free(m->a, ALLOC_DATA, START + first * ALLOC_UNIT, n * ALLOC_UNIT);
}

static void turn(struct model *m, enum unit from, enum unit to)
{
	for (uint32_t i = 0; i < UNITS; i++)
		if (m->unit[i] == from)
			m->unit[i] = to;
}

static void commit_or_release(struct model *m)
{
	if (m->is_taken) {
		alloc_release_pins(m->a);
		turn(m, TAKEN, FREE);
	} else {
		alloc_commit_pins(m->a);
		turn(m, PINNED, TAKEN);
	}
	m->is_taken = !m->is_taken;
}

static void mark_some(struct model *m)
{
	uint32_t first = (uint32_t)rng_below(&m->rng, UNITS), n = 1 + (uint32_t)rng_below(&m->rng, 6), free_units = 0;
	int ret = alloc_mark(m->a, ALLOC_DATA, START + first * ALLOC_UNIT, n * ALLOC_UNIT);

	for (uint32_t i = first; i < first + n && i < UNITS; i++)
		free_units += m->unit[i] == FREE;
	assert_int_equal(ret, free_units == n ? 0 : -EIO);
	for (uint32_t i = first; !ret && i < first + n; i++)
		m->unit[i] = USED;
}

static void compare_space(struct model *m)
{
	struct alloc_space s = alloc_space(m->a, ALLOC_DATA);
	uint32_t n[4] = { 0 };

	for (uint32_t i = 0; i < UNITS; i++)
		n[m->unit[i]]++;
	assert_int_equal(s.total, UNITS * ALLOC_UNIT);
	assert_int_equal(s.free, n[FREE] * ALLOC_UNIT);
	assert_int_equal(s.pinned, (n[PINNED] + n[TAKEN]) * ALLOC_UNIT);
}

static void random_calls_match_the_model(void **state)
{
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct model m = { .a = alloc_open(0, 2 * ALLOC_UNIT, START, UNITS * ALLOC_UNIT) };

		rng_seed(&m.rng, seed);
		for (unsigned step = 0; step < 20000; step++) {
			uint64_t what = rng_below(&m.rng, 100);

			if (what < 40)
				get_some(&m);
			else if (what < 90)
				give_up_some(&m);
			else if (what < 95)
				mark_some(&m);
			else
				commit_or_release(&m);
			compare_space(&m);
		}
		assert_int_equal(alloc_space(m.a, ALLOC_META).free, 2 * ALLOC_UNIT);
		alloc_close(m.a);
	}
}

/* alloc.1 holds also for the pins that came after the commit took its set. */
static void pinned_space_waits_for_its_own_commit(void **state)
{
	struct alloc *a = alloc_open(0, 0, 0, 2 * ALLOC_UNIT);
	uint64_t first, second, again, len = ALLOC_UNIT;

	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &first), 0);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &second), 0);
	alloc_pin(a, ALLOC_DATA, first, len);
	alloc_commit_pins(a);
	alloc_pin(a, ALLOC_DATA, second, len);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &again), -ENOSPC);
	alloc_release_pins(a);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &again), 0);
	assert_int_equal(again, first);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &again), -ENOSPC);
	alloc_commit_pins(a);
	alloc_release_pins(a);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &again), 0);
	assert_int_equal(again, second);
	alloc_close(a);
}

/* alloc.3 */
static void what_is_taken_in_turn_lies_together(void **state)
{
	struct alloc *a = alloc_open(0, 0, 0, 1000 * ALLOC_UNIT);
	uint64_t start, end = 0, len = 16 * ALLOC_UNIT;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, len, &len, &start), 0);
		assert_int_equal(start, end);
		end = start + len;
		if (i % 3 == 0)
			alloc_free(a, ALLOC_DATA, start, len);
	}
	alloc_close(a);
}

static void marks_that_cannot_be_are_refused(void **state)
{
	static const uint64_t u = ALLOC_UNIT;
	static const struct {
		uint64_t start, len;
	} bad[] = {
		{ 0, u }, { 2 * u, u }, { 2 * u, 2 * u }, { 3 * u, 11 * u }, { 13 * u, u },
		{ 3 * u, 0 }, { 3 * u + 512, u },
		{ 3 * u, 512 }, { UINT64_MAX - u + 1, u }, { 3 * u, UINT64_MAX - u + 1 }, { UINT64_MAX, UINT64_MAX },
	};
	struct alloc *a = alloc_open(0, 2 * u, 3 * u, 10 * u);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(alloc_mark(a, ALLOC_DATA, bad[i].start, bad[i].len), -EIO);
	assert_int_equal(alloc_space(a, ALLOC_DATA).free, 10 * u);
	assert_int_equal(alloc_mark(a, ALLOC_DATA, 3 * u, 10 * u), 0);
	assert_int_equal(alloc_mark(a, ALLOC_DATA, 5 * u, u), -EIO);
	alloc_close(a);
}

/* ---- what our own code must never do ---- */

static void pin_twice(struct alloc *a)
{
	alloc_pin(a, ALLOC_DATA, 0, ALLOC_UNIT);
	alloc_pin(a, ALLOC_DATA, 0, ALLOC_UNIT);
}

static void free_what_is_free(struct alloc *a)
{
	alloc_free(a, ALLOC_DATA, 0, 2 * ALLOC_UNIT); /* the second half is */
}

static void free_what_is_pinned(struct alloc *a)
{
	alloc_pin(a, ALLOC_DATA, 0, ALLOC_UNIT);
	alloc_free(a, ALLOC_DATA, 0, ALLOC_UNIT);
}

static void take_two_sets(struct alloc *a)
{
	alloc_commit_pins(a);
	alloc_commit_pins(a);
}

static void release_nothing(struct alloc *a)
{
	alloc_release_pins(a);
}

static bool stops(void (*fn)(struct alloc *a))
{
	struct alloc *a = alloc_open(0, 0, 0, 10 * ALLOC_UNIT);
	int status;
	pid_t pid;

	assert_int_equal(alloc_mark(a, ALLOC_DATA, 0, ALLOC_UNIT), 0);
	pid = fork();
	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		fn(a);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	alloc_close(a);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void mistakes_of_our_own_stop_the_program(void **state)
{
	assert_true(stops(pin_twice));
	assert_true(stops(free_what_is_free));
	assert_true(stops(free_what_is_pinned));
	assert_true(stops(take_two_sets));
	assert_true(stops(release_nothing));
}

/* ---- limits ---- */

struct refusals {
	unsigned asked, data, left; /* how many are not refused */
};

static int refuse_after(void *arg, bool data)
{
	struct refusals *r = arg;

	r->asked++;
	r->data += data;
	return r->left && r->left-- ? 0 : -ENOSPC;
}

static void space_can_be_refused(void **state)
{
	struct alloc *a = alloc_open(0, 10 * ALLOC_UNIT, 10 * ALLOC_UNIT, 10 * ALLOC_UNIT);
	struct refusals r = { .left = 2 };
	uint64_t len = ALLOC_UNIT, start;

	alloc_limit(a, &(struct alloc_limits){ .refuse = refuse_after, .arg = &r });
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, ALLOC_UNIT, &len, &start), 0);
	assert_int_equal(alloc_get(a, ALLOC_META, ALLOC_UNIT, ALLOC_UNIT, &len, &start), 0);
	assert_int_equal(alloc_get(a, ALLOC_DATA, ALLOC_UNIT, ALLOC_UNIT, &len, &start), -ENOSPC);
	assert_true(r.asked == 3 && r.data == 2);
	assert_int_equal(alloc_space(a, ALLOC_DATA).free, 9 * ALLOC_UNIT);
	alloc_close(a);
}

static void data_can_be_had_in_pieces_alone(void **state)
{
	struct alloc *a = alloc_open(0, 10 * ALLOC_UNIT, 10 * ALLOC_UNIT, 20 * ALLOC_UNIT);
	static const struct {
		enum alloc_region region;
		uint64_t want, min, got;
	} tries[] = {
		{ ALLOC_DATA, 5, 1, 2 }, { ALLOC_DATA, 5, 4, 4 }, { ALLOC_DATA, 1, 1, 1 }, { ALLOC_DATA, 3, 3, 3 },
		{ ALLOC_META, 5, 1, 5 },
	};

	alloc_limit(a, &(struct alloc_limits){ .data_piece = 2 * ALLOC_UNIT });
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		uint64_t len = tries[i].want * ALLOC_UNIT, start;
		assert_int_equal(alloc_get(a, tries[i].region, ALLOC_UNIT, tries[i].min * ALLOC_UNIT, &len, &start), 0);
		assert_int_equal(len, tries[i].got * ALLOC_UNIT);
	}
	alloc_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_calls_match_the_model),
		cmocka_unit_test(pinned_space_waits_for_its_own_commit),
		cmocka_unit_test(what_is_taken_in_turn_lies_together),
		cmocka_unit_test(marks_that_cannot_be_are_refused),
		cmocka_unit_test(mistakes_of_our_own_stop_the_program),
		cmocka_unit_test(space_can_be_refused),
		cmocka_unit_test(data_can_be_had_in_pieces_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
