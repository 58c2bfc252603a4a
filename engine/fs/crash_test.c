/*
 * crash_test.c: what fsync promised, judged at every point where the power may go, in random schedules of a few tasks
 * with completions in any order. Each block has one writer, and versions; an fsync that returned promises the version
 * that its caller had written. After any cut a block is its promised version or a later one, and never an error.
 *
 * The old design is the control: in it the judge must find the race.
 */
#include "dev/powercut.h"
#include "fs/look.h"
#include "fs/test_fs.h"
#include "pick/test_run.h"

#define BLOCKS   8u
#define PROMISES 256u

struct promise {
	uint32_t pos, block, version;
};

/* One run. Block b is in file b / 4, in subvolume b / 4; it is owned by task b % ntasks. */
struct stage {
	const struct scenario *scenario;
	const struct design *design;
	struct dev *dev;
	struct fs *fs;
	uint32_t len[BLOCKS], last[BLOCKS]; /* bytes of it that are ever written; newest version begun */
	struct promise promise[PROMISES];
	uint32_t npromises, next;
	unsigned bad, judged, looked;
	uint64_t seed;
	struct watch watch;
};

struct scenario {
	const char *name;
	unsigned ntasks;
	void (*task)(struct stage *st, uint32_t me);
	struct mount_options o;
	bool empty;       /* files begin with nothing in them */
	bool log_fails;   /* one of the first writes of log blocks does */
};

static uint64_t seed_of(uint32_t block, uint32_t version)
{
	return block * 1000 + version;
}

static struct file *file_of(struct fs *fs, uint32_t block)
{
	return test_open(fs_subvol(fs, block / 4), "f");
}

static void write_block(struct stage *st, struct file *f, uint32_t block, uint32_t len)
{
	st->len[block] = len;
	uint32_t version = ++st->last[block];
	test_write(f, block % 4 * FS_BLOCK, len, seed_of(block, version));
}

/* The caller's blocks of this file, `mask`, are promised when it returns. */
static void sync_blocks(struct stage *st, struct file *f, uint32_t mask)
{
	uint32_t version[BLOCKS];

	memcpy(version, st->last, sizeof(version));
	CHECK(fs_fsync(f) == 0);
	uint32_t pos = powercut_position(st->dev);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		if (!(mask >> b & 1))
			continue;
		CHECK(st->npromises < PROMISES);
		st->promise[st->npromises++] = (struct promise){ pos, b, version[b] };
	}
}

/* ---- the judge ---- */

static bool block_is_legal(struct stage *st, struct file *f, uint32_t block, uint32_t promised)
{
	uint64_t off = block % 4 * FS_BLOCK;
	uint32_t len = st->len[block];

	for (uint32_t v = promised; v <= st->last[block]; v++) {
		int ret = test_read(f, off, len, seed_of(block, v));
		if (ret <= 0)
			return ret == 0;
	}
	return st->scenario->empty && promised == 0 && (fs_size(f) < off + len || test_read_zeros(f, off, len) == 0);
}

static void judge_image(struct stage *st, struct fs *fs, uint32_t pos)
{
	for (uint32_t b = 0; b < BLOCKS; b++) {
		uint32_t promised = 0;
		if (!st->len[b])
			continue;
		for (uint32_t i = 0; i < st->npromises; i++)
			if (st->promise[i].block == b && st->promise[i].pos <= pos && st->promise[i].version > promised)
				promised = st->promise[i].version;
		struct file *f = file_of(fs, b);
		st->bad += !block_is_legal(st, f, b, promised);
		st->judged++;
		fs_close(f);
	}
}

static void is_damaged(void *arg, const char *line)
{
	print_error("%s\n", line);
	++*(unsigned *)arg;
}

/* Whatever a right design leaves behind fits together, before and after replay (fs/look.h); every fourth is looked at,
 * since a look costs as much as the judge. */
static void image_is_whole(struct stage *st, struct dev *image)
{
	static const struct look_ops ops = { .damage = is_damaged };
	struct why why;

	if (strcmp(st->design->name, "postfix") || st->looked++ % 4)
		return;
	if (look_image(image, true, &ops, &st->bad, &why))
		is_damaged(&st->bad, why.text);
}

static int judge_cut(void *arg, const struct cut *c)
{
	static const struct mount_options ro = { .read_only = true };
	struct stage *st = arg;
	struct dev *image;

	CHECK(powercut_image(st->dev, c, &image) == 0);
	struct fs *fs = test_mount(image, &ro);
	judge_image(st, fs, c->pos);
	fs_abandon(fs);
	image_is_whole(st, image);
	dev_close(image);
	return 0;
}

