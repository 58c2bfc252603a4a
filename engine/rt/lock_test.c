/* lock_test.c: mutual exclusion, rwsem manners and wait queues, on threads and under pickers. */
#include "rt/test_pickers.h"
#include "rt/test_run.h"

#include <sched.h>

#define THREADS 4
#define ROUNDS  (RT_TSAN || RT_ASAN ? 100000 : 1000000)
#define SCHEDULES 500

static struct mutex mutex;
static struct spin spin;
static struct rwsem rwsem;
static struct waitq wq;
static uint64_t plain;          /* guarded by whichever lock the test is about */
static _Atomic int inside, most_inside, flag;
static uint32_t obj;

static void reset(void)
{
	mutex_init(&mutex, L_LOG, 0);
	spin_init(&spin, L_TRANS);
	rwsem_init(&rwsem, L_EM_TREE, 0);
	waitq_init(&wq, L_BIO);
	obj = rt_obj_id();
	plain = 0;
	inside = most_inside = flag = 0;
}

/* They must be there all at once, or each is done before the next one starts. */
static void start_together(void)
{
	atomic_fetch_add(&inside, 1);
	while (atomic_load(&inside) < THREADS)
		sched_yield();
}

static void on_threads(unsigned n, void (*fn)(void *))
{
	struct task *t[THREADS];

	reset();
	for (unsigned i = 0; i < n; i++)
		t[i] = rt_spawn("thread", fn, NULL, NULL);
	for (unsigned i = 0; i < n; i++)
		rt_join(t[i]);
}

static void (*body)(void *);
static unsigned bodies;

static void controlled_main(void *arg)
{
	reset();
	run_tasks(bodies, body, arg);
}

static void under_pickers(unsigned n, void (*fn)(void *), void (*check)(void))
{
	body = fn;
	bodies = n;
	for (uint64_t seed = 0; seed < SCHEDULES; seed++) {
		const struct picker *p = seed % 2 ? &test_even : &test_seldom;
		struct coop_result res = run_once(p, "", seed, controlled_main, NULL, NULL);
		if (res.end != COOP_FINISHED)
			fail_msg("seed %lu: end %d: %s", (unsigned long)seed, res.end, res.why);
		check();
	}
}

/* ---- exclusion ---- */

static void add_under_mutex(void *arg)
{
	start_together();
	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&mutex);
		plain++;
		mutex_unlock(&mutex);
	}
}

static void add_under_spin(void *arg)
{
	start_together();
	for (int i = 0; i < ROUNDS; i++) {
		spin_lock(&spin);
		plain++;
		spin_unlock(&spin);
	}
}

static void add_under_write_lock(void *arg)
{
	start_together();
	for (int i = 0; i < ROUNDS; i++) {
		write_lock(&rwsem);
		plain++;
		write_unlock(&rwsem);
		read_lock(&rwsem);
		assert_true(plain > 0);
		read_unlock(&rwsem);
	}
}

static void threads_exclude_each_other(void **state)
{
	on_threads(THREADS, add_under_mutex);
	assert_int_equal(plain, THREADS * ROUNDS);
	on_threads(THREADS, add_under_spin);
	assert_int_equal(plain, THREADS * ROUNDS);
	on_threads(THREADS, add_under_write_lock);
	assert_int_equal(plain, THREADS * ROUNDS);
}

/* Reads, lets others in if they can get in, writes. */
static void add_in_two_steps(void)
{
	uint64_t seen = plain;

	rt_point(obj, POINT_READ);
	plain = seen + 1;
}

static void mutex_only(void *arg)
{
	for (int i = 0; i < 3; i++) {
		mutex_lock(&mutex);
		add_in_two_steps();
		mutex_unlock(&mutex);
	}
}

static void rwsem_only(void *arg)
{
	for (int i = 0; i < 3; i++) {
		write_lock(&rwsem);
		add_in_two_steps();
		write_unlock(&rwsem);
	}
}

static void check_nine(void)
{
	assert_int_equal(plain, 9);
}

static void no_schedule_breaks_exclusion(void **state)
{
	skip_under_tsan();
	under_pickers(3, mutex_only, check_nine);
	under_pickers(3, rwsem_only, check_nine);
}

/* ---- rwsem ---- */

static void note_inside(int more)
{
	int now = atomic_fetch_add(&inside, more) + more;

	if (now > most_inside)
		most_inside = now;
}

static void read_together(void *arg)
{
	read_lock(&rwsem);
	note_inside(1);
	rt_point(obj, POINT_READ);
	note_inside(-1);
	read_unlock(&rwsem);
}

static int most_seen;

static void keep_most(void)
{
	if (most_inside > most_seen)
		most_seen = most_inside;
}

static void readers_share(void **state)
{
	skip_under_tsan();
	most_seen = 0;
	under_pickers(3, read_together, keep_most);
	assert_int_equal(most_seen, 3);
}

static void write_once(void *arg)
{
	write_lock(&rwsem);
	atomic_store(&flag, 1);
	write_unlock(&rwsem);
}

static void read_late(void *arg)
{
	read_lock(&rwsem);
	plain = (uint64_t)atomic_load(&flag); /* did the writer come before? */
	read_unlock(&rwsem);
}

