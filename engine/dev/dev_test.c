/*
 * The door: what it refuses (by aborting: dev.6 and misuse), what it counts, how it takes bios apart,
 * injected faults, batches, and specs. On ram, with a back end of its own where the order matters.
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

#include "dev/door.h"
#include "dev/record.h"
#include "machine/mem.h"

static _Alignas(4096) uint8_t buf[2][2 * DEV_BLOCK];

/* ---- a back end that completes when told ---- */

static struct bio *held[16];
static unsigned nheld;

static void hold(struct dev *d, struct bio *bio)
{
	held[nheld++] = bio;
}

static const struct dev_ops held_ops = {.name = "held", .submit = hold};

static struct dev *open_held(void)
{
	struct dev *d = door_new(&held_ops, "held", 1 << 20);

	d->track = true;
	nheld = 0;
	return d;
}

static int done_err[16];
static unsigned ndone;

static void note_done(struct bio *bio)
{
	done_err[ndone++] = bio->err;
}

static struct bio write_bio(uint64_t off, uint32_t len, unsigned flags)
{
	return (struct bio){.off = off, .len = len, .flags = BIO_WRITE | flags, .buf = buf[0], .done = note_done};
}

/* Did fn abort? In a process of its own, silent. */
static bool aborts(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct sigaction dfl = {.sa_handler = SIG_DFL};

		sigaction(SIGABRT, &dfl, NULL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void overlapping(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 8192, 0), b = write_bio(4096, 4096, 0);

	dev_submit(d, &a);
	dev_submit(d, &b);
}

static void side_by_side(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, 0), b = write_bio(4096, 4096, 0), c = write_bio(0, 4096, 0);

	dev_submit(d, &a);
	dev_submit(d, &b);
	door_complete(&a, 0);
	dev_submit(d, &c);
}

/* The second write of a PREFLUSH is in flight only after its flush. */
static void overlapping_after_flush(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, BIO_PREFLUSH), b = write_bio(0, 4096, 0);

	dev_submit(d, &a);
	dev_submit(d, &b);
	door_complete(&a, 0);
}

static void before_the_write_behind_a_flush(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, BIO_PREFLUSH), b = write_bio(0, 4096, 0);

	dev_submit(d, &a);
	dev_submit(d, &b);
	door_complete(&b, 0);
	door_complete(&a, 0);
}

static void beyond_the_end(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(1 << 20, 4096, 0);

	dev_submit(d, &a);
}

static void misaligned(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(100, 4096, 0);

	dev_submit(d, &a);
}

static void fua_of_nothing(void)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 0, BIO_PREFLUSH | BIO_FUA);

	dev_submit(d, &a);
}

static void without_done(void)
{
	struct dev *d = open_held();
	struct bio a = {.len = 512, .flags = BIO_WRITE, .buf = buf[0]};

	dev_submit(d, &a);
}

static void misuse_stops_the_program(void **state)
{
	assert_true(aborts(overlapping));
	assert_false(aborts(side_by_side));
	assert_true(aborts(overlapping_after_flush));
	assert_false(aborts(before_the_write_behind_a_flush));
	assert_true(aborts(beyond_the_end));
	assert_true(aborts(misaligned));
	assert_true(aborts(fua_of_nothing));
	assert_true(aborts(without_done));
}

/* ---- stages ---- */

static void a_preflush_write_is_a_flush_then_a_write(void **state)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, BIO_PREFLUSH | BIO_FUA);

	ndone = 0;
	dev_submit(d, &a);
	assert_int_equal(nheld, 1);
	assert_int_equal(a.stage, STAGE_FLUSH);
	door_complete(&a, 0);
	assert_int_equal(ndone, 0);
	assert_int_equal(nheld, 2);
	assert_int_equal(a.stage, STAGE_WRITE);
	assert_int_equal(d->ninflight, 1);
	door_complete(&a, 0);
	assert_int_equal(ndone, 1);
	assert_int_equal(done_err[0], 0);
	assert_int_equal(d->ninflight, 0);
	door_free(d);
}

static void a_failed_flush_fails_its_write(void **state)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, BIO_PREFLUSH);

	ndone = 0;
	dev_submit(d, &a);
	door_complete(&a, -EIO);
	assert_int_equal(nheld, 1);
	assert_int_equal(ndone, 1);
	assert_int_equal(done_err[0], -EIO);
	door_free(d);
}

