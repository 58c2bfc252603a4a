/*
 * life_test.c: whole lives of file systems under the controlled scheduler, with the flusher, the committer and the
 * workers on, whose timeouts may come at any time: written, synced, unmounted, crashed and read back, for many seeds.
 */
#include "fs/test_fs.h"
#include "pick/test_run.h"

struct life {
	struct mkfs_options mk;
	struct mount_options o;
	bool crash; /* else unmount */
};

static void write_all(struct fs *fs, bool sync)
{
	for (uint32_t i = 0; i < fs_nsubvols(fs); i++) {
		struct root *root = fs_subvol(fs, i);
		struct file *f;
		test_put(root, "a", 90000, 1 + i);
		test_put(root, "tiny", 100, 3 + i);
		f = test_open(root, "b");
		test_write(f, 0, 5000, 2 + i);
		if (sync)
			CHECK(fs_fsync(f) == 0);
		test_write(f, 0, 3000, 7 + i);
		if (sync)
			CHECK(fs_fdatasync(f) == 0);
		fs_close(f);
	}
}

static void expect_all(struct fs *fs, bool all)
{
	for (uint32_t i = 0; i < fs_nsubvols(fs); i++) {
		struct root *root = fs_subvol(fs, i);
		struct file *f = test_open(root, "b");
		CHECK(fs_size(f) == 5000);
		CHECK(test_read(f, 0, 3000, 7 + i) == 0);
		CHECK(test_read(f, 3000, 2000, 2 + i) == 0);
		fs_close(f);
		if (!all)
			continue;
		CHECK(test_is(root, "a", 90000, 1 + i));
		CHECK(test_is(root, "tiny", 100, 3 + i));
	}
}

static void life_main(void *arg)
{
	const struct life *l = arg;
	struct dev *dev = test_dev("ram:16m", &l->mk);

	dev->async = true;
	coop_choices(true);
	struct fs *fs = test_mount(dev, &l->o);
	write_all(fs, l->crash);
	if (l->crash)
		fs_abandon(fs);
	else
		CHECK(fs_unmount(fs) == 0);
	fs = test_mount(dev, &l->o);
	expect_all(fs, !l->crash);
	CHECK(fs_unmount(fs) == 0);
	fs = test_mount(dev, &l->o);
	expect_all(fs, !l->crash);
	CHECK(fs_unmount(fs) == 0);
	coop_choices(false);
	dev_close(dev);
}

static void live(struct life l, unsigned seeds)
{
	const char *err = NULL;
	struct coop_config cfg = { .picker = &pick_random, .steps_max = 500000,
				   .picker_state = pick_random.create("", &err) };
	struct coop_result res;

	l.o.dirty_age_ns = 1;
	l.o.dirty_limit = 32768;
	for (cfg.seed = 1; cfg.seed <= seeds; cfg.seed++) {
		coop_run(&cfg, life_main, &l, &res);
		if (res.end != COOP_FINISHED)
			print_error("seed %lu: %s\n", (unsigned long)cfg.seed, res.why);
		assert_int_equal(res.end, COOP_FINISHED);
		assert_true(res.preemptions > 10);
	}
	pick_random.destroy(cfg.picker_state);
}

static void plain(void **state)
{
	skip_under_tsan();
	live((struct life){ .mk = { .nodesize = 4096, .single = true } }, 12);
	live((struct life){ .mk = { .subvols = 2 }, .crash = true }, 12);
}

static void inline_files(void **state)
{
	skip_under_tsan();
	live((struct life){ .o = { .inline_max = 2048, .endio_workers = 3 } }, 12);
	live((struct life){ .o = { .inline_max = 2048 }, .crash = true }, 12);
}

static void compressed(void **state)
{
	skip_under_tsan();
	live((struct life){ .mk = { .subvols = 3 }, .o = { .compress = true } }, 8);
	live((struct life){ .o = { .compress = true, .inline_max = 2048 }, .crash = true }, 12);
}

static void the_old_design(void **state)
{
	skip_under_tsan();
	live((struct life){ .o = { .design = fs_design_find("prefix") } }, 10);
}

/* ---- readers, and a file that is cut and written again under them ---- */

struct cut_file {
	struct fs *fs;
	_Atomic uint32_t next;
};

static void cutter_or_reader(void *arg)
{
	struct cut_file *c = arg;
	uint32_t me = atomic_fetch_add(&c->next, 1);
	struct file *f = test_open(fs_subvol(c->fs, 0), "a");
	uint8_t buf[4 * FS_BLOCK];

	if (me == 0) {
		CHECK(fs_truncate(f, FS_BLOCK) == 0);
		test_write(f, 3 * FS_BLOCK, 100, 1);
		CHECK(fs_fsync(f) == 0);
	} else {
		for (unsigned i = 0; i < 4; i++)
			CHECK(fs_read(f, i * FS_BLOCK, buf, FS_BLOCK) >= 0);
	}
	fs_close(f);
}

static void cut_main(void *arg)
{
	const struct mount_options o = { .no_background = true, .compress = *(bool *)arg };
	struct cut_file c = { .fs = test_mount(test_dev("ram:8m", &(struct mkfs_options){ .nodesize = 4096 }), &o) };

	c.fs->dev->async = true;
	test_put(fs_subvol(c.fs, 0), "a", 4 * FS_BLOCK, 1);
	CHECK(fs_sync(c.fs) == 0);
	c.fs = test_crash(c.fs, &o); /* nothing of it is in memory */
	run_tasks(3, cutter_or_reader, &c);
	test_end(c.fs, true);
}

static void who_reads_while_a_file_is_cut_gets_no_error(void **state)
{
	skip_under_tsan();
	for (uint64_t seed = 1; seed <= 300; seed++) {
		bool compress = seed % 4 == 0;
		assert_int_equal(run_once(&pick_random, "", seed, cut_main, &compress, NULL).end, COOP_FINISHED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(inline_files),
		cmocka_unit_test(compressed),
		cmocka_unit_test(the_old_design),
		cmocka_unit_test(who_reads_while_a_file_is_cut_gets_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
