/*
 * The ram device in controlled runs: when each bio completes is a choice of its own, a device can be
 * kept over many runs, also those that did not finish, and the same seed gives the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/door.h"
#include "dev/record.h"
#include "pick/pickers.h"
#include "rt/coop.h"
#include "rt/sanitize.h"

static _Alignas(4096) uint8_t buf[DEV_BLOCK];
static struct dev *d;
static void *picker;

static int open_async(void **state)
{
	const char *err;

	assert_int_equal(ram_open(1 << 20, &d), 0);
	d->async = true;
	powercut_start(d);
	picker = pick_random.create("", &err);
	memset(buf, 1, sizeof(buf));
	return 0;
}

static int close_async(void **state)
{
	pick_random.destroy(picker);
	dev_close(d);
	return 0;
}

static enum coop_end run(void (*main)(void *), uint64_t seed)
{
	struct coop_config cfg = {.picker = &pick_random, .picker_state = picker, .seed = seed};
	struct coop_result res;

	if (RT_TSAN)
		skip(); /* fibers: it does not follow them */

	powercut_rewind(d);
	coop_run(&cfg, main, NULL, &res);
	return res.end;
}

/* The record as text: "a" write a is submitted, "A" completes, "f" and "F" a flush. */
static void story_of(char *out)
{
	uint32_t n;
	const struct dev_event *ev = powercut_events(d, &n);

	for (uint32_t i = 0; i < n; i++) {
		bool ends = ev[i].kind == DEV_WCMP || ev[i].kind == DEV_FCMP;
		const struct dev_event *begun = ends ? &ev[ev[i].of] : &ev[i];
		char c = begun->kind == DEV_FSUB ? 'f' : (char)('a' + begun->off / DEV_BLOCK);

		*out++ = begun == &ev[i] ? c : (char)(c - 'a' + 'A');
	}
	*out = 0;
}

/* How many different stories of main in `runs` runs; the device is drained in each. */
static unsigned stories(void (*main)(void *), unsigned runs, char (*story)[64])
{
	unsigned n = 0, i;

	for (unsigned seed = 0; seed < runs; seed++) {
		assert_int_equal(run(main, seed), COOP_FINISHED);
		story_of(story[n]);
		for (i = 0; strcmp(story[i], story[n]); i++)
			;
		n += i == n;
	}
	return n;
}

static struct bio bio_of(unsigned blk, unsigned flags)
{
	return (struct bio){.off = blk * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE | flags, .buf = buf};
}

static char story[1000][64];

/* ---- orders ---- */

static void three_writes(void *arg)
{
	struct bio bio[3];
	struct batch b;

	batch_init(&b, d);
	coop_choices(true);
	for (unsigned i = 0; i < 3; i++) {
		bio[i] = bio_of(i, 0);
		batch_submit(&b, &bio[i]);
	}
	assert_int_equal(batch_wait(&b), 0);
	dev_drain(d);
}

/* abcABC and so on: 3 submissions in order, each completion after its own submission: 15 orders. */
static void every_order_of_completions_is_possible(void **state)
{
	assert_int_equal(stories(three_writes, 1000, story), 15);
}

static void write_and_flush(void *arg)
{
	struct bio w = bio_of(0, 0), f = {.flags = BIO_WRITE | BIO_PREFLUSH};
	struct batch b;

	batch_init(&b, d);
	coop_choices(true);
	batch_submit(&b, &w);
	batch_submit(&b, &f);
	assert_int_equal(batch_wait(&b), 0);
	dev_drain(d);
}

static bool told(const char *want, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(story[i], want))
			return true;
	return false;
}

/* 'f' is the flush: block 5's letter is not used here. */
static void a_write_may_complete_before_during_or_after_a_flush(void **state)
{
	unsigned n = stories(write_and_flush, 200, story);

	assert_int_equal(n, 3);
	assert_true(told("aAfF", n));
	assert_true(told("afAF", n));
	assert_true(told("afFA", n));
}

static void barrier_write(void *arg)
{
	struct bio w = bio_of(0, 0), s = bio_of(1, BIO_PREFLUSH | BIO_FUA);
	struct batch b;

	batch_init(&b, d);
	coop_choices(true);
	batch_submit(&b, &w);
	batch_submit(&b, &s);
	assert_int_equal(batch_wait(&b), 0);
	dev_drain(d);
}

static void others_complete_between_the_two_stages(void **state)
{
	unsigned n = stories(barrier_write, 400, story);

	assert_true(told("aAfFbB", n));
	assert_true(told("afAFbB", n));
	assert_true(told("afFbAB", n));
	assert_true(told("afFbBA", n));
	assert_int_equal(n, 4); /* the write is submitted in the step in which its flush completes */
}