static void a_batch_gives_the_first_error_and_can_be_used_again(void **state)
{
	struct dev *d = open_held();
	struct bio a = write_bio(0, 4096, 0), b = write_bio(4096, 4096, 0), c = write_bio(8192, 4096, 0);
	struct batch batch;

	batch_init(&batch, d);
	batch_submit(&batch, &a);
	batch_submit(&batch, &b);
	batch_submit(&batch, &c);
	door_complete(&b, -ENOSPC);
	door_complete(&a, 0);
	door_complete(&c, -EIO);
	assert_int_equal(batch_wait(&batch), -ENOSPC);
	batch_submit(&batch, &a);
	door_complete(&a, 0);
	assert_int_equal(batch_wait(&batch), 0);
	assert_int_equal(batch_wait(&batch), 0);
	door_free(d);
}

/* ---- ram ---- */

static struct dev *open_ram(void)
{
	struct dev *d;

	assert_int_equal(ram_open(1 << 20, &d), 0);
	return d;
}

static void what_is_written_is_read(void **state)
{
	struct dev *d = open_ram();

	memset(buf[0], 0x5a, sizeof(buf[0]));
	assert_int_equal(dev_write(d, 512, buf[0], 4096, 0), 0);
	assert_int_equal(dev_flush(d), 0);
	assert_int_equal(dev_read(d, 0, buf[1], 8192), 0);
	assert_int_equal(buf[1][511], 0);
	assert_memory_equal(buf[1] + 512, buf[0], 4096);
	assert_int_equal(buf[1][512 + 4096], 0);
	dev_close(d);
}

static void a_read_beyond_the_end_is_an_error(void **state)
{
	struct dev *d = open_ram();

	assert_int_equal(dev_read(d, (1 << 20) - 512, buf[0], 1024), -EIO);
	assert_int_equal(dev_read(d, 1ull << 63, buf[0], 512), -EIO);
	assert_int_equal(dev_read(d, (1 << 20) - 512, buf[0], 512), 0);
	dev_close(d);
}

static void bios_are_counted_by_kind(void **state)
{
	struct dev *d = open_ram();
	uint64_t before[C_NR], after[C_NR];

	rt_totals(before);
	dev_write(d, 0, buf[0], 4096, BIO_META);
	dev_write(d, 4096, buf[0], 512, 0);
	dev_write(d, 4096, buf[0], 512, BIO_META | BIO_PREFLUSH | BIO_FUA);
	dev_flush(d);
	dev_read(d, 0, buf[0], 4096);
	rt_totals(after);
	if (rt_instrument) {
		assert_int_equal(after[C_DEV_WRITE] - before[C_DEV_WRITE], 3);
		assert_int_equal(after[C_DEV_READ] - before[C_DEV_READ], 1);
		assert_int_equal(after[C_DEV_FLUSH] - before[C_DEV_FLUSH], 3);
		assert_int_equal(after[C_META_BYTES] - before[C_META_BYTES], 4608);
		assert_int_equal(after[C_DATA_BYTES] - before[C_DATA_BYTES], 512);
	}
	dev_close(d);
}

static struct dev_stats *start_stats(struct dev *d)
{
	struct dev_stats *s = calloc(1, sizeof(*s));

	hist_init(&s->write);
	hist_init(&s->flush);
	hist_init(&s->fua);
	hist_init(&s->read);
	d->stats = s;
	return s;
}

static void times_are_kept_by_kind(void **state)
{
	struct dev *d = open_ram();
	struct dev_stats *s = start_stats(d);

	d->track = true; /* as of a device that is not done at once */
	dev_write(d, 0, buf[0], 4096, 0);
	dev_write(d, 0, buf[0], 4096, BIO_PREFLUSH | BIO_FUA);
	dev_write(d, 0, buf[0], 4096, BIO_FUA);
	dev_flush(d);
	dev_flush(d);
	dev_flush(d);
	dev_read(d, 0, buf[0], 512);
	assert_int_equal(s->write.n, 1);
	assert_int_equal(s->fua.n, 2);
	assert_int_equal(s->flush.n, 3);
	assert_int_equal(s->read.n, 1);
	dev_close(d);
	free(s);
}

static void what_is_done_at_once_is_timed_one_in_127(void **state)
{
	struct dev_stats *s;
	struct dev *d;

	if (!rt_instrument)
		skip(); /* there all are */
	d = open_ram();
	s = start_stats(d);
	for (int i = 0; i < 1270; i++)
		dev_write(d, 0, buf[0], 4096, 0);
	assert_int_equal(s->write.n, 10);
	for (int i = 0; i < 1270; i++)
		dev_flush(d);
	assert_int_equal(s->flush.n, 10);
	for (int i = 0; i < 9 * 1270; i++) /* each write of a rhythm has its turn */
		dev_write(d, 0, buf[0], 4096, i % 9 ? 0 : BIO_FUA);
	assert_in_range(s->fua.n, 5, 15);
	dev_read(d, 0, buf[0], 512);
	assert_int_equal(s->read.n, 1);
	dev_close(d);
	free(s);
}