/* In virtual time, where locks queue as on threads: the writer waits before the late reader asks. */
static void a_writer_waits(void *arg)
{
	struct task *writer, *reader;

	reset();
	read_lock(&rwsem);
	writer = rt_spawn("writer", write_once, NULL, NULL);
	rt->sleep(1); /* the others run first */
	assert_int_equal(atomic_load(&rwsem.writers_waiting), 1);
	reader = rt_spawn("reader", read_late, NULL, NULL);
	rt->sleep(1);
	assert_int_equal(atomic_load(&rwsem.nr), 2);
	read_unlock(&rwsem);
	rt_join(writer);
	rt_join(reader);
}

static void a_waiting_writer_keeps_new_readers_out(void **state)
{
	struct coop_result res;

	skip_under_tsan();
	res = run_once(&test_clock, "", 1, a_writer_waits, NULL, NULL);
	assert_int_equal(res.end, COOP_FINISHED);
	assert_int_equal(plain, 1);
}

static void read_and_write(void *arg)
{
	for (int i = 0; i < 3; i++) {
		read_lock(&rwsem);
		rt_point(obj, POINT_READ);
		read_unlock(&rwsem);
		write_lock(&rwsem);
		plain++;
		write_unlock(&rwsem);
	}
}

static void check_twelve(void)
{
	assert_int_equal(plain, 12);
}

static void nobody_is_forgotten_in_a_rwsem(void **state)
{
	skip_under_tsan();
	under_pickers(4, read_and_write, check_twelve);
}

/* ---- wait queues ---- */

static bool is_set(void *arg)
{
	return atomic_load(&flag) > 0;
}

static void consume_or_produce(void *arg)
{
	for (int i = 0; i < 2; i++) {
		rt_point(obj, POINT_WRITE);
		atomic_fetch_add(&flag, 1);
		wake_all(&wq);
		wait_until(&wq, is_set, NULL);
	}
}

static bool turn_is(void *arg)
{
	return plain % 2 == (uintptr_t)arg;
}

/* Ping-pong under a mutex: a lost wake leaves both asleep. */
static void take_turns(void *arg)
{
	uint64_t me = (uint64_t)atomic_fetch_add(&flag, 1);

	for (int i = 0; i < (rt_controlled ? 4 : 2000); i++) {
		mutex_lock(&mutex);
		wait_until_locked(&wq, &mutex, turn_is, (void *)(uintptr_t)me);
		plain++;
		mutex_unlock(&mutex);
		wake_all(&wq);
	}
}

static void check_eight(void)
{
	assert_int_equal(plain, 8);
}

static void check_nothing(void)
{
}

/* As take_turns, with a queue that may be waited on under the log mutex. */
static void reset_turns(void)
{
	waitq_init(&wq, L_LOG_COMMIT);
}

static void turns_main(void *arg)
{
	reset();
	reset_turns();
	run_tasks(2, take_turns, NULL);
}

static void no_wake_is_lost_under_pickers(void **state)
{
	skip_under_tsan();
	under_pickers(3, consume_or_produce, check_nothing);
	for (uint64_t seed = 0; seed < SCHEDULES; seed++) {
		const struct picker *p = seed % 2 ? &test_even : &test_seldom;
		struct coop_result res = run_once(p, "", seed, turns_main, NULL, NULL);
		if (res.end != COOP_FINISHED)
			fail_msg("seed %lu: end %d: %s", (unsigned long)seed, res.end, res.why);
		check_eight();
	}
}

/* An event without any lock: set, wake; the other waits, clears, sets the next. */
static bool even(void *arg)
{
	return atomic_load(&flag) % 2 == 0;
}

static bool odd(void *arg)
{
	return atomic_load(&flag) % 2 == 1;
}

static void ping(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		wait_until(&wq, even, NULL);
		atomic_fetch_add(&flag, 1);
		wake_all(&wq);
	}
}

static void pong(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		wait_until(&wq, odd, NULL);
		atomic_fetch_add(&flag, 1);
		wake_one(&wq);
	}
}

static void no_wake_is_lost_on_threads(void **state)
{
	struct task *a, *b;

	reset();
	a = rt_spawn("ping", ping, NULL, NULL);
	b = rt_spawn("pong", pong, NULL, NULL);
	rt_join(a);
	rt_join(b);
	assert_int_equal(flag, 10000);

	reset();
	reset_turns();
	a = rt_spawn("even", take_turns, NULL, NULL);
	b = rt_spawn("odd", take_turns, NULL, NULL);
	rt_join(a);
	rt_join(b);
	assert_int_equal(plain, 4000);
}

static bool never(void *arg)
{
	return false;
}

static void a_timeout_ends_a_wait(void **state)
{
	uint64_t start = rt_now();

	reset();
	assert_false(wait_until_timeout(&wq, never, NULL, 2000000));
	assert_true(rt_now() - start >= 2000000);
	atomic_store(&flag, 1);
	assert_true(wait_until_timeout(&wq, is_set, NULL, 1));
	assert_int_equal(atomic_load(&wq.nr), 0);
}

static void a_wake_before_the_park_is_not_lost(void **state)
{
	rt->wake(rt_self());
	assert_true(rt->park(0)); /* would hang */
	assert_false(rt->park(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_exclude_each_other),
		cmocka_unit_test(no_schedule_breaks_exclusion),
		cmocka_unit_test(readers_share),
		cmocka_unit_test(a_waiting_writer_keeps_new_readers_out),
		cmocka_unit_test(nobody_is_forgotten_in_a_rwsem),
		cmocka_unit_test(no_wake_is_lost_under_pickers),
		cmocka_unit_test(no_wake_is_lost_on_threads),
		cmocka_unit_test(a_timeout_ends_a_wait),
		cmocka_unit_test(a_wake_before_the_park_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
