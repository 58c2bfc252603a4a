/*
 * look_test.c: what is told of an image: its files, what replay would do; and each kind of damage, put into a tree by
 * hand and committed, so that every block and every item by itself is right. Beside it, whether it can be mounted.
 */
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/inode.h"
#include "fs/look.h"
#include "fs/mount.h"
#include "item/names.h"
#include "fs/test_fs.h"
#include "fs/trans.h"

struct told {
	unsigned supers, trees, files, replays, damages;
	struct look_file file[8];
	char name[8][FS_NAME_MAX];
	struct look_replay replay[8];
	char line[8][WHY_MAX];
};

static void tell_super(void *arg, unsigned copy, const struct super *s, const char *bad)
{
	struct told *t = arg;

	assert_int_equal(copy, t->supers++);
	assert_true(!s == !!bad);
}

static void tell_tree(void *arg, const struct look_tree *tree)
{
	struct told *t = arg;

	t->trees++;
	assert_true(tree->blocks);
}

static void tell_file(void *arg, const struct look_file *f)
{
	struct told *t = arg;

	assert_true(t->files < 8);
	snprintf(t->name[t->files], FS_NAME_MAX, "%s", f->name ? f->name : "");
	t->file[t->files++] = *f;
}

static void tell_replay(void *arg, const struct look_replay *r)
{
	struct told *t = arg;

	assert_true(t->replays < 8);
	t->replay[t->replays++] = *r;
}

static void tell_damage(void *arg, const char *line)
{
	struct told *t = arg;

	if (t->damages < 8)
		snprintf(t->line[t->damages], WHY_MAX, "%s", line);
	t->damages++;
}

static struct told look_at(struct dev *dev)
{
	static const struct look_ops ops = { tell_super, tell_tree, tell_file, tell_replay, tell_damage };
	struct told t = { 0 };
	struct why why = WHY_NONE;

	assert_int_equal(look_image(dev, true, &ops, &t, &why), 0);
	assert_int_equal(t.supers, 2);
	return t;
}

/* "a" of three blocks, "z" of eight that are compressed, "in" inline; committed. Nothing is in a log. */
static struct dev *make_image(void)
{
	struct mount_options o = { .no_background = true, .inline_max = 2048 }, z = o;
	struct dev *dev = test_dev("ram:4m", &(struct mkfs_options){ .nodesize = 4096, .fsid = 7 });
	struct fs *fs = test_mount(dev, &o);
	struct file *f;

	test_put(fs_subvol(fs, 0), "a", 3 * FS_BLOCK, 1);
	test_put(fs_subvol(fs, 0), "in", 100, 2);
	assert_int_equal(fs_unmount(fs), 0);
	z.compress = true;
	fs = test_mount(dev, &z);
	f = test_open(fs_subvol(fs, 0), "z");
	for (unsigned i = 0; i < 8; i++) {
		static const uint8_t same[FS_BLOCK] = { 1 };
		assert_int_equal(fs_write(f, i * FS_BLOCK, same, FS_BLOCK), FS_BLOCK);
	}
	fs_close(f);
	assert_int_equal(fs_unmount(fs), 0);
	return dev;
}
#define INO_A  257u
#define INO_IN 258u
#define INO_Z  259u

static void a_whole_image_is_told(void **state)
{
	struct dev *dev = make_image();
	struct told t = look_at(dev);

	assert_int_equal(t.damages, 0);
	assert_int_equal(t.trees, 3);
	assert_int_equal(t.files, 3);
	assert_string_equal(t.name[0], "a");
	assert_int_equal(t.file[0].size, 3 * FS_BLOCK);
	assert_string_equal(t.name[1], "in");
	assert_int_equal(t.file[1].nextents, 1);
	assert_string_equal(t.name[2], "z");
	assert_int_equal(t.replays, 0);
	dev_close(dev);
}

