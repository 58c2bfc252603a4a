/*
 * stream_test.c: what a mount makes of a stream: the longest run of groups that have arrived with their data, whichever
 * bytes, sectors or groups are missing; and that no group of an earlier life comes back. What an fsync costs; and a
 * device that is full.
 */
#include <unistd.h>

#include "item/group.h"
#include "fs/stream.h"
#include "fs/test_fs.h"
#include "fs/trans.h"
#include "pick/test_run.h"

#define SIZE   8192u
#define GROUPS 4u

struct rig {
	struct dev *dev;
	struct mount_options o, look; /* look: to see what is there, without a write */
	uint8_t *media;
	uint64_t len;
	struct group_place at[GROUPS];
	uint32_t blocks[GROUPS];
	uint32_t n;
};

/* Where the groups lie that the super leads to, as far as they are whole. */
static void find_groups(struct rig *r)
{
	struct super s;
	struct why why;
	struct group_facts facts;

	assert_int_equal(super_read(r->dev, &s, &why), 0);
	struct group_place p = { s.stream.nonce, s.stream.lsn, 0, s.stream.bytenr, s.stream.end };
	for (r->n = 0; p.bytenr && group_is_whole(r->media + p.bytenr, &p, &facts); r->n++) {
		assert_true(r->n < GROUPS);
		r->at[r->n] = p;
		r->blocks[r->n] = facts.blocks;
		p = (struct group_place){ p.nonce, p.lsn + 1, facts.hash, facts.next, facts.next_end };
	}
}

/* "a" in the trees with seed 1; then fsynced with seeds 2 to 5, each block of it, and the power goes. */
static void rig_open(struct rig *r)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	const struct design *d = fs_design_find("oneflush");

	*r = (struct rig){ .o = { .no_background = true, .design = d },
			   .look = { .no_background = true, .design = d, .read_only = true }, .len = 4 << 20 };
	r->dev = test_dev("ram:4m", &mk);
	struct fs *fs = test_mount(r->dev, &r->o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	test_write(f, 0, SIZE, 0);
	assert_int_equal(fs_fsync(f), 0); /* the first one of a new file is of all of it */
	test_write(f, 0, SIZE, 1);
	assert_int_equal(fs_sync(fs), 0);
	for (uint64_t i = 0; i < GROUPS; i++) {
		test_write(f, 0, SIZE, 2 + i);
		assert_int_equal(fs_fsync(f), 0);
	}
	fs_close(f);
	fs_abandon(fs);
	r->media = mem_alloc_pages(r->len);
	assert_int_equal(dev_read(r->dev, 0, r->media, (uint32_t)r->len), 0);
	find_groups(r);
	assert_int_equal(r->n, GROUPS);
}

static void rig_close(struct rig *r)
{
	free(r->media);
	dev_close(r->dev);
}

/* The seed that all of "a" has; 0: none of them, or it cannot be read; -1: no mount. */
static int what_a_has(struct rig *r, const struct mount_options *o)
{
	struct why why;
	struct fs *fs;
	int has = 0;

	if (fs_mount(r->dev, o, &fs, &why))
		return -1;
	for (int seed = 1; seed <= 6; seed++)
		if (test_is(fs_subvol(fs, 0), "a", SIZE, (uint64_t)seed))
			has = seed;
	fs_abandon(fs);
	return has;
}

/* Writes [at, at + len) of what it was, with `flip` in its first byte; whole blocks of the device go with it. */
static void put(struct rig *r, uint64_t at, uint32_t len, uint8_t flip)
{
	uint64_t block = at / 4096 * 4096;
	uint8_t *copy = mem_alloc_pages(4096);

	assert_true(at + len <= block + 4096);
	assert_int_equal(dev_read(r->dev, block, copy, 4096), 0);
	memcpy(copy + (at - block), r->media + at, len);
	copy[at - block] ^= flip;
	assert_int_equal(dev_write(r->dev, block, copy, 4096, BIO_WRITE), 0);
	free(copy);
}

