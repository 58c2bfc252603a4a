/*
 * The file device and the uring device, which must do the same: what they hold, who reaps, errors, and
 * what they refuse to touch. In a directory under the current one, as /tmp may not take O_DIRECT.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "dev/door.h"
#include "machine/mem.h"

#define TASKS  4
#define ROUNDS 60
#define DEPTH  6

static const char *back_end;
static char dir[32];
static char path[64];

static int make_dir(void **state)
{
	strcpy(dir, "fss-file-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/dev", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static struct dev *open_spec(const char *options, bool force)
{
	char spec[128];
	struct why why;
	struct dev *d;

	snprintf(spec, sizeof(spec), "%s:%s%s", back_end, path, options);
	if (dev_open(spec, force, &d, &why))
		fail_msg("%s: %s", spec, why.text);
	return d;
}

static int open_error(const char *options, bool force, struct why *why)
{
	char spec[128];
	struct dev *d;

	snprintf(spec, sizeof(spec), "%s:%s%s", back_end, path, options);
	return dev_open(spec, force, &d, why);
}

static void put_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void contents_survive_a_close(void **state)
{
	uint8_t *a = mem_alloc_pages(8192), *b = mem_alloc_pages(8192);
	static const char *const how[] = {"", ",buffered"};

	for (int i = 0; i < 2; i++) {
		struct dev *d;

		unlink(path);
		d = open_spec(i ? ",size=1m,buffered" : ",size=1m", false);
		memset(a, 0x11 + i, 8192);
		assert_int_equal(dev_write(d, 65536, a, 8192, 0), 0);
		assert_int_equal(dev_write(d, 131072, a, 4096, BIO_PREFLUSH | BIO_FUA), 0);
		assert_int_equal(dev_flush(d), 0);
		dev_close(d);
		d = open_spec(how[i], false);
		assert_int_equal(d->size, 1 << 20);
		assert_int_equal(dev_read(d, 65536, b, 8192), 0);
		assert_memory_equal(a, b, 8192);
		assert_int_equal(dev_read(d, 131072, b, 4096), 0);
		assert_memory_equal(a, b, 4096);
		dev_close(d);
	}
	free(a);
	free(b);
}

/* ---- reaping ---- */

struct writer {
	struct dev *d;
	unsigned id;
	uint8_t *buf;
	_Atomic unsigned loose; /* bios that nobody waits for */
	int err;
};

static void loose_done(struct bio *bio)
{
	struct writer *w = bio->private;

	atomic_fetch_add(&w->loose, 1);
}

/* One by one, or all in flight at a time. */
static int read_back(struct dev *d, struct bio *bio, unsigned n, bool together)
{
	struct batch b;
	int ret = 0;

	batch_init(&b, d);
	for (unsigned i = 0; i < n; i++)
		memset(bio[i].buf, 0, DEV_BLOCK);
	for (unsigned i = 0; i < n && !together && !ret; i++)
		ret = dev_read(d, bio[i].off, bio[i].buf, DEV_BLOCK);
	for (unsigned i = 0; i < n && together; i++) {
		bio[i].flags = BIO_READ;
		batch_submit(&b, &bio[i]);
	}
	int err = batch_wait(&b);
	return ret ? ret : err;
}

/* Batches in its own region; all tasks at once, so completions are reaped by whoever is the reaper. */
static void write_batches(void *arg)
{
	struct writer *w = arg;
	struct rng rng;

	rng_seed(&rng, w->id);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct bio bio[DEPTH] = {0};
		unsigned n = 1 + (unsigned)rng_below(&rng, DEPTH);
		struct batch b;
		int ret;

		batch_init(&b, w->d);
		for (unsigned i = 0; i < n; i++) {
			bio[i] = (struct bio){
				.off = ((uint64_t)w->id * DEPTH + i + 1) * DEV_BLOCK, .len = DEV_BLOCK,
				.flags = BIO_WRITE,
				.buf = w->buf + i * DEV_BLOCK,
			};
			memset(bio[i].buf, (int)(1 + (w->id + round + i) % 250), DEV_BLOCK);
			batch_submit(&b, &bio[i]);
		}
		ret = batch_wait(&b);
		if (!ret && round % 10 == 9)
			ret = dev_flush(w->d);
		if (!ret)
			ret = read_back(w->d, bio, n, round % 2);
		for (unsigned i = 0; i < n && !ret; i++)
			if (((uint8_t *)bio[i].buf)[77] != 1 + (w->id + round + i) % 250)
				ret = -EILSEQ;
		if (ret)
			w->err = ret;
	}
}

