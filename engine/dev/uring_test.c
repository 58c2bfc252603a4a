/*
 * The uring device beyond what it shares with file (file_test.c): each way of flushing, held-back writes,
 * a full queue, registered buffers, and no io_uring at all.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/buffers.h"
#include "dev/door.h"
#include "dev/facts.h"
#include "dev/uring.h"
#include "machine/mem.h"

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
	struct why why;
	struct dev *d;

	if (dev_open(spec, false, &d, &why))
		fail_msg("%s: %s", spec, why.text);
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
	if (d->fua_is_cheaper)
		assert_true(u->tuning.fua_ns[u->tuning.fua] < u->tuning.fua_ns[FUA_WRITE_FDATASYNC]);
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
			.off = (1 + i) * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE | (more ? BIO_MORE : 0),
			.buf = buf,
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

/* ---- registered buffers ---- */

static uint64_t from_buffers(struct dev *d)
{
	return ((struct uring *)d->private)->from_buffers;
}

/* n writes of `len` bytes, one behind the other, in one batch. */
static void write_together(struct dev *d, uint8_t *const *buf, unsigned n, uint32_t len)
{
	struct bio bio[8];
	struct batch b;

	assert_true(n <= 8);
	batch_init(&b, d);
	for (unsigned i = 0; i < n; i++) {
		bio[i] = (struct bio){ .off = 65536 + i * len, .len = len, .flags = BIO_WRITE, .buf = buf[i] };
		batch_submit(&b, &bio[i]);
	}
	assert_int_equal(batch_wait(&b), 0);
}

static void assert_read_back(struct dev *d, uint8_t *const *buf, unsigned n, uint32_t len)
{
	uint8_t *in = mem_alloc_pages(n * len);

	assert_int_equal(dev_read(d, 65536, in, n * len), 0);
	for (unsigned i = 0; i < n; i++)
		assert_memory_equal(in + i * len, buf[i], len);
	free(in);
}

static void fill(uint8_t *buf, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + i / 256 + seed * 41);
}

static void what_lies_in_registered_buffers_is_written_from_there(void **state)
{
	struct dev *d = open_ring();
	struct dev_facts facts = { .n = 0 };
	uint8_t *buf[6];

	if (!d->buffers)
		skip();
	for (unsigned i = 0; i < 6; i++) {
		buf[i] = i % 3 < 2 ? dev_buffer_get(d, 16384) : mem_alloc_pages(16384);
		fill(buf[i], 16384, i);
	}
	write_together(d, buf, 6, 16384);
	assert_int_equal(from_buffers(d), 4);
	assert_read_back(d, buf, 6, 16384);
	dev_facts(d, &facts);
	assert_non_null(strstr(facts_get(&facts, "registered_buffers"), "4 of 6 writes"));
	for (unsigned i = 0; i < 6; i++)
		dev_buffer_put(d, buf[i]);
	dev_close(d);
}

/* A sector is enough for O_DIRECT here or it is not: both are the same in a buffer as outside. */
static void parts_of_a_registered_buffer_are_written_alike(void **state)
{
	struct dev *d = open_ring();
	uint8_t *whole = dev_buffer_get(d, 8192), *plain = mem_alloc_pages(8192);
	uint8_t *part[2] = { whole + 4096, plain + 4096 };
	int err[2];

	fill(part[0], 4096, 1);
	fill(part[1], 4096, 2);
	write_together(d, part, 2, 4096);
	assert_read_back(d, part, 2, 4096);
	part[0] = whole + 512;
	part[1] = plain + 512;
	for (unsigned i = 0; i < 2; i++) {
		struct bio bio = { .off = 65536 + i * 512, .len = 512, .flags = BIO_WRITE, .buf = part[i] };
		struct batch b;

		fill(part[i], 512, 3 + i);
		batch_init(&b, d);
		batch_submit(&b, &bio);
		err[i] = batch_wait(&b);
	}
	assert_int_equal(err[0], err[1]);
	if (!err[0])
		assert_read_back(d, part, 2, 512);
	dev_buffer_put(d, whole);
	free(plain);
	dev_close(d);
}