static void zero(struct rig *r, uint64_t at, uint64_t len)
{
	uint8_t *zeros = mem_alloc_pages(len);

	memset(zeros, 0, len);
	assert_int_equal(dev_write(r->dev, at, zeros, (uint32_t)len, BIO_WRITE), 0);
	free(zeros);
}

static uint64_t group_len(const struct rig *r, uint32_t i)
{
	return (uint64_t)r->blocks[i] * FS_BLOCK;
}

static void the_last_group_counts(void **state)
{
	struct rig r;

	rig_open(&r);
	assert_int_equal(what_a_has(&r, &r.look), 5);
	for (uint32_t i = 0; i < GROUPS; i++)
		assert_int_equal(r.blocks[i], 3); /* head with records, two blocks of data */
	assert_int_equal(r.at[1].bytenr, r.at[0].bytenr + group_len(&r, 0)); /* one behind the other */
	rig_close(&r);
}

/* Each byte of the third group in turn: what the second has promised is there, and nothing behind. */
static void no_byte_can_be_another(void **state)
{
	struct rig r;

	rig_open(&r);
	for (uint64_t at = r.at[2].bytenr; at < r.at[3].bytenr; at++) {
		put(&r, at, 1, 0x04);
		int has = what_a_has(&r, &r.look);
		if (has != 3)
			fail_msg("byte %lu: seed %d", (unsigned long)(at - r.at[2].bytenr), has);
		put(&r, at, 1, 0);
	}
	assert_int_equal(what_a_has(&r, &r.look), 5);
	rig_close(&r);
}

/* Reads of the block at *arg. */
static int fail_block(void *arg, const struct bio *bio)
{
	uint64_t at = *(uint64_t *)arg;

	return !(bio->flags & BIO_WRITE) && at >= bio->off && at < bio->off + bio->len ? -EIO : 0;
}

/* Many segments, some of them read at a time, and more while those are looked at: on a device that reads beside its
 * caller. A block behind the last segment that cannot be read does no harm. 200 groups; the first byte of the 150th is
 * another then. */
static void many_segments_come_back(void **state)
{
	char path[] = "/tmp/fsyncstorm-stream-XXXXXX", spec[80];
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") }, look = o;
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct group_facts facts;
	uint64_t segments = 1, behind;
	struct dev_faults faults = { .fail = fail_block, .arg = &behind };
	struct super s;
	struct why why;

	close(mkstemp(path));
	snprintf(spec, sizeof(spec), "file:%s,size=256m", path);
	struct dev *dev = test_dev(spec, &mk);
	struct fs *fs = test_mount(dev, &o);
	test_put(fs_subvol(fs, 0), "a", 200 * FS_BLOCK, 1);
	assert_int_equal(fs_sync(fs), 0);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	for (uint64_t i = 0; i < 200; i++) {
		test_write(f, i * FS_BLOCK, FS_BLOCK, 2);
		assert_int_equal(fs_fsync(f), 0);
	}
	fs_close(f);
	fs_abandon(fs);

	uint8_t *media = mem_alloc_pages(256 << 20);
	assert_int_equal(dev_read(dev, 0, media, 256 << 20), 0);
	assert_int_equal(super_read(dev, &s, &why), 0);
	struct group_place p = { s.stream.nonce, s.stream.lsn, 0, s.stream.bytenr, s.stream.end }, nth = p;
	unsigned n = 0;
	for (; p.bytenr && group_is_whole(media + p.bytenr, &p, &facts); n++) {
		segments += facts.next_end != p.end;
		p = (struct group_place){ p.nonce, p.lsn + 1, facts.hash, facts.next, facts.next_end };
		if (n == 148)
			nth = p;
	}
	assert_int_equal(n, 200);
	assert_true(segments >= 6);
	behind = p.end;
	dev->faults = &faults;

	look.read_only = true;
	for (unsigned due = 200; due >= 149; due -= 51) {
		fs = test_mount(dev, &look);
		for (uint64_t i = 0; i < 200; i++) {
			f = test_open(fs_subvol(fs, 0), "a");
			assert_int_equal(test_read(f, i * FS_BLOCK, FS_BLOCK, i < due ? 2 : 1), 0);
			fs_close(f);
		}
		fs_abandon(fs);
		media[nth.bytenr]++;
		assert_int_equal(dev_write(dev, nth.bytenr, media + nth.bytenr, 4096, BIO_WRITE), 0);
	}
	free(media);
	dev_close(dev);
	unlink(path);
}

