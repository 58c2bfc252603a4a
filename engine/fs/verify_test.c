/*
 * verify_test.c: a log whose super went out before it (enum log_trust): taken when all of it has arrived, else the one
 * before; byte by byte. And how many flushes that is.
 */
#include "fs/test_fs.h"

#define SIZE 8192u

struct rig {
	struct dev *dev;
	struct mount_options o;
	uint8_t *media;
	uint64_t len;
};

/* "a" in the trees with seed 1; then fsynced with seeds 2 and 3, each block of it, and the power goes. */
static void rig_open(struct rig *r, const char *design)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };

	*r = (struct rig){ .o = { .no_background = true, .design = fs_design_find(design) }, .len = 4 << 20 };
	r->dev = test_dev("ram:4m", &mk);
	struct fs *fs = test_mount(r->dev, &r->o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	test_write(f, 0, SIZE, 1);
	assert_int_equal(fs_sync(fs), 0);
	for (uint64_t seed = 2; seed <= 3; seed++) {
		test_write(f, 0, SIZE, seed);
		assert_int_equal(fs_fsync(f), 0);
	}
	fs_close(f);
	fs_abandon(fs);
	r->media = mem_alloc_pages(r->len);
	assert_int_equal(dev_read(r->dev, 0, r->media, (uint32_t)r->len), 0);
}

static void rig_close(struct rig *r)
{
	free(r->media);
	dev_close(r->dev);
}

static struct super rig_super(struct rig *r)
{
	struct super s;
	struct why why;

	assert_int_equal(super_read(r->dev, &s, &why), 0);
	return s;
}

/* The seed that all of "a" has after a mount; 0: none of them, or it cannot be read; -1: no mount. The media as they
 * were, then. */
static int what_a_has(struct rig *r)
{
	struct why why;
	struct fs *fs;
	int has = 0;

	if (fs_mount(r->dev, &r->o, &fs, &why)) {
		has = -1;
	} else {
		for (int seed = 1; seed <= 3; seed++)
			if (test_is(fs_subvol(fs, 0), "a", SIZE, (uint64_t)seed))
				has = seed;
		fs_abandon(fs);
	}
	assert_int_equal(dev_write(r->dev, 0, r->media, (uint32_t)r->len, BIO_WRITE), 0);
	return has;
}

static void flip(struct rig *r, uint64_t at)
{
	uint64_t block = at / 4096 * 4096;
	uint8_t *copy = mem_alloc_pages(4096);

	memcpy(copy, r->media + block, 4096);
	copy[at - block] ^= 0x40;
	assert_int_equal(dev_write(r->dev, block, copy, 4096, BIO_WRITE), 0);
	free(copy);
}

/* Where on the media a block lies that begins as one of "a" written with the seed. */
static uint64_t block_of(const struct rig *r, uint64_t seed, uint32_t nth)
{
	uint8_t want[4096];

	test_fill(want, nth * 4096, 4096, seed);
	for (uint64_t at = SUPER_END; at < r->len; at += 4096)
		if (!memcmp(r->media + at, want, sizeof(want)))
			return at;
	fail_msg("seed %lu is not on the media", (unsigned long)seed);
	return 0;
}

static void the_newer_log_is_taken_when_it_is_whole(void **state)
{
	struct rig r;

	rig_open(&r, "verify_oneflush");
	struct super s = rig_super(&r);
	assert_int_equal(s.log_trust, LOG_IN_FLIGHT);
	assert_int_not_equal(s.log_before.bytenr, 0);
	assert_int_not_equal(s.log_before.bytenr, s.log_root.bytenr);
	assert_int_equal(what_a_has(&r), 3);
	rig_close(&r);
}

/* Every 37th byte of each block of the newer log, and of its data: what the fsync before has promised is there. */
static void the_one_before_is_taken_when_a_byte_is_wrong(void **state)
{
	struct rig r;

	rig_open(&r, "verify_oneflush");
	struct super s = rig_super(&r);
	uint64_t at[] = { s.log_root.bytenr, block_of(&r, 3, 0), block_of(&r, 3, 1) };
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (uint64_t byte = 0; byte < 4096; byte += 37) {
			flip(&r, at[i] + byte);
			if (what_a_has(&r) != 2)
				fail_msg("byte %lu of block %lu", (unsigned long)byte, (unsigned long)at[i]);
		}
	rig_close(&r);
}

/* That one has been acknowledged: when it is damaged, too, that is damage, and not a log that has not arrived. */
static void damage_of_both_is_an_error(void **state)
{
	struct rig r;

	rig_open(&r, "verify_oneflush");
	struct super s = rig_super(&r);
	flip(&r, s.log_root.bytenr + 100);
	flip(&r, s.log_before.bytenr + 100);
	assert_int_equal(what_a_has(&r), -1);
	flip(&r, block_of(&r, 3, 0));
	flip(&r, block_of(&r, 2, 0));
	assert_int_equal(what_a_has(&r), 0);
	rig_close(&r);
}