static void many_tasks_get_their_own_completions(void **state)
{
	struct writer w[TASKS];
	struct task *t[TASKS];
	struct dev *d;

	unlink(path);
	d = open_spec(",size=1m", false);
	for (unsigned i = 0; i < TASKS; i++) {
		w[i] = (struct writer){.d = d, .id = i, .buf = mem_alloc_pages(DEPTH * DEV_BLOCK)};
		t[i] = rt_spawn("writer", write_batches, &w[i], NULL);
	}
	for (unsigned i = 0; i < TASKS; i++) {
		rt_join(t[i]);
		assert_int_equal(w[i].err, 0);
		free(w[i].buf);
	}
	assert_int_equal(d->ninflight, 0);
	assert_int_equal(d->queued, 0);
	assert_null(d->reaper);
	dev_close(d);
}

static bool all_loose_done(void *arg)
{
	return ((struct writer *)arg)->loose == 8;
}

/* The queue is woken by nobody but the background reaper's completions. */
static struct waitq loose_wq;

static void loose_done_wake(struct bio *bio)
{
	loose_done(bio);
	wake_all(&loose_wq);
}

static void what_nobody_waits_for_is_reaped(void **state)
{
	struct writer w = {.buf = mem_alloc_pages(DEV_BLOCK)};
	struct bio bio[8];

	w.d = open_spec("", false);
	waitq_init(&loose_wq, L_WORK);
	memset(w.buf, 3, DEV_BLOCK);
	for (unsigned i = 0; i < 8; i++) {
		bio[i] = (struct bio){
			.off = (i + 1) * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE, .buf = w.buf,
			.done = loose_done_wake,
			.private = &w,
		};
		dev_submit(w.d, &bio[i]);
	}
	wait_until(&loose_wq, all_loose_done, &w); /* not dev_wait_until: does not reap */
	dev_close(w.d);
	free(w.buf);
}

static void closing_waits_for_what_is_in_flight(void **state)
{
	struct writer w = {.buf = mem_alloc_pages(DEV_BLOCK)};
	struct bio bio[8];

	w.d = open_spec("", false);
	memset(w.buf, 4, DEV_BLOCK);
	for (unsigned i = 0; i < 8; i++) {
		bio[i] = (struct bio){
			.off = (i + 1) * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE, .buf = w.buf,
			.done = loose_done,
			.private = &w,
		};
		dev_submit(w.d, &bio[i]);
	}
	dev_close(w.d);
	assert_int_equal(w.loose, 8);
	free(w.buf);
}

/* ---- errors ---- */

static int fail_odd_blocks(void *arg, const struct bio *bio)
{
	return bio->off / DEV_BLOCK % 2 ? -EIO : 0;
}

static void injected_errors_come_back_and_nothing_is_written(void **state)
{
	struct dev_faults faults = {.fail = fail_odd_blocks};
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct bio bio[4] = {0};
	struct batch b;
	struct dev *d;

	unlink(path);
	d = open_spec(",size=1m", false);
	memset(buf, 5, DEV_BLOCK);
	d->faults = &faults;
	batch_init(&b, d);
	for (unsigned i = 0; i < 4; i++) {
		bio[i] = (struct bio){.off = (8 + i) * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE, .buf = buf};
		batch_submit(&b, &bio[i]);
	}
	assert_int_equal(batch_wait(&b), -EIO);
	d->faults = NULL;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(bio[i].err, i % 2 ? -EIO : 0);
		assert_int_equal(dev_read(d, bio[i].off, buf, DEV_BLOCK), 0);
		assert_int_equal(buf[0], i % 2 ? 0 : 5);
	}
	dev_close(d);
	free(buf);
}