static bool is_as_it_was(struct rig *r, uint64_t at, uint64_t len)
{
	uint8_t *now = mem_alloc_pages(len);

	assert_int_equal(dev_read(r->dev, at, now, (uint32_t)len), 0);
	bool same = !memcmp(now, r->media + at, len);
	free(now);
	return same;
}

/* The sectors of the last group arrive in any order: from the front, from the back, all but one. */
static void a_torn_group_is_none(void **state)
{
	struct rig r;

	rig_open(&r);
	uint64_t at = r.at[3].bytenr, len = group_len(&r, 3);
	uint32_t n = (uint32_t)(len / 512), torn = 0;
	for (int how = 0; how < 3; how++)
		for (uint32_t k = 0; k < n; k++) {
			zero(&r, at, len);
			for (uint32_t i = 0; i < n; i++)
				if (how == 0 ? i < k : how == 1 ? i > k : i != k)
					put(&r, at + i * 512, 512, 0);
			/* a sector of zeros is not missed */
			torn += !is_as_it_was(&r, at, len);
			assert_int_equal(what_a_has(&r, &r.look), is_as_it_was(&r, at, len) ? 5 : 4);
		}
	assert_true(torn > 2 * n);
	rig_close(&r);
}

/* Any of the groups may be missing, had their flushes lied: the longest run from the first one counts. */
static void the_longest_run_counts(void **state)
{
	struct rig r;

	rig_open(&r);
	for (uint32_t set = 0; set < 1u << GROUPS; set++) {
		uint32_t run = 0;
		for (uint32_t i = 0; i < GROUPS; i++) {
			zero(&r, r.at[i].bytenr, group_len(&r, i));
			for (uint64_t b = 0; set & 1u << i && b < group_len(&r, i); b += FS_BLOCK)
				put(&r, r.at[i].bytenr + b, FS_BLOCK, 0);
		}
		while (run < GROUPS && set & 1u << run)
			run++;
		assert_int_equal(what_a_has(&r, &r.look), 1 + (int)run);
	}
	rig_close(&r);
}

/* The second group has not arrived, the third has. After a mount that could only go up to the first, the second fsync
 * is made again, and its group lies where it lay: the third of the life before is none of this one. */
static void a_group_of_an_earlier_life_does_not_come_back(void **state)
{
	struct rig r;

	rig_open(&r);
	zero(&r, r.at[1].bytenr, group_len(&r, 1));
	uint64_t nonce = r.at[0].nonce;
	struct fs *fs = test_mount(r.dev, &r.o);
	struct super s;
	struct why why;
	assert_int_equal(super_read(r.dev, &s, &why), 0);
	assert_int_not_equal(s.stream.nonce, nonce);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 0, SIZE, 2), 0);
	test_write(f, 0, SIZE, 3);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_abandon(fs);
	assert_int_equal(what_a_has(&r, &r.look), 3);
	rig_close(&r);
}