static void what_replay_would_do_is_told(void **state)
{
	struct mount_options o = { .no_background = true };
	struct dev *dev = make_image();
	struct fs *fs = test_mount(dev, &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a"), *g = test_open(fs_subvol(fs, 0), "new");

	test_write(f, 2 * FS_BLOCK, 5000, 3);
	test_write(g, 0, 6000, 4);
	assert_int_equal(fs_fsync(f), 0);
	assert_int_equal(fs_fsync(g), 0);
	fs_close(f);
	fs_close(g);
	fs_abandon(fs);
	uint8_t *before = mem_alloc_pages(dev->size), *after = mem_alloc_pages(dev->size);
	assert_int_equal(dev_read(dev, 0, before, (uint32_t)dev->size), 0);
	struct told t = look_at(dev);
	assert_int_equal(dev_read(dev, 0, after, (uint32_t)dev->size), 0);
	assert_memory_equal(before, after, dev->size);
	assert_int_equal(t.damages, 0);
	assert_int_equal(t.trees, 5);
	assert_int_equal(t.files, 3); /* as committed */
	assert_int_equal(t.replays, 2);
	assert_int_equal(t.replay[0].ino, INO_A);
	assert_false(t.replay[0].is_new);
	assert_int_equal(t.replay[0].size, 2 * FS_BLOCK + 5000);
	assert_int_equal(t.replay[0].old_size, 3 * FS_BLOCK);
	assert_true(t.replay[1].is_new && t.replay[1].nnames == 1);
	assert_int_equal(t.replay[1].size, 6000);
	assert_int_equal(t.replay[1].bytes, 2 * FS_BLOCK);
	free(before);
	free(after);
	dev_close(dev);
}

/* ---- damage ---- */

struct tamper {
	struct fs *fs;
	struct tree *tree;
	uint64_t generation;
};

static void put(struct tamper *t, uint64_t objectid, uint8_t type, uint64_t offset, const void *data, uint32_t len)
{
	struct key k = { objectid, type, offset };

	assert_int_equal(tree_put(t->tree, t->generation, &k, data, len), 0);
}

static void put_name(struct tamper *t, const char *name, uint64_t ino)
{
	struct dir_item d = { .ino = ino };

	strcpy(d.name, name);
	put(t, DIR_INO, ITEM_DIR, name_hash(name), &d, sizeof(d));
}

static void put_inode(struct tamper *t, uint64_t ino)
{
	struct inode_item i = { .generation = 1, .transid = t->generation, .nlink = 1 };

	put(t, ino, ITEM_INODE, 0, &i, sizeof(i));
}

static struct extent extent_of(struct tamper *t, uint64_t ino)
{
	struct extent e;

	assert_int_equal(extent_at(t->tree, ino, 0, &e), 0);
	return e;
}

static void name_without_inode(struct tamper *t)
{
	put_name(t, "lost", 300);
}

static void inode_without_name(struct tamper *t)
{
	fs_subvol(t->fs, 0)->next_ino = 301;
	put_inode(t, 300);
}

/* As an unlink of an open file leaves it, but for the mark. */
static void inode_forgotten(struct tamper *t)
{
	struct inode_item i = { .generation = 1, .transid = t->generation };

	fs_subvol(t->fs, 0)->next_ino = 301;
	put(t, 300, ITEM_INODE, 0, &i, sizeof(i));
}

static void two_names(struct tamper *t)
{
	put_name(t, "also", INO_A);
}

static void another_name(struct tamper *t)
{
	char name[FS_NAME_MAX] = "b";

	put(t, INO_A, ITEM_INODE_REF, DIR_INO, name, sizeof(name));
}

static void one_name_more(struct tamper *t)
{
	char names[2][FS_NAME_MAX] = { "a", "b" };

	put(t, INO_A, ITEM_INODE_REF, DIR_INO, names, sizeof(names));
}

static void orphan_with_name(struct tamper *t)
{
	put(t, ORPHAN_INO, ITEM_ORPHAN, INO_A, "", 0);
}

static void orphan_of_nothing(struct tamper *t)
{
	put(t, ORPHAN_INO, ITEM_ORPHAN, 300, "", 0);
}

static void number_too_high(struct tamper *t)
{
	put_inode(t, 300);
}

static void items_of_no_inode(struct tamper *t)
{
	struct extent e = extent_of(t, INO_IN);

	put(t, 300, ITEM_EXTENT, 0, &e.item, (uint32_t)sizeof(e.item) + 10);
}

static void data_of_two(struct tamper *t)
{
	struct extent e = extent_of(t, INO_A);

	put(t, INO_IN, ITEM_EXTENT, FS_BLOCK, &e.item, sizeof(e.item));
}

static void packed_of_two_lengths(struct tamper *t)
{
	struct extent e = extent_of(t, INO_Z);

	e.item.len = e.item.ram_bytes = 2 * FS_BLOCK;
	put(t, INO_IN, ITEM_EXTENT, FS_BLOCK, &e.item, sizeof(e.item));
}

static void no_checksum(struct tamper *t)
{
	struct extent e = extent_of(t, INO_A);

	assert_int_equal(csum_delete(&t->fs->csum_tree, t->generation, e.item.disk_bytenr + FS_BLOCK, 1), 0);
}

static void checksum_of_nothing(struct tamper *t)
{
	uint32_t sum = 1;

	assert_int_equal(csum_put(&t->fs->csum_tree, t->generation, t->fs->super.dev_size - FS_BLOCK, &sum, 1), 0);
}

static void wrong_checksum(struct tamper *t)
{
	struct extent e = extent_of(t, INO_A);
	uint32_t sum = 1;

	assert_int_equal(csum_put(&t->fs->csum_tree, t->generation, e.item.disk_bytenr, &sum, 1), 0);
}

static void not_packed(struct tamper *t)
{
	struct extent e = extent_of(t, INO_Z);
	uint8_t *buf = mem_alloc_pages(FS_BLOCK);

	assert_int_equal(e.item.disk_len, FS_BLOCK);
	memset(buf, 1, FS_BLOCK);
	uint32_t sum = csum_of_block(buf);
	assert_int_equal(dev_write(t->fs->dev, e.item.disk_bytenr, buf, FS_BLOCK, 0), 0);
	assert_int_equal(csum_put(&t->fs->csum_tree, t->generation, e.item.disk_bytenr, &sum, 1), 0);
	free(buf);
}

static const struct kind {
	void (*fn)(struct tamper *t);
	const char *told, *mount; /* mount: "" or why it is refused */
} kinds[] = {
	{ name_without_inode, "subvolume 256: lost is inode 300, which does not exist", "" },
	{ inode_without_name, "subvolume 256: inode 300 has 1 links and 0 names", "" },
	{ inode_forgotten, "subvolume 256: inode 300 has no name, and is not marked as an orphan", "" },
	{ two_names, "subvolume 256: inode 257 has 1 links and 2 names", "" },
	{ another_name, "subvolume 256: inode 257 is a, and does not say so", "" },
	{ one_name_more, "subvolume 256: inode 257 says that it has 2 names, and has 1", "" },
	{ orphan_with_name, "subvolume 256: inode 257 is marked as an orphan, and is a", "" },
	{ orphan_of_nothing, "subvolume 256: inode 300 is marked as an orphan, and does not exist", "" },
	{ number_too_high, "subvolume 256: inode 300 is not below the next number, 260",
	  "inode 300 of subvolume 256: the next one that is made would be 260" },
	{ items_of_no_inode, "subvolume 256: inode 300 has items, but no inode item", "" },
	{ data_of_two, "subvolume 256, inode 258: the data at 1179648+12288 are used twice",
	  "the data at 1179648+12288 are used twice" },
	{ packed_of_two_lengths, "is of another length elsewhere", "differ in its length" },
	{ no_checksum, "subvolume 256, inode 257: the data at 1183744 have no checksum", "" },
	{ checksum_of_nothing, "a checksum of the data at 4190208, which no file has", "" },
	{ wrong_checksum, "subvolume 256, inode 257: the data at 1179648 do not fit their checksum", "" },
	{ not_packed, "subvolume 256, inode 259: the compressed extent at", "" },
};

static void each_kind_of_damage_is_told(void **state)
{
	static const struct mount_options o = { .no_background = true }, ro = { .read_only = true };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct dev *dev = make_image();
		struct tamper t = { .fs = test_mount(dev, &o) };
		struct handle h;
		struct why why = WHY_NONE;
		struct fs *fs;

		assert_int_equal(trans_start(t.fs, TRANS_JOIN, &h), 0);
		t.generation = h.trans->id;
		t.tree = &fs_subvol(t.fs, 0)->tree;
		kinds[i].fn(&t);
		assert_int_equal(trans_commit(&h), 0);
		fs_abandon(t.fs);
		struct told told = look_at(dev);
		bool found = false;
		for (unsigned n = 0; n < told.damages && n < 8; n++)
			found |= strstr(told.line[n], kinds[i].told) != NULL;
		if (!found)
			fail_msg("kind %zu: \"%s\", not \"%s\"", i, told.line[0], kinds[i].told);
		int ret = fs_mount(dev, &ro, &fs, &why);
		if (!ret != !kinds[i].mount[0] || (ret && !strstr(why.text, kinds[i].mount)))
			fail_msg("kind %zu: mounted: %d \"%s\", not \"%s\"", i, ret, why.text, kinds[i].mount);
		/* what a mount does not see is one line; what it refuses is told a second time, as it would say it */
		assert_in_range(told.damages, ret ? 2 : 1, ret ? 3 : 1);
		if (!ret)
			fs_abandon(fs);
		dev_close(dev);
	}
}

