/*
 * names_test.c: links, renames and unlinks as a caller sees them: what each name stands for, link counts, what is
 * refused, when the space of a file comes back. What a crash leaves of them is in engine/oracle/names_test.c.
 */
#include "fs/look.h"
#include "item/names.h"
#include "fs/test_fs.h"

static struct fs *open_fs(void)
{
	static const struct mount_options o = { .no_background = true };

	return test_mount(test_dev("ram:8m", &(struct mkfs_options){ .nodesize = 4096 }), &o);
}

static void damaged(void *arg, const char *line)
{
	print_error("%s\n", line);
	++*(unsigned *)arg;
}

/* Unmounts; the image must fit together. */
static void close_fs(struct fs *fs)
{
	static const struct look_ops ops = { .damage = damaged };
	struct dev *dev = fs->dev;
	unsigned damages = 0;
	struct why why;

	assert_int_equal(fs_unmount(fs), 0);
	assert_int_equal(look_image(dev, true, &ops, &damages, &why), 0);
	assert_int_equal(damages, 0);
	dev_close(dev);
}

static uint32_t nlink_of(struct root *root, const char *name)
{
	struct file *f;

	assert_int_equal(fs_open(root, name, &f), 0);
	uint32_t n = fs_nlink(f);
	fs_close(f);
	return n;
}

static void a_link_is_another_name_of_the_file(void **state)
{
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);
	uint64_t ino = 0;

	test_put(root, "a", 5000, 1);
	assert_int_equal(fs_link(root, "a", "b", &ino), 0);
	assert_int_equal(ino, FIRST_FILE_INO);
	test_put(root, "b", 5000, 2); /* writes to it */
	assert_true(test_is(root, "a", 5000, 2));
	assert_int_equal(nlink_of(root, "a"), 2);
	assert_int_equal(fs_unlink(root, "a"), 0);
	assert_false(test_exists(root, "a"));
	assert_int_equal(nlink_of(root, "b"), 1);
	assert_true(test_is(root, "b", 5000, 2));
	close_fs(fs);
}

static void a_file_moves_to_a_new_name(void **state)
{
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);
	uint64_t ino = 0;

	test_put(root, "a", 5000, 1);
	assert_int_equal(fs_rename(root, "a", "b", &ino), 0);
	assert_int_equal(ino, FIRST_FILE_INO);
	assert_false(test_exists(root, "a"));
	assert_true(test_is(root, "b", 5000, 1));
	assert_int_equal(nlink_of(root, "b"), 1);
	close_fs(fs);
}

static void a_file_whose_name_is_taken_goes_when_it_is_closed(void **state)
{
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);
	struct fs_info before, after;

	test_put(root, "a", 40960, 1);
	assert_int_equal(fs_sync(fs), 0);
	fs_info(fs, &before);
	test_put(root, "b", 40960, 2);
	struct file *f = test_open(root, "b");
	assert_int_equal(fs_rename(root, "a", "b", NULL), 0);
	assert_true(test_is(root, "b", 40960, 1));
	assert_int_equal(test_read(f, 0, 40960, 2), 0); /* it is open, and has no name */
	assert_int_equal(fs_nlink(f), 0);
	fs_close(f);
	for (unsigned i = 0; i < 3; i++) /* what goes is pinned until a commit */
		assert_int_equal(fs_commit(fs), 0);
	fs_info(fs, &after);
	assert_int_equal(after.data_free, before.data_free);
	close_fs(fs);
}

static void two_names_of_one_file_are_left_alone(void **state)
{
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);
	uint64_t ino = 1;

	test_put(root, "a", 5000, 1);
	assert_int_equal(fs_link(root, "a", "b", NULL), 0);
	assert_int_equal(fs_rename(root, "a", "b", &ino), 0);
	assert_int_equal(ino, 0);
	assert_true(test_exists(root, "a") && test_exists(root, "b"));
	assert_int_equal(fs_rename(root, "a", "a", &ino), 0);
	assert_int_equal(nlink_of(root, "a"), 2);
	close_fs(fs);
}