/* Two mounts that log nothing: each begins the stream with another nonce. */
static void each_mount_has_a_nonce(void **state)
{
	struct rig r;
	uint64_t nonce[3];
	struct super s;
	struct why why;

	rig_open(&r);
	for (int i = 0; i < 3; i++) {
		fs_abandon(test_mount(r.dev, &r.o));
		assert_int_equal(super_read(r.dev, &s, &why), 0);
		nonce[i] = s.stream.nonce;
		assert_int_not_equal(s.stream.bytenr, 0);
		assert_int_equal(what_a_has(&r, &r.look), 5);
	}
	assert_true(nonce[0] != nonce[1] && nonce[1] != nonce[2] && nonce[0] != nonce[2]);
	rig_close(&r);
}

/* What the device cannot read may have been acknowledged: no mount, rather than an older state. */
static void a_block_that_cannot_be_read_is_an_error(void **state)
{
	struct rig r;
	struct watch w;

	rig_open(&r);
	assert_int_equal(what_a_has(&r, &r.look), 5);
	watch_start(&w, r.dev);
	struct fs *fs = test_mount(r.dev, &r.look);
	fs_abandon(fs);
	uint32_t reads = w.seen[WATCH_READ];
	uint32_t refused = 0;
	for (uint32_t i = 0; i < reads; i++) {
		watch_start(&w, r.dev);
		w.skip[WATCH_READ] = i;
		w.fail[WATCH_READ] = 1;
		int has = what_a_has(&r, &r.look);
		assert_true(has == 5 || has == -1); /* some have a second copy */
		refused += has == -1;
	}
	assert_true(refused > 0);
	r.dev->faults = NULL;
	rig_close(&r);
}

/* What ten fsyncs of a block each ask the device for. */
static void ten_fsyncs(const char *dev, const char *design, uint32_t flags, struct watch *w)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct mount_options o = { .no_background = true, .design = fs_design_find(design) };
	struct fs *fs = test_mount(test_dev(dev, &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");

	if (flags)
		assert_int_equal(fs_set_flags(f, flags), 0);
	test_write(f, 0, SIZE, 1);
	assert_int_equal(fs_fsync(f), 0); /* the first one of a new file is of all of it */
	watch_start(w, fs->dev);
	for (uint32_t i = 0; i < 10; i++) {
		test_write(f, 0, 4096, 2 + i);
		assert_int_equal(fs_fsync(f), 0);
	}
	fs->dev->faults = NULL;
	fs_close(f);
	test_end(fs, true);
}

/* One write and one flush. */
static void what_an_fsync_costs(void **state)
{
	struct watch w;

	ten_fsyncs("ram:4m", "oneflush", 0, &w);
	assert_int_equal(w.seen[WATCH_FLUSH], 10);
	assert_int_equal(watch_writes(&w), 10);
	assert_int_equal(w.seen[WATCH_DATA], 10);
}

/* (stream.8) Where the device says that a FUA write is cheaper, or the design asks for it. */
static void a_group_that_needs_nothing_else_is_a_fua_write(void **state)
{
	static const struct { const char *dev, *design; bool fua; } of[] = {
		{ "slow:nvme-plp/ram:4m", "oneflush", true },
		{ "slow:nvme/ram:4m", "oneflush", false },
		{ "ram:4m", "oneflush_fua", true },
	};
	struct watch w;

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		ten_fsyncs(of[i].dev, of[i].design, 0, &w);
		assert_int_equal(w.fua, of[i].fua ? 10 : 0);
		assert_int_equal(w.seen[WATCH_FLUSH], of[i].fua ? 0 : 10);
	}
}

static void data_in_place_are_flushed(void **state)
{
	struct watch w;

	ten_fsyncs("ram:4m", "oneflush_fua", FS_NODATACOW, &w);
	assert_int_equal(w.fua, 0);
	assert_int_equal(w.seen[WATCH_FLUSH], 10);
}

/* The file system of most tests below: "a" fsynced with seed 1. */
static struct fs *with_a(const char *dev, struct file **f)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true, .subvols = 2 };
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") };
	struct fs *fs = test_mount(test_dev(dev, &mk), &o);

	*f = test_open(fs_subvol(fs, 0), "a");
	test_write(*f, 0, SIZE, 1);
	assert_int_equal(fs_fsync(*f), 0);
	return fs;
}

