/*
 * recorder_test.c: what the recorded device logs of raw writes and flushes: all of it, in an order that happened, with
 * completions late and out of order; through each front end that this kernel has. Skips itself where not root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/recorder.h"
#include "machine/mem.h"
#include "oracle/model.h"
#include "rt/rt.h"

#define SIZE    (16u << 20)
#define WRITERS 4u
#define EACH    40u

static struct recorder rec;

static int begin(void **state)
{
	struct why why;

	if (geteuid())
		return 0;
	if (!recorder_open(&rec, SIZE, &why))
		return 0;
	print_error("%s\n", why.text);
	return -1;
}

static int end(void **state)
{
	if (!geteuid())
		recorder_close(&rec);
	return 0;
}

static void need_root(void)
{
	if (geteuid())
		skip();
}

static int open_device(void)
{
	int fd = open(rec.path, O_RDWR | O_DIRECT | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Writes a block whose first word names it, and syncs now and then. */
static void writer(void *arg)
{
	uint32_t me = *(uint32_t *)arg;
	uint64_t *buf = mem_alloc_pages(DEV_BLOCK);
	int fd = open_device();

	for (uint32_t i = 0; i < EACH; i++) {
		memset(buf, (int)(me + 1), DEV_BLOCK);
		buf[0] = (uint64_t)me << 32 | i;
		if (pwrite(fd, buf, DEV_BLOCK, (off_t)(me * EACH + i) * DEV_BLOCK) != DEV_BLOCK) {
			print_error("%s: write %u: %s\n", rec.path, i, strerror(errno));
			abort();
		}
		if (!me && i % 4 == 3 && fsync(fd)) {
			print_error("%s: sync %u: %s\n", rec.path, i, strerror(errno));
			abort();
		}
	}
	close(fd);
	free(buf);
}

static void run_writers(unsigned holds, uint64_t seed, struct recorded *log)
{
	const struct recorder_ways ways = { .seed = seed, .holds = holds };
	struct task *task[WRITERS];
	uint32_t me[WRITERS];

	recorder_begin(&rec, &ways);
	recorder_syncs(&rec, 1);
	for (uint32_t i = 0; i < WRITERS; i++) {
		me[i] = i;
		task[i] = rt_spawn("writer", writer, &me[i], NULL);
	}
	for (uint32_t i = 0; i < WRITERS; i++)
		rt_join(task[i]);
	recorder_syncs(&rec, -1);
	assert_int_equal(recorder_end(&rec), 0);
	recorder_log(&rec, log);
}

static void all_is_logged_and_consistent(void **state)
{
	struct recorded log;
	bool seen[WRITERS][EACH] = { { false } };
	unsigned flushes = 0, writes = 0;

	need_root();
	run_writers(3, 1, &log);
	for (uint32_t i = 0; i < log.n; i++) {
		const struct dev_event *e = &log.event[i];
		bool begins = e->kind == DEV_WSUB || e->kind == DEV_FSUB;
		assert_true(e->of < log.n && log.event[e->of].of == i);
		assert_true(begins ? e->of > i : e->of < i);
		assert_int_equal(log.event[e->of].kind, begins ? e->kind + 1 : e->kind - 1);
		flushes += e->kind == DEV_FSUB;
		if (e->kind != DEV_WSUB)
			continue;
		const uint64_t *data = e->data;
		uint32_t me = (uint32_t)(data[0] >> 32), nr = (uint32_t)data[0];
		assert_int_equal(e->len, DEV_BLOCK);
		assert_true(me < WRITERS && nr < EACH);
		assert_int_equal(e->off, (uint64_t)(me * EACH + nr) * DEV_BLOCK);
		assert_int_equal(((const uint8_t *)e->data)[100], me + 1);
		assert_false(seen[me][nr]);
		seen[me][nr] = true;
		writes++;
		assert_memory_equal(recorder_bytes(&rec) + e->off, e->data, e->len);
	}
	assert_int_equal(writes, WRITERS * EACH);
	assert_true(flushes >= EACH / 4);
	assert_false(log.full);
	assert_int_equal(log.flushes, flushes);
}

