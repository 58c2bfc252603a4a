/*
 * The latency model: contents are kept, completions come in the order of their due times and not
 * before, a queue of qd slots, flushes one after the other. Times are checked exactly in virtual
 * time, and by lower bounds on threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/door.h"
#include "dev/record.h"
#include "pick/pickers.h"
#include "rt/coop.h"
#include "rt/sanitize.h"

#define N 8

static _Alignas(4096) uint8_t buf[N][DEV_BLOCK];
static struct dev *d;
static unsigned order[N], ndone;
static uint64_t done_ns[N];
static struct bio bio[N];

static void open_slow(const char *spec)
{
	struct why why;

	if (dev_open(spec, false, &d, &why))
		fail_msg("%s", why.text);
	ndone = 0;
}

static void note(struct bio *b)
{
	unsigned i = (unsigned)(b - bio);

	done_ns[i] = rt_now();
	order[ndone++] = i;
}

static void submit(unsigned i, unsigned flags, uint32_t len)
{
	memset(buf[i], (int)i + 1, DEV_BLOCK);
	bio[i] = (struct bio){
		.off = i * DEV_BLOCK, .len = len, .flags = BIO_WRITE | flags, .buf = buf[i], .done = note,
	};
	dev_submit(d, &bio[i]);
}

static void in_virtual_time(void (*main)(void *))
{
	struct coop_config cfg = {.picker = &pick_clock, .virtual_time = true};
	struct coop_result res;
	const char *err;

	if (RT_TSAN)
		skip(); /* fibers: it does not follow them */

	cfg.picker_state = pick_clock.create("", &err);
	coop_run(&cfg, main, NULL, &res);
	pick_clock.destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		fail_msg("run ended %d: %s", res.end, res.why);
}

/* ---- virtual time: exact ---- */

/*
 * qd=2, no jitter, write 1000, flush 5000, fua 3000, all submitted at t0: two at a time, the FUA in the first free
 * slot.
 */
static void queue_main(void *arg)
{
	uint64_t t0;

	open_slow("slow:nvme,qd=2,jitter=0,write=1000,flush=5000,fua=3000/ram:1m");
	t0 = rt_now();
	for (unsigned i = 0; i < 4; i++)
		submit(i, 0, DEV_BLOCK);
	submit(4, BIO_FUA, DEV_BLOCK);
	submit(5, BIO_PREFLUSH, 0);
	submit(6, BIO_PREFLUSH, 0);
	submit(7, BIO_PREFLUSH | BIO_FUA, DEV_BLOCK);
	dev_drain(d);
	for (unsigned i = 0; i < N; i++)
		done_ns[i] -= t0;
	dev_close(d);
}

static void due_times_are_exact_in_virtual_time(void **state)
{
	static const uint64_t want[N] = {1000, 1000, 2000, 2000, 5000, 5000, 10000, 18000};

	in_virtual_time(queue_main);
	assert_int_equal(ndone, N);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(done_ns[i], want[i]);
}

static uint64_t jitter_ns[2][N];

static void jitter_main(void *arg)
{
	uint64_t t0, *ns = arg ? arg : jitter_ns[0];

	open_slow("slow:nvme,qd=8,jitter=50,write=1000,seed=5/ram:1m");
	t0 = rt_now();
	for (unsigned i = 0; i < N; i++)
		submit(i, 0, DEV_BLOCK);
	dev_drain(d);
	for (unsigned i = 0; i < N; i++)
		ns[i] = done_ns[i] - t0;
	dev_close(d);
}

static void jitter_main_again(void *arg)
{
	jitter_main(jitter_ns[1]);
}

static void jitter_comes_from_the_seed_and_reorders(void **state)
{
	bool differ = false, reordered = false;

	in_virtual_time(jitter_main);
	for (unsigned i = 1; i < N; i++)
		reordered |= order[i] < order[i - 1];
	in_virtual_time(jitter_main_again);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(jitter_ns[0][i], jitter_ns[1][i]);
		assert_in_range(jitter_ns[0][i], 500, 1500);
		differ |= jitter_ns[0][i] != jitter_ns[0][0];
	}
	assert_true(differ);
	assert_true(reordered);
}

/* ---- threads: contents, and not before the due time ---- */