static struct fs *crash(struct fs *fs, struct file *f)
{
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") };

	fs->dev->faults = NULL;
	fs_close(f);
	return test_crash(fs, &o);
}

/* The device fails a group with its data: the fsync tells, once; what comes next is durable all the same, by a
 * commit. */
static void a_group_that_fails_is_told_and_left_behind(void **state)
{
	struct watch w;
	struct file *f;
	struct fs *fs = with_a("ram:4m", &f);

	watch_start(&w, fs->dev);
	w.fail[WATCH_DATA] = 1;
	test_write(f, 0, SIZE, 2);
	assert_int_equal(fs_fsync(f), -EIO);
	assert_int_equal(fs_fsync(f), 0);
	test_write(f, 4096, 4096, 3);
	assert_int_equal(fs_fsync(f), 0);
	fs = crash(fs, f);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 0, 4096, 1), 0);
	assert_int_equal(test_read(f, 4096, 4096, 3), 0);
	fs_close(f);
	test_end(fs, true);
}

/* No group is begun any more: the fsync of the directory commits, and waits for none. */
static void a_directory_is_committed_when_nothing_is_logged(void **state)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") };
	struct dev *dev = test_dev("ram:4m", &mk);
	struct fs *fs = test_mount(dev, &o);

	fs_close(test_open(fs_subvol(fs, 0), "a"));
	trans_no_log(fs, fs_generation(fs));
	assert_int_equal(fs_fsync_dir(fs_subvol(fs, 0)), 0);
	fs_abandon(fs);
	fs = test_mount(dev, &o);
	assert_true(test_exists(fs_subvol(fs, 0), "a"));
	fs_abandon(fs);
	dev_close(dev);
}

/* What a failed flush has lost nobody can tell: the file system goes on no more. */
static void a_flush_that_fails_aborts(void **state)
{
	struct watch w;
	struct file *f;
	struct fs *fs = with_a("ram:4m", &f);

	watch_start(&w, fs->dev);
	w.fail[WATCH_FLUSH] = 1;
	test_write(f, 0, SIZE, 2);
	assert_true(fs_fsync(f) < 0);
	assert_true(fs_fsync(f) < 0);
	struct fs_info info;
	fs_info(fs, &info);
	assert_int_equal(info.error, -EIO);
	fs = crash(fs, f);
	assert_true(test_is(fs_subvol(fs, 0), "a", SIZE, 1) || test_is(fs_subvol(fs, 0), "a", SIZE, 2));
	test_end(fs, true);
}

/* Data of more pages than a group takes, or that a flusher has sent, are written beside it, in the same flush, if they
 * are on their way still; else they have no hash, and a flush comes before the group. */
static void data_beside_a_group_come_back(void **state)
{
	const uint32_t large = 40 * 4096;
	struct watch w;
	struct file *f;
	struct fs *fs = with_a("ram:16m", &f);

	watch_start(&w, fs->dev);
	test_write(f, 0, large, 2);
	assert_int_equal(fs_fsync(f), 0);
	assert_true(w.seen[WATCH_FLUSH] <= 2 && w.seen[WATCH_DATA] >= 2);
	test_write(f, 8192, 8192, 3);
	assert_int_equal(fs_sync_range(f, 8192, 8192, true), 0);
	assert_int_equal(fs_fsync(f), 0);
	fs = crash(fs, f);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(test_read(f, 0, 8192, 2), 0);
	assert_int_equal(test_read(f, 8192, 8192, 3), 0);
	assert_int_equal(test_read(f, 16384, large - 16384, 2), 0);
	fs_close(f);
	test_end(fs, true);
}