/* ---- many ---- */

#define MANY 100

static void many_writes(void *arg)
{
	static struct bio bio[MANY];
	struct batch b;

	batch_init(&b, d);
	coop_choices(true);
	for (unsigned i = 0; i < MANY; i++) {
		bio[i] = bio_of(i, 0);
		batch_submit(&b, &bio[i]);
	}
	assert_int_equal(batch_wait(&b), 0);
	dev_drain(d);
}

static void more_bios_than_tasks(void **state)
{
	uint32_t n;

	for (unsigned seed = 0; seed < 20; seed++) {
		assert_int_equal(run(many_writes, seed), COOP_FINISHED);
		powercut_events(d, &n);
		assert_int_equal(n, 2 * MANY);
	}
}

static void the_same_seed_gives_the_same_run(void **state)
{
	char again[64];

	for (unsigned seed = 0; seed < 50; seed++) {
		run(barrier_write, seed);
		story_of(story[0]);
		run(barrier_write, seed);
		story_of(again);
		assert_string_equal(story[0], again);
	}
}

/* ---- runs that do not finish ---- */

static bool never(void *arg)
{
	return false;
}

static void submit_and_get_stuck(void *arg)
{
	static struct bio bio[4];
	static struct batch b;
	struct waitq wq;

	batch_init(&b, d);
	waitq_init(&wq, L_BIO);
	coop_choices(true);
	for (unsigned i = 0; i < 4; i++) {
		bio[i] = bio_of(i, BIO_PREFLUSH);
		batch_submit(&b, &bio[i]);
	}
	wait_until(&wq, never, NULL);
}

static void a_run_that_got_stuck_leaves_nothing_behind(void **state)
{
	static _Alignas(4096) uint8_t got[DEV_BLOCK];

	for (unsigned seed = 0; seed < 20; seed++) {
		assert_int_equal(run(submit_and_get_stuck, seed), COOP_STUCK);
		assert_int_equal(run(three_writes, seed), COOP_FINISHED);
		assert_int_equal(powercut_position(d), 6);
		powercut_rewind(d);
		assert_int_equal(dev_read(d, 0, got, DEV_BLOCK), 0);
		assert_int_equal(got[0], 0);
	}
}

static int fail_second(void *arg, const struct bio *bio)
{
	return bio->off == DEV_BLOCK ? -5 : 0;
}

static void fails_one(void *arg)
{
	struct bio bio[2] = {bio_of(0, 0), bio_of(1, 0)};
	struct batch b;

	batch_init(&b, d);
	coop_choices(true);
	batch_submit(&b, &bio[0]);
	batch_submit(&b, &bio[1]);
	assert_int_equal(batch_wait(&b), -5);
	dev_drain(d);
}

static void errors_come_in_any_order_too(void **state)
{
	struct dev_faults faults = {.fail = fail_second};
	unsigned n;

	d->faults = &faults;
	n = stories(fails_one, 100, story);
	d->faults = NULL;
	assert_true(told("abBA", n));
	assert_true(told("abAB", n));
}

static void changes_its_buffer_in_flight(void *arg)
{
	static _Alignas(4096) uint8_t mine[DEV_BLOCK];
	struct bio w = {.len = DEV_BLOCK, .flags = BIO_WRITE, .buf = mine};
	struct batch b;

	mine[7] = 1;
	batch_init(&b, d);
	batch_submit(&b, &w);
	mine[7] = 2;
	assert_int_equal(batch_wait(&b), 0);
	mine[7] = 3;
	dev_drain(d);
}

/* The device reads the buffer when it completes, and the record says what it read. */
static void the_media_gets_what_the_buffer_held_at_completion(void **state)
{
	static _Alignas(4096) uint8_t got[DEV_BLOCK];
	uint32_t n;

	assert_int_equal(run(changes_its_buffer_in_flight, 1), COOP_FINISHED);
	assert_int_equal(dev_read(d, 0, got, DEV_BLOCK), 0);
	assert_int_equal(got[7], 2);
	assert_int_equal(((const uint8_t *)powercut_events(d, &n)[0].data)[7], 2);
}

#define ASYNC(test) cmocka_unit_test_setup_teardown(test, open_async, close_async)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ASYNC(every_order_of_completions_is_possible),
		ASYNC(a_write_may_complete_before_during_or_after_a_flush),
		ASYNC(others_complete_between_the_two_stages),
		ASYNC(more_bios_than_tasks),
		ASYNC(the_same_seed_gives_the_same_run),
		ASYNC(a_run_that_got_stuck_leaves_nothing_behind),
		ASYNC(the_media_gets_what_the_buffer_held_at_completion),
		ASYNC(errors_come_in_any_order_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