static int judge_epoch(void *arg, const struct epoch *e)
{
	struct stage *st = arg;
	struct cut_budget budget = { .all_up_to = 2, .sampled = 2, .seed = e->pos };

	return powercut_cuts(st->dev, e, &budget, judge_cut, st);
}

/* ---- a run ---- */

static void stage_task(void *arg)
{
	struct stage *st = arg;

	st->scenario->task(st, st->next++);
}

static void stage_main(void *arg)
{
	struct stage *st = arg;
	struct mount_options o = st->scenario->o, setup = o;

	o.design = st->design;
	setup.no_background = true; /* while nobody chooses, a flusher that need not wait would go on for ever */
	st->dev = test_dev("ram:4m", &(struct mkfs_options){ .nodesize = 4096, .single = true, .subvols = 2 });
	st->dev->async = true;
	st->fs = test_mount(st->dev, &setup);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		struct file *f = file_of(st->fs, b);
		if (!st->scenario->empty) {
			st->len[b] = FS_BLOCK;
			test_write(f, b % 4 * FS_BLOCK, FS_BLOCK, seed_of(b, 0));
		}
		fs_close(f);
	}
	CHECK(fs_sync(st->fs) == 0);
	st->fs = test_crash(st->fs, &o);
	powercut_start(st->dev);
	watch_start(&st->watch, st->dev);
	st->watch.skip[WATCH_LOG] = st->seed % 10;
	st->watch.fail[WATCH_LOG] = st->scenario->log_fails;
	run_tasks(st->scenario->ntasks, stage_task, st);
	CHECK(powercut_epochs(st->dev, judge_epoch, st) == 0);
	fs_abandon(st->fs);
	dev_drain(st->dev);
	powercut_stop(st->dev);
	dev_close(st->dev);
}

/* Broken promises in so many schedules of one picker, or in the first that breaks any. */
static unsigned broken_by(const struct scenario *s, const char *design, unsigned seeds, const struct picker *picker,
                          const char *args)
{
	const char *err = NULL;
	struct coop_config cfg = { .picker = picker, .steps_max = 200000, .steps_hint = 400,
					   .picker_state = picker->create(args, &err) };
	struct coop_result res;
	unsigned bad = 0, judged = 0;

	for (cfg.seed = 1; cfg.seed <= seeds && !bad; cfg.seed++) {
		struct stage st = { .scenario = s, .design = fs_design_find(design), .seed = cfg.seed };
		coop_run(&cfg, stage_main, &st, &res);
		if (res.end != COOP_FINISHED)
			print_error("%s, seed %lu: %s\n", s->name, (unsigned long)cfg.seed, res.why);
		assert_int_equal(res.end, COOP_FINISHED);
		bad += st.bad;
		judged += st.judged;
	}
	picker->destroy(cfg.picker_state);
	assert_true(judged > (cfg.seed - 1) * 10);
	return bad;
}

/* Under a sanitizer: a sample. Not for the control, which must find something. */
static unsigned sample(unsigned seeds)
{
	return getenv("FAST_TESTS") ? seeds / 4 + 1 : seeds;
}

/* By chance at each step; and with tasks that are held back for long, completions among them. */
static unsigned broken(const struct scenario *s, const char *design, unsigned seeds)
{
	seeds = sample(seeds);
	return broken_by(s, design, seeds, &pick_random, "") + broken_by(s, design, seeds, &pick_pct, "d=3");
}

/* ---- the stories ---- */

static void flush(struct stage *st, uint32_t block, unsigned times)
{
	struct file *f = file_of(st->fs, block);

	for (unsigned i = 0; i < times; i++)
		CHECK(fs_flush_pass(f) == 0);
	fs_close(f);
}

/* 669249eea365: a block is dirtied behind the first flush, and written back while the inode is logged. */
static void seed_task(struct stage *st, uint32_t me)
{
	struct file *f = file_of(st->fs, 0);

	if (me == 0) {
		write_block(st, f, 0, FS_BLOCK);
		sync_blocks(st, f, 1);
	} else if (me == 1) {
		write_block(st, f, 1, FS_BLOCK);
	} else {
		flush(st, 0, 2);
	}
	fs_close(f);
}

static const struct scenario seed_story = {
	.name = "seed", .ntasks = 3, .task = seed_task,
	.o = { .no_background = true },
};
static const struct scenario seed_compressed = {
	.name = "seed compressed", .ntasks = 3, .task = seed_task,
	.o = { .no_background = true, .compress = true },
};