/* More than there is room for comes from elsewhere; what is given back serves again, in any lengths. */
static void registered_buffers_run_out_and_serve_again(void **state)
{
	enum { N = BUFFERS_SIZE / 65536 + 3 };
	struct dev *d = open_ring();
	uint8_t *buf[N], *one;
	unsigned inside = 0;

	if (!d->buffers)
		skip();
	for (unsigned i = 0; i < N; i++) {
		buf[i] = dev_buffer_get(d, 65536);
		assert_int_equal((uintptr_t)buf[i] % 4096, 0);
		memset(buf[i], (int)i, 65536);
		inside += buffers_have(d->buffers, buf[i], 65536);
	}
	for (unsigned i = 0; i < N; i++)
		assert_true(buf[i][0] == (uint8_t)i && buf[i][65535] == (uint8_t)i);
	assert_int_equal(inside, N - 3);
	dev_buffer_put(d, buf[7]);
	one = dev_buffer_get(d, 4097); /* two pages */
	buf[7] = dev_buffer_get(d, 65536 - 8192);
	assert_true(buffers_have(d->buffers, one, 4097));
	assert_true(buffers_have(d->buffers, buf[7], 65536 - 8192));
	dev_buffer_put(d, one);
	one = dev_buffer_get(d, 12288); /* three: the hole is of two */
	assert_false(buffers_have(d->buffers, one, 1));
	dev_buffer_put(d, one);
	for (unsigned i = 0; i < N; i++)
		dev_buffer_put(d, buf[i]);
	dev_close(d);
}

/* Enough for the ring, which newer kernels count too, and not for the buffers. */
static int forbid_pinning(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 1 << 20, 1 << 20 }))
		return -errno;
	/* reading and writing the test's files is still to be possible */
	none[0].effective = none[0].permitted = geteuid() ? 0 : 1u << CAP_DAC_OVERRIDE;
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

/* 0: it opened, said what is missing and why, and writes. */
static int open_without_pinning(void)
{
	struct dev_facts facts = { .n = 0 };
	struct dev *d;
	uint8_t *buf;
	int bad;

	if (forbid_pinning())
		return 77;
	if (dev_open(spec, false, &d, NULL))
		return 1;
	if (d->ops != &uring_ops)
		return 3;
	dev_facts(d, &facts);
	bad = d->buffers || !strstr(d->notice, "no registered buffers") || !strstr(d->notice, "RLIMIT_MEMLOCK") ||
	      strchr(d->notice, '\n') || strncmp(facts_get(&facts, "registered_buffers"), "none: ", 6);
	buf = dev_buffer_get(d, 16384);
	fill(buf, 16384, 9);
	write_together(d, &buf, 1, 16384);
	assert_read_back(d, &buf, 1, 16384);
	bad |= from_buffers(d) != 0;
	dev_buffer_put(d, buf);
	dev_close(d);
	return bad ? 2 : 0;
}

/* The exit status of fn in a process of its own; the test is skipped at 77. */
static int status_of(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	return WEXITSTATUS(status);
}

static void where_memory_cannot_be_pinned_writes_are_plain_and_it_says_so(void **state)
{
	dev_close(open_ring());
	assert_int_equal(status_of(open_without_pinning), 0);
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
	dev_close(open_ring());
	assert_int_equal(status_of(open_without_io_uring), 0);
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
		cmocka_unit_test(what_lies_in_registered_buffers_is_written_from_there),
		cmocka_unit_test(parts_of_a_registered_buffer_are_written_alike),
		cmocka_unit_test(registered_buffers_run_out_and_serve_again),
		cmocka_unit_test(where_memory_cannot_be_pinned_writes_are_plain_and_it_says_so),
		cmocka_unit_test(without_io_uring_it_is_a_file_device_and_says_so),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
