/* range_test.c: the range lock: one holder a byte, on threads and under the controlled scheduler; neighbours pass. */
#include "fs/range.h"
#include "fs/test_fs.h"
#include "pick/test_run.h"

#define CELLS 32u
#define TASKS 4u

static struct inode inode;
static _Atomic uint32_t owner[CELLS]; /* id + 1 of the task that holds the byte */
static _Atomic uint32_t next_seed, clashes, together;

static void inode_make(void)
{
	inode = (struct inode){ 0 };
	spin_init(&inode.range_lock, L_RANGES);
	list_init(&inode.ranges);
	waitq_init(&inode.range_wait, L_RANGE);
	atomic_store(&clashes, 0);
	atomic_store(&together, 0);
	atomic_store(&next_seed, 0);
}

static void hold(uint64_t start, uint64_t end, uint32_t me)
{
	static uint32_t obj = 1;
	struct range r;

	if (start % 2)
		range_lock_in_pieces(&inode, &r, start, end);
	else
		range_lock(&inode, &r, start, end);
	assert_true(r.start == start && r.end == end && range_is_locked(&inode, start, end));
	for (uint64_t i = start; i < end; i++)
		if (atomic_exchange(&owner[i], me))
			atomic_fetch_add(&clashes, 1);
	rt_point(obj, POINT_YIELD);
	for (uint64_t i = 0; i < CELLS; i++)
		if (atomic_load(&owner[i]) && atomic_load(&owner[i]) != me)
			atomic_fetch_add(&together, 1);
	for (uint64_t i = start; i < end; i++)
		if (atomic_exchange(&owner[i], 0) != me)
			atomic_fetch_add(&clashes, 1);
	range_unlock(&inode, &r);
}

static void locker(void *arg)
{
	struct rng rng;
	unsigned rounds = *(unsigned *)arg;
	uint32_t me = atomic_fetch_add(&next_seed, 1) + 1;

	rng_seed(&rng, me);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t start = rng_below(&rng, CELLS);
		hold(start, start + 1 + rng_below(&rng, CELLS - start), me);
	}
}

static void no_byte_has_two_holders_on_threads(void **state)
{
	unsigned rounds = 3000;

	inode_make();
	struct task *t[TASKS];
	for (unsigned i = 0; i < TASKS; i++)
		t[i] = rt_spawn("locker", locker, &rounds, NULL);
	for (unsigned i = 0; i < TASKS; i++)
		rt_join(t[i]);
	assert_int_equal(clashes, 0);
	assert_true(list_empty(&inode.ranges));
}

static void scheduled_main(void *arg)
{
	inode_make();
	run_tasks(TASKS, locker, arg);
}

static void no_byte_has_two_holders_in_any_of_many_schedules(void **state)
{
	unsigned rounds = 6;
	uint64_t met = 0;

	skip_under_tsan();
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct coop_result res = run_once(&pick_random, "", seed, scheduled_main, &rounds, NULL);
		assert_int_equal(res.end, COOP_FINISHED);
		assert_int_equal(clashes, 0);
		met += together;
	}
	assert_true(met > 0); /* ranges that do not touch are held at once */
}

/* ---- piece by piece ---- */

static struct range middle;
static _Atomic bool begin_kept, end_kept;

static void whole(void *arg)
{
	struct range r;

	range_lock_in_pieces(&inode, &r, 0, CELLS);
	range_unlock(&inode, &r);
}

/* One task has the middle, another wants the whole: it has the begin, while the middle and the end are free of it. */
static void pieces_main(void *arg)
{
	inode_make();
	range_lock(&inode, &middle, 8, 16);
	struct task *t = rt_spawn("whole", whole, NULL, NULL);
	coop_choices(true);
	while (!range_is_locked(&inode, 0, 8))
		rt_point(1, POINT_YIELD);
	coop_choices(false);
	begin_kept = range_is_locked(&inode, 0, 1) && range_is_locked(&inode, 7, 8);
	end_kept = range_is_locked(&inode, 16, CELLS);
	range_unlock(&inode, &middle);
	rt_join(t);
}

static void who_waits_for_a_piece_keeps_those_before_it(void **state)
{
	skip_under_tsan();
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct coop_result res = run_once(&pick_random, "", seed, pieces_main, NULL, NULL);
		assert_int_equal(res.end, COOP_FINISHED);
		assert_true(begin_kept && !end_kept);
		assert_true(list_empty(&inode.ranges));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_byte_has_two_holders_on_threads),
		cmocka_unit_test(no_byte_has_two_holders_in_any_of_many_schedules),
		cmocka_unit_test(who_waits_for_a_piece_keeps_those_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