/* ---- faults ---- */

static int fail_block_one(void *arg, const struct bio *bio)
{
	++*(int *)arg;
	return bio->off == 4096 && bio->flags & BIO_WRITE ? -EIO : 0;
}

static void a_failed_write_leaves_the_media_alone(void **state)
{
	struct dev *d = open_ram();
	int asked = 0;
	struct dev_faults faults = {.fail = fail_block_one, .arg = &asked};

	memset(buf[0], 1, sizeof(buf[0]));
	d->faults = &faults;
	powercut_start(d);
	assert_int_equal(dev_write(d, 0, buf[0], 4096, 0), 0);
	assert_int_equal(dev_write(d, 4096, buf[0], 4096, 0), -EIO);
	assert_int_equal(asked, 2);
	assert_int_equal(dev_read(d, 0, buf[1], 8192), 0);
	assert_int_equal(buf[1][0], 1);
	assert_int_equal(buf[1][4096], 0);
	powercut_stop(d);
	assert_int_equal(dev_write(d, 4096, buf[0], 4096, 0), -EIO);
	assert_int_equal(dev_read(d, 4096, buf[1], 4096), 0);
	assert_int_equal(buf[1][0], 0);
	d->faults = NULL;
	assert_int_equal(dev_write(d, 4096, buf[0], 4096, 0), 0);
	dev_close(d);
}

static void a_buffer_changed_in_flight_is_what_reaches_the_media(void **state)
{
	struct dev *d = open_ram();
	const struct dev_event *ev;
	struct bio a = write_bio(0, 4096, 0);
	uint64_t hash;
	uint32_t n;

	memset(buf[0], 1, sizeof(buf[0]));
	powercut_start(d);
	a.dev = d;
	a.stage = STAGE_WRITE;
	record_submit(d, &a);
	hash = powercut_events(d, &n)[0].hash;
	buf[0][100] = 2;
	record_take(d, &a);
	ev = powercut_events(d, &n);
	assert_int_equal(((const uint8_t *)ev[0].data)[100], 2);
	assert_int_not_equal(ev[0].hash, hash);
	record_complete(d, &a, 0);
	dev_close(d);
}

/* ---- recording on threads ---- */

#define WRITERS 4
#define WRITES  100

struct recorded_writer {
	struct dev *d;
	unsigned id;
};

static void write_own_block(void *arg)
{
	struct recorded_writer *w = arg;
	uint8_t *mine = mem_alloc_pages(DEV_BLOCK);

	for (unsigned i = 0; i < WRITES; i++) {
		memset(mine, (int)(w->id + 1), DEV_BLOCK);
		unsigned flags = i % 10 == 9 ? BIO_PREFLUSH : 0;

		assert_int_equal(dev_write(w->d, w->id * DEV_BLOCK, mine, DEV_BLOCK, flags), 0);
		assert_true(powercut_position(w->d) >= 2);
	}
	free(mine);
}

static int count_epoch(void *arg, const struct epoch *e)
{
	++*(unsigned *)arg;
	return 0;
}

static void tasks_on_threads_record_into_one_log(void **state)
{
	struct recorded_writer w[WRITERS];
	struct task *t[WRITERS];
	struct dev *d = open_ram();
	unsigned epochs = 0;
	uint32_t n;

	powercut_start(d);
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct recorded_writer){.d = d, .id = i};
		t[i] = rt_spawn("writer", write_own_block, &w[i], NULL);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		rt_join(t[i]);
	powercut_events(d, &n);
	assert_int_equal(n, WRITERS * WRITES * 2 + WRITERS * WRITES / 10 * 2);
	assert_int_equal(powercut_epochs(d, count_epoch, &epochs), 0);
	assert_in_range(epochs, WRITES / 10, WRITERS * WRITES / 10 + 1);
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(dev_read(d, i * DEV_BLOCK, buf[0], DEV_BLOCK), 0);
		assert_int_equal(buf[0][DEV_BLOCK - 1], i + 1);
	}
	dev_close(d);
}

/* ---- specs ---- */

