/*
 * The uring device beyond what it shares with file (file_test.c): each way of flushing, held-back writes,
 * a full queue, and no io_uring at all.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/door.h"
#include "dev/facts.h"
#include "dev/uring.h"
#include "rt/mem.h"

#define MANY 700u /* more than the queue holds */

static char dir[] = "fss-uring-test-XXXXXX";
static char spec[96], path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/dev", dir);
	snprintf(spec, sizeof(spec), "uring:%s,size=4m", path);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static struct dev *open_it(void)
{
	char err[200];
	struct dev *d;

	if (dev_open(spec, false, &d, err))
		fail_msg("%s: %s", spec, err);
	return d;
}

/* NULL, and the test is skipped, where there is no io_uring or no O_DIRECT. */
static struct dev *open_ring(void)
{
	struct dev *d = open_it();

	if (d->ops == &uring_ops)
		return d;
	print_message("%s\n", d->notice);
	dev_close(d);
	skip();
	return NULL;
}

static void each_way_of_flushing_and_fua_does_what_was_asked(void **state)
{
	uint8_t *out = mem_alloc_pages(DEV_BLOCK), *in = mem_alloc_pages(DEV_BLOCK);
	struct dev *d = open_ring();
	struct uring *u = d->private;

	for (unsigned flush = 0; flush < FLUSH_WAYS; flush++)
		for (unsigned fua = 0; fua < FUA_WAYS; fua++) {
			u->tuning.flush = flush;
			u->tuning.fua = fua;
			memset(out, (int)(1 + flush * FUA_WAYS + fua), DEV_BLOCK);
			assert_int_equal(dev_write(d, 8192, out, DEV_BLOCK, BIO_PREFLUSH | BIO_FUA), 0);
			assert_int_equal(dev_flush(d), 0);
			assert_int_equal(dev_read(d, 8192, in, DEV_BLOCK), 0);
			assert_memory_equal(in, out, DEV_BLOCK);
		}
	dev_close(d);
	free(in);
	free(out);
}

static void what_was_chosen_is_told_with_its_figures(void **state)
{
	struct dev *d = open_ring();
	struct uring *u = d->private;
	struct dev_facts facts = { .n = 0 };

	assert_true(u->tuning.flush_ns[FLUSH_FDATASYNC] > 0);
	assert_true(u->tuning.fua_ns[FUA_DSYNC] > 0);
	dev_facts(d, &facts);
	assert_non_null(strstr(facts_get(&facts, "flush"), "fdatasync"));
	assert_non_null(strstr(facts_get(&facts, "fua_write"), "pwritev2 RWF_DSYNC"));
	assert_non_null(strstr(facts_get(&facts, "writes"), "io_uring"));
	dev_close(d);
}

static void tuning_leaves_the_contents_alone(void **state)
{
	uint8_t *out = mem_alloc_pages(DEV_BLOCK), *in = mem_alloc_pages(DEV_BLOCK);
	struct dev *d = open_ring();
	uint64_t last = d->size - DEV_BLOCK;

	memset(out, 0x77, DEV_BLOCK);
	assert_int_equal(dev_write(d, last, out, DEV_BLOCK, BIO_FUA), 0);
	assert_int_equal(uring_tune(d->private, d->size), 0);
	assert_int_equal(dev_read(d, last, in, DEV_BLOCK), 0);
	assert_memory_equal(in, out, DEV_BLOCK);
	dev_close(d);
	free(in);
	free(out);
}

/* ---- held back, and too many ---- */

static unsigned submit_many(struct dev *d, struct batch *b, struct bio *bio, uint8_t *buf, unsigned n, bool last_too)
{
	for (unsigned i = 0; i < n; i++) {
		bool more = last_too || i + 1 < n;

		bio[i] = (struct bio){
			.off = (1 + i) * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE | (more ? BIO_MORE : 0), .buf = buf,
		};
		batch_submit(b, &bio[i]);
	}
	return n;
}

static void assert_written(struct dev *d, unsigned n, uint8_t value)
{
	uint8_t *in = mem_alloc_pages(DEV_BLOCK);

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(dev_read(d, (1 + i) * DEV_BLOCK, in, DEV_BLOCK), 0);
		assert_int_equal(in[99], value);
	}
	free(in);
}

static void writes_held_back_begin_when_somebody_waits(void **state)
{
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct dev *d = open_ring();
	struct bio bio[5];
	struct batch b;

	memset(buf, 0x21, DEV_BLOCK);
	batch_init(&b, d);
	submit_many(d, &b, bio, buf, 5, true);
	assert_int_equal(batch_wait(&b), 0);
	assert_written(d, 5, 0x21);
	dev_close(d);
	free(buf);
}

static void writes_held_back_that_nobody_waits_for_are_done_before_the_end(void **state)
{
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct dev *d = open_ring();
	struct bio bio[3];
	struct batch b;

	memset(buf, 0x22, DEV_BLOCK);
	batch_init(&b, d);
	submit_many(d, &b, bio, buf, 3, true);
	dev_close(d);
	d = open_it();
	assert_written(d, 3, 0x22);
	dev_close(d);
	free(buf);
}

static void more_than_the_queue_holds_is_written_all_the_same(void **state)
{
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct bio *bio = mem_alloc(MANY * sizeof(*bio));
	struct dev *d = open_ring();
	struct batch b;

	for (int held = 0; held < 2; held++) {
		memset(buf, 0x30 + held, DEV_BLOCK);
		batch_init(&b, d);
		submit_many(d, &b, bio, buf, MANY, held);
		assert_int_equal(batch_wait(&b), 0);
		assert_written(d, MANY, (uint8_t)(0x30 + held));
	}
	assert_int_equal(d->queued, 0);
	dev_close(d);
	free(bio);
	free(buf);
}

/* ---- without io_uring ---- */

static int forbid_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* 0: it opened as a file, said why, and writes. */
static int open_without_io_uring(void)
{
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct dev *d;
	int bad;

	if (forbid_io_uring())
		return 77;
	if (dev_open(spec, false, &d, NULL))
		return 1;
	bad = d->ops != &file_ops || !strstr(d->notice, "io_uring cannot be used") || strchr(d->notice, '\n');
	memset(buf, 1, DEV_BLOCK);
	bad |= dev_write(d, 4096, buf, DEV_BLOCK, BIO_FUA) != 0;
	dev_close(d);
	return bad ? 2 : 0;
}

static void without_io_uring_it_is_a_file_device_and_says_so(void **state)
{
	int status;
	pid_t pid;

	dev_close(open_ring());
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(open_without_io_uring());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* no seccomp here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_of_flushing_and_fua_does_what_was_asked),
		cmocka_unit_test(what_was_chosen_is_told_with_its_figures),
		cmocka_unit_test(tuning_leaves_the_contents_alone),
		cmocka_unit_test(writes_held_back_begin_when_somebody_waits),
		cmocka_unit_test(writes_held_back_that_nobody_waits_for_are_done_before_the_end),
		cmocka_unit_test(more_than_the_queue_holds_is_written_all_the_same),
		cmocka_unit_test(without_io_uring_it_is_a_file_device_and_says_so),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
