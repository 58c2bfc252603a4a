/* pipeline_test.c: the whole pipeline as one: files written, synced, committed and read back through a remount. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/fs.h"
#include "fs/state.h"

static struct dev *new_fs(const char *spec, const struct mkfs_options *o)
{
	struct dev *dev;
	struct why why;

	assert_int_equal(dev_open(spec, false, &dev, &why), 0);
	assert_int_equal(fs_mkfs(dev, o, &why), 0);
	return dev;
}

static struct fs *mount(struct dev *dev, const struct mount_options *o)
{
	struct fs *fs = NULL;
	struct why why = WHY_NONE;

	int ret = fs_mount(dev, o, &fs, &why);
	if (ret)
		print_error("mount: %s\n", why.text);
	assert_int_equal(ret, 0);
	return fs;
}

static void fill(uint8_t *buf, uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(i * 7 + seed * 13 + (i >> 8));
}

static void check_content(struct root *root, const char *name, uint64_t size, uint32_t seed)
{
	uint8_t *want = malloc(size), *got = malloc(size);
	struct file *f;

	fill(want, (uint32_t)size, seed);
	assert_int_equal(fs_open(root, name, &f), 0);
	assert_int_equal(fs_size(f), size);
	assert_int_equal(fs_read(f, 0, got, (uint32_t)size), size);
	assert_memory_equal(want, got, size);
	fs_close(f);
	free(want);
	free(got);
}

static void write_file(struct root *root, const char *name, uint32_t size, uint32_t seed, bool sync)
{
	uint8_t *buf = malloc(size);
	struct file *f;

	fill(buf, size, seed);
	int ret = fs_create(root, name, &f);
	assert_true(ret == 0 || (ret == -EEXIST && fs_open(root, name, &f) == 0));
	assert_int_equal(fs_write(f, 0, buf, size), size);
	if (sync)
		assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	free(buf);
}

static void written_files_survive_an_unmount(void **state)
{
	static const struct mkfs_options kinds[] = { { .nodesize = 4096, .single = true }, { .nodesize = 16384 },
						     { .subvols = 3 } };

	for (unsigned k = 0; k < 3; k++) {
		struct dev *dev = new_fs("ram:32m", &kinds[k]);
		struct mount_options o = { .compress = k == 2, .inline_max = k == 1 ? 2048 : 0 };
		struct fs *fs = mount(dev, &o);
		for (uint32_t i = 0; i < fs_nsubvols(fs); i++) {
			write_file(fs_subvol(fs, i), "a", 300000, 1 + i, false);
			write_file(fs_subvol(fs, i), "b", 5000, 2 + i, true);
			write_file(fs_subvol(fs, i), "tiny", 100, 3 + i, false);
		}
		assert_int_equal(fs_unmount(fs), 0);
		fs = mount(dev, &o);
		for (uint32_t i = 0; i < fs_nsubvols(fs); i++) {
			check_content(fs_subvol(fs, i), "a", 300000, 1 + i);
			check_content(fs_subvol(fs, i), "b", 5000, 2 + i);
			check_content(fs_subvol(fs, i), "tiny", 100, 3 + i);
		}
		assert_int_equal(fs_unmount(fs), 0);
		dev_close(dev);
	}
}

static void a_synced_file_survives_a_crash_by_its_log(void **state)
{
	for (unsigned k = 0; k < 2; k++) {
		struct dev *dev = new_fs("ram:32m", &(struct mkfs_options){ 0 });
		struct mount_options o = { .compress = k == 1 };
		struct fs *fs = mount(dev, &o);
		struct fs_info info;
		write_file(fs_subvol(fs, 0), "a", 70000, 5, true);
		write_file(fs_subvol(fs, 0), "a", 20000, 6, true);
		fs_info(fs, &info);
		assert_int_equal(info.last_committed, 1);
		fs_abandon(fs);
		fs = mount(dev, &o);
		fs_info(fs, &info);
		assert_true(info.replayed);
		struct file *f;
		uint8_t got[20000], want[20000];
		fill(want, 20000, 6);
		assert_int_equal(fs_open(fs_subvol(fs, 0), "a", &f), 0);
		assert_int_equal(fs_size(f), 70000);
		assert_int_equal(fs_read(f, 0, got, 20000), 20000);
		assert_memory_equal(want, got, 20000);
		fs_close(f);
		assert_int_equal(fs_unmount(fs), 0);
		fs = mount(dev, &o);
		fs_info(fs, &info);
		assert_false(info.replayed);
		fs_abandon(fs);
		dev_close(dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_files_survive_an_unmount),
		cmocka_unit_test(a_synced_file_survives_a_crash_by_its_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