static void wrong_specs_get_one_clear_line(void **state)
{
	static const struct {
		const char *spec, *says;
	} wrong[] = {
		{"", "want ram:SIZE"},
		{"disk:/dev/sda", "want ram:SIZE"},
		{"ram", "want ram:SIZE"},
		{"ram:", "want a number of bytes"},
		{"ram:x", "want a number of bytes"},
		{"ram:64q", "want a number of bytes"},
		{"ram:64mm", "want a number of bytes"},
		{"ram:-1m", "want a number of bytes"},
		{"ram:1", "multiple of 4096"},
		{"ram:4k", "at least 1m"},
		{"ram:1048577", "multiple of 4096"},
		{"ram:99999999999999999999999g", "too large"},
		{"ram:99999999g", "too large"},
		{"ram:1m,nude=0", "want node=N"},
		{"ram:1m,node=999", "no NUMA node 999"},
		{"ram:1m,node=x", "not a list"},
		{"file:", "no path"},
		{"file:,size=1m", "no path"},
		{"file:/nonexistent-fss/x,size=1m", "No such file"},
		{"file:/tmp/fss-no-such-file", "give a size"},
		{"file:/tmp", "neither a file nor a block device"},
		{"file:/dev/null", "neither a file nor a block device"},
		{"file:/tmp/x,colour=red", "unknown option 'colour=red'"},
		{"file:/tmp/x,size=7", "multiple of 4096"},
		{"uring:", "uring: no path"},
		{"uring:/tmp/fss-no-such-file", "as in uring:/tmp"},
		{"uring:/tmp/x,colour=red", "uring: unknown option 'colour=red'"},
		{"slow:nvme", "want slow:PROFILE/SPEC"},
		{"slow:floppy/ram:1m", "unknown profile 'floppy'"},
		{"slow:nvme,speed=9/ram:1m", "unknown key 'speed'"},
		{"slow:nvme,qd=0/ram:1m", "qd= wants a number from 1"},
		{"slow:nvme,qd=/ram:1m", "qd= wants a number from 1"},
		{"slow:nvme,jitter=101/ram:1m", "jitter= wants a number from 0 to 100"},
		{"slow:nvme,write=fast/ram:1m", "write= wants a number"},
		{"slow:nvme/ram:12", "multiple of 4096"},
		{"slow:nvme/nothing", "want ram:SIZE"},
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct why why = WHY_NONE;
		struct dev *d = NULL;
		int ret = dev_open(wrong[i].spec, false, &d, &why);

		if (ret >= 0 || d || !strstr(why.text, wrong[i].says) || strchr(why.text, '\n'))
			fail_msg("'%s' gives %d '%s', want '%s'", wrong[i].spec, ret, why.text, wrong[i].says);
	}
}

static void right_specs_open(void **state)
{
	static const struct {
		const char *spec;
		uint64_t size;
	} right[] = {
		{"ram:1m", 1 << 20},
		{"ram:2048k", 2 << 20},
		{"ram:1G", 1 << 30},
		{"ram:1052672", 1052672},
		{"slow:hdd,qd=4,jitter=0,seed=9,write=1000,flush=0,fua=5/ram:1m", 1 << 20},
	};

	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct dev *d;

		assert_int_equal(dev_open(right[i].spec, false, &d, NULL), 0);
		assert_int_equal(d->size, right[i].size);
		assert_string_equal(d->spec, right[i].spec);
		dev_close(d);
	}
}

static void the_list_names_every_back_end_and_profile(void **state)
{
	static const char *const names[] = {
		"ram:", "file:", "uring:", "slow:PROFILE", "nvme", "nvme-plp", "sata", "hdd",
	};
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	dev_describe(f);
	fclose(f);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(text, names[i]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_stops_the_program),
		cmocka_unit_test(a_preflush_write_is_a_flush_then_a_write),
		cmocka_unit_test(a_failed_flush_fails_its_write),
		cmocka_unit_test(a_batch_gives_the_first_error_and_can_be_used_again),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_read_beyond_the_end_is_an_error),
		cmocka_unit_test(bios_are_counted_by_kind),
		cmocka_unit_test(times_are_kept_by_kind),
		cmocka_unit_test(what_is_done_at_once_is_timed_one_in_127),
		cmocka_unit_test(a_failed_write_leaves_the_media_alone),
		cmocka_unit_test(a_buffer_changed_in_flight_is_what_reaches_the_media),
		cmocka_unit_test(tasks_on_threads_record_into_one_log),
		cmocka_unit_test(wrong_specs_get_one_clear_line),
		cmocka_unit_test(right_specs_open),
		cmocka_unit_test(the_list_names_every_back_end_and_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
