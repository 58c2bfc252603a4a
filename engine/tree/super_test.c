/*
 * super_test.c: which copy of the super block is believed, and that nothing but a whole one ever is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "machine/mem.h"
#include "tree/super.h"

#define DEV_SIZE (16ull << 20)

static const struct super sample = {
	.fsid = 0x1234567890abcdef,
	.dev_size = DEV_SIZE,
	.nodesize = 16384,
	.dup = true,
	.meta_len = 4u << 20,
	.generation = 7,
	.root_tree = { .bytenr = SUPER_END + 16384, .generation = 7, .level = 2 },
	.log_root = { .bytenr = SUPER_END + 65536, .generation = 8, .level = 1 },
	.log_trust = LOG_IN_FLIGHT,
	.log_before = { .bytenr = SUPER_END + 131072, .generation = 8, .level = 1 },
	.next_subvol = 257,
};

static struct dev *dev_with(const struct super *s, bool log)
{
	struct dev *d;

	assert_int_equal(ram_open(DEV_SIZE, &d), 0);
	if (s)
		assert_int_equal(super_write(d, s, log), 0);
	return d;
}

/* Writes `len` bytes at `at` of a copy; with `whole` the checksum is made to fit. */
static void patch(struct dev *d, uint64_t copy, uint32_t at, const void *bytes, uint32_t len, bool whole)
{
	uint8_t *buf = mem_alloc_pages(SUPER_SIZE);
	uint32_t csum;

	assert_int_equal(dev_read(d, copy, buf, SUPER_SIZE), 0);
	memcpy(buf + at, bytes, len);
	csum = crc32c(0, buf + 12, SUPER_SIZE - 12);
	if (whole)
		memcpy(buf + 8, &csum, sizeof(csum));
	assert_int_equal(dev_write(d, copy, buf, SUPER_SIZE, 0), 0);
	free(buf);
}

static void flip(struct dev *d, uint64_t copy, uint32_t at)
{
	uint8_t *buf = mem_alloc_pages(SUPER_SIZE);
	uint8_t byte;

	assert_int_equal(dev_read(d, copy, buf, SUPER_SIZE), 0);
	byte = buf[at] ^ 0x40;
	free(buf);
	patch(d, copy, at, &byte, 1, false);
}

static void expect_super(struct dev *d, const struct super *want)
{
	struct why why = WHY_NONE;
	struct super s;

	assert_int_equal(super_read(d, &s, &why), 0);
	assert_int_equal(s.fsid, want->fsid);
	assert_int_equal(s.dev_size, want->dev_size);
	assert_int_equal(s.nodesize, want->nodesize);
	assert_int_equal(s.dup, want->dup);
	assert_int_equal(s.meta_len, want->meta_len);
	assert_int_equal(s.generation, want->generation);
	assert_int_equal(s.next_subvol, want->next_subvol);
	assert_int_equal(s.root_tree.bytenr, want->root_tree.bytenr);
	assert_int_equal(s.root_tree.generation, want->root_tree.generation);
	assert_int_equal(s.root_tree.level, want->root_tree.level);
	assert_int_equal(s.log_root.bytenr, want->log_root.bytenr);
	assert_int_equal(s.log_root.generation, want->log_root.generation);
	assert_int_equal(s.log_root.level, want->log_root.level);
	/* a super that names no log says nothing more of it */
	assert_int_equal(s.log_trust, want->log_root.bytenr ? want->log_trust : LOG_IS_WRITTEN);
	assert_int_equal(s.log_before.bytenr, want->log_root.bytenr ? want->log_before.bytenr : 0);
}

static void expect_refused(struct dev *d, int ret, const char *says)
{
	struct why why = WHY_NONE;
	struct super s;

	assert_int_equal(super_read(d, &s, &why), ret);
	assert_non_null(strstr(why.text, says));
	assert_null(strchr(why.text, '\n'));
}

static void what_was_written_is_read(void **state)
{
	struct dev *d = dev_with(&sample, false);

	expect_super(d, &sample);
	flip(d, SUPER_COPY_0, 100);
	expect_super(d, &sample);
	assert_true(super_recognise(d));
	assert_int_equal(super_data_start(&sample), SUPER_END + (8u << 20));
	dev_close(d);
}

static void the_newest_whole_copy_wins(void **state)
{
	struct super newer = sample;
	struct dev *d = dev_with(&sample, false);

	newer.generation++;
	assert_int_equal(super_write(d, &newer, true), 0); /* copy 0 alone */
	expect_super(d, &newer);
	flip(d, SUPER_COPY_0, 4000);
	expect_super(d, &sample);
	/* a commit that only got as far as copy 1 of a later one */
	assert_int_equal(super_write(d, &newer, false), 0);
	assert_int_equal(super_write(d, &sample, true), 0);
	expect_super(d, &newer);
	dev_close(d);
}

/* super.1 */
static void a_log_commit_is_found_in_copy_0(void **state)
{
	struct super logged = sample, plain = sample;
	struct dev *d;

	plain.log_root = (struct tree_ptr){ 0 };
	d = dev_with(&plain, false);
	assert_int_equal(super_write(d, &logged, true), 0);
	expect_super(d, &logged);
	dev_close(d);
}