/* Names, a hole, a truncation, another subvolume: all by groups, with no commit. */
static void all_that_logs_have_comes_back(void **state)
{
	struct file *f, *g;
	struct fs *fs = with_a("ram:16m", &f);
	struct root *root = fs_subvol(fs, 0), *other = fs_subvol(fs, 1);
	struct fs_info before, after;

	fs_info(fs, &before);
	assert_int_equal(fs_link(root, "a", "b", NULL), 0);
	assert_int_equal(fs_rename(root, "a", "c", NULL), 0);
	test_put(root, "new", 4096, 7);
	assert_int_equal(fs_fsync_dir(root), 0);
	test_write(f, 12 * 4096, 4096, 4);
	assert_int_equal(fs_truncate(f, 12 * 4096 + 100), 0);
	assert_int_equal(fs_fsync(f), 0);
	g = test_open(other, "z");
	test_write(g, 0, 100, 9);
	assert_int_equal(fs_fsync(g), 0);
	fs_close(g);
	fs_info(fs, &after);
	assert_int_equal(after.last_committed, before.last_committed);
	fs = crash(fs, f);
	root = fs_subvol(fs, 0);
	assert_false(test_exists(root, "a"));
	assert_true(test_exists(root, "b") && test_exists(root, "c") && test_exists(root, "new"));
	f = test_open(root, "c");
	assert_int_equal(fs_size(f), 12 * 4096 + 100);
	assert_int_equal(test_read(f, 0, SIZE, 1), 0);
	assert_int_equal(test_read_zeros(f, SIZE, 10 * 4096), 0);
	assert_int_equal(test_read(f, 12 * 4096, 100, 4), 0);
	fs_close(f);
	assert_true(test_is(fs_subvol(fs, 1), "z", 100, 9));
	test_end(fs, true);
}

/* An image with a stream is any design's to mount: what the stream has comes into its trees, and the stream is gone. */
static void other_designs_take_it_over(void **state)
{
	struct mount_options o = { .no_background = true, .design = fs_design_find("postfix") };
	struct super s;
	struct why why;
	struct file *f;
	struct fs *fs = with_a("ram:4m", &f);

	test_write(f, 0, SIZE, 2);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs = test_crash(fs, &o);
	assert_int_equal(super_read(fs->dev, &s, &why), 0);
	assert_int_equal(s.stream.bytenr, 0);
	assert_true(test_is(fs_subvol(fs, 0), "a", SIZE, 2));
	f = test_open(fs_subvol(fs, 0), "a");
	test_write(f, 0, SIZE, 3);
	assert_int_equal(fs_fsync(f), 0);
	fs = crash(fs, f);
	assert_true(test_is(fs_subvol(fs, 0), "a", SIZE, 3));
	test_end(fs, true);
}