/* After a mount that has left a log out no super names it any more: what comes next cannot bring it back. */
static void a_log_that_was_left_out_is_gone(void **state)
{
	struct rig r;
	struct fs *fs;

	rig_open(&r, "verify_oneflush");
	struct super s = rig_super(&r);
	uint64_t generation = s.generation;
	flip(&r, s.log_root.bytenr + 100);
	fs = test_mount(r.dev, &r.o);
	fs_abandon(fs);
	s = rig_super(&r);
	assert_int_equal(s.log_root.bytenr, 0);
	assert_true(s.generation > generation);
	rig_close(&r);
}

/* What the trees have, too, was on the media before: that it has rotted since does not make the log one that has not
 * arrived. */
static void damage_of_what_was_committed_takes_no_log_away(void **state)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct mount_options o = { .no_background = true, .design = fs_design_find("verify_oneflush") };
	struct fs *fs = test_mount(test_dev("ram:4m", &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct rig r = { .dev = fs->dev, .len = 4 << 20 };

	test_write(f, 0, SIZE, 1);
	assert_int_equal(fs_sync(fs), 0);
	assert_int_equal(fs_truncate(f, SIZE + 4096), 0); /* a full log: it has the extents of the trees */
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_abandon(fs);
	r.media = mem_alloc_pages(r.len);
	assert_int_equal(dev_read(r.dev, 0, r.media, (uint32_t)r.len), 0);
	flip(&r, block_of(&r, 1, 0));
	fs = test_mount(r.dev, &o);
	assert_int_equal(fs_open(fs_subvol(fs, 0), "a", &f), 0);
	assert_int_equal(fs_size(f), SIZE + 4096);
	assert_int_equal(test_read(f, 0, 4096, 1), -EIO);
	fs_close(f);
	fs_abandon(fs);
	rig_close(&r);
}

/* The trees have seed 1, and it is that which stays where the log's data are not there: verify has no log before. */
static void an_extent_with_a_gap_is_left_out(void **state)
{
	struct rig r;

	rig_open(&r, "verify");
	assert_int_equal(rig_super(&r).log_trust, LOG_HAS_GAPS);
	assert_int_equal(what_a_has(&r), 3);
	flip(&r, block_of(&r, 3, 0));
	assert_int_equal(what_a_has(&r), 1);
	rig_close(&r);
	rig_open(&r, "postfix");
	assert_int_equal(rig_super(&r).log_trust, LOG_IS_WRITTEN);
	flip(&r, block_of(&r, 3, 0));
	assert_int_equal(what_a_has(&r), 0);
	rig_close(&r);
}

/* Flushes of the second fsync; a write with FUA is one. */
static uint32_t flushes(const char *design, uint32_t flags)
{
	struct mkfs_options mk = { .nodesize = 4096 };
	struct mount_options o = { .no_background = true, .design = fs_design_find(design) };
	struct fs *fs = test_mount(test_dev("ram:4m", &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct watch w;

	if (flags)
		CHECK(fs_set_flags(f, flags) == 0);
	test_write(f, 0, 4096, 1);
	CHECK(fs_sync(fs) == 0);
	test_write(f, 0, 4096, 2);
	watch_start(&w, fs->dev);
	CHECK(fs_fsync(f) == 0);
	fs->dev->faults = NULL;
	uint32_t n = w.seen[WATCH_FLUSH] + w.fua;
	fs_close(f);
	test_end(fs, false);
	return n;
}

static void one_flush_is_enough_for_data_with_checksums(void **state)
{
	assert_int_equal(flushes("postfix", 0), 2);
	assert_int_equal(flushes("verify", 0), 2);
	assert_int_equal(flushes("verify_oneflush", 0), 1);
	assert_int_equal(flushes("verify_oneflush", FS_NODATASUM), 2);
}

/* A directory has no data, so none without checksums. */
static void one_flush_is_enough_for_a_directory(void **state)
{
	struct mkfs_options mk = { .nodesize = 4096 };
	struct mount_options o = { .no_background = true, .design = fs_design_find("verify_oneflush") };
	struct fs *fs = test_mount(test_dev("ram:4m", &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct watch w;

	test_write(f, 0, 4096, 1);
	assert_int_equal(fs_sync(fs), 0);
	assert_int_equal(fs_rename(fs_subvol(fs, 0), "a", "b", NULL), 0);
	watch_start(&w, fs->dev);
	assert_int_equal(fs_fsync_dir(fs_subvol(fs, 0)), 0);
	fs->dev->faults = NULL;
	assert_int_equal(w.seen[WATCH_FLUSH], 1);
	assert_int_equal(w.fua, 0);
	fs_close(f);
	test_end(fs, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newer_log_is_taken_when_it_is_whole),
		cmocka_unit_test(the_one_before_is_taken_when_a_byte_is_wrong),
		cmocka_unit_test(damage_of_both_is_an_error),
		cmocka_unit_test(a_log_that_was_left_out_is_gone),
		cmocka_unit_test(damage_of_what_was_committed_takes_no_log_away),
		cmocka_unit_test(an_extent_with_a_gap_is_left_out),
		cmocka_unit_test(one_flush_is_enough_for_data_with_checksums),
		cmocka_unit_test(one_flush_is_enough_for_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