struct late {
	unsigned reordered, over, held, beside, in_flight_max;
};

static void count_late(const struct recorded *log, struct late *l)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < log->n; i++) {
		const struct dev_event *e = &log->event[i];
		if (e->kind != DEV_WCMP)
			continue;
		l->reordered += e->of < last;
		last = e->of > last ? e->of : last;
		for (uint32_t k = e->of; k < i; k++)
			l->over += log->event[k].kind == DEV_FCMP;
	}
	l->held += log->held;
	l->beside += log->beside;
	if (log->in_flight_max > l->in_flight_max)
		l->in_flight_max = log->in_flight_max;
}

/*
 * Writes that complete in another order than they came, and over a flush that completes before them. On a busy machine
 * all held ones may come to their time before a flush has completed: hence several runs.
 */
static void completions_are_late(void **state)
{
	struct late l = { 0 };
	struct recorded log;

	need_root();
	for (uint64_t seed = 2; seed < 32 && !(l.reordered && l.over && l.held && l.beside); seed++) {
		run_writers(3, seed, &log);
		count_late(&log, &l);
	}
	assert_true(l.reordered > 0);
	assert_true(l.over > 0);
	assert_true(l.held > 0);
	assert_true(l.beside > 0);
	assert_true(l.in_flight_max > 1);
}

static void without_holds_nothing_is_late(void **state)
{
	struct recorded log;

	need_root();
	run_writers(0, 3, &log);
	for (uint32_t i = 0; i < log.n; i++)
		if (log.event[i].kind == DEV_WSUB || log.event[i].kind == DEV_FSUB)
			assert_int_equal(log.event[i].of, i + 1);
	assert_int_equal(log.beside, 0);
	assert_int_equal(log.held, 0);
}

static void restore_puts_back_what_was_kept(void **state)
{
	uint8_t *base = mem_alloc(SIZE), *buf = mem_alloc_pages(DEV_BLOCK);
	struct recorded log;
	int fd;

	need_root();
	memcpy(base, recorder_bytes(&rec), SIZE);
	recorder_keep(&rec);
	fd = open_device();
	memset(buf, 0xab, DEV_BLOCK);
	assert_int_equal(pwrite(fd, buf, DEV_BLOCK, SIZE / 2), DEV_BLOCK);
	assert_memory_equal(recorder_bytes(&rec) + SIZE / 2, buf, DEV_BLOCK);
	close(fd);
	recorder_restore(&rec, base);
	assert_memory_equal(recorder_bytes(&rec), base, SIZE);
	recorder_log(&rec, &log);
	free(base);
	free(buf);
}

/* (recorder.2) */
static void beyond_a_full_log_nothing_counts(void **state)
{
	const struct recorder_ways ways = { .seed = 1 };
	const uint32_t piece = 1u << 20;
	uint8_t *buf = mem_alloc_pages(piece);
	struct recorded log;
	int fd;

	need_root();
	fd = open_device();
	memset(buf, 1, piece);
	recorder_begin(&rec, &ways);
	assert_int_equal(recorder_position(&rec), 0);
	for (uint32_t i = 0; i < RECORDER_BYTES / piece + 8; i++)
		assert_int_equal(pwrite(fd, buf, piece, (off_t)(i % 8) * piece), piece);
	assert_true(recorder_position(&rec) > RECORDER_EVENTS && recorder_position(&rec) < POSITION_NEVER);
	assert_int_equal(fsync(fd), 0);
	assert_true(recorder_position(&rec) > RECORDER_EVENTS);
	close(fd);
	assert_int_equal(recorder_end(&rec), 0);
	recorder_log(&rec, &log);
	assert_true(log.full);
	free(buf);
}