/* More than the stream has space for: a commit now and then, and all of it is there. */
static void a_full_stream_commits(void **state)
{
	struct rig r = { .look = { .no_background = true, .design = fs_design_find("oneflush"), .read_only = true } };
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") };
	struct fs *fs = test_mount(test_dev("ram:2m", &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");

	r.dev = fs->dev;
	for (uint32_t i = 0; i < 1000; i++) {
		test_write(f, 0, SIZE, i);
		assert_int_equal(fs_fsync(f), 0);
	}
	test_write(f, 0, SIZE, 6);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_abandon(fs);
	assert_int_equal(what_a_has(&r, &r.look), 6);
	dev_close(r.dev);
}

/* ---- a full device ---- */

/* The hook of mount_options.space: while *arg, there is none for data, and so for no segment. */
static int space_is_gone(void *arg, bool data)
{
	return data && *(bool *)arg ? -ENOSPC : 0;
}

static uint64_t committed(struct fs *fs)
{
	struct fs_info info;

	fs_info(fs, &info);
	return info.last_committed;
}

/* An fsync that needs no space for data: the file ends so many bytes further. */
static void grow(struct file *f, uint64_t to)
{
	assert_int_equal(fs_truncate(f, to), 0);
	assert_int_equal(fs_fsync(f), 0);
}

/* The last segment is used up; from then on each fsync commits, and what it has promised is there. When there is space
 * again, one commit later groups are written again. */
static void without_a_segment_each_fsync_commits(void **state)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	bool gone = false;
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush"), .space = space_is_gone,
				   .space_arg = &gone };
	struct dev *dev = test_dev("ram:8m", &mk);
	struct fs *fs = test_mount(dev, &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	uint64_t size = SIZE, before;
	uint32_t by_groups = 0;

	test_write(f, 0, SIZE, 1);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(fs_sync(fs), 0);
	gone = true;
	for (before = committed(fs); committed(fs) == before; by_groups++)
		grow(f, ++size);
	/* a segment of a device as small as this one is of 64 blocks at most, and a group is one block */
	assert_in_range(by_groups, 2, STREAM_SEGMENT_MAX / FS_BLOCK + 1);
	for (uint32_t i = 0; i < 20; i++) {
		before = committed(fs);
		grow(f, ++size);
		assert_int_equal(committed(fs), before + 1);
	}
	fs_close(f);
	fs = test_crash(fs, &o); /* a mount does without, too */
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(fs_size(f), size);
	assert_int_equal(test_read(f, 0, SIZE, 1), 0);
	grow(f, ++size);
	gone = false;
	assert_int_equal(fs_sync(fs), 0);
	grow(f, ++size);
	assert_int_equal(fs_sync(fs), 0);
	before = committed(fs);
	for (uint32_t i = 0; i < 5; i++)
		grow(f, ++size);
	assert_int_equal(committed(fs), before);
	fs = crash(fs, f);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(fs_size(f), size);
	fs_close(f);
	test_end(fs, true);
}

/* Files fill the device, each fsynced: the first that finds no space is told so, once. What was promised before is
 * there, and the space is when the file goes. */
static void a_full_device_is_told_once(void **state)
{
	static uint8_t big[256 << 10];
	struct file *f, *full;
	struct fs *fs = with_a("ram:8m", &f);
	struct fs_info info;
	uint64_t off = 0;
	int ret = 0;

	full = test_open(fs_subvol(fs, 0), "full");
	for (; !ret && off < 32u << 20; off += sizeof(big)) {
		assert_int_equal(fs_write(full, off, big, sizeof(big)), sizeof(big));
		ret = fs_fsync(full);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(fs_fsync(full), 0);
	fs_info(fs, &info);
	assert_int_equal(info.error, 0);
	assert_int_equal(test_read(f, 0, SIZE, 1), 0);
	grow(f, SIZE + 1); /* it needs no space for data */
	fs_close(full);
	assert_int_equal(fs_unlink(fs_subvol(fs, 0), "full"), 0);
	assert_int_equal(fs_sync(fs), -ENOSPC); /* syncs of the file system are told, too */
	assert_int_equal(fs_sync(fs), 0);
	test_write(f, 0, SIZE, 2);
	assert_int_equal(fs_fsync(f), 0);
	fs = crash(fs, f);
	f = test_open(fs_subvol(fs, 0), "a");
	assert_int_equal(fs_size(f), SIZE + 1);
	assert_int_equal(test_read(f, 0, SIZE, 2), 0);
	fs_close(f);
	test_end(fs, true);
}

/* Under the controlled scheduler: the last segment ends while three tasks fsync a file each. */
struct crowd {
	struct fs *fs;
	bool gone;
	_Atomic uint32_t next;
	uint32_t before; /* fsyncs before the tasks begin */
};

static struct file *file_of(struct fs *fs, uint32_t i)
{
	char name[16];

	snprintf(name, sizeof(name), "f%u", i);
	return test_open(fs_subvol(fs, 0), name);
}

static void grower(void *arg)
{
	struct crowd *c = arg;
	struct file *f = file_of(c->fs, atomic_fetch_add(&c->next, 1));

	for (uint64_t i = 1; i <= 3; i++)
		CHECK(fs_truncate(f, 5000 + i) == 0 && fs_fsync(f) == 0);
	fs_close(f);
}

/* The file system of a run: its three files are in the trees, and the stream has one segment to go. */
static struct fs *with_one_segment(struct crowd *c, struct mount_options *o)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };

	*o = (struct mount_options){ .no_background = true, .design = fs_design_find("oneflush"),
				     .space = space_is_gone, .space_arg = &c->gone };
	struct fs *fs = test_mount(test_dev("ram:2m", &mk), o);
	for (uint32_t i = 0; i < 3; i++)
		fs_close(file_of(fs, i));
	CHECK(fs_sync(fs) == 0);
	c->gone = true;
	return fs;
}

