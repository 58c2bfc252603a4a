/*
 * damage_test.c: a small image, damaged. Each byte of what is read at mount is flipped in turn; and blocks are
 * changed in ways that no flipped bit makes, with right checksums. Allowed: the mount fails with -EIO or -EINVAL and
 * says so, a read fails with -EIO, a name is not there; or all is as it was, now or in an older committed state.
 * Never: wrong bytes, a crash, a hang.
 */
#include "base/crc32c.h"
#include "fs/test_fs.h"

#define SIZE 9000u

static const struct mount_options judge = { .read_only = true };

/* "a": committed by seed 1, then by seed 2 and synced into the log; "tiny" inline; "new" in the log alone. */
struct image {
	struct dev *dev;
	uint8_t *mem; /* a copy of all of it */
	struct super super;
};

/* The block that holds `at` goes to the device as it is in the copy. */
static void put_block(struct image *im, uint64_t at)
{
	at = at / FS_BLOCK * FS_BLOCK;
	CHECK(dev_write(im->dev, at, im->mem + at, FS_BLOCK, 0) == 0);
}

static void image_close(struct image *im)
{
	dev_close(im->dev);
	free(im->mem);
}

static void image_make(struct image *im, bool single)
{
	static const struct mount_options inl = { .no_background = true, .inline_max = 2048 };
	struct why why;

	im->dev = test_dev("ram:1m", &(struct mkfs_options){ .nodesize = 4096, .single = single });
	struct fs *fs = test_mount(im->dev, &inl);
	test_put(fs_subvol(fs, 0), "a", SIZE, 1);
	test_put(fs_subvol(fs, 0), "tiny", 500, 3);
	CHECK(fs_sync(fs) == 0);
	struct file *f = test_open(fs_subvol(fs, 0), "a"), *g = test_open(fs_subvol(fs, 0), "new");
	test_write(f, 0, SIZE, 2);
	test_write(g, 0, SIZE, 4);
	CHECK(fs_fsync(f) == 0 && fs_fsync(g) == 0);
	fs_close(f);
	fs_close(g);
	fs_abandon(fs);
	im->mem = mem_alloc_pages(im->dev->size);
	CHECK(dev_read(im->dev, 0, im->mem, (uint32_t)im->dev->size) == 0);
	CHECK(super_read(im->dev, &im->super, &why) == 0);
	CHECK(im->super.log_root.bytenr);
}

struct outcome {
	unsigned mount_errors, read_errors, old, now;
};

/* Bytes of a file: 0 as of `seed`, else -errno. Wrong bytes end the test. */
static int look_at(struct root *root, const char *name, uint32_t size, uint64_t seed, uint64_t old_seed)
{
	struct file *f;
	int ret = fs_open(root, name, &f);

	if (ret) {
		assert_true(ret == -EIO || ret == -ENOENT);
		return ret;
	}
	ret = fs_size(f) == size ? test_read(f, 0, size, seed) : 1;
	if (ret == 1) {
		assert_int_equal(fs_size(f), size);
		ret = test_read(f, 0, size, old_seed) ? -EUCLEAN : 1;
	}
	fs_close(f);
	assert_true(ret == 0 || ret == 1 || ret == -EIO);
	return ret;
}

static void look(struct image *im, struct outcome *o)
{
	struct why why = WHY_NONE;
	struct fs *fs;

	int ret = fs_mount(im->dev, &judge, &fs, &why);
	if (ret) {
		assert_true(ret == -EIO || ret == -EINVAL);
		assert_true(why.text[0] && !strchr(why.text, '\n'));
		o->mount_errors++;
		return;
	}
	struct root *root = fs_subvol(fs, 0);
	int a = look_at(root, "a", SIZE, 2, 1), n = look_at(root, "new", SIZE, 4, 4);
	int t = look_at(root, "tiny", 500, 3, 3);
	if (a < 0 && a != -ENOENT)
		o->read_errors++;
	else if (a == 0 && n == 0 && t == 0)
		o->now++;
	else
		o->old++;
	assert_true(a != -ENOENT && t != -ENOENT && t != 1); /* committed: an error, but not silently gone */
	assert_true(n != -ENOENT || a == 1); /* gone only with the whole log */
	fs_abandon(fs);
}

