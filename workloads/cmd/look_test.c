/* look_test.c: `fsyncstorm look`: what it prints, its exit statuses, and that the image stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "fs/fs.h"
#include "kit/spawn_test.h"
#include "tree/super.h"

#define IMAGE "kept.img"
#define SIZE  (4u << 20)

static uint8_t image[SIZE];

static void write_image(void)
{
	FILE *out = fopen(IMAGE, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(image, 1, SIZE, out), SIZE);
	assert_int_equal(fclose(out), 0);
}

/* "a" and a name that would move a cursor, committed; then "a" again, in the log. */
static void make_image(void)
{
	static const struct mount_options o = { .no_background = true };
	static uint8_t buf[9000];
	struct why why;
	struct dev *dev;
	struct file *f, *g;
	struct fs *fs;

	assert_int_equal(dev_open("ram:4m", true, &dev, &why), 0);
	assert_int_equal(fs_mkfs(dev, &(struct mkfs_options){ .nodesize = 4096, .fsid = 7 }, &why), 0);
	assert_int_equal(fs_mount(dev, &o, &fs, &why), 0);
	assert_int_equal(fs_create(fs_subvol(fs, 0), "a", &f), 0);
	assert_int_equal(fs_create(fs_subvol(fs, 0), "x\x1b[2J", &g), 0);
	fs_close(g);
	assert_int_equal(fs_write(f, 0, buf, 5000), 5000);
	assert_int_equal(fs_sync(fs), 0);
	assert_int_equal(fs_write(f, 4096, buf, 4904), 4904);
	assert_int_equal(fs_fsync(f), 0);
	fs_close(f);
	fs_abandon(fs);
	assert_int_equal(dev_read(dev, 0, image, SIZE), 0);
	dev_close(dev);
	write_image();
}

static void an_image_is_looked_at(void **state)
{
	make_image();
	assert_int_equal(spawn("look " IMAGE " --check"), 0);
	assert_non_null(strstr(spawn_out, "subvolume 256"));
	assert_non_null(strstr(spawn_out, "log of subvolume 256"));
	assert_non_null(strstr(spawn_out, "x?[2J"));
	assert_null(strchr(spawn_out, '\x1b'));
	assert_non_null(strstr(spawn_out, "inode 257: 9000 bytes, now 5000; 2 extents of 12288 bytes, 0 holes"));
	assert_non_null(strstr(spawn_out, "Whole: "));
	assert_string_equal(spawn_err, "");
	assert_int_equal(spawn("look -x " IMAGE), 0);
	assert_non_null(strstr(spawn_out, "0+8192 at "));
}

static void as_json(void **state)
{
	json_error_t err;

	assert_int_equal(spawn("look --json " IMAGE), 0);
	json_t *j = json_loads(spawn_out, 0, &err);
	assert_non_null(j);
	assert_int_equal(json_array_size(json_object_get(j, "super")), 2);
	assert_int_equal(json_array_size(json_object_get(j, "trees")), 5);
	assert_int_equal(json_array_size(json_object_get(j, "files")), 2);
	assert_int_equal(json_array_size(json_object_get(j, "replay")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "damage")), 0);
	json_t *a = json_array_get(json_object_get(j, "files"), 0);
	assert_int_equal(json_integer_value(json_object_get(a, "size")), 5000);
	json_decref(j);
}

/* Not by a byte, not by its time; also where it may not be written to at all. */
static void the_image_stays_as_it_is(void **state)
{
	struct stat before, after;
	static uint8_t now[SIZE];

	assert_int_equal(chmod(IMAGE, 0444), 0);
	assert_int_equal(stat(IMAGE, &before), 0);
	assert_int_equal(spawn("look --check " IMAGE), 0);
	assert_int_equal(stat(IMAGE, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	FILE *in = fopen(IMAGE, "rb");
	assert_int_equal(fread(now, 1, SIZE, in), SIZE);
	fclose(in);
	assert_memory_equal(now, image, SIZE);
	assert_int_equal(chmod(IMAGE, 0644), 0);
}

static void damage_is_told(void **state)
{
	image[SUPER_COPY_1 + 100] ^= 1;
	write_image();
	assert_int_equal(spawn("look " IMAGE), 0);
	assert_non_null(strstr(spawn_out, "DAMAGED: super block copy 1: its checksum is wrong"));
	assert_int_equal(spawn("look --check " IMAGE), 1);
	assert_non_null(strstr(spawn_out, "Damaged in 1 place."));
	assert_int_equal(spawn("look --check --json " IMAGE), 1);
	image[SUPER_COPY_0 + 100] ^= 1;
	write_image();
	assert_int_equal(spawn("look --check " IMAGE), 2);
	assert_string_equal(spawn_err, "fsyncstorm look: " IMAGE
			    ": both super blocks are damaged, the better one: its checksum is wrong\n");
	assert_string_equal(spawn_out, "");
}

static void what_is_no_image_is_an_error(void **state)
{
	static const char *const lines[][2] = {
		{ "look", "an image is expected: a file or a block device" },
		{ "look nosuch", "nosuch: No such file or directory" },
		{ "look .", ".: neither a file nor a block device" },
		{ "look /dev/null", "/dev/null: neither a file nor a block device" },
		{ "look short", "short: 5 bytes are too few for a file system of ours" },
		{ "look zeros", "zeros: not a fsyncstorm file system" },
		{ "look " IMAGE " zeros", "zeros: one image is expected" },
	};
	FILE *out = fopen("short", "w");

	fputs("short", out);
	fclose(out);
	out = fopen("zeros", "w");
	assert_int_equal(ftruncate(fileno(out), 2 << 20), 0);
	fclose(out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char want[256];
		assert_int_equal(spawn(lines[i][0]), 2);
		snprintf(want, sizeof(want), "fsyncstorm look: %s\n", lines[i][1]);
		assert_string_equal(spawn_err, want);
		assert_string_equal(spawn_out, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_looked_at),
		cmocka_unit_test(as_json),
		cmocka_unit_test(the_image_stays_as_it_is),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(what_is_no_image_is_an_error),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