static void crowd_main(void *arg)
{
	struct crowd *c = arg;
	struct mount_options o;
	struct file *f;

	c->fs = with_one_segment(c, &o);
	f = file_of(c->fs, 0);
	for (uint32_t i = 0; i < c->before; i++)
		CHECK(fs_truncate(f, 1000 + i) == 0 && fs_fsync(f) == 0);
	fs_close(f);
	c->fs->dev->async = true;
	run_tasks(3, grower, c);
	c->fs = test_crash(c->fs, &o);
	for (uint32_t i = 0; i < 3; i++) {
		f = file_of(c->fs, i);
		CHECK(fs_size(f) == 5003);
		fs_close(f);
	}
	test_end(c->fs, false);
}

/* None waits for a group that nobody can write. */
static void nobody_stalls_where_the_last_segment_ends(void **state)
{
	struct crowd c = { .gone = false };
	struct mount_options o;
	uint32_t groups = 0;

	skip_under_tsan();
	struct fs *fs = with_one_segment(&c, &o);
	struct file *f = file_of(fs, 0);
	for (uint64_t before = committed(fs); committed(fs) == before; groups++)
		grow(f, 1000 + groups);
	fs_close(f);
	test_end(fs, true);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		const char *err = NULL;
		struct coop_result res;
		c = (struct crowd){ .before = groups - 1 - (uint32_t)(seed % 10) };
		struct coop_config cfg = { .picker = &pick_random, .seed = seed,
					   .picker_state = pick_random.create("", &err) };
		coop_run(&cfg, crowd_main, &c, &res);
		pick_random.destroy(cfg.picker_state);
		assert_int_equal(res.end, COOP_FINISHED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_group_counts),
		cmocka_unit_test(no_byte_can_be_another),
		cmocka_unit_test(many_segments_come_back),
		cmocka_unit_test(a_torn_group_is_none),
		cmocka_unit_test(the_longest_run_counts),
		cmocka_unit_test(a_group_of_an_earlier_life_does_not_come_back),
		cmocka_unit_test(each_mount_has_a_nonce),
		cmocka_unit_test(a_block_that_cannot_be_read_is_an_error),
		cmocka_unit_test(what_an_fsync_costs),
		cmocka_unit_test(a_group_that_needs_nothing_else_is_a_fua_write),
		cmocka_unit_test(data_in_place_are_flushed),
		cmocka_unit_test(a_group_that_fails_is_told_and_left_behind),
		cmocka_unit_test(a_directory_is_committed_when_nothing_is_logged),
		cmocka_unit_test(a_flush_that_fails_aborts),
		cmocka_unit_test(data_beside_a_group_come_back),
		cmocka_unit_test(all_that_logs_have_comes_back),
		cmocka_unit_test(other_designs_take_it_over),
		cmocka_unit_test(a_full_stream_commits),
		cmocka_unit_test(without_a_segment_each_fsync_commits),
		cmocka_unit_test(a_full_device_is_told_once),
		cmocka_unit_test(nobody_stalls_where_the_last_segment_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