/* Items of two leaves: item_check.c sees those of one. */
static void extents_that_overlap_are_refused_at_mount(void **state)
{
	static const struct mount_options o = { .no_background = true };
	struct fs *fs = test_mount(test_dev("ram:4m", &(struct mkfs_options){ .nodesize = 4096 }), &o);
	struct extent_item hole = { .len = 2 * FS_BLOCK, .kind = EXTENT_REG }; /* no space that is used twice */
	struct handle h;
	struct why why;

	assert_int_equal(trans_start(fs, TRANS_JOIN, &h), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct key k = { INO_A, ITEM_EXTENT, i * FS_BLOCK };
		assert_int_equal(tree_put(&fs_subvol(fs, 0)->tree, h.trans->id, &k, &hole, sizeof(hole)), 0);
	}
	assert_int_equal(mount_account_data(fs), -EIO);
	assert_true(blocks_damage(fs->blocks, &why));
	assert_string_equal(why.text, "inode 257 of subvolume 256: two extents at 4096");
	trans_end(&h);
	test_end(fs, false);
}

/* The other copy serves a mount; a look tells. */
static void a_copy_that_is_damaged_is_told(void **state)
{
	struct dev *dev = make_image();
	uint8_t *buf = mem_alloc_pages(4096);
	struct super s;
	struct why why;

	assert_int_equal(super_read(dev, &s, &why), 0);
	uint64_t at[] = { SUPER_COPY_1, s.root_tree.bytenr + s.meta_len, s.root_tree.bytenr };
	static const char *const words[] = { "super block copy 1: its checksum is wrong",
					     "copy 1: block", "copy 0: block" };
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(dev_read(dev, at[i], buf, 4096), 0);
		buf[4000] ^= 1;
		assert_int_equal(dev_write(dev, at[i], buf, 4096, 0), 0);
		struct told t = look_at(dev);
		assert_int_equal(t.damages, 1);
		assert_non_null(strstr(t.line[0], words[i]));
		assert_int_equal(t.files, 3);
		buf[4000] ^= 1;
		assert_int_equal(dev_write(dev, at[i], buf, 4096, 0), 0);
	}
	assert_int_equal(look_at(dev).damages, 0);
	free(buf);
	dev_close(dev);
}