/* Under a sanitizer: a sample. */
static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

static void flip(struct image *im, uint64_t at, struct outcome *o)
{
	im->mem[at] ^= (uint8_t)(1u << at % 8);
	put_block(im, at);
	look(im, o);
	im->mem[at] ^= (uint8_t)(1u << at % 8);
	put_block(im, at);
}

static void a_super_block_with_a_flipped_byte_is_not_believed(void **state)
{
	struct outcome first = { 0 }, second = { 0 };
	struct image im;

	image_make(&im, true);
	for (uint64_t i = 0; i < SUPER_SIZE; i += fast() ? 7 : 1) {
		flip(&im, SUPER_COPY_0 + i, &first);
		flip(&im, SUPER_COPY_1 + i, &second);
	}
	assert_int_equal(first.mount_errors + first.read_errors, 0);
	assert_true(first.old > 500);  /* copy 1: the last commit, no log */
	assert_true(second.now > 500); /* copy 0 serves */
	assert_int_equal(second.old + second.mount_errors, 0);
	for (uint64_t i = 0; i < 200; i += 7) { /* both */
		im.mem[SUPER_COPY_1 + i] ^= 1;
		put_block(&im, SUPER_COPY_1);
		flip(&im, SUPER_COPY_0 + i, &first);
		im.mem[SUPER_COPY_1 + i] ^= 1;
		put_block(&im, SUPER_COPY_1);
	}
	assert_int_equal(first.mount_errors, 29);
	image_close(&im);
}

/* Every block of the metadata that something was written to. */
static unsigned damage_blocks(struct image *im, uint64_t step, struct outcome *o)
{
	uint64_t end = SUPER_END + im->super.meta_len;
	unsigned blocks = 0;

	for (uint64_t b = SUPER_END; b < end; b += im->super.nodesize) {
		const struct node_header *h = (const struct node_header *)(im->mem + b);
		if (h->magic != NODE_MAGIC)
			continue;
		blocks++;
		for (uint64_t i = b / FS_BLOCK % step; i < im->super.nodesize; i += step)
			flip(im, b + i, o);
	}
	return blocks;
}

static void a_block_with_a_flipped_byte_is_an_error(void **state)
{
	struct outcome o = { 0 };
	struct image im;

	image_make(&im, true);
	assert_true(damage_blocks(&im, fast() ? 17 : 1, &o) >= 8);
	assert_true(o.mount_errors > 100 && o.now > 0); /* blocks in use, and blocks of the past */
	image_close(&im);
}

static void with_two_copies_one_flipped_byte_changes_nothing(void **state)
{
	struct outcome o = { 0 };
	struct image im;

	image_make(&im, false);
	assert_true(damage_blocks(&im, fast() ? 37 : 5, &o) >= 8);
	assert_int_equal(o.mount_errors + o.read_errors + o.old, 0);
	assert_true(o.now > 300);
	image_close(&im);
}

static void data_with_a_flipped_byte_is_a_read_error(void **state)
{
	struct outcome o = { 0 };
	struct image im;

	image_make(&im, true);
	for (uint64_t at = super_data_start(&im.super); at < im.dev->size; at += FS_BLOCK)
		flip(&im, at + at / FS_BLOCK * 61 % FS_BLOCK, &o);
	assert_int_equal(o.mount_errors, 0);
	assert_int_equal(o.read_errors, 3);
	image_close(&im);
}

/* ---- damage with right checksums ---- */

static void seal(struct image *im, uint64_t b)
{
	uint8_t *block = im->mem + b;
	uint32_t sum = crc32c(0, block + 4, im->super.nodesize - 4);

	memcpy(block, &sum, 4);
	put_block(im, b);
}

