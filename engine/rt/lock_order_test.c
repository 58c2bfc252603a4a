/*
 * lock_order_test.c: every kind of violation of lock.1 to lock.3 stops the program and names the chain; what is allowed
 * does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/lock.h"
#include "rt/test_abort.h"
#include "rt/test_trylock.h"

static struct mutex inode, logm, upper, deeper;
static struct rwsem maps;
static struct waitq commit, ordered, writers, io;

static int setup(void **state)
{
	mutex_init(&inode, L_INODE, 0);
	mutex_init(&logm, L_LOG, 0);
	mutex_init(&upper, L_DIR, 1);
	mutex_init(&deeper, L_DIR, 2);
	rwsem_init(&maps, L_EM_TREE, 0);
	waitq_init(&io, L_BIO);
	waitq_init(&commit, L_LOG_COMMIT);
	waitq_init(&ordered, L_ORDERED);
	waitq_init(&writers, L_LOG_WRITERS);
	return 0;
}

static bool yes(void *arg)
{
	return true;
}

static void upwards(void)
{
	mutex_lock(&logm);
	mutex_lock(&inode);
}

static void twice(void)
{
	mutex_lock(&inode);
	mutex_lock(&inode);
}

static void shallower(void)
{
	mutex_lock(&deeper);
	mutex_lock(&upper);
}

static void wait_under_inner_lock(void)
{
	mutex_lock(&logm);
	wait_until(&commit, yes, NULL);
}

static void wait_under_two_inner_locks(void)
{
	struct mutex second;

	mutex_init(&second, L_INODE_LOG, 0);
	mutex_lock(&logm);
	mutex_lock(&second);
	wait_until_locked(&commit, &second, yes, NULL);
}

static void take_above_what_is_owed(void)
{
	owe(L_LOG_COMMIT, 0, &commit);
	mutex_lock(&inode);
}

static void wait_above_what_is_owed(void)
{
	owe(L_LOG_COMMIT, 0, &commit);
	wait_until(&ordered, yes, NULL);
}

/* Owed under an inner lock: the entry must not hide behind it, nor the lock behind the entry. */
static void owed_below_a_held_lock(void)
{
	mutex_lock(&logm);
	owe(L_LOG_COMMIT, 0, &commit);
	mutex_unlock(&logm);
	mutex_lock(&inode);
}

/* The entry that is further out must not hide the lock that is further in. */
static void waits_between_what_it_owes_and_holds(void)
{
	mutex_lock(&logm);
	owe(L_LOG_COMMIT, 0, &commit);
	wait_until(&writers, yes, NULL);
}

static void waits_for_what_it_owes(void)
{
	owe(L_LOG_COMMIT, 0, &commit);
	wait_until(&commit, yes, NULL);
}

static void pays_what_it_does_not_owe(void)
{
	paid(L_LOG_COMMIT, 0, &commit);
}

static void unlocks_what_it_does_not_hold(void)
{
	mutex_unlock(&inode);
}

static void tried_out_of_order_then_takes(void)
{
	mutex_lock(&logm);
	mutex_trylock(&inode);
	mutex_unlock(&logm);
	mutex_lock(&upper);
}

static void ends_with_a_lock(void *arg)
{
	mutex_lock(&inode);
}

static void a_task_ends_with_a_lock(void)
{
	rt_join(rt_spawn("holder", ends_with_a_lock, NULL, NULL));
}

/* With a writer waiting in between this would be a deadlock: so it is one without, too. */
static void reads_twice(void)
{
	read_lock(&maps);
	read_lock(&maps);
}

/* As above: who holds it to read waits for an end of I/O, and who owes that would wait for the writer. */
static void reads_what_a_waiter_may_hold(void)
{
	owe(L_BIO, 0, &io);
	read_lock(&maps);
}