/* A log's block without its second copy, as a crash may leave one that was under way with the super. Another design had
 * it on the media before. */
static void a_log_under_way_may_lack_a_copy(void **state)
{
	static const char *const designs[] = { "verify_oneflush", "postfix" };

	for (unsigned i = 0; i < 2; i++) {
		struct mount_options o = { .no_background = true, .design = fs_design_find(designs[i]) };
		struct dev *dev = test_dev("ram:4m", &(struct mkfs_options){ .nodesize = 4096 });
		struct fs *fs = test_mount(dev, &o);
		struct file *f = test_open(fs_subvol(fs, 0), "a");
		uint8_t *nothing = mem_alloc_pages(4096);
		struct super s;
		struct why why;

		test_write(f, 0, 8192, 1);
		assert_int_equal(fs_fsync(f), 0);
		fs_close(f);
		fs_abandon(fs);
		assert_int_equal(super_read(dev, &s, &why), 0);
		memset(nothing, 0, 4096);
		assert_int_equal(dev_write(dev, s.log_root.bytenr + s.meta_len, nothing, 4096, BIO_WRITE), 0);
		assert_int_equal(look_at(dev).damages, i);
		free(nothing);
		dev_close(dev);
	}
}

static void what_is_no_image_is_refused(void **state)
{
	static const struct look_ops none;
	struct why why = WHY_NONE;
	struct dev *dev;

	assert_int_equal(dev_open("ram:1m", false, &dev, &why), 0);
	assert_int_equal(look_image(dev, true, &none, NULL, &why), -EINVAL);
	assert_string_equal(why.text, "not a fsyncstorm file system");
	dev_close(dev);
}

/* What a stream has is in the state after a mount, and nothing of it is damage. */
static void a_stream_is_no_damage(void **state)
{
	struct mkfs_options mk = { .nodesize = 4096, .single = true };
	struct mount_options o = { .no_background = true, .design = fs_design_find("oneflush") };
	struct fs *fs = test_mount(test_dev("ram:4m", &mk), &o);
	struct file *f = test_open(fs_subvol(fs, 0), "a");
	struct dev *dev = fs->dev;

	for (uint64_t seed = 1; seed <= 3; seed++) {
		test_write(f, 0, 8192, seed);
		assert_int_equal(fs_fsync(f), 0);
	}
	fs_close(f);
	fs_abandon(fs);
	struct told t = look_at(dev);
	for (unsigned i = 0; i < t.damages && i < 8; i++)
		print_error("%s\n", t.line[i]);
	assert_int_equal(t.damages, 0);
	dev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_image_is_told),
		cmocka_unit_test(what_replay_would_do_is_told),
		cmocka_unit_test(each_kind_of_damage_is_told),
		cmocka_unit_test(extents_that_overlap_are_refused_at_mount),
		cmocka_unit_test(a_copy_that_is_damaged_is_told),
		cmocka_unit_test(a_log_under_way_may_lack_a_copy),
		cmocka_unit_test(what_is_no_image_is_refused),
		cmocka_unit_test(a_stream_is_no_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