static void contents_are_kept_and_time_passes(void **state)
{
	static _Alignas(4096) uint8_t got[DEV_BLOCK];
	struct batch b;
	uint64_t t0;

	open_slow("slow:sata,qd=1,jitter=0,write=200000,flush=300000,fua=400000/ram:1m");
	batch_init(&b, d);
	t0 = rt_now();
	for (unsigned i = 0; i < 4; i++) {
		memset(buf[i], (int)i + 1, DEV_BLOCK);
		bio[i] = (struct bio){.off = i * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE, .buf = buf[i]};
		batch_submit(&b, &bio[i]);
	}
	assert_int_equal(batch_wait(&b), 0);
	assert_true(rt_now() - t0 >= 4 * 200000);
	t0 = rt_now();
	assert_int_equal(dev_write(d, 4 * DEV_BLOCK, buf[3], DEV_BLOCK, BIO_PREFLUSH | BIO_FUA), 0);
	assert_true(rt_now() - t0 >= 700000);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(dev_read(d, i * DEV_BLOCK, got, DEV_BLOCK), 0);
		assert_memory_equal(got, buf[i], DEV_BLOCK);
	}
	dev_close(d);
}

/* Submits what is due last first. True when nothing held up the submissions for so long that this is not so. */
static bool submit_in_reverse(void)
{
	uint64_t since = rt_now();

	submit(0, BIO_FUA, DEV_BLOCK);
	submit(1, 0, DEV_BLOCK);
	submit(2, BIO_PREFLUSH, 0);
	return rt_now() - since < 1000000;
}

static void completions_come_in_the_order_of_due_times(void **state)
{
	bool in_time = false;

	while (!in_time) { /* the machine may be busy */
		open_slow("slow:nvme,qd=64,jitter=0,write=2000000,flush=500000,fua=3000000/ram:1m");
		in_time = submit_in_reverse();
		dev_drain(d);
		assert_int_equal(ndone, 3);
		if (in_time) {
			assert_int_equal(order[0], 2);
			assert_int_equal(order[1], 1);
			assert_int_equal(order[2], 0);
		}
		dev_close(d);
	}
}

static int fail_all(void *arg, const struct bio *b)
{
	return -5;
}

static void a_fault_comes_late_and_writes_nothing(void **state)
{
	struct dev_faults faults = {.fail = fail_all};
	static _Alignas(4096) uint8_t got[DEV_BLOCK];
	uint64_t t0;

	open_slow("slow:nvme,jitter=0,write=300000/ram:1m");
	d->faults = &faults;
	memset(buf[0], 9, DEV_BLOCK);
	t0 = rt_now();
	assert_int_equal(dev_write(d, 0, buf[0], DEV_BLOCK, 0), -5);
	assert_true(rt_now() - t0 >= 300000);
	d->faults = NULL;
	assert_int_equal(dev_read(d, 0, got, DEV_BLOCK), 0);
	assert_int_equal(got[0], 0);
	dev_close(d);
}

/* ---- the record in front of it ---- */

static void a_slow_device_can_be_recorded(void **state)
{
	static _Alignas(4096) uint8_t got[DEV_BLOCK];
	uint32_t n;

	open_slow("slow:nvme,write=1000,flush=1000/ram:1m");
	powercut_start(d);
	memset(buf[0], 7, DEV_BLOCK);
	assert_int_equal(dev_write(d, 0, buf[0], DEV_BLOCK, 0), 0);
	assert_int_equal(dev_flush(d), 0);
	powercut_events(d, &n);
	assert_int_equal(n, 4);
	assert_int_equal(dev_read(d, 0, got, DEV_BLOCK), 0);
	assert_int_equal(got[0], 7);
	dev_drain(d);
	powercut_rewind(d);
	assert_int_equal(dev_read(d, 0, got, DEV_BLOCK), 0);
	assert_int_equal(got[0], 0);
	dev_close(d);
}

static void bios_are_counted_once(void **state)
{
	uint64_t before[C_NR], after[C_NR];

	open_slow("slow:nvme,write=1000,flush=1000/ram:1m");
	rt_totals(before);
	assert_int_equal(dev_write(d, 0, buf[0], DEV_BLOCK, BIO_PREFLUSH), 0);
	dev_drain(d);
	rt_totals(after);
	if (rt_instrument) {
		assert_int_equal(after[C_DEV_WRITE] - before[C_DEV_WRITE], 1);
		assert_int_equal(after[C_DEV_FLUSH] - before[C_DEV_FLUSH], 1);
	}
	dev_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_times_are_exact_in_virtual_time),
		cmocka_unit_test(jitter_comes_from_the_seed_and_reorders),
		cmocka_unit_test(contents_are_kept_and_time_passes),
		cmocka_unit_test(completions_come_in_the_order_of_due_times),
		cmocka_unit_test(a_fault_comes_late_and_writes_nothing),
		cmocka_unit_test(a_slow_device_can_be_recorded),
		cmocka_unit_test(bios_are_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