static void a_real_error_comes_back(void **state)
{
	uint8_t *buf = mem_alloc_pages(DEV_BLOCK);
	struct dev *d = open_spec("", false);

	assert_int_equal(truncate(path, 65536), 0); /* a short read */
	assert_int_equal(dev_read(d, 131072, buf, DEV_BLOCK), -EIO);
	struct bio bio = { .off = 131072, .len = DEV_BLOCK, .buf = buf };
	struct batch b;
	batch_init(&b, d);
	batch_submit(&b, &bio);
	assert_int_equal(batch_wait(&b), -EIO);
	dev_close(d);
	free(buf);
}

/* ---- what is refused ---- */

static void what_is_not_ours_is_refused_without_force(void **state)
{
	struct why why;
	char head[8];
	int fd;

	put_file("precious");
	assert_int_equal(truncate(path, 2 << 20), 0);
	assert_int_equal(open_error("", false, &why), -EPERM);
	assert_non_null(strstr(why.text, "was not made by fsyncstorm"));
	assert_int_equal(open_error(",size=2m", false, &why), -EPERM);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, head, 8), 8);
	close(fd);
	assert_memory_equal(head, "precious", 8);
	dev_close(open_spec("", true));
}

static void sizes_must_fit(void **state)
{
	struct why why;

	unlink(path);
	dev_close(open_spec(",size=2m", false));
	assert_int_equal(open_error(",size=1m", false, &why), -EINVAL);
	assert_non_null(strstr(why.text, "has 2097152 bytes"));
	dev_close(open_spec(",size=2m", false));
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(open_error("", false, &why), -EINVAL);
	assert_non_null(strstr(why.text, "want at least 1m"));
}

static void an_empty_file_is_ours(void **state)
{
	struct why why;

	put_file("");
	assert_int_equal(open_error("", false, &why), -ENOENT);
	assert_non_null(strstr(why.text, "is empty: give a size"));
	dev_close(open_spec(",size=1m", false));
	dev_close(open_spec("", false));
}

/*
 * What is mounted on / is refused even with force; where that is no block device that we can name, there is nothing
 * to try.
 */
static void a_mounted_device_is_never_opened(void **state)
{
	struct why why;
	char spec[64];
	struct stat st;
	struct dev *d;

	assert_int_equal(stat("/", &st), 0);
	snprintf(spec, sizeof(spec), "%s/node", dir);
	if (mknod(spec, S_IFBLK | 0600, st.st_dev)) {
		skip();
		return;
	}
	snprintf(path, sizeof(path), "%s/node", dir);
	snprintf(spec, sizeof(spec), "%s:%s/node", back_end, dir);
	int ret = dev_open(spec, true, &d, &why);
	unlink(path);
	snprintf(path, sizeof(path), "%s/dev", dir);
	assert_int_equal(ret, -EBUSY);
	assert_non_null(strstr(why.text, "is mounted"));
}

static void a_block_device_needs_force(void **state)
{
	struct why why;
	char spec[64], node[64];
	struct dev *d;
	int ret;

	snprintf(node, sizeof(node), "%s/node", dir);
	if (mknod(node, S_IFBLK | 0600, 0xff7f)) { /* no such device: never gets as far as opening it */
		skip();
		return;
	}
	snprintf(spec, sizeof(spec), "%s:%s/node", back_end, dir);
	ret = dev_open(spec, false, &d, &why);
	unlink(node);
	assert_int_equal(ret, -EPERM);
	assert_non_null(strstr(why.text, "is a block device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_survive_a_close),
		cmocka_unit_test(many_tasks_get_their_own_completions),
		cmocka_unit_test(what_nobody_waits_for_is_reaped),
		cmocka_unit_test(closing_waits_for_what_is_in_flight),
		cmocka_unit_test(injected_errors_come_back_and_nothing_is_written),
		cmocka_unit_test(a_real_error_comes_back),
		cmocka_unit_test(what_is_not_ours_is_refused_without_force),
		cmocka_unit_test(sizes_must_fit),
		cmocka_unit_test(an_empty_file_is_ours),
		cmocka_unit_test(a_mounted_device_is_never_opened),
		cmocka_unit_test(a_block_device_needs_force),
	};

	int failed = 0;

	back_end = "file";
	failed += cmocka_run_group_tests_name("file", tests, make_dir, remove_dir);
	back_end = "uring";
	failed += cmocka_run_group_tests_name("uring", tests, make_dir, remove_dir);
	return failed;
}