static void what_cannot_be_is_refused(void **state)
{
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);
	char long_name[FS_NAME_MAX + 1], name[8];

	memset(long_name, 'x', FS_NAME_MAX);
	long_name[FS_NAME_MAX] = 0;
	test_put(root, "a", 100, 1);
	test_put(root, "b", 100, 2);
	assert_int_equal(fs_link(root, "none", "c", NULL), -ENOENT);
	assert_int_equal(fs_link(root, "a", "b", NULL), -EEXIST);
	assert_int_equal(fs_link(root, "a", "a", NULL), -EEXIST);
	assert_int_equal(fs_link(root, "a", "c/d", NULL), -EINVAL);
	assert_int_equal(fs_rename(root, "none", "c", NULL), -ENOENT);
	assert_int_equal(fs_rename(root, "none", "none", NULL), -ENOENT);
	assert_int_equal(fs_rename(root, "a", "", NULL), -EINVAL);
	assert_int_equal(fs_rename(root, "a", long_name, NULL), -EINVAL);
	assert_int_equal(fs_unlink(root, "none"), -ENOENT);
	for (unsigned i = 1; i < LINKS_MAX; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		assert_int_equal(fs_link(root, "a", name, NULL), 0);
	}
	assert_int_equal(fs_link(root, "a", "one more", NULL), -EMLINK);
	assert_int_equal(nlink_of(root, "l5"), LINKS_MAX);
	assert_int_equal(fs_rename(root, "a", "b", NULL), 0); /* takes no more of them */
	assert_int_equal(nlink_of(root, "b"), LINKS_MAX);
	assert_int_equal(fs_unlink(root, "l5"), 0);
	assert_int_equal(fs_link(root, "b", "l5", NULL), 0);
	close_fs(fs);
}

static void names_are_there_after_the_next_mount(void **state)
{
	static const struct mount_options o = { .no_background = true };
	struct fs *fs = open_fs();
	struct dev *dev = fs->dev;
	struct root *root = fs_subvol(fs, 0);

	test_put(root, "a", 5000, 1);
	test_put(root, "b", 6000, 2);
	assert_int_equal(fs_link(root, "a", "l", NULL), 0);
	assert_int_equal(fs_rename(root, "a", "c", NULL), 0);
	assert_int_equal(fs_unlink(root, "b"), 0);
	assert_int_equal(fs_unmount(fs), 0);
	fs = test_mount(dev, &o);
	root = fs_subvol(fs, 0);
	assert_true(test_is(root, "c", 5000, 1) && test_is(root, "l", 5000, 1));
	assert_int_equal(nlink_of(root, "l"), 2);
	assert_false(test_exists(root, "a") || test_exists(root, "b"));
	close_fs(fs);
}

/* A sync of the directory promises names, and no content. */
static void fsync_of_the_directory_keeps_every_change(void **state)
{
	static const struct mount_options o = { .no_background = true };
	struct fs *fs = open_fs();
	struct root *root = fs_subvol(fs, 0);

	test_put(root, "a", 5000, 1);
	test_put(root, "b", 5000, 2);
	assert_int_equal(fs_sync(fs), 0);
	assert_int_equal(fs_fsync_dir(root), 0);
	assert_int_equal(fs_rename(root, "a", "c", NULL), 0);
	assert_int_equal(fs_unlink(root, "b"), 0);
	test_put(root, "new", 5000, 3);
	assert_int_equal(fs_link(root, "new", "also", NULL), 0);
	assert_int_equal(fs_fsync_dir(root), 0);
	fs = test_crash(fs, &o);
	root = fs_subvol(fs, 0);
	assert_true(test_is(root, "c", 5000, 1));
	assert_false(test_exists(root, "a") || test_exists(root, "b"));
	assert_true(test_exists(root, "new"));
	assert_int_equal(nlink_of(root, "also"), 2);
	close_fs(fs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_another_name_of_the_file),
		cmocka_unit_test(a_file_moves_to_a_new_name),
		cmocka_unit_test(a_file_whose_name_is_taken_goes_when_it_is_closed),
		cmocka_unit_test(two_names_of_one_file_are_left_alone),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(names_are_there_after_the_next_mount),
		cmocka_unit_test(fsync_of_the_directory_keeps_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