/*
 * What an item's bytes may be made to say. A file system cannot tell a wrong size or a wrong name from a right one,
 * so content is not looked at here: only that nothing crashes, hangs, or reads beyond what is there.
 */
static void read_everything(struct dev *dev, unsigned *mounted)
{
	static uint8_t buf[65536];
	static const char *const names[] = { "a", "tiny", "new" };
	struct why why;
	struct file *f;
	struct fs *fs;

	int ret = fs_mount(dev, &judge, &fs, &why);
	if (ret) {
		assert_true(ret == -EIO || ret == -EINVAL || ret == -ENOSPC);
		return;
	}
	++*mounted;
	for (unsigned i = 0; i < 3; i++) {
		if (fs_open(fs_subvol(fs, 0), names[i], &f))
			continue;
		uint64_t size = fs_size(f);
		ret = fs_read(f, 0, buf, sizeof(buf));
		assert_true(ret >= 0 ? (uint64_t)ret == (size < sizeof(buf) ? size : sizeof(buf)) : ret == -EIO);
		if (size > sizeof(buf))
			fs_read(f, size - 5000, buf, 5000);
		fs_close(f);
	}
	fs_abandon(fs);
}

/* The 8 bytes at `at` get values that were never meant for them: all of the list, or some of it and others the next
 * time. */
static void poke(struct image *im, uint64_t block, uint64_t at, unsigned *mounted)
{
	static const uint64_t bad[] = { 0, 1, 4095, 4097, 1ull << 20, (1ull << 20) + 4096, 1ull << 31, 1ull << 36,
	                                1ull << 63,
					UINT64_MAX, UINT64_MAX - 4095 };
	uint8_t saved[4096];

	memcpy(saved, im->mem + block, sizeof(saved));
	for (unsigned i = fast() ? at / 8 % 3 : 0; i < sizeof(bad) / sizeof(bad[0]); i += fast() ? 3 : 1) {
		memcpy(im->mem + at, &bad[i], 8);
		seal(im, block);
		read_everything(im->dev, mounted);
		memcpy(im->mem + block, saved, sizeof(saved));
	}
	put_block(im, block);
}

/* Each field of each item of each leaf, and of each pointer of the header, 8 bytes at a time. */
static void crafted_blocks_crash_nothing(void **state)
{
	unsigned mounted = 0, blocks = 0;
	struct image im;

	image_make(&im, true);
	for (uint64_t b = SUPER_END; b < SUPER_END + im.super.meta_len; b += im.super.nodesize) {
		const struct node_header *h = (const struct node_header *)(im.mem + b);
		if (h->magic != NODE_MAGIC)
			continue;
		blocks++;
		for (uint64_t at = b + 8; at < b + sizeof(*h); at += 8)
			poke(&im, b, at, &mounted);
		const struct disk_item *items = (const struct disk_item *)(h + 1);
		uint32_t n = h->nritems < 40 ? h->nritems : 40;
		for (uint32_t i = 0; i < n; i++) {
			struct disk_item it = items[i];
			poke(&im, b, (uint64_t)((const uint8_t *)&items[i] - im.mem) + 9, &mounted);
			poke(&im, b, (uint64_t)((const uint8_t *)&items[i] - im.mem) + 17, &mounted);
			for (uint32_t at = 0; at + 8 <= it.len && at < 64; at += 8)
				poke(&im, b, b + it.at + at, &mounted);
		}
	}
	assert_true(blocks >= 8);
	assert_true(mounted > 100);
	image_close(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_super_block_with_a_flipped_byte_is_not_believed),
		cmocka_unit_test(a_block_with_a_flipped_byte_is_an_error),
		cmocka_unit_test(with_two_copies_one_flipped_byte_changes_nothing),
		cmocka_unit_test(data_with_a_flipped_byte_is_a_read_error),
		cmocka_unit_test(crafted_blocks_crash_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