static void violations_are_caught(void **state)
{
	assert_true(aborts_with(reads_twice, "takes EM_TREE sub 0"));
	assert_true(aborts_with(reads_what_a_waiter_may_hold, "owes  BIO"));
	assert_true(aborts_with(upwards, "takes INODE sub 0"));
	assert_true(aborts_with(upwards, "holds LOG sub 0"));
	assert_true(aborts_with(twice, "takes INODE sub 0"));
	assert_true(aborts_with(shallower, "holds DIR sub 2"));
	assert_true(aborts_with(wait_under_inner_lock, "waits for LOG_COMMIT"));
	assert_true(aborts_with(wait_under_two_inner_locks, "holds LOG sub 0"));
	assert_true(aborts_with(take_above_what_is_owed, "owes  LOG_COMMIT"));
	assert_true(aborts_with(wait_above_what_is_owed, "waits for ORDERED"));
	assert_true(aborts_with(owed_below_a_held_lock, "owes  LOG_COMMIT"));
	assert_true(aborts_with(waits_between_what_it_owes_and_holds, "holds LOG sub 0"));
	assert_true(aborts_with(waits_for_what_it_owes, "owes  LOG_COMMIT"));
	assert_true(aborts_with(tried_out_of_order_then_takes, "holds INODE"));
	assert_true(aborts_with(pays_what_it_does_not_owe, "what is paid is owed"));
	assert_true(aborts_with(unlocks_what_it_does_not_hold, "is held by the task"));
	assert_true(aborts_with(a_task_ends_with_a_lock, "nheld == 0"));
}

static void say_recipe(void)
{
	fprintf(stderr, "replay with seed 42\n");
}

static void upwards_with_a_recipe(void)
{
	check_hook = say_recipe;
	upwards();
}

static void the_hook_prints_the_recipe(void **state)
{
	assert_true(aborts_with(upwards_with_a_recipe, "replay with seed 42"));
}

static void what_the_rules_allow_passes(void **state)
{
	mutex_lock(&upper);
	mutex_lock(&deeper); /* the same line, larger sub */
	mutex_lock(&inode);
	mutex_unlock(&upper); /* not in reverse order */
	owe(L_LOG_COMMIT, 0, &commit);
	mutex_lock(&logm);
	assert_int_equal(rt_self()->nheld, 4);
	assert_ptr_equal(commit.ower, rt_self());
	mutex_unlock(&inode);
	paid(L_LOG_COMMIT, 0, &commit);
	assert_null(commit.ower);
	wait_until_locked(&commit, &logm, yes, NULL);
	mutex_unlock(&deeper);
	mutex_unlock(&logm);
	assert_int_equal(rt_self()->nheld, 0);
	wait_until(&commit, yes, NULL);
	lock_order_check(L_TASK, 0);
	owe(L_LOG_COMMIT, -5, &commit);
	wait_until(&commit, yes, NULL); /* an older one of the line */
	paid(L_LOG_COMMIT, -5, &commit);
}

/* Only waits may, and only until it is taken back. */
static void waits_again(void)
{
	lock_order_waive(true);
	lock_order_waive(false);
	waits_for_what_it_owes();
}

static void takes_upwards(void)
{
	lock_order_waive(true);
	upwards();
}

static void a_design_may_wait_against_the_order(void **state)
{
	owe(L_LOG_COMMIT, 0, &commit);
	lock_order_waive(true);
	wait_until(&ordered, yes, NULL);
	lock_order_waive(false);
	paid(L_LOG_COMMIT, 0, &commit);
	assert_true(aborts_with(waits_again, "owes  LOG_COMMIT"));
	assert_true(aborts_with(takes_upwards, "holds LOG sub 0"));
}

static void trylock_does_not_wait_so_it_may_go_up(void **state)
{
	mutex_lock(&logm);
	assert_true(mutex_trylock(&inode));
	assert_false(mutex_trylock(&inode));
	mutex_unlock(&inode);
	mutex_unlock(&logm);
	assert_int_equal(rt_self()->nheld, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(violations_are_caught),
		cmocka_unit_test(the_hook_prints_the_recipe),
		cmocka_unit_test(what_the_rules_allow_passes),
		cmocka_unit_test(a_design_may_wait_against_the_order),
		cmocka_unit_test(trylock_does_not_wait_so_it_may_go_up),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