/* A write that is durable when it returns. */
static void fua_is_what_the_front_end_sees(void **state)
{
	const struct recorder_ways ways = { .seed = 1 };
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	const struct iovec one = { buf, DEV_BLOCK };
	unsigned fua = 0, flushes = 0;
	struct recorded log;

	need_root();
	int fd = open_device();
	memset(buf, 1, DEV_BLOCK);
	recorder_begin(&rec, &ways);
	assert_int_equal(pwritev2(fd, &one, 1, DEV_BLOCK, RWF_DSYNC), DEV_BLOCK);
	assert_int_equal(recorder_end(&rec), 0);
	recorder_log(&rec, &log);
	assert_int_equal(log.event[0].kind, DEV_WSUB);
	for (uint32_t i = 0; i < log.n; i++) {
		fua += log.event[i].fua;
		flushes += log.event[i].kind == DEV_FSUB;
	}
	assert_int_equal(fua, rec.via == VIA_FUSE ? 0 : 2); /* its begin and its end */
	assert_true(flushes || rec.via != VIA_FUSE);
	close(fd);
	free(buf);
}

static void an_unknown_front_end_is_refused(void **state)
{
	static const char *const names[] = { [VIA_FUSE] = "fuse", [VIA_NBD] = "nbd", [VIA_UBLK] = "ublk" };
	struct why why;

	assert_int_equal(recorder_choose("usb", &why), -EINVAL);
	assert_non_null(strstr(why.text, "auto, fuse, nbd or ublk is expected"));
	assert_string_equal(recorder_name(), names[rec.via]);
	assert_non_null(strstr(recorder_sees("ublk"), "FUA as FUA"));
	assert_non_null(strstr(recorder_sees("nbd"), "FUA as FUA"));
	if (access("/dev/ublk-control", F_OK))
		assert_int_equal(recorder_choose("ublk", &why), -ENODEV);
	if (access("/sys/module/nbd", F_OK)) {
		assert_int_equal(recorder_choose("nbd", &why), -ENODEV);
		assert_non_null(strstr(why.text, "modprobe nbd"));
	}
	assert_string_equal(recorder_name(), names[rec.via]);
}

static void a_killed_server_is_told_of(void **state)
{
	const struct recorder_ways ways = { .seed = 1, .holds = 3 };
	struct recorder r;
	struct why why;

	need_root();
	assert_int_equal(recorder_open(&r, SIZE, &why), 0);
	recorder_begin(&r, &ways);
	kill(r.server, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)r.server, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(recorder_end(&r), -EIO);
	recorder_close(&r);
}

/* A process that is killed has closed its files before its parent can know of it: the device tells. */
static void a_dead_device_is_one_whose_server_is_gone(void **state)
{
	struct recorder r;
	struct why why;

	need_root();
	assert_int_equal(recorder_open(&r, SIZE, &why), 0);
	assert_false(recorder_is_gone(&r));
	pid_t server = r.server, lives = fork();
	if (!lives) {
		pause();
		_exit(0);
	}
	r.server = lives;
	bool before = recorder_is_gone(&r);
	kill(server, SIGKILL);
	bool ended = waitpid(server, NULL, 0) == server, after = recorder_is_gone(&r);
	kill(lives, SIGKILL); /* before anything is held against it */
	recorder_close(&r);
	assert_false(before);
	assert_true(ended);
	assert_true(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_logged_and_consistent),
		cmocka_unit_test(completions_are_late),
		cmocka_unit_test(without_holds_nothing_is_late),
		cmocka_unit_test(restore_puts_back_what_was_kept),
		cmocka_unit_test(beyond_a_full_log_nothing_counts),
		cmocka_unit_test(fua_is_what_the_front_end_sees),
		cmocka_unit_test(an_unknown_front_end_is_refused),
		cmocka_unit_test(a_killed_server_is_told_of),
		cmocka_unit_test(a_dead_device_is_one_whose_server_is_gone),
	};
	static const char *const modules[] = { "nbd", "ublk" }; /* scripts/cut-vm_test has them */
	int failed = cmocka_run_group_tests_name("fuse", tests, begin, end);
	struct why why;

	for (size_t i = 0; i < 2; i++)
		if (!recorder_choose(modules[i], &why))
			failed += cmocka_run_group_tests_name(modules[i], tests, begin, end);
	return failed;
}