/* 50d9aa99bd35, 3a8b36f37806, affc0ff902d5: commits between data that is written, logged, and in the trees. */
static void commit_task(struct stage *st, uint32_t me)
{
	struct file *f = file_of(st->fs, 0);

	if (me < 2) {
		for (unsigned i = 0; i < 2; i++) {
			write_block(st, f, me, FS_BLOCK);
			sync_blocks(st, f, 1u << me);
		}
	} else if (me == 2) {
		for (unsigned i = 0; i < 3; i++)
			CHECK(fs_commit(st->fs) == 0);
	} else {
		flush(st, 0, 2);
	}
	fs_close(f);
}

static const struct scenario commit_story = {
	.name = "commit", .ntasks = 4, .task = commit_task,
	.o = { .no_background = true },
};

/* 9dba8cf128ef, 4203e9689470: two logs, one tree of log roots; and two fsyncers of each. */
static void subvols_task(struct stage *st, uint32_t me)
{
	uint32_t block = me % 2 * 4 + me / 2;
	struct file *f = file_of(st->fs, block);

	for (unsigned i = 0; i < 2; i++) {
		write_block(st, f, block, FS_BLOCK);
		sync_blocks(st, f, 1u << block);
	}
	fs_close(f);
}

static const struct scenario subvols_story = {
	.name = "subvolumes", .ntasks = 4, .task = subvols_task,
	.o = { .no_background = true, .endio_workers = 2 },
};

/* Who joined a log commit that failed is told, and commits the transaction instead. */
static const struct scenario failing_story = {
	.name = "failing log", .ntasks = 4, .task = commit_task,
	.o = { .no_background = true },
	.log_fails = true,
};
static const struct scenario failing_subvols = {
	.name = "failing log of two subvolumes", .ntasks = 4, .task = subvols_task,
	.o = { .no_background = true },
	.log_fails = true,
};

/* A file of one small block becomes a larger one while a flusher writes the small one into the tree. */
static void inline_task(struct stage *st, uint32_t me)
{
	struct file *f = file_of(st->fs, 0);

	if (me == 0) {
		write_block(st, f, 0, 700);
		write_block(st, f, 1, FS_BLOCK);
		sync_blocks(st, f, 3);
		write_block(st, f, 2, FS_BLOCK);
		sync_blocks(st, f, 7);
	} else {
		flush(st, 0, 2);
	}
	fs_close(f);
}

static const struct scenario inline_story = {
	.name = "inline", .ntasks = 3, .task = inline_task,
	.o = { .no_background = true, .inline_max = 2048 },
	.empty = true,
};

/* Everything that runs by itself does; its timeouts may come at any time. */
static void background_task(struct stage *st, uint32_t me)
{
	struct file *f = file_of(st->fs, 4 * me);

	for (unsigned i = 0; i < 3; i++) {
		write_block(st, f, 4 * me + i % 2, FS_BLOCK);
		if (i != 1)
			sync_blocks(st, f, 3u << 4 * me);
	}
	fs_close(f);
}

static const struct scenario background_story = {
	.name = "background", .ntasks = 2, .task = background_task,
	.o = { .dirty_age_ns = 1 },
};
static const struct scenario background_compressed = {
	.name = "background compressed", .ntasks = 2, .task = background_task,
	.o = { .dirty_age_ns = 1, .compress = true, .inline_max = 2048 },
};

static void the_judge_finds_the_race_of_the_old_design(void **state)
{
	skip_under_tsan();
	assert_true(broken_by(&seed_story, "prefix", 3000, &pick_random, "") > 0);
}

static void late_dirty_pages(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken(&seed_story, "postfix", 50), 0);
	assert_int_equal(broken(&seed_compressed, "postfix", 25), 0);
}

static void commits_between(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken(&commit_story, "postfix", 60), 0);
}

static void two_subvolumes(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken(&subvols_story, "postfix", 50), 0);
}

static void log_blocks_that_fail(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken(&failing_story, "postfix", 50), 0);
	assert_int_equal(broken(&failing_subvols, "postfix", 50), 0);
}

static void inline_files_that_grow(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken(&inline_story, "postfix", 120), 0);
}

static void with_everything_in_the_background(void **state)
{
	skip_under_tsan();
	assert_int_equal(broken_by(&background_story, "postfix", sample(30), &pick_random, ""), 0);
	assert_int_equal(broken_by(&background_compressed, "postfix", sample(20), &pick_random, ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_judge_finds_the_race_of_the_old_design),
		cmocka_unit_test(late_dirty_pages),
		cmocka_unit_test(commits_between),
		cmocka_unit_test(two_subvolumes),
		cmocka_unit_test(log_blocks_that_fail),
		cmocka_unit_test(inline_files_that_grow),
		cmocka_unit_test(with_everything_in_the_background),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
