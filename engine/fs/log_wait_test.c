/* log_wait_test.c: a leader that waits for more carries more, and a lone one does not wait. In virtual time. */
#include "pick/test_run.h"
#include "fs/test_fs.h"

#define ROUNDS 12

struct crowd {
	unsigned ntasks, next;
	uint64_t log_wait_ns;
	uint64_t apart_ns; /* each task comes back from an fsync so much later than the one before it */
	struct fs *fs;
	uint64_t led, fsyncs, took_ns;
};

static uint64_t counted(enum counter what)
{
	uint64_t sum[C_NR];

	rt_totals(sum);
	return sum[what];
}

static void fsyncer(void *arg)
{
	struct crowd *c = arg;
	unsigned me = c->next++;
	char name[16];

	snprintf(name, sizeof(name), "f%u", me);
	struct file *f = test_open(fs_subvol(c->fs, 0), name);
	for (unsigned i = 0; i < ROUNDS; i++) {
		rt_work(me * c->apart_ns);
		test_write(f, 0, FS_BLOCK, 10 + i);
		CHECK(fs_fsync(f) == 0);
	}
	fs_close(f);
}

static void crowd_main(void *arg)
{
	struct crowd *c = arg;
	struct mount_options o = { .no_background = true, .log_wait_ns = c->log_wait_ns };
	char name[16];

	c->fs = test_mount(test_dev("slow:nvme,jitter=0,write=100000,flush=1500000,fua=1500000/ram:64m",
	                            &(struct mkfs_options){ .nodesize = 4096 }), &o);
	for (unsigned i = 0; i < c->ntasks; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		test_put(fs_subvol(c->fs, 0), name, FS_BLOCK, 1);
	}
	CHECK(fs_sync(c->fs) == 0);
	rt_reset_totals();
	c->took_ns = rt_now();
	run_tasks(c->ntasks, fsyncer, c);
	c->took_ns = rt_now() - c->took_ns;
	c->led = counted(C_LOG_LED);
	c->fsyncs = counted(C_FSYNC);
	c->fs = test_crash(c->fs, &o);
	for (unsigned i = 0; i < c->ntasks; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		CHECK(test_is(fs_subvol(c->fs, 0), name, FS_BLOCK, 10 + ROUNDS - 1));
	}
	test_end(c->fs, false);
}

static struct crowd crowd_run(unsigned ntasks, uint64_t log_wait_ns, uint64_t apart_ns)
{
	struct crowd c = { .ntasks = ntasks, .log_wait_ns = log_wait_ns, .apart_ns = apart_ns };
	struct coop_config cfg = { .picker = &pick_clock, .virtual_time = true };
	const char *err = NULL;
	struct coop_result res;

	cfg.picker_state = pick_clock.create("", &err);
	coop_run(&cfg, crowd_main, &c, &res);
	pick_clock.destroy(cfg.picker_state);
	assert_int_equal(res.end, COOP_FINISHED);
	assert_int_equal(c.fsyncs, ntasks * ROUNDS);
	return c;
}

static void a_leader_that_waits_carries_more(void **state)
{
	skip_under_tsan();
	struct crowd without = crowd_run(8, 0, 0), with = crowd_run(8, 100000, 0);
	assert_true(with.led * 10 < without.led * 7);
	assert_true(with.took_ns < without.took_ns);
}

/* Who is back first leads, alone, and waits for the others all the same, until the last of them is there: it waits
 * in vain once, when they have ended. */
static void the_first_to_be_back_waits_for_the_others(void **state)
{
	skip_under_tsan();
	struct crowd brief = crowd_run(8, 300000, 20000), patient = crowd_run(8, 100000000, 20000);
	assert_true(brief.led <= ROUNDS + 2);
	assert_true(patient.led <= ROUNDS + 2);
	assert_true(patient.took_ns < brief.took_ns + 2 * 100000000);
}

static void a_lone_leader_does_not_wait(void **state)
{
	skip_under_tsan();
	struct crowd without = crowd_run(1, 0, 0), with = crowd_run(1, 100000000, 0);
	assert_int_equal(with.led, without.led);
	assert_int_equal(with.took_ns, without.took_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leader_that_waits_carries_more),
		cmocka_unit_test(the_first_to_be_back_waits_for_the_others),
		cmocka_unit_test(a_lone_leader_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