static void a_changed_byte_is_a_damaged_copy(void **state)
{
	struct dev *d = dev_with(&sample, false);

	flip(d, SUPER_COPY_1, 2000);
	for (uint32_t at = 0; at < SUPER_SIZE; at++) {
		flip(d, SUPER_COPY_0, at);
		expect_refused(d, -EIO, "damaged");
		flip(d, SUPER_COPY_0, at);
	}
	expect_super(d, &sample);
	dev_close(d);
}

/* 512-byte sectors of two supers, in any mixture but the two pure ones. */
static void a_torn_copy_is_not_believed(void **state)
{
	struct super newer = sample;
	uint8_t *old_buf = mem_alloc_pages(SUPER_SIZE), *new_buf = mem_alloc_pages(SUPER_SIZE);
	struct dev *d;

	newer.generation += 300;
	d = dev_with(&newer, true);
	assert_int_equal(dev_read(d, SUPER_COPY_0, new_buf, SUPER_SIZE), 0);
	assert_int_equal(super_write(d, &sample, false), 0);
	assert_int_equal(dev_read(d, SUPER_COPY_0, old_buf, SUPER_SIZE), 0);
	/* all that differs is in the first sector: torn within */
	for (uint32_t n = 16; n < 200; n += 8) {
		bool all = !memcmp(old_buf + n, new_buf + n, SUPER_SIZE - n);

		patch(d, SUPER_COPY_0, 0, old_buf, SUPER_SIZE, false);
		patch(d, SUPER_COPY_0, 0, new_buf, n, false);
		expect_super(d, all ? &newer : &sample);
	}
	free(old_buf);
	free(new_buf);
	dev_close(d);
}

static void no_file_system_is_said_to_be_none(void **state)
{
	struct dev *d = dev_with(NULL, false);

	expect_refused(d, -EINVAL, "not a fsyncstorm");
	assert_false(super_recognise(d));
	dev_close(d);
}

/* Values that cannot be, under a right checksum: a hostile image. */
static void values_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint32_t at, size;
		uint64_t value;
	} bad[] = {
		{ 12, 4, 0 }, { 12, 4, 2048 }, { 12, 4, 131072 }, { 12, 4, 5000 },             /* nodesize */
		{ 32, 8, 0 }, { 32, 8, 4096 },                                                 /* dev_size */
		{ 40, 8, 2 },                                                                  /* dup */
		{ 48, 8, 0 }, { 48, 8, 4096 }, { 48, 8, DEV_SIZE }, { 48, 8, 1ull << 63 },     /* meta_len */
		{ 56, 8, 6 },                                                        /* generation, below its root's */
		{ 72, 8, 0 }, { 72, 8, 4096 }, { 72, 8, SUPER_END + 1 }, { 72, 8, DEV_SIZE },  /* root_tree.bytenr */
		{ 72, 8, UINT64_MAX - 4095 }, { 72, 8, SUPER_END + (4u << 20) },
		{ 88, 8, 8 }, { 88, 8, 256 },                                                  /* root_tree.level */
		{ 96, 8, 512 }, { 112, 8, 9 },                                                 /* log_root */
		{ 120, 8, 512 }, { 128, 8, 9 }, { 136, 8, 9 }, { 144, 8, 3 },        /* log_before, log_trust */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dev *d = dev_with(&sample, false);

		patch(d, SUPER_COPY_0, bad[i].at, &bad[i].value, bad[i].size, true);
		expect_super(d, &sample); /* there is the other copy */
		patch(d, SUPER_COPY_1, bad[i].at, &bad[i].value, bad[i].size, true);
		expect_refused(d, -EIO, "cannot be");
		assert_true(super_recognise(d));
		dev_close(d);
	}
}

static void a_device_that_shrank_is_refused(void **state)
{
	uint64_t large = DEV_SIZE + 4096;
	struct dev *d = dev_with(&sample, false);

	patch(d, SUPER_COPY_0, 32, &large, 8, true);
	patch(d, SUPER_COPY_1, 32, &large, 8, true);
	expect_refused(d, -EINVAL, "larger than its device");
	dev_close(d);
}

static int fail_all(void *arg, const struct bio *bio)
{
	return -EIO;
}

static int fail_copy_1(void *arg, const struct bio *bio)
{
	return bio->off == SUPER_COPY_1 ? -EIO : 0;
}

static void device_errors_are_told(void **state)
{
	struct dev *d = dev_with(&sample, false);
	struct dev_faults all = { .fail = fail_all }, one = { .fail = fail_copy_1 };

	d->faults = &one;
	assert_int_equal(super_write(d, &sample, false), -EIO);
	assert_int_equal(super_write(d, &sample, true), 0);
	expect_super(d, &sample);
	d->faults = &all;
	assert_int_equal(super_write(d, &sample, true), -EIO);
	expect_refused(d, -EIO, "cannot be read");
	dev_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(the_newest_whole_copy_wins),
		cmocka_unit_test(a_log_commit_is_found_in_copy_0),
		cmocka_unit_test(a_changed_byte_is_a_damaged_copy),
		cmocka_unit_test(a_torn_copy_is_not_believed),
		cmocka_unit_test(no_file_system_is_said_to_be_none),
		cmocka_unit_test(values_that_cannot_be_are_refused),
		cmocka_unit_test(a_device_that_shrank_is_refused),
		cmocka_unit_test(device_errors_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
